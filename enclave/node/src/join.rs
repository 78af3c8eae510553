//! Joining a service: what a node asks of those that are in it, and what it makes of their answers.
//!
//! Pure: whoever drives it makes the connections, whose other end must show a certificate that the service issued, and
//! keeps the time. What is asked is answered by `POST /node/join` (see `admin::join`).
//!
//! What is bound to what: the first evidence carries the digest of the node's key, as in CCF; the node shows that key in
//! TLS and signs the handshake with it, and so proves in every session that it is the enclave that the evidence is
//! about, as the key is made at its start and never leaves it. Before it is given anything secret, it shows
//! evidence made now, bound to the service, to its key, to a challenge of the node that it asks and to the TLS session
//! in which it asks (RFC 9266), which CCF does not ask for. Addresses and `node_data` are the host's word.

pub(crate) mod message;
pub(crate) mod url;

use std::{collections::BTreeMap, fmt, sync::Arc};

use arc_swap::ArcSwap;
use coco_boundary::Evidence;
use coco_crypto::{Certificate, Signer as _};
use coco_ledger::LedgerSecrets;
use coco_tables::{
    nodes::{NodeNetwork, NodeStatus},
    service::ServiceStatus,
};
use coco_wire::{Digest, Seqno};
use serde_json::Value;
use zeroize::Zeroizing;

pub use coco_attest::binding::JoinProof;

use self::message::{JoinAnswer, JoinRequest, NetworkInfo};
use self::url::address_in;
use crate::{
    evidence::quote_info,
    keys::{Keys, ServiceIdentity},
    view::{Peer, Shared},
};

/// Path that is asked.
pub const PATH: &str = "/node/join";
/// Largest answer that is read, in bytes.
pub const MAX_ANSWER: usize = 4 << 20;

/// Most characters of an answer that are repeated to the operator.
const MAX_QUOTED: usize = 1000;
/// The first wait for the decision to trust it to be settled, in milliseconds; each further one is twice as long.
const SETTLING_MS: u64 = 20;

/// A node that asks to be let in, until it is or is refused.
pub struct Joiner {
    shared: Arc<Shared>,
    /// As the operator gave it: the certificate that whoever answers must have been issued by.
    service: Certificate,
    settings: Settings,
    /// Who is asked.
    target: String,
    /// Whether the last answer sent us on.
    redirected: bool,
    /// The next wait for the decision to trust it to be settled, in milliseconds.
    settling_ms: u64,
    request: JoinRequest,
}

/// How to join.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `host:port` of an RPC interface of a node of the service.
    pub target: String,
    /// Time between two questions, in milliseconds.
    pub retry_ms: u64,
    /// Whether to go on to the primary when sent there.
    pub follow_redirect: bool,
}

/// What a node tells of itself.
#[derive(Clone, Debug)]
pub struct Introduction {
    /// Its interfaces, with the addresses published.
    pub network: NodeNetwork,
    /// What its operator noted; null if nothing.
    pub node_data: Value,
    /// What it runs, bound to its key.
    pub evidence: Evidence,
    /// The snapshot that it begins with; zero if none.
    pub startup_seqno: Seqno,
}

/// An answer as it came.
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Header `location`.
    pub location: Option<String>,
    /// The whole body.
    pub body: Zeroizing<Vec<u8>>,
}

/// Why there was no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Who answered is not of the service; why not.
    Untrusted(String),
    /// Nobody answered, or not to the end; why not.
    Unreachable(String),
}

/// What to do next.
pub enum Next {
    /// Ask again.
    Ask {
        /// After so many milliseconds.
        after_ms: u64,
        /// Of interest to the operator.
        because: Notice,
    },
    /// Have the platform make evidence for a new session, hand it to [`Joiner::proved`], and ask again in that session.
    Prove(JoinProof),
    /// The node is in.
    Joined(Box<Joined>),
    /// It will not be let in.
    GiveUp(GaveUp),
}

/// Why a node asks again. Texts are CCF's where it has them (`src/node/node_state.h`).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Notice {
    /// Registered; the members are to decide.
    #[error("Node {0} is waiting for votes of members to be trusted")]
    Pending(Digest),
    /// Trusted, but a change of the primary could still undo that.
    #[error("Node {0} is trusted and waits for that to be settled")]
    Unsettled(Digest),
    /// Another node is to be asked.
    #[error("Target node redirected to {0}")]
    Redirected(String),
    /// The node that was asked cannot help now.
    #[error("An error occurred while joining the network: {0} '{1}'")]
    Error(u16, String),
    /// Not an answer that a node of the service gives.
    #[error("An error occurred while parsing the join network response")]
    Malformed,
    /// No answer.
    #[error("No answer from {target}: {reason}")]
    Unreachable {
        /// Who was asked.
        target: String,
        /// Why not.
        reason: String,
    },
}

