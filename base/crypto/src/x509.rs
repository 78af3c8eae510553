//! X.509 certificates (RFC 5280): read strictly, issued with exactly the profile of CCF.

mod certificate;
mod issue;
mod name;
mod object_id;
mod request;
mod revocation;
mod scheme;
mod time;

pub use certificate::{Certificate, InvalidCertificate, KeyUsage};
pub use issue::{
    issue_endorsed, issue_participant, issue_self_signed, issue_self_signed_with, renew_self_signed,
};
pub use name::{DnsName, InvalidName, Name, SubjectAltName};
pub use object_id::{InvalidObjectId, ObjectId};
pub use request::{InvalidRequest, Request};
pub use revocation::{InvalidRevocationList, RevocationList};
pub use time::{InvalidTime, UnixTime, Validity};

#[cfg(test)]
mod tests;
