//! Bytes in, requests out: HTTP/1.1 requests of one connection, however its bytes are cut.

use bytes::{Bytes, BytesMut};
use coco_app::Request;

use super::{
    chunks::Chunks,
    head::{Framing, Head, Progress},
};
use crate::{interface::Limits, refusal::Refusal};

/// Bytes of room made for a read.
const READ: usize = 4 << 10;
/// Bytes of the buffer of a connection.
const BUFFER: usize = 8 << 10;
/// Bytes of further requests that are read before those that are there are answered.
const READ_AHEAD: usize = 64 << 10;

/// The requests of one connection.
pub(crate) struct Intake {
    limits: Limits,
    buffer: BytesMut,
    state: State,
    /// Whether the buffer was made larger than an idle connection should keep.
    grown: bool,
}

/// One whole request.
pub(crate) struct Incoming {
    pub(crate) request: Request,
    /// Whether the connection ends with the answer.
    pub(crate) close: bool,
    /// Whether the connection may become one of another protocol.
    pub(crate) upgradable: bool,
}

enum State {
    /// Before or inside a head.
    Head(Progress),
    /// Before the end of a body.
    Body(Head, Body),
}

enum Body {
    Length(usize),
    Chunked(Chunks),
}

impl Intake {
    pub(crate) fn new(limits: Limits) -> Self {
        let buffer = BytesMut::with_capacity(BUFFER);
        Self { limits, buffer, state: State::Head(Progress::default()), grown: false }
    }

    /// The buffer, with room for the next read.
    pub(crate) fn room(&mut self) -> &mut BytesMut {
        let missing = match &self.state {
            State::Body(_, Body::Length(length)) => length.saturating_sub(self.buffer.len()),
            State::Head(_) | State::Body(_, Body::Chunked(_)) => 0,
        };
        if self.buffer.capacity() - self.buffer.len() < READ {
            // A body's room grows with what has arrived of it, not with what was announced.
            let more = missing.clamp(READ, READ.max(self.buffer.len()));
            self.grown |= self.buffer.len() + more > READ_AHEAD;
            self.buffer.reserve(more);
        }
        &mut self.buffer
    }

    /// Whether what is there should be answered before more is read.
    pub(crate) fn is_full(&self) -> bool {
        match &self.state {
            State::Body(_, Body::Length(length)) => self.buffer.len() >= *length,
            State::Head(_) | State::Body(_, Body::Chunked(_)) => self.buffer.len() >= READ_AHEAD,
        }
    }

    /// Whether no request has begun to arrive.
    pub(crate) fn is_idle(&self) -> bool {
        self.buffer.is_empty() && matches!(self.state, State::Head(_))
    }

    /// Whether the client waits to be told to send the body; true once for each request.
    pub(crate) fn take_expectation(&mut self) -> bool {
        match &mut self.state {
            State::Body(head, _) if self.buffer.is_empty() => std::mem::take(&mut head.expects_continue),
            State::Head(_) | State::Body(..) => false,
        }
    }

    /// The next request, once it is whole. After an error nothing more can be read.
    pub(crate) fn next(&mut self) -> Result<Option<Incoming>, Refusal> {
        loop {
            match &mut self.state {
                State::Head(progress) => {
                    let Some(head) = progress.take(&mut self.buffer, &self.limits)? else {
                        self.shrink();
                        return Ok(None);
                    };
                    self.state = match head.framing {
                        Framing::Length(0) => return Ok(Some(self.finish(head, Bytes::new()))),
                        Framing::Length(length) => State::Body(head, Body::Length(length)),
                        Framing::Chunked => State::Body(head, Body::Chunked(Chunks::new())),
                    };
                }
                State::Body(_, body) => {
                    let max = self.limits.max_body_size;
                    let Some(body) = body.take(&mut self.buffer, max)? else { return Ok(None) };
                    let state = std::mem::replace(&mut self.state, State::Head(Progress::default()));
                    let State::Body(head, _) = state else { unreachable!("matched above") };
                    return Ok(Some(self.finish(head, body)));
                }
            }
        }
    }

    /// What is there of the request at which an error occurred.
    pub(crate) fn fragment(&self) -> &[u8] {
        &self.buffer
    }

    fn finish(&mut self, head: Head, body: Bytes) -> Incoming {
        self.state = State::Head(Progress::default());
        let Head { method, target, headers, close, upgradable, .. } = head;
        Incoming { request: Request::new(method, target, headers, body), close, upgradable }
    }

    fn shrink(&mut self) {
        if self.grown && self.buffer.is_empty() {
            self.buffer = BytesMut::with_capacity(BUFFER);
            self.grown = false;
        }
    }
}

impl Body {
    fn take(&mut self, buffer: &mut BytesMut, max: usize) -> Result<Option<Bytes>, Refusal> {
        match self {
            Self::Length(length) => Ok((buffer.len() >= *length).then(|| buffer.split_to(*length).freeze())),
            Self::Chunked(chunks) => chunks.decode(buffer, max),
        }
    }
}

#[cfg(test)]
mod tests;
