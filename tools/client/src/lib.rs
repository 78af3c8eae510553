//! HTTPS client of a service, and the messages that its members sign.
//!
//! For the sandbox and for tests; whoever writes an application may prefer any HTTP client.
//! [`Client`] speaks HTTP/1.1 to one node and trusts the certificate of the service; [`network`] asks how nodes stand;
//! [`governance`] signs and sends what members decide; [`attest`] says whether a node is what it should be, before anything
//! is said to it.

pub mod attest;
pub mod client;
pub mod governance;
pub mod identity;
pub mod network;

mod tls;

pub use client::{Answer, Client, ClientError};
pub use http::{Method, StatusCode};
pub use identity::{Identity, InvalidIdentity};
