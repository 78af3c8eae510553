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
    /// When it is sent uncommitted.
    pub(super) deadline: Monotonic,
}

impl Waiters {
    pub(super) fn add(&self, waiter: Waiter) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.lock().entry(waiter.txid.seqno).or_default().push(waiter);
    }

    /// Sends what is decided or has waited long enough.
    pub(super) fn settle(&self, chain: &Chain, now: Monotonic) {
        if self.count.load(Ordering::Relaxed) == 0 {
            return;
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
        for waiter in settled {
            let response = match chain.status(waiter.txid) {
                TxStatus::Committed => waiter.response.header("preference-applied", "wait"),
                TxStatus::Pending | TxStatus::Unknown => waiter.response,
                TxStatus::Invalid => {
                    let text = "The transaction was lost to a change of the primary.";
                    let reject =
                        Reject::new(Status::SERVICE_UNAVAILABLE, ErrorCode::TransactionInvalid, text);
                    Response { txid: Some(waiter.txid), ..reject.into() }
                }
            };
            waiter.reply.send(response);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Seqno, Vec<Waiter>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
