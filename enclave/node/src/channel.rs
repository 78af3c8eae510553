//! Channels between nodes: authenticated, encrypted, each message at most once and in order.
//!
//! A [`Channel`] is a state machine without input or output: frames and time go in, frames, messages and
//! [`HandshakeJob`]s come out. What carries the frames is not trusted; it may lose, repeat, reorder, change and invent
//! them. [`Channels`] holds one for each peer and decides who is heard.
//!
//! Sessions overlap while one replaces another. The responder of a handshake has seen the initiator's proof when it
//! completes: it sends under the new keys from there on, and first of all a confirmation. The initiator sends under them
//! once it has opened something sealed with them. Each side forgets the old keys when the first frame under the new ones
//! is opened, so on a stream that keeps its order nothing is lost.

mod attempt;
mod channels;
mod handshake;
mod identity;
mod limits;
mod queue;
mod receive;
mod session;

use std::sync::Arc;

use coco_boundary::Monotonic;
use coco_crypto::{Entropy, NotAuthentic};
use coco_raft::NodeId;
use coco_wire::peer::{Draft, FrameError};

use self::{
    attempt::{Attempt, HalfOpen},
    queue::Queue,
    session::Session,
};
pub use self::{
    channels::{Channels, Counters, Known},
    handshake::{HandshakeDone, HandshakeJob},
    identity::{Identity, NotEndorsed},
    limits::Limits,
    session::Opened,
};

/// The connection to one peer.
pub struct Channel {
    peer: NodeId,
    identity: Arc<Identity>,
    entropy: Arc<dyn Entropy>,
    limits: Limits,
    /// The session that both sides are known to have.
    current: Option<Session>,
    /// The one that is to replace it.
    next: Option<Next>,
    /// Our own handshake, as initiator.
    attempt: Option<Attempt>,
    retry_ms: u64,
    /// The peer's handshakes, oldest first.
    half_open: Vec<HalfOpen>,
    answered_at: Option<Monotonic>,
    queue: Queue,
    dropped: u64,
    established: u64,
}

/// A session whose handshake is complete on this side, and under which nothing was received yet.
struct Next {
    session: Session,
    role: Role,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// The peer may not know that it is authenticated: send nothing yet.
    Initiator,
    /// The peer has the keys for certain.
    Responder,
}

/// What a channel asks for.
#[derive(Default)]
pub struct Output {
    /// Frames to send, in order, with whom to.
    pub frames: Vec<(NodeId, Vec<u8>)>,
    /// Messages received, in order, with whom from.
    pub received: Vec<(NodeId, Opened)>,
    /// For another thread.
    pub jobs: Vec<HandshakeJob>,
}

/// Whether a peer can be talked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelState {
    /// No session, and none wanted.
    Idle,
    /// No session yet.
    Connecting,
    /// Messages are sealed and sent at once.
    Established,
}

/// Why a frame was ignored. Nothing but counting follows: anybody can make up frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is no frame.
    #[error(transparent)]
    Malformed(#[from] FrameError),
    /// The sender takes no part, is this node itself, or a stranger that does not introduce itself.
    #[error("the sender takes no part")]
    Unheard,
    /// Sealed under keys that this node does not have, or not any more.
    #[error("unknown session")]
    UnknownSession,
    /// Opened before, or older than what was.
    #[error("replayed or late")]
    Replayed,
    /// A seal, signature or share is wrong.
    #[error("not authentic")]
    NotAuthentic,
    /// Part of a message whose other parts are missing, or too many of them.
    #[error("incomplete message")]
    Incomplete,
    /// The certificate is none, or not endorsed by this service.
    #[error("certificate not endorsed by the service")]
    Certificate,
    /// The certificate is another node's.
    #[error("certificate of another node")]
    WrongNode,
    /// A step of a handshake that is over, unknown or already taken.
    #[error("unexpected step of a handshake")]
    Unexpected,
    /// Both sides initiate, and this node's goes first.
    #[error("this node's own handshake goes first")]
    Crossed,
    /// An initiation too soon after another.
    #[error("too many handshakes")]
    TooSoon,
}

impl Refusal {
    /// A word for it, in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::Unheard => "unheard",
            Self::UnknownSession => "unknown_session",
            Self::Replayed => "replayed",
            Self::NotAuthentic => "not_authentic",
            Self::Incomplete => "incomplete",
            Self::Certificate => "certificate",
            Self::WrongNode => "wrong_node",
            Self::Unexpected => "unexpected",
            Self::Crossed => "crossed",
            Self::TooSoon => "too_soon",
        }
    }
}

impl From<NotAuthentic> for Refusal {
    fn from(_: NotAuthentic) -> Self {
        Self::NotAuthentic
    }
}

