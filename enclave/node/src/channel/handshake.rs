//! The handshake: Diffie-Hellman with fresh shares, signed by both nodes.
//!
//! ```text
//! A to B  initiate: attempt, share of A, and an introduction, which B looks at if it does not know A
//! B to A  respond:  attempt, share of B, signature of B, certificate of B
//! A to B  finish:   session, signature of A, certificate of A
//! B to A  confirm:  sealed, empty
//! transcript = SHA-256(label | service | A | B | attempt | share of A | share of B), all of fixed length
//! signature  = over the label of its role, then the transcript
//! keys       = HKDF-SHA256(secret, salt = transcript, info = label): A to B, B to A, id of the session
//! ```
//! Signing both names with both shares is the signed key exchange of ISO/IEC 9798-3, of which SIGMA (Krawczyk 2003) is
//! the variant that hides names. Every step of 5 µs and more is a [`HandshakeJob`].

use std::sync::Arc;

use coco_crypto::{
    EphemeralKey, GcmKey,
    exchange::Share,
    hash::{sha256, sha256_parts},
    mac::hkdf_sha256,
};
use coco_raft::NodeId;
use coco_wire::{
    Digest,
    peer::{AttemptId, Finish, Initiate, Respond, SessionId},
};

use super::{Identity, Refusal, session::SessionKeys};

/// Of the transcript and of the keys; names the version of the protocol.
const LABEL: &[u8; 32] = b"Coco channel between nodes, v1.\0";
/// In front of what the initiator signs.
const INITIATOR: &[u8; 32] = b"Coco channel initiator, v1.\0\0\0\0\0";
/// In front of what the responder signs.
const RESPONDER: &[u8; 32] = b"Coco channel responder, v1.\0\0\0\0\0";

/// In front of what a node signs that introduces itself.
const INTRODUCTION: &[u8; 32] = b"Coco channel introduction, v1.\0\0";

/// A step of a handshake for another thread: plain data, 20 µs to 0.6 ms of work. Its result goes back through
/// [`super::Channels::done`].
pub struct HandshakeJob {
    pub(super) peer: NodeId,
    pub(super) identity: Arc<Identity>,
    pub(super) step: Work,
}

/// What a [`HandshakeJob`] led to.
pub struct HandshakeDone {
    pub(super) peer: NodeId,
    pub(super) outcome: Outcome,
}

/// What is to be done.
pub(super) enum Work {
    /// As initiator, make a share.
    Offer { attempt: AttemptId, secret: zeroize::Zeroizing<Share> },
    /// As responder, check who the initiator is if it is a stranger, make a share and keys, and sign.
    Answer {
        attempt: AttemptId,
        share: Share,
        introduction: Option<Introduction>,
        secret: zeroize::Zeroizing<Share>,
    },
    /// As initiator, check the responder, make keys, and sign.
    Conclude { attempt: AttemptId, key: EphemeralKey, share: Share, proof: Proof },
    /// As responder, check the initiator.
    Accept { session: SessionId, transcript: Digest, proof: Proof },
}

/// What a peer shows of itself.
pub(super) struct Proof {
    pub(super) signature: Vec<u8>,
    pub(super) certificate: Vec<u8>,
}

/// What a stranger says of itself.
pub(super) struct Introduction {
    pub(super) address: Arc<str>,
    pub(super) proof: Proof,
}

/// What came of it.
pub(super) enum Outcome {
    Offered { attempt: AttemptId, key: EphemeralKey, frame: Vec<u8> },
    Answered { attempt: AttemptId, answer: Result<Answer, Refusal> },
    Concluded { attempt: AttemptId, conclusion: Result<(SessionKeys, Vec<u8>), Refusal> },
    Accepted { session: SessionId, verdict: Result<(), Refusal> },
}

/// A responder's half of a handshake.
pub(super) struct Answer {
    pub(super) keys: SessionKeys,
    pub(super) transcript: Digest,
    pub(super) frame: Vec<u8>,
    /// Where a stranger that is endorsed is reached.
    pub(super) met: Option<Arc<str>>,
}

/// Who is on which side.
#[derive(Clone, Copy)]
struct Sides {
    initiator: NodeId,
    responder: NodeId,
}

impl HandshakeJob {
    /// Whom the handshake is with.
    #[must_use]
    pub fn peer(&self) -> NodeId {
        self.peer
    }

    /// Does it.
    #[must_use]
    pub fn run(self) -> HandshakeDone {
        let Self { peer, identity, step } = self;
        let outcome = match step {
            Work::Offer { attempt, secret } => offer(&identity, peer, attempt, &secret),
            Work::Answer { attempt, share, introduction, secret } => Outcome::Answered {
                attempt,
                answer: meet(&identity, peer, attempt, &share, introduction)
                    .and_then(|met| Ok(Answer { met, ..answer(&identity, peer, attempt, &share, &secret)? })),
            },
            Work::Conclude { attempt, key, share, proof } => Outcome::Concluded {
                attempt,
                conclusion: conclude(&identity, peer, attempt, key, &share, &proof),
            },
            Work::Accept { session, transcript, proof } => Outcome::Accepted {
                session,
                verdict: verify(&identity, &peer, INITIATOR, &transcript, &proof),
            },
        };
        HandshakeDone { peer, outcome }
    }
}

