//! What answers requests.

use std::task::{Context, Poll};

use coco_app::{ErrorCode, Peer, Reaction, Reject, Request, Response, Status};
use coco_node::{streams::StreamError, view::Continuity};
use tokio::sync::oneshot;

/// What answers requests: the node, or a test.
pub trait Dispatch: Send + Sync + 'static {
    /// Answers batches of different connections that arrived at about the same time. Must not block.
    fn dispatch(&self, batches: &mut [Batch]);

    /// Begins a conversation with whoever asks for a WebSocket by `request`; none if there is none to be had there, and
    /// the request is dispatched like any other. Must not block.
    ///
    /// # Errors
    /// The answer to a request that must not have one.
    fn converse(&self, _request: &Request, _session: &Session) -> Option<Result<Box<dyn Talk>, Response>> {
        None
    }
}

/// A conversation, and the events that it follows. Must not block.
pub trait Talk: Send {
    /// Takes in a message.
    ///
    /// # Errors
    /// If it leads to events that cannot be had; the connection is closed.
    fn message(&mut self, text: String) -> Result<Reaction, StreamError>;

    /// Ready when there is an event, or an error.
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// What the next event has the client told; none if there is no event.
    ///
    /// # Errors
    /// If events were lost; the connection is closed.
    fn event(&mut self) -> Result<Option<Vec<String>>, StreamError>;
}

/// Requests that arrived together on one connection.
#[derive(Debug)]
pub struct Batch {
    /// Their connection.
    pub session: Session,
    /// At most 64 by HTTP/1.1, and as many as streams are allowed by HTTP/2.
    pub requests: Vec<Request>,
    /// Filled by the dispatcher: one answer for each request, in order.
    pub answers: Vec<Answer>,
}

/// State of one connection that outlives its requests.
#[derive(Clone, Debug)]
pub struct Session {
    /// The other end.
    pub peer: Peer,
    /// As of the session's first request: when it changes, what the session read or wrote may have been rolled back.
    pub began: Option<Continuity>,
    /// Whether a request was forwarded to the primary: later reads follow it there, so that they see what it wrote.
    pub forwarded: bool,
}

impl Session {
    /// A session that has asked for nothing yet.
    #[must_use]
    pub fn new(peer: Peer) -> Self {
        Self { peer, began: None, forwarded: false }
    }
}

/// How one request is answered.
#[derive(Debug)]
pub enum Answer {
    /// At once.
    Ready(Response),
    /// When the sender fires. Later requests of the connection are executed meanwhile; by HTTP/1.1 their answers
    /// wait for this one. If the sender is dropped, the request is answered by 500 `InternalError`.
    Later(oneshot::Receiver<Response>),
    /// At once, and then the connection is closed; answers after this one are dropped.
    Close(Response),
}

impl Batch {
    /// No requests yet.
    #[must_use]
    pub fn new(session: Session) -> Self {
        Self { session, requests: Vec::new(), answers: Vec::new() }
    }
}

/// Answers every request of a connection that is over the soft cap, and closes it.
pub(crate) struct Overloaded;

impl Dispatch for Overloaded {
    fn dispatch(&self, batches: &mut [Batch]) {
        let busy = || {
            Reject::new(
                Status::SERVICE_UNAVAILABLE,
                ErrorCode::SessionCapExhausted,
                "Service is currently busy and unable to serve new connections",
            )
        };
        for batch in batches {
            batch.answers.extend(batch.requests.drain(..).map(|_| Answer::Close(busy().into())));
        }
    }
}

/// The answer to a request whose sender was dropped.
pub(crate) fn abandoned() -> Response {
    Reject::internal("The request was abandoned before it was answered.").into()
}
