//! Replies that wait for their transaction to be committed.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use coco_app::{Chain, ErrorCode, Reject, Response, Status, TxStatus};
use coco_boundary::Monotonic;
use coco_node::Planned;
use coco_raft::NodeId;
use coco_wire::{Seqno, TxId, peer::ForwardId};
use tokio::sync::oneshot;

use super::Driver;

/// Where an answer goes.
pub(super) enum Reply {
    /// To a connection of this node.
    Session(oneshot::Sender<Response>),
    /// To a node that forwarded the request.
    Node { driver: Driver, to: NodeId, id: ForwardId },
}

impl Reply {
    pub(super) fn send(self, response: Response) {
        match self {
            // A client that went away is not told.
            Self::Session(reply) => drop(reply.send(response)),
            Self::Node { driver, to, id } => driver.answer_node(to, id, response),
        }
    }
}

/// All waiting replies, by the place of their transaction.
#[derive(Default)]
pub(super) struct Waiters {
    waiting: Mutex<BTreeMap<Seqno, Vec<Waiter>>>,
    count: AtomicUsize,
}

/// One reply.
pub(super) struct Waiter {
    pub(super) txid: TxId,
    pub(super) response: Response,
    pub(super) reply: Reply,
    /// When it is sent uncommitted, or an error in its place.
    pub(super) deadline: Monotonic,
    pub(super) overdue: Overdue,
    /// What is asked then, and answers in its place.
    pub(super) then: Option<Planned>,
}

/// What is sent when the transaction is not committed in time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Overdue {
    /// The answer all the same.
    Answer,
    /// That it is not known whether it ever will be.
    Error,
    /// The answer: the primary knows that it is committed, and this node will.
    Committed,
}

impl Waiters {
    pub(super) fn add(&self, waiter: Waiter) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.lock().entry(waiter.txid.seqno).or_default().push(waiter);
    }

    /// Takes what is decided or has waited long enough.
    fn settled(&self, chain: &Chain, now: Monotonic) -> Vec<Waiter> {
        if self.count.load(Ordering::Relaxed) == 0 {
            return Vec::new();
        }
        let mut settled = Vec::new();
        {
            let mut waiting = self.lock();
            let later = waiting.split_off(&chain.committed.seqno.next());
            settled.extend(std::mem::replace(&mut *waiting, later).into_values().flatten());
            waiting.retain(|_, waiters| {
                settled.extend(waiters.extract_if(.., |waiter| {
                    waiter.deadline <= now || chain.status(waiter.txid) == TxStatus::Invalid
                }));
                !waiters.is_empty()
            });
        }
        self.count.fetch_sub(settled.len(), Ordering::Relaxed);
        settled
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Seqno, Vec<Waiter>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Driver {
    /// Sends the answers whose transactions are decided, or that have waited long enough.
    pub(super) fn settle(&self) {
        let shared = &self.0.view.shared;
        let chain = &shared.state.load().chain;
        for waiter in self.0.waiters.settled(chain, shared.clock.now()) {
            let Waiter { txid, response, reply, overdue, then, .. } = waiter;
            let unavailable = |code, text| {
                let reject = Reject::new(Status::SERVICE_UNAVAILABLE, code, text);
                Response { txid: Some(txid), ..reject.into() }
            };
            reply.send(match (chain.status(txid), then, overdue) {
                (TxStatus::Committed, Some(then), _) => self.run_all(&then, None),
                (TxStatus::Committed, None, Overdue::Answer) => response.header("preference-applied", "wait"),
                (TxStatus::Committed, None, _) | (_, _, Overdue::Committed) => response,
                (TxStatus::Pending | TxStatus::Unknown, _, Overdue::Answer) => response,
                (TxStatus::Pending | TxStatus::Unknown, _, Overdue::Error) => unavailable(
                    ErrorCode::TransactionPendingOrUnknown,
                    "The transaction was executed, but not committed in time; it may be committed later.",
                ),
                (TxStatus::Invalid, ..) => unavailable(
                    ErrorCode::TransactionInvalid,
                    "The transaction was lost to a change of the primary.",
                ),
            });
        }
    }
}
