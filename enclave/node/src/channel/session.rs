//! Two keys, one for each direction, and the counters that go with them.

use std::ops::Deref;

use coco_boundary::Monotonic;
use coco_crypto::{GcmKey, aead::Iv};
use coco_raft::NodeId;
use coco_wire::peer::{
    Draft, Sealed, SealedKind, SessionId,
    draft::MAX_MESSAGE,
    frame::{MAX_PART, SEALED_HEADER_LEN, TAG_LEN},
};

use super::{Limits, Refusal};

/// How often the limits at which a session is renewed fit in those at which it is given up.
const PATIENCE: u64 = 4;

/// Keys of a session, fresh from a handshake. The cryptography library wipes them when they are dropped.
pub(super) struct SessionKeys {
    pub(super) id: SessionId,
    pub(super) send: GcmKey,
    pub(super) receive: GcmKey,
}

/// An authenticated connection of two nodes. Each frame has the next counter, and a frame is opened only if its counter
/// is above all opened before: at most once and in order, while frames may be missing.
pub(super) struct Session {
    keys: SessionKeys,
    since: Monotonic,
    /// Counter of the next frame to send.
    next_sent: u64,
    /// Least counter of a frame that may still be opened.
    next_received: u64,
    /// Bytes of both directions.
    bytes: u64,
    /// The parts of a message whose last one is still to come.
    parts: Vec<u8>,
    /// Whether a message was sent since the peer was last heard.
    unanswered: bool,
    /// Since when that is known.
    silent_since: Option<Monotonic>,
}

/// A message that a peer sealed for this node, in order and not seen before.
#[derive(Clone, PartialEq, Eq)]
pub struct Opened {
    bytes: Vec<u8>,
    start: usize,
}

impl Deref for Opened {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[self.start..]
    }
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Opened({} bytes)", self.len())
    }
}

impl Session {
    pub(super) fn new(keys: SessionKeys, now: Monotonic) -> Self {
        Self {
            keys,
            since: now,
            next_sent: 0,
            next_received: 0,
            bytes: 0,
            parts: Vec::new(),
            unanswered: false,
            silent_since: None,
        }
    }

    pub(super) fn id(&self) -> SessionId {
        self.keys.id
    }

    /// Whether it is time for a new one. A peer that says nothing may have forgotten this one: while it follows a leader
    /// it forgets who it does not know, and it cannot ask a stranger for a new session.
    pub(super) fn is_due(&mut self, limits: &Limits, now: Monotonic) -> bool {
        if self.unanswered {
            self.silent_since.get_or_insert(now);
        }
        let is_silent = self.silent_since.is_some_and(|since| now.since_ms(since) >= limits.silence_ms);
        is_silent || self.exceeds(limits, 1) || now.since_ms(self.since) >= limits.rekey_after_ms
    }

    /// Whether it is used up. Time does not count: the host's clock must not cut connections.
    pub(super) fn is_spent(&self, limits: &Limits) -> bool {
        self.exceeds(limits, PATIENCE)
    }

    pub(super) fn since(&self) -> Monotonic {
        self.since
    }

    fn exceeds(&self, limits: &Limits, times: u64) -> bool {
        let frames = self.next_sent.max(self.next_received);
        frames >= limits.rekey_frames.saturating_mul(times)
            || self.bytes >= limits.rekey_bytes.saturating_mul(times)
    }

    /// Proves to the peer that this side has the keys.
    pub(super) fn confirm(&mut self, sender: &NodeId) -> Vec<u8> {
        self.seal_frame(SealedKind::Confirm, sender, vec![0; SEALED_HEADER_LEN])
    }

    /// Seals a message, in place if one frame holds it.
    pub(super) fn seal(&mut self, sender: &NodeId, draft: Draft, mut send: impl FnMut(Vec<u8>)) {
        self.unanswered = true;
        if draft.message().len() <= MAX_PART {
            return send(self.seal_frame(SealedKind::Message, sender, draft.into_bytes()));
        }
        let parts = draft.message().chunks(MAX_PART);
        let last = parts.len() - 1;
        for (index, part) in parts.enumerate() {
            let mut frame = Vec::with_capacity(SEALED_HEADER_LEN + part.len() + TAG_LEN);
            frame.resize(SEALED_HEADER_LEN, 0);
            frame.extend_from_slice(part);
            let kind = match index {
                0 => SealedKind::First,
                _ if index == last => SealedKind::Last,
                _ => SealedKind::Next,
            };
            send(self.seal_frame(kind, sender, frame));
        }
    }

    fn seal_frame(&mut self, kind: SealedKind, sender: &NodeId, mut frame: Vec<u8>) -> Vec<u8> {
        let counter = self.next_sent;
        self.next_sent = counter.checked_add(1).expect("a session is given up long before 2^64 frames");
        let sealed = Sealed { kind, session: self.keys.id, counter };
        let header = sealed.encode_header(sender, frame.len() - SEALED_HEADER_LEN);
        frame[..SEALED_HEADER_LEN].copy_from_slice(&header);
        let tag = self.keys.send.seal_in_place(&nonce(counter), &header, &mut frame[SEALED_HEADER_LEN..]);
        frame.extend_from_slice(&tag);
        self.bytes = self.bytes.saturating_add(frame.len() as u64);
        frame
    }

    /// Opens a frame with header `sealed`; a message once its last part is there.
    pub(super) fn open(&mut self, sealed: &Sealed, mut frame: Vec<u8>) -> Result<Option<Opened>, Refusal> {
        if sealed.counter < self.next_received {
            return Err(Refusal::Replayed);
        }
        let (header, rest) =
            frame.split_first_chunk_mut::<SEALED_HEADER_LEN>().expect("a sealed frame has its header");
        let (content, tag) = rest.split_last_chunk_mut::<TAG_LEN>().expect("a sealed frame has its tag");
        self.keys.receive.open_in_place(&nonce(sealed.counter), header, content, tag)?;

        let follows = sealed.counter == self.next_received;
        self.next_received = sealed.counter.saturating_add(1);
        (self.unanswered, self.silent_since) = (false, None);
        self.bytes = self.bytes.saturating_add(frame.len() as u64);
        frame.truncate(frame.len() - TAG_LEN);
        self.assemble(sealed.kind, follows, frame)
    }

    /// `follows`: no frame is missing in front of this one. A message of which a part is missing is never delivered, not
    /// even shortened.
    fn assemble(
        &mut self,
        kind: SealedKind,
        follows: bool,
        frame: Vec<u8>,
    ) -> Result<Option<Opened>, Refusal> {
        let part = &frame[SEALED_HEADER_LEN..];
        let mut bytes = std::mem::take(&mut self.parts);
        match kind {
            SealedKind::Confirm => return Ok(None),
            SealedKind::Message => return Ok(Some(Opened { bytes: frame, start: SEALED_HEADER_LEN })),
            SealedKind::First => bytes = Vec::new(),
            SealedKind::Next | SealedKind::Last if bytes.is_empty() || !follows => {
                return Err(Refusal::Incomplete);
            }
            SealedKind::Next | SealedKind::Last => {}
        }
        if bytes.len() + part.len() > MAX_MESSAGE {
            return Err(Refusal::Incomplete);
        }
        bytes.extend_from_slice(part);
        if kind == SealedKind::Last {
            return Ok(Some(Opened { bytes, start: 0 }));
        }
        self.parts = bytes;
        Ok(None)
    }
}

/// The two directions have a key each, and counters never repeat under one.
fn nonce(counter: u64) -> Iv {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&counter.to_be_bytes());
    nonce
}
