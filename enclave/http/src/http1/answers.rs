//! Answers that a connection owes, sent in the order of their requests.

use std::{collections::VecDeque, future::pending};

use coco_app::{Response, Status};
use http::StatusCode;
use tokio::sync::oneshot::{self, error::TryRecvError};

use crate::{
    answer::{TRANSACTION_ID, content_length, fields, has_body, sound},
    dispatch::{Answer, abandoned},
};

/// Bytes that are written at once; a larger body goes in one piece with its head.
const WRITE: usize = 256 << 10;
/// What has to say to which protocol (RFC 9110, section 15.5.22), which is WebSocket.
pub(crate) const UPGRADE_REQUIRED: Status = Status(426);
/// Bytes of room that a connection keeps between answers.
const KEPT: usize = 16 << 10;

/// Answers owed, oldest first.
#[derive(Default)]
pub(super) struct Answers {
    owed: VecDeque<Owed>,
    /// Bytes ready to be written.
    out: Vec<u8>,
    /// Whether the last answer of the connection is among the bytes to write, or was written.
    ended: bool,
}

/// How to answer one request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    /// Without the body, as the request is a HEAD.
    pub(super) to_head: bool,
    /// As the last of the connection.
    pub(super) close: bool,
}

struct Owed {
    state: OwedState,
    manner: Manner,
}

enum OwedState {
    Ready(Response),
    Later(oneshot::Receiver<Response>),
}

impl Answers {
    /// Owes one more.
    pub(super) fn push(&mut self, answer: Answer, mut manner: Manner) {
        manner.close |= matches!(answer, Answer::Close(_));
        let state = match answer {
            Answer::Ready(response) | Answer::Close(response) => OwedState::Ready(response),
            Answer::Later(response) => OwedState::Later(response),
        };
        self.owed.push_back(Owed { state, manner });
    }

    pub(super) fn len(&self) -> usize {
        self.owed.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.owed.is_empty()
    }

    /// Whether the connection's last answer was encoded.
    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    /// Tells the client to go on, if it is told before any answer.
    pub(super) fn put_continue(&mut self) {
        self.out.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
    }

    /// Bytes of the answers that are ready, up to a bound; empty if the oldest is not.
    pub(super) fn encode(&mut self) -> &[u8] {
        while self.out.len() < WRITE && !self.ended {
            let Some(Owed { state, manner }) = self.owed.front_mut() else { break };
            let response = match state {
                OwedState::Ready(response) => std::mem::replace(response, Response::empty(Status::OK)),
                OwedState::Later(later) => match later.try_recv() {
                    Ok(response) => response,
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Closed) => abandoned(),
                },
            };
            encode(&mut self.out, &sound(response), *manner);
            self.ended = manner.close;
            self.owed.pop_front();
        }
        &self.out
    }

    /// Forgets the bytes, which were written.
    pub(super) fn written(&mut self) {
        self.out.clear();
        self.out.shrink_to(KEPT);
    }

    /// Waits until the oldest answer is ready; for ever if none is owed.
    pub(super) async fn ready(&mut self) {
        let Some(owed) = self.owed.front_mut() else { return pending().await };
        if let OwedState::Later(later) = &mut owed.state {
            let response = later.await.unwrap_or_else(|_| abandoned());
            owed.state = OwedState::Ready(response);
        }
    }
}

/// Two numbers of 20 digits and a dot.
const MAX_TXID_LEN: usize = 41;

/// One response as CCF writes it (`src/http/http_builder.h`): names in lower case, no `date` or `server`.
fn encode(out: &mut Vec<u8>, response: &Response, manner: Manner) {
    let reason = StatusCode::from_u16(response.status.0).ok().and_then(|status| status.canonical_reason());
    let mut status = itoa::Buffer::new();
    for part in ["HTTP/1.1 ", status.format(response.status.0), " ", reason.unwrap_or_default(), "\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
    if let Some(length) = content_length(response, manner.to_head) {
        put_field(out, "content-length", &length);
    }
    for (name, value) in fields(response) {
        put_field(out, name, value);
    }
    if let Some(txid) = response.txid {
        let mut text = String::with_capacity(MAX_TXID_LEN);
        txid.push_to(&mut text);
        put_field(out, TRANSACTION_ID, &text);
    }
    let wants_upgrade = response.status == UPGRADE_REQUIRED;
    if wants_upgrade {
        put_field(out, "upgrade", "websocket");
    }
    match (wants_upgrade, manner.close) {
        (true, true) => put_field(out, "connection", "upgrade, close"),
        (true, false) => put_field(out, "connection", "upgrade"),
        (false, true) => put_field(out, "connection", "close"),
        (false, false) => {}
    }
    out.extend_from_slice(b"\r\n");
    if !manner.to_head && has_body(response.status) {
        out.extend_from_slice(&response.body);
    }
}

fn put_field(out: &mut Vec<u8>, name: &str, value: &str) {
    for part in [name, ": ", value, "\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
}
