//! Requests that another node answers: forwarded by a backup, executed by the primary (see [`coco_node::forward`]).

use coco_app::{ErrorCode, Freshness, Mode, Reject, ReplyAt, Request, Response, Status, Weight};
use coco_boundary::Monotonic;
use coco_node::{
    Planned,
    forward::{self, Forwards},
};
use coco_raft::NodeId;
use coco_wire::peer::ForwardId;
use tokio::sync::oneshot;

use super::{
    Driver,
    others::lock,
    waiters::{Overdue, Reply, Waiter},
};
use crate::dispatch::{Answer, Session};

/// How long a request may take that is forwarded, unless its interface says otherwise, as in CCF.
const TIMEOUT_MS: u64 = 3_000;

/// Requests forwarded and not answered yet, and when they are answered.
pub(super) type Forwarded = Forwards<(oneshot::Sender<Response>, ReplyAt)>;

impl Driver {
    /// Whether a node that is not the primary sends such a request there.
    pub(super) fn is_forwarded(&self, planned: &Planned, session: &Session) -> bool {
        let redirects = self.0.view.mounts.redirections.contains_key(&session.peer.interface);
        !redirects && planned.is_forwarded(session.forwarded)
    }

    /// Sends a request to the primary.
    pub(super) fn forward(&self, session: &mut Session, request: &Request, reply_at: ReplyAt) -> Answer {
        let shared = &self.0.view.shared;
        let Some(to) = shared.state.load().consensus.leader.filter(|leader| *leader != shared.keys.node_id)
        else {
            return Answer::Ready(unforwarded("RPC could not be forwarded to unknown primary."));
        };
        let began = session.began.map(|began| began.view()).unwrap_or_default();
        session.forwarded = true;
        let (reply, answer) = oneshot::channel();
        let timeouts = &self.0.resources.forwarding_timeouts;
        let timeout_ms = timeouts.get(&session.peer.interface).copied().unwrap_or(TIMEOUT_MS);
        let Ok(id) = lock(&self.0.forwards).wait(to, (reply, reply_at), timeout_ms, shared.clock.now())
        else {
            return Answer::Ready(unforwarded("Too many requests wait for the primary."));
        };
        let question = forward::question(request, &session.peer, began);
        self.with_peers(|peers, out| {
            peers.forward(to, id, &question, out);
        });
        Answer::Later(answer)
    }

    /// Gives up on requests that nobody will answer any more.
    pub(super) fn expire_forwards(&self) {
        let shared = &self.0.view.shared;
        let leader = shared.state.load().consensus.leader;
        let expired = lock(&self.0.forwards).expire(leader, shared.clock.now());
        for ((reply, _), response) in expired {
            // A client that went away is not told.
            drop(reply.send(response));
        }
    }

    /// A request that a backup forwarded.
    pub(super) fn forwarded(&self, from: NodeId, id: ForwardId, question: &[u8]) {
        let Some(planned) = forward::understand(&self.0.view, question) else { return };
        let reply = Reply::Node { driver: self.clone(), to: from, id };
        let planned = match planned {
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
        self.run_heavy(planned.kind(), reply, move |driver, reply| driver.run_forwarded(&planned, reply));
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
        let reaction = forward::reaction(response);
        self.with_peers(|peers, out| {
            peers.answer(to, id, &reaction, out);
        });
    }

    /// The primary's answer.
    pub(super) fn answered(&self, from: NodeId, id: ForwardId, reaction: &[u8]) {
        let Some(response) = forward::response(reaction) else { return };
        let waiting = lock(&self.0.forwards).answered(from, id);
        let Some((reply, reply_at)) = waiting else { return };
        let reply = Reply::Session(reply);
        let (ReplyAt::CommitOnly { within_ms }, Some(txid)) = (reply_at, response.txid) else {
            return reply.send(response);
        };
        // Whoever asks this node next is to find what they wrote.
        let deadline = Monotonic(self.0.view.shared.clock.now().0.saturating_add(within_ms));
        let overdue = Overdue::Committed;
        self.0.waiters.add(Waiter { txid, response, reply, deadline, overdue, then: None });
        self.settle();
    }
}

fn unforwarded(text: &'static str) -> Response {
    Reject::new(Status::SERVICE_UNAVAILABLE, ErrorCode::PrimaryNotFound, text).into()
}
