//! Requests that only the primary can answer: a backup forwards them as they came, with what it knows of who asks, and
//! passes on the answer. Behaviour and texts are CCF's (`src/node/rpc/{forwarder,frontend}.h`); the bytes are ours.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use coco_app::{
    ClientCertificate, ErrorCode, Forwarding, Freshness, Headers, InterfaceName, Method, Mode, Peer, Plan,
    Reject, Request, Response, Status, Weight, media,
};
use coco_boundary::Monotonic;
use coco_node::Planned;
use coco_raft::NodeId;
use coco_wire::{Seqno, TxId, View, peer::ForwardId};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::{Driver, others::lock, waiters::Reply};
use crate::dispatch::{Answer, Session};

/// Requests that may wait for another node.
const MAX_WAITING: usize = 10_000;
/// How long one may take unless the interface says otherwise, as in CCF.
const TIMEOUT_MS: u64 = 3_000;

/// Requests forwarded and not answered yet.
#[derive(Default)]
pub(super) struct Forwards {
    waiting: Mutex<BTreeMap<ForwardId, Waiting>>,
    next: AtomicU64,
}

struct Waiting {
    to: NodeId,
    reply: oneshot::Sender<Response>,
    timeout_ms: u64,
    deadline: Monotonic,
}

/// A request between nodes.
#[derive(Debug, Serialize, Deserialize)]
struct Question {
    interface: String,
    certificate: Option<Vec<u8>>,
    method: Method,
    target: String,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    body: Vec<u8>,
}

/// Its answer.
#[derive(Debug, Serialize, Deserialize)]
struct Reaction {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    txid: Option<(u64, u64)>,
    txid_at: Option<usize>,
}

impl Question {
    fn of(request: &Request, peer: &Peer) -> Self {
        let headers = request.headers.iter();
        Self {
            interface: peer.interface.as_str().to_owned(),
            certificate: peer.certificate.as_ref().map(|certificate| certificate.der.to_vec()),
            method: request.method,
            target: request.target().to_owned(),
            headers: headers.map(|(name, value)| (name.into(), value.into())).collect(),
            body: request.body.to_vec(),
        }
    }

    /// The request and who made it, unless the certificate is none.
    fn into_request(self) -> Option<(Request, Peer)> {
        let certificate = self.certificate.as_deref().map(ClientCertificate::from_der).transpose().ok()?;
        let headers = self.headers.iter().map(|(name, value)| (name.as_slice(), value.as_slice()));
        let headers = Headers::from_pairs(headers);
        let request = Request::new(self.method, self.target, headers, Bytes::from(self.body));
        Some((request, Peer { interface: InterfaceName::new(&self.interface), certificate }))
    }
}

impl From<Response> for Reaction {
    fn from(response: Response) -> Self {
        let headers = response.headers.into_iter();
        Self {
            status: response.status.0,
            headers: headers.map(|(name, value)| (name.into_owned(), value.into_owned())).collect(),
            body: response.body,
            txid: response.txid.map(|txid| (txid.view.0, txid.seqno.0)),
            txid_at: response.txid_at,
        }
    }
}

impl Reaction {
    fn into_response(self) -> Response {
        let headers = self.headers.into_iter();
        Response {
            status: Status(self.status),
            headers: headers.map(|(name, value)| (name.into(), value.into())).collect(),
            txid: self.txid.map(|(view, seqno)| TxId { view: View(view), seqno: Seqno(seqno) }),
            txid_at: self.txid_at.filter(|at| *at <= self.body.len()),
            body: self.body,
        }
    }
}

impl Forwards {
    /// Gives up on what has waited long enough, and on what waits for a node that `leader` has replaced.
    pub(super) fn expire(&self, leader: Option<NodeId>, now: Monotonic) {
        let is_replaced = |to: NodeId| leader.is_some_and(|leader| leader != to);
        let given_up: Vec<_> = lock(&self.waiting)
            .extract_if(.., |_, waiting| waiting.deadline <= now || is_replaced(waiting.to))
            .collect();
        for (_, Waiting { to, reply, timeout_ms, deadline }) in given_up {
            let text = if deadline <= now {
                format!(
                    "Request was forwarded to node {to}, but no response was received after {timeout_ms}ms"
                )
            } else {
                format!("Request was forwarded to node {to}, which is no longer the primary")
            };
            // A client that went away is not told.
            drop(reply.send(Response::with_body(Status::GATEWAY_TIMEOUT, media::TEXT, text.into_bytes())));
        }
    }
}

