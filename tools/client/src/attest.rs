//! Whether the other end of a session is a node that runs what it should.
//!
//! The evidence in the ledger was made when a node joined, and anybody can show it again. A client asks the node itself, in
//! the session that it is about to use: the evidence is bound to service, node, a nonce and that session, so that nobody
//! between them can show another node's.

mod policy;

use coco_attest::{Evidence, Refusal, ReportData};
use coco_crypto::Certificate;
use coco_wire::Digest;

pub use self::policy::{Accepted, AzureCvm, Code, Endorser, Intel, Nitro, Policy, Registers, SevSnp, Vbs};
use crate::client::{Client, ClientError};

/// What a node showed in a session. Whether the evidence is authentic is not known yet.
#[derive(Clone, Debug)]
pub struct Fresh {
    /// The service that the evidence must name: the client's, or what the node said if the client knows none.
    pub service: Certificate,
    /// The node by the key that it has in the session.
    pub node: Digest,
    /// What it showed in the handshake.
    pub certificate: Certificate,
    /// What it runs.
    pub evidence: Evidence,
    /// What that must be bound to, by the client's own end of the session.
    pub expected: ReportData,
}

/// Why nothing more is said to a node.
#[derive(Debug, thiserror::Error)]
pub enum NotVerified {
    /// Before TLS 1.3 a session has no name that evidence could be bound to.
    #[error("the session is none of TLS 1.3, so that no evidence can be bound to it")]
    OldTls,
    /// No certificate, or not with an elliptic-curve key.
    #[error("it shows no certificate of a node")]
    Key,
    /// It names no service that can be read.
    #[error("the certificate of the service cannot be read")]
    Service,
    /// Another status, with the error that came.
    #[error("it gives no evidence: {0}")]
    NoEvidence(String),
    /// Not the answer of a node.
    #[error("its answer is not that of a node")]
    Malformed,
    /// Somebody passes on the answer of another node.
    #[error("node {answers} answers, but the key in this session is that of {key}")]
    OtherNode {
        /// Who answers.
        answers: Digest,
        /// Who should.
        key: Digest,
    },
    /// An answer to another question.
    #[error("it answers another question")]
    OtherNonce,
    /// Evidence that this version cannot verify.
    #[error("its evidence is of an unknown platform: {}", .0.escape_debug())]
    UnknownPlatform(String),
    /// The evidence is not authentic, not for this session, or below what is required.
    #[error(transparent)]
    Evidence(#[from] Refusal),
    /// Made for another service, node, nonce or session.
    #[error(
        "its evidence was not made for this session: somebody passes it on from another one, or it is an old one"
    )]
    OtherSession,
    /// Of a platform that the client does not accept at all.
    #[error("it runs on {0}, which is not accepted")]
    Platform(&'static str),
    /// Other code.
    #[error("its measurement is {0}, which is not accepted")]
    Measurement(String),
    /// Something else that the host configured.
    #[error("its host data is {0}, which is not accepted")]
    HostData(String),
    /// Something else was measured into a PCR.
    #[error("its PCR {number} is {value}, which is not accepted")]
    Register {
        /// Which.
        number: u8,
        /// What it is, in hexadecimal; nothing if evidence says nothing of it.
        value: String,
    },
    /// What hardware measures of a machine of Azure does not say what it runs.
    #[error(
        "the policy names no PCR of a machine's firmware (0 to 7), so that it does not say what machines of Azure may run"
    )]
    NoFirmware,
}

/// Asks the node at `address` (`host:port`), whose certificate `service` must have issued, for evidence of what it runs. With
/// no `service` it may be a node of any: whose it is says [`Fresh::service`], and that is for the caller to compare.
///
/// # Errors
/// If there is no evidence for this session.
pub async fn ask(address: &str, service: Option<&Certificate>) -> Result<Fresh, ClientError> {
    Client::of(address, service, None)?.attestation().await
}

#[cfg(test)]
mod tests;
