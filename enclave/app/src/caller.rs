//! Who asks: what a connection proves, and the identity that an endpoint accepted.

use std::sync::Arc;

use coco_boundary::InterfaceName;
use coco_crypto::x509::Certificate;
use coco_wire::{ChannelBinding, Digest};
use serde::{Deserialize, Serialize};

use crate::jwt::JwtIdentity;

/// Certificate whose key the client proved in the TLS handshake to hold. It is recognised by its digest;
/// neither its issuer nor its extensions are checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// SHA-256 of `der`: the member or user ID.
    pub id: Digest,
    /// DER as sent.
    pub der: Arc<[u8]>,
    /// First and last second of validity, Unix time.
    pub validity_s: (i64, i64),
}

/// Bytes that are no X.509 certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an X.509 certificate")]
pub struct InvalidCertificate;

impl ClientCertificate {
    /// Reads what is needed of a certificate.
    ///
    /// # Errors
    /// If `der` is not one certificate exactly.
    pub fn from_der(der: &[u8]) -> Result<Self, InvalidCertificate> {
        let certificate = Certificate::from_der(der).map_err(|_| InvalidCertificate)?;
        let validity = certificate.validity();
        Ok(Self {
            id: certificate.fingerprint(),
            der: der.into(),
            validity_s: (validity.not_before().0, validity.not_after().0),
        })
    }
}

/// What is known of the other end of a connection.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Interface that the connection came in by.
    pub interface: InterfaceName,
    /// Certificate shown, if any.
    pub certificate: Option<ClientCertificate>,
    /// The session; none if another node tells of it, it has no TLS, or an older TLS, whose sessions have no such name.
    pub session: Option<ChannelBinding>,
}

/// COSE_Sign1 message whose signature was verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedMessage {
    /// The whole message as sent.
    pub envelope: Vec<u8>,
    /// The signed content.
    pub payload: Vec<u8>,
    /// The signature alone.
    pub signature: Vec<u8>,
    /// Protected header `ccf.gov.msg.type` or, of a user's message, `ccf.msg.type`.
    pub message_type: Option<String>,
    /// Protected header `ccf.gov.msg.created_at` or, of a user's message, `ccf.msg.created_at`; Unix seconds.
    pub created_at_s: Option<i64>,
    /// Protected header `ccf.gov.msg.proposal_id`.
    pub proposal_id: Option<String>,
}

/// The identity under which a call is executed; made by an [authentication policy](crate::Policy).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Caller {
    /// Nobody in particular.
    Anyone,
    /// Holder of a certificate that the service need not know: its digest and DER, and the session it was shown in.
    AnyCertificate(Digest, Vec<u8>, Option<ChannelBinding>),
    /// A registered user.
    User(Digest),
    /// A registered member.
    Member(Digest),
    /// A user who signed the request's body.
    UserSigned(Digest, Box<SignedMessage>),
    /// A member who signed the request's body.
    MemberSigned(Digest, Box<SignedMessage>),
    /// Whom an issuer's token is about.
    Jwt(Box<JwtIdentity>),
    /// One caller as each of several policies knows it, by the names of the policies and in their order.
    AllOf(Vec<(String, Caller)>),
}

impl Caller {
    /// The message that the caller signed, if it did.
    #[must_use]
    pub fn signed(&self) -> Option<&SignedMessage> {
        match self {
            Self::UserSigned(_, signed) | Self::MemberSigned(_, signed) => Some(signed),
            Self::AllOf(callers) => callers.iter().find_map(|(_, caller)| caller.signed()),
            Self::Anyone | Self::AnyCertificate(..) | Self::User(_) | Self::Member(_) | Self::Jwt(_) => None,
        }
    }
}