impl Notice {
    /// Whether all goes as it should.
    #[must_use]
    pub fn is_expected(&self) -> bool {
        match self {
            Self::Pending(_) | Self::Unsettled(_) | Self::Redirected(_) => true,
            Self::Error(..) | Self::Malformed | Self::Unreachable { .. } => false,
        }
    }
}

/// Why a node does not join. Texts are CCF's (`src/node/node_state.h`), which its tests look for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GaveUp {
    /// The service refuses it.
    #[error("Join request to {target} returned {status} Bad Request: {body}. Shutting down node gracefully.")]
    Refused {
        /// Who was asked.
        target: String,
        /// HTTP status.
        status: u16,
        /// What it said.
        body: String,
    },
    /// Who answers is not of the service.
    #[error(
        "Early error when joining existing network at {target}: TLS invalid cert on handshake: {reason}. Shutting \
         down node gracefully..."
    )]
    Untrusted {
        /// Who was asked.
        target: String,
        /// Why not.
        reason: String,
    },
}

/// What a node holds that was let in.
pub struct Joined {
    /// The service.
    pub service: ServiceIdentity,
    /// Ledger secrets, up to the one in force when the node was trusted.
    pub secrets: LedgerSecrets,
    /// Status of the service, as of then.
    pub status: ServiceStatus,
    /// The snapshot that the node begins with; zero if none.
    pub startup_seqno: Seqno,
    /// The trusted nodes, this one included, each with `host:port` of its interface for other nodes.
    pub nodes: BTreeMap<Digest, String>,
}

impl Joined {
    /// Puts keys and secrets where all parts of the node find them; returns the status of the service.
    pub fn install(self, shared: &Shared) -> ServiceStatus {
        shared.keys.enter(self.service);
        shared.secrets.set(self.secrets);
        let others = self.nodes.into_iter().filter(|(node, _)| *node != shared.keys.node_id);
        let peer = |address: String| Peer { address: address.into(), status: NodeStatus::Trusted };
        shared.peers.store(Arc::new(others.map(|(node, address)| (node, peer(address))).collect()));
        self.status
    }
}

impl fmt::Debug for Joined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Joined").field("status", &self.status).finish_non_exhaustive()
    }
}

impl Joiner {
    /// A node that asks to join the service of this certificate.
    #[must_use]
    pub fn new(
        shared: Arc<Shared>,
        service: Certificate,
        introduction: Introduction,
        settings: Settings,
    ) -> Self {
        let request = JoinRequest {
            node_info_network: introduction.network,
            quote_info: quote_info(&introduction.evidence),
            public_encryption_key: shared.keys.encryption.public_key().to_pem(),
            startup_seqno: Some(introduction.startup_seqno),
            certificate_signing_request: Some(shared.keys.request.to_pem()),
            node_data: introduction.node_data,
            fresh_quote_info: None,
        };
        let target = settings.target.clone();
        Self { shared, service, settings, target, redirected: false, settling_ms: SETTLING_MS, request }
    }

    /// The node begins with a snapshot: the service is told, since it then needs no older secrets.
    pub fn begin_with(&mut self, snapshot: Seqno) {
        self.shared.begin_with(snapshot);
        self.request.startup_seqno = Some(snapshot);
    }