impl Driver {
    /// Whether a node that is not the primary sends such a request there.
    pub(super) fn is_forwarded(&self, plan: &Plan, session: &Session) -> bool {
        if self.0.view.mounts.redirections.contains_key(&session.peer.interface) {
            return false;
        }
        match plan.forwarding {
            Forwarding::Always => true,
            Forwarding::Never => false,
            Forwarding::Sometimes => plan.mode == Mode::Execute || session.forwarded,
        }
    }

    /// Sends a request to the primary.
    pub(super) fn forward(&self, session: &mut Session, request: &Request) -> Answer {
        let shared = &self.0.view.shared;
        let Some(to) = shared.state.load().consensus.leader.filter(|leader| *leader != shared.keys.node_id)
        else {
            return Answer::Ready(unforwarded("RPC could not be forwarded to unknown primary."));
        };
        session.forwarded = true;
        let forwards = &self.0.forwards;
        let (reply, answer) = oneshot::channel();
        let id = ForwardId(forwards.next.fetch_add(1, Ordering::Relaxed));
        {
            let mut waiting = lock(&forwards.waiting);
            if waiting.len() >= MAX_WAITING {
                return Answer::Ready(unforwarded("Too many requests wait for the primary."));
            }
            let timeouts = &self.0.resources.forwarding_timeouts;
            let timeout_ms = timeouts.get(&session.peer.interface).copied().unwrap_or(TIMEOUT_MS);
            let deadline = Monotonic(shared.clock.now().0.saturating_add(timeout_ms));
            waiting.insert(id, Waiting { to, reply, timeout_ms, deadline });
        }
        let question = Question::of(request, &session.peer);
        let body = postcard::to_allocvec(&question).expect("a request has a serialised form");
        self.with_peers(|peers, out| {
            peers.forward(to, id, &body, out);
        });
        Answer::Later(answer)
    }

    /// A request that a backup forwarded.
    pub(super) fn forwarded(&self, from: NodeId, id: ForwardId, body: &[u8]) {
        let Some((request, peer)) =
            postcard::from_bytes(body).ok().and_then(|question: Question| question.into_request())
        else {
            return;
        };
        let reply = Reply::Node { driver: self.clone(), to: from, id };
        let view = &self.0.view;
        if !view.state().primary {
            let text = "RPC was already forwarded.";
            let code = ErrorCode::RequestAlreadyForwarded;
            return reply.send(Reject::new(Status::SERVICE_UNAVAILABLE, code, text).into());
        }
        let planned = match view.decode_forwarded(request, &peer) {
            Ok(planned) => planned,
            Err(response) => return reply.send(response),
        };
        if let Freshness::Linearizable { within_ms } = planned.plan.freshness {
            self.read_later(planned, within_ms, reply);
            return self.ask_to_read();
        }
        if planned.plan.weight == Weight::Light {
            return self.run_forwarded(&planned, reply);
        }
        self.run_heavy(reply, move |driver, reply| driver.run_forwarded(&planned, reply));
    }

    fn run_forwarded(&self, planned: &Planned, reply: Reply) {
        let historical = match planned.plan.mode {
            Mode::Historical(txid) => match self.historical(txid) {
                Ok(historical) => Some(historical),
                Err(response) => return reply.send(response),
            },
            Mode::Execute | Mode::Query | Mode::QueryCommitted => None,
        };
        let response = self.run_all(planned, historical.as_ref());
        self.perform_reads();
        self.reply_to(planned, response, reply);
    }

    /// Answers a node that forwarded a request.
    pub(super) fn answer_node(&self, to: NodeId, id: ForwardId, response: Response) {
        let body =
            postcard::to_allocvec(&Reaction::from(response)).expect("a response has a serialised form");
        self.with_peers(|peers, out| {
            peers.answer(to, id, &body, out);
        });
    }

    /// The primary's answer.
    pub(super) fn answered(&self, from: NodeId, id: ForwardId, body: &[u8]) {
        let Ok(reaction) = postcard::from_bytes::<Reaction>(body) else { return };
        let mut waiting = lock(&self.0.forwards.waiting);
        if waiting.get(&id).is_some_and(|waiting| waiting.to == from)
            && let Some(Waiting { reply, .. }) = waiting.remove(&id)
        {
            // A client that went away is not told.
            drop(reply.send(reaction.into_response()));
        }
    }
}

fn unforwarded(text: &'static str) -> Response {
    Reject::new(Status::SERVICE_UNAVAILABLE, ErrorCode::PrimaryNotFound, text).into()
}
