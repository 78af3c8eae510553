//! Requests that only the primary can answer: a backup forwards them as they came, with what it knows of who asks, and
//! passes on the answer. Behaviour and texts are CCF's (`src/node/rpc/{forwarder,frontend}.h`); the bytes are ours.

use std::collections::BTreeMap;

use bytes::Bytes;
use coco_app::{
    ClientCertificate, ErrorCode, Forwarding, Headers, InterfaceName, Method, Mode, Peer, Reject, Request,
    Response, Status, media,
};
use coco_boundary::Monotonic;
use coco_raft::NodeId;
use coco_wire::{Seqno, TxId, View as ViewNumber, peer::ForwardId};
use serde::{Deserialize, Serialize};

use crate::{
    call::Planned,
    view::{Lost, View},
};

/// Requests that may wait for another node.
const MAX_WAITING: usize = 10_000;
/// How long the answer of a primary that was replaced is still waited for: it may have executed what retires it.
const GRACE_MS: u64 = 250;

/// Requests of a backup that were forwarded and are not answered yet; an `R` is where the answer to one goes.
pub struct Forwards<R> {
    waiting: BTreeMap<ForwardId, Waiting<R>>,
    next: u64,
}

struct Waiting<R> {
    to: NodeId,
    reply: R,
    timeout_ms: u64,
    deadline: Monotonic,
    /// Since when it is known that another node leads, if that was so before the deadline.
    replaced: Option<Monotonic>,
}

/// A request between nodes.
#[derive(Debug, Serialize, Deserialize)]
struct Question {
    /// In which the session began: its writes are certain to be there as long as the same primary leads in it.
    view: u64,
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

impl<R> Default for Forwards<R> {
    fn default() -> Self {
        Self { waiting: BTreeMap::new(), next: 0 }
    }
}

impl<R> Forwards<R> {
    /// Has a request wait for the answer of `to`, for so long.
    ///
    /// # Errors
    /// If too many wait; where the answer was to go is handed back.
    pub fn wait(&mut self, to: NodeId, reply: R, timeout_ms: u64, now: Monotonic) -> Result<ForwardId, R> {
        if self.waiting.len() >= MAX_WAITING {
            return Err(reply);
        }
        let id = ForwardId(self.next);
        self.next += 1;
        let deadline = Monotonic(now.0.saturating_add(timeout_ms));
        self.waiting.insert(id, Waiting { to, reply, timeout_ms, deadline, replaced: None });
        Ok(id)
    }

    /// An answer came: yields where it goes, if the node that it came from was asked.
    pub fn answered(&mut self, from: NodeId, id: ForwardId) -> Option<R> {
        self.waiting.get(&id).filter(|waiting| waiting.to == from)?;
        self.waiting.remove(&id).map(|waiting| waiting.reply)
    }