    /// `host:port` of the node to ask.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Body of the question.
    ///
    /// # Panics
    /// Never: a request has a JSON form.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        serde_json::to_vec(&self.request).expect("a request has a JSON form")
    }

    /// Takes in the evidence that [`Next::Prove`] wants; now the question is to be asked again.
    pub fn proved(&mut self, evidence: &Evidence) {
        self.request.fresh_quote_info = Some(quote_info(evidence));
    }

    /// Takes in an answer.
    pub fn answered(&mut self, answer: &Answer) -> Next {
        let redirected = std::mem::take(&mut self.redirected);
        // A challenge is good once.
        let proved = self.request.fresh_quote_info.take().is_some();
        match (answer.status, &answer.location) {
            (200, _) => self.accepted(&answer.body, proved),
            (307 | 308, Some(location)) if self.settings.follow_redirect => {
                let Some(address) = address_in(location) else { return self.again(Notice::Malformed) };
                address.clone_into(&mut self.target);
                self.redirected = true;
                // At once, but not for ever: two nodes may each take the other for the primary.
                let after_ms = if redirected { self.settings.retry_ms } else { 0 };
                Next::Ask { after_ms, because: Notice::Redirected(location.clone()) }
            }
            // Our certificate is valid from now on, and the clock of who answers may not be there yet.
            (401, _) if is_about_time(&answer.body) => {
                self.again(Notice::Error(answer.status, quoted(&answer.body)))
            }
            (400..500, _) => Next::GiveUp(GaveUp::Refused {
                target: self.target.clone(),
                status: answer.status,
                body: quoted(&answer.body),
            }),
            (status, _) => self.lost(Notice::Error(status, quoted(&answer.body))),
        }
    }

    /// Takes in that there is no answer.
    pub fn failed(&mut self, failure: Failure) -> Next {
        self.redirected = false;
        self.request.fresh_quote_info = None;
        let target = self.target.clone();
        match failure {
            Failure::Untrusted(reason) => Next::GiveUp(GaveUp::Untrusted { target, reason }),
            Failure::Unreachable(reason) => self.lost(Notice::Unreachable { target, reason }),
        }
    }

    /// Asks again where the operator said: who we were sent to may be gone.
    fn lost(&mut self, because: Notice) -> Next {
        self.target.clone_from(&self.settings.target);
        self.again(because)
    }

    fn again(&self, because: Notice) -> Next {
        Next::Ask { after_ms: self.settings.retry_ms, because }
    }

    fn accepted(&mut self, body: &[u8], proved: bool) -> Next {
        let id = self.shared.keys.node_id;
        let Ok(answer) = serde_json::from_slice::<JoinAnswer>(body) else {
            return self.again(Notice::Malformed);
        };
        match (answer.node_status, answer.network_info) {
            (NodeStatus::Pending, _) => self.again(Notice::Pending(id)),
            (NodeStatus::Trusted, Some(info)) => match self.check(&info) {
                Some(joined) => Next::Joined(Box::new(joined)),
                None => self.again(Notice::Malformed),
            },
            (NodeStatus::Trusted, None) => {
                // What came instead of an answer to the last proof waits its turn.
                if let (Some(challenge), false) = (answer.challenge, proved) {
                    return self.prove(&challenge);
                }
                let after_ms = self.settling_ms.min(self.settings.retry_ms);
                self.settling_ms = after_ms.saturating_mul(2);
                Next::Ask { after_ms, because: Notice::Unsettled(id) }
            }
            (NodeStatus::Retired, _) => self.again(Notice::Malformed),
        }
    }

    fn prove(&self, challenge: &Digest) -> Next {
        let id = self.shared.keys.node_id;
        match self.service.public_key().as_ec() {
            Some(service) => {
                Next::Prove(JoinProof { service: service.id(), node: id, challenge: *challenge })
            }
            None => self.again(Notice::Malformed),
        }
    }

    /// What was given, if it is of the service that was to be joined, and its certificate is for this node.
    fn check(&self, info: &NetworkInfo) -> Option<Joined> {
        let keys: &Keys = &self.shared.keys;
        let (key, certificate) = info.identity()?;
        let endorsed = Certificate::from_pem(info.endorsed_certificate.as_deref()?).ok()?;
        let sound = certificate.public_key() == self.service.public_key()
            && endorsed.verify_issued_by(&certificate).is_ok()
            && endorsed.public_key().spki_der() == keys.node.public_key().spki_der()
            && !info.public_only;
        sound.then_some(Joined {
            service: ServiceIdentity {
                key: Arc::new(key),
                certificate: ArcSwap::from_pointee(certificate),
                endorsed: ArcSwap::from_pointee(endorsed),
                cose: info.cose(),
            },
            secrets: info.secrets()?,
            status: info.service_status?,
            startup_seqno: self.request.startup_seqno.unwrap_or_default(),
            nodes: info.nodes.clone(),
        })
    }
}

/// Whether the certificate shown in TLS is refused, which can only be for its time.
fn is_about_time(body: &[u8]) -> bool {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    body["error"]["code"] == "InvalidAuthenticationInfo"
}

/// An answer for the log: one line, and not a long one.
fn quoted(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    text.chars().take(MAX_QUOTED).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests;