impl HandshakeDone {
    /// Whom the handshake is with.
    #[must_use]
    pub fn peer(&self) -> NodeId {
        self.peer
    }

    /// Where the peer is reached, if it is a stranger that turned out to be endorsed.
    pub(super) fn met(&self) -> Option<&Arc<str>> {
        match &self.outcome {
            Outcome::Answered { answer: Ok(answer), .. } => answer.met.as_ref(),
            _ => None,
        }
    }
}

fn offer(identity: &Identity, peer: NodeId, attempt: AttemptId, secret: &Share) -> Outcome {
    let key = EphemeralKey::from_secret(secret);
    let sides = Sides { initiator: identity.id(), responder: peer };
    let introduction = introduction(identity, sides, attempt, key.share(), identity.address());
    let frame = Initiate {
        attempt,
        share: *key.share(),
        address: identity.address(),
        signature: &identity.sign(&introduction),
        certificate: identity.certificate(),
    }
    .encode(&identity.id());
    Outcome::Offered { attempt, key, frame }
}

/// Where an endorsed stranger is reached; none if it is not to be checked who initiates.
fn meet(
    identity: &Identity,
    peer: NodeId,
    attempt: AttemptId,
    share: &Share,
    stranger: Option<Introduction>,
) -> Result<Option<Arc<str>>, Refusal> {
    let Some(Introduction { address, proof }) = stranger else { return Ok(None) };
    let sides = Sides { initiator: peer, responder: identity.id() };
    let signed = introduction(identity, sides, attempt, share, &address);
    identity.verify(&peer, &proof.certificate, &signed, &proof.signature)?;
    Ok(Some(address))
}

fn answer(
    identity: &Identity,
    peer: NodeId,
    attempt: AttemptId,
    initiators: &Share,
    secret: &Share,
) -> Result<Answer, Refusal> {
    let key = EphemeralKey::from_secret(secret);
    let share = *key.share();
    let sides = Sides { initiator: peer, responder: identity.id() };
    let transcript = transcript(identity, sides, attempt, initiators, &share);
    let (id, receive, send) = derive(key, initiators, &transcript)?;
    let frame = Respond {
        attempt,
        share,
        signature: &identity.sign(&statement(RESPONDER, &transcript)),
        certificate: identity.certificate(),
    }
    .encode(&identity.id());
    Ok(Answer { keys: SessionKeys { id, send, receive }, transcript, frame, met: None })
}

fn conclude(
    identity: &Identity,
    peer: NodeId,
    attempt: AttemptId,
    key: EphemeralKey,
    share: &Share,
    proof: &Proof,
) -> Result<(SessionKeys, Vec<u8>), Refusal> {
    let sides = Sides { initiator: identity.id(), responder: peer };
    let transcript = transcript(identity, sides, attempt, key.share(), share);
    verify(identity, &peer, RESPONDER, &transcript, proof)?;
    let (session, initiators, responders) = derive(key, share, &transcript)?;
    let frame = Finish {
        session,
        signature: &identity.sign(&statement(INITIATOR, &transcript)),
        certificate: identity.certificate(),
    }
    .encode(&identity.id());
    Ok((SessionKeys { id: session, send: initiators, receive: responders }, frame))
}

fn verify(
    identity: &Identity,
    peer: &NodeId,
    role: &[u8; 32],
    transcript: &Digest,
    proof: &Proof,
) -> Result<(), Refusal> {
    identity.verify(peer, &proof.certificate, &statement(role, transcript), &proof.signature)
}

fn statement(role: &[u8; 32], transcript: &Digest) -> [u8; 64] {
    let mut statement = [0; 64];
    statement[..32].copy_from_slice(role);
    statement[32..].copy_from_slice(&transcript.0);
    statement
}

/// What an initiator signs to introduce itself.
fn introduction(
    identity: &Identity,
    sides: Sides,
    attempt: AttemptId,
    initiators: &Share,
    address: &str,
) -> [u8; 64] {
    statement(INTRODUCTION, &transcript(identity, sides, attempt, initiators, &sha256(address.as_bytes()).0))
}

fn transcript(
    identity: &Identity,
    sides: Sides,
    attempt: AttemptId,
    initiators: &Share,
    responders: &Share,
) -> Digest {
    sha256_parts(&[
        LABEL,
        &identity.service_id().0,
        &sides.initiator.0,
        &sides.responder.0,
        &attempt.0.to_le_bytes(),
        initiators,
        responders,
    ])
}

/// Id of the session, key from initiator to responder, key from responder to initiator.
fn derive(
    key: EphemeralKey,
    peer: &Share,
    transcript: &Digest,
) -> Result<(SessionId, GcmKey, GcmKey), Refusal> {
    let secret = key.agree(peer)?;
    let mut derived = zeroize::Zeroizing::new([0; 32 + 32 + 8]);
    hkdf_sha256(&*secret, &transcript.0, LABEL, &mut *derived);
    let (initiators, rest) = derived.split_first_chunk().expect("72 bytes begin with 32");
    let (responders, id) = rest.split_first_chunk().expect("40 bytes begin with 32");
    let id = id.first_chunk().expect("8 bytes are left");
    Ok((SessionId(u64::from_le_bytes(*id)), GcmKey::new(initiators), GcmKey::new(responders)))
}