impl Channel {
    /// A channel to `peer`, not connected.
    #[must_use]
    pub fn new(peer: NodeId, identity: Arc<Identity>, entropy: Arc<dyn Entropy>, limits: Limits) -> Self {
        Self {
            peer,
            identity,
            entropy,
            limits,
            current: None,
            next: None,
            attempt: None,
            retry_ms: limits.retry_ms,
            half_open: Vec::new(),
            answered_at: None,
            queue: Queue::default(),
            dropped: 0,
            established: 0,
        }
    }

    /// How far the channel is.
    #[must_use]
    pub fn state(&self) -> ChannelState {
        match (self.can_send(), &self.attempt) {
            (true, _) => ChannelState::Established,
            (false, Some(_)) => ChannelState::Connecting,
            (false, None) if self.queue.is_empty() => ChannelState::Idle,
            (false, None) => ChannelState::Connecting,
        }
    }

    /// Begins a handshake, unless there is a session or a handshake already.
    pub fn connect(&mut self, now: Monotonic, out: &mut Output) {
        if !self.can_send() {
            self.replace(now, out);
        }
    }

    /// Seals and sends a message, or keeps it until there is a session.
    pub fn send(&mut self, draft: Draft, now: Monotonic, out: &mut Output) {
        self.dropped += self.queue.push(draft, &self.limits);
        self.flush(out);
        self.settle(now, out);
        if !self.queue.is_empty() {
            self.connect(now, out);
        }
    }

    /// Lets time pass: repeats handshakes, renews and forgets sessions.
    pub fn tick(&mut self, now: Monotonic, out: &mut Output) {
        let linger_ms = self.limits.linger_ms;
        self.half_open.retain(|half| now.since_ms(half.since) < linger_ms);
        let lingered =
            |next: &Next| next.role == Role::Responder && now.since_ms(next.session.since()) >= linger_ms;
        if self.next.as_ref().is_some_and(lingered) {
            self.promote();
        }
        if self.attempt.take_if(|attempt| now >= attempt.until).is_some() {
            let unconfirmed = self.next.as_ref().is_some_and(|next| next.role == Role::Initiator);
            if !self.can_send() || unconfirmed {
                self.initiate(now, out);
            }
        }
        self.settle(now, out);
    }

    /// Uses another certificate, of the same key and service, in handshakes to come.
    pub fn renew(&mut self, identity: Arc<Identity>) {
        self.identity = identity;
    }

    /// Messages dropped because no session came about in time.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Sessions that came about.
    #[must_use]
    pub fn established(&self) -> u64 {
        self.established
    }

    /// Whether there is no session and no handshake that the peer has begun.
    fn is_quiet(&self) -> bool {
        self.current.is_none() && self.next.is_none() && self.half_open.is_empty()
    }

    /// Whether there is a session to send under.
    fn can_send(&self) -> bool {
        self.current.is_some() || self.next.as_ref().is_some_and(|next| next.role == Role::Responder)
    }

    /// The session to send under, if not used up, and what waits for it.
    fn sending(&mut self) -> (Option<&mut Session>, &mut Queue) {
        let session = match &mut self.next {
            Some(Next { session, role: Role::Responder }) => Some(session),
            _ => self.current.as_mut(),
        };
        let limits = &self.limits;
        (session.filter(|session| !session.is_spent(limits)), &mut self.queue)
    }

    /// Sends what waits.
    fn flush(&mut self, out: &mut Output) {
        let (own, peer) = (self.identity.id(), self.peer);
        while let (Some(session), queue) = self.sending()
            && let Some(draft) = queue.pop()
        {
            session.seal(&own, draft, |frame| out.frames.push((peer, frame)));
        }
    }

    /// Gives up spent sessions and renews old ones.
    fn settle(&mut self, now: Monotonic, out: &mut Output) {
        let limits = self.limits;
        self.current.take_if(|session| session.is_spent(&limits));
        self.next.take_if(|next| next.session.is_spent(&limits));
        if self.sending().0.is_some_and(|session| session.is_due(&limits, now)) {
            self.replace(now, out);
        }
    }

    /// Begins a handshake, unless there is one already.
    fn replace(&mut self, now: Monotonic, out: &mut Output) {
        if self.attempt.is_none() {
            self.initiate(now, out);
        }
    }

    /// Makes the next session the current one and forgets the old keys.
    fn promote(&mut self) {
        if let Some(next) = self.next.take() {
            self.current = Some(next.session);
            self.retry_ms = self.limits.retry_ms;
            if next.role == Role::Initiator {
                self.attempt = None;
                // The peer has completed this handshake after its own.
                self.half_open.clear();
            }
        }
    }
}

#[cfg(test)]
mod tests;