    /// Gives up on what has waited long enough, and soon on what waits for a node that `leader` has replaced. Nobody
    /// knows whether it was executed, so it is never asked again.
    pub fn expire(&mut self, leader: Option<NodeId>, now: Monotonic) -> Vec<(R, Response)> {
        let given_up = self.waiting.extract_if(.., |_, waiting| {
            if leader.is_some_and(|leader| leader != waiting.to) {
                waiting.replaced.get_or_insert(now);
            }
            waiting.deadline <= now || waiting.is_given_up(now)
        });
        let told = given_up.map(|(_, waiting)| {
            let Waiting { to, timeout_ms, .. } = waiting;
            let text = if waiting.is_given_up(now) {
                format!("Request was forwarded to node {to}, which is no longer the primary")
            } else {
                format!(
                    "Request was forwarded to node {to}, but no response was received after {timeout_ms}ms"
                )
            };
            (waiting.reply, Response::with_body(Status::GATEWAY_TIMEOUT, media::TEXT, text.into_bytes()))
        });
        told.collect()
    }
}

impl<R> Waiting<R> {
    fn is_given_up(&self, now: Monotonic) -> bool {
        self.replaced.is_some_and(|at| now.since_ms(at) >= GRACE_MS)
    }
}

impl Planned {
    /// Whether a node that is not the primary sends it there; `earlier` says whether it did so with an earlier request
    /// of the session.
    #[must_use]
    pub fn is_forwarded(&self, earlier: bool) -> bool {
        match self.plan.forwarding {
            Forwarding::Always => true,
            Forwarding::Never => false,
            Forwarding::Sometimes => self.plan.mode == Mode::Execute || earlier,
        }
    }
}

/// A client's request as it is forwarded; `began` is the view of its session.
#[must_use]
pub fn question(request: &Request, peer: &Peer, began: ViewNumber) -> Vec<u8> {
    let headers = request.headers.iter();
    let question = Question {
        view: began.0,
        interface: peer.interface.as_str().to_owned(),
        certificate: peer.certificate.as_ref().map(|certificate| certificate.der.to_vec()),
        method: request.method,
        target: request.target().to_owned(),
        headers: headers.map(|(name, value)| (name.into(), value.into())).collect(),
        body: request.body.to_vec(),
    };
    postcard::to_allocvec(&question).expect("a request has a serialised form")
}

/// What a request asks for that a backup forwarded, or the answer to one that asks for nothing that can be done here.
/// None if it is no request.
#[must_use]
pub fn understand(view: &View, question: &[u8]) -> Option<Result<Planned, Response>> {
    let question: Question = postcard::from_bytes(question).ok()?;
    let (began, state) = (ViewNumber(question.view), view.state());
    let (request, peer) = question.into_request()?;
    if !state.primary {
        let text = "RPC was already forwarded.";
        let code = ErrorCode::RequestAlreadyForwarded;
        return Some(Err(Reject::new(Status::SERVICE_UNAVAILABLE, code, text).into()));
    }
    let now = state.consensus.view;
    if now != began {
        // The backup may not know yet that this node led before, and what it undid since.
        return Some(Err(Lost { began, now }.reject().into()));
    }
    Some(view.decode_forwarded(request, &peer))
}

/// The primary's answer as it is sent.
#[must_use]
pub fn reaction(response: Response) -> Vec<u8> {
    let headers = response.headers.into_iter();
    let reaction = Reaction {
        status: response.status.0,
        headers: headers.map(|(name, value)| (name.into_owned(), value.into_owned())).collect(),
        body: response.body,
        txid: response.txid.map(|txid| (txid.view.0, txid.seqno.0)),
        txid_at: response.txid_at,
    };
    postcard::to_allocvec(&reaction).expect("a response has a serialised form")
}

/// The primary's answer for the client; none if it is no answer.
#[must_use]
pub fn response(reaction: &[u8]) -> Option<Response> {
    let reaction: Reaction = postcard::from_bytes(reaction).ok()?;
    let headers = reaction.headers.into_iter();
    Some(Response {
        status: Status(reaction.status),
        headers: headers.map(|(name, value)| (name.into(), value.into())).collect(),
        txid: reaction.txid.map(|(view, seqno)| TxId { view: ViewNumber(view), seqno: Seqno(seqno) }),
        txid_at: reaction.txid_at.filter(|at| *at <= reaction.body.len()),
        body: reaction.body,
    })
}

impl Question {
    /// The request and who made it, unless the certificate is none.
    fn into_request(self) -> Option<(Request, Peer)> {
        let certificate = self.certificate.as_deref().map(ClientCertificate::from_der).transpose().ok()?;
        let headers = self.headers.iter().map(|(name, value)| (name.as_slice(), value.as_slice()));
        let headers = Headers::from_pairs(headers);
        let request = Request::new(self.method, self.target, headers, Bytes::from(self.body));
        Some((request, Peer { interface: InterfaceName::new(&self.interface), certificate, session: None }))
    }
}

#[cfg(test)]
mod tests;
