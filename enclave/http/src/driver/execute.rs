//! Requests, executed in the order of their connections: light ones here and now, heavy ones on execution threads.

use std::sync::{Arc, Mutex};

use coco_app::{
    Call, ErrorCode, Freshness, Historical, Lookup, Mode, Peer, Reject, ReplyAt, Request, Response, Status,
    TxStatus, Weight,
};
use coco_boundary::{Full, Monotonic};
use coco_node::{Mount, Planned, Ran, Refusal, Write, view::Continuity};
use coco_wire::TxId;
use tokio::sync::oneshot;

use super::{
    Driver,
    others::lock,
    waiters::{Overdue, Reply, Waiter},
};
use crate::dispatch::{Answer, Batch, Session};

/// How often a transaction is executed before the client is told that others are always quicker.
const MAX_ATTEMPTS: usize = 30;
/// What clients are told to wait while the ledger is read, in seconds.
const RETRY_AFTER_S: &str = "3";
/// What clients are told to wait while all execution threads are busy and their queue is full, in seconds.
const CROWDED_RETRY_AFTER_S: &str = "1";

/// Most transactions that are given their places under one lock.
const MAX_SEQUENCED: usize = 256;

/// Batches of several connections, answered together.
pub(super) struct Turn<'a> {
    driver: &'a Driver,
    batches: &'a mut [Batch],
    /// Executed, without a place yet, in the order of their requests.
    pending: Vec<Pending>,
}

struct Pending {
    /// Index of its batch.
    batch: usize,
    planned: Planned,
    response: Response,
    write: Write,
}

impl<'a> Turn<'a> {
    pub(super) fn new(driver: &'a Driver, batches: &'a mut [Batch]) -> Self {
        Self { driver, batches, pending: Vec::new() }
    }

    pub(super) fn run(mut self) {
        for batch in 0..self.batches.len() {
            let mut requests = std::mem::take(&mut self.batches[batch].requests);
            for request in requests.drain(..) {
                if let Some(answer) = self.one(batch, request) {
                    self.batches[batch].answers.push(answer);
                }
            }
            // Its room is used again.
            self.batches[batch].requests = requests;
        }
        self.sequence();
        self.driver.ask_to_read();
        self.driver.perform_reads();
    }

    /// Executes a request. A write that waits for its place is answered when it has it, and so before whatever its
    /// connection asked for next.
    fn one(&mut self, batch: usize, request: Request) -> Option<Answer> {
        let forwardable = self.driver.is_backup().then(|| request.clone());
        let planned = match self.plan(batch, request) {
            Ok(planned) => planned,
            Err(answer) => {
                self.sequence_before(batch);
                return Some(answer);
            }
        };
        let session = &mut self.batches[batch].session;
        if let Some(request) = forwardable
            && self.driver.is_forwarded(&planned, session)
        {
            return Some(self.driver.forward(session, &request, planned.plan.reply_at));
        }
        let light_write = planned.plan.mode == Mode::Execute
            && planned.plan.weight == Weight::Light
            && planned.plan.calls.len() == 1
            && planned.mount != Mount::Node;
        if !light_write {
            // It may have to see what the requests before it wrote.
            self.sequence_before(batch);
            return Some(self.driver.answer(planned, &self.batches[batch].session.peer));
        }
        let Ran { response, write, .. } = self.driver.run_write(planned.mount, &planned.plan.calls[0]);
        if let Some(write) = write {
            self.pending.push(Pending { batch, planned, response, write });
            return None;
        }
        self.sequence_before(batch);
        Some(Answer::Ready(response))
    }

    fn plan(&mut self, batch: usize, request: Request) -> Result<Planned, Answer> {
        let session = &mut self.batches[batch].session;
        let view = &self.driver.0.view;
        if let Some(lost) = continuity_lost(session, view.shared.state.load().continuity()) {
            return Err(lost);
        }
        view.decode(request, &session.peer).map_err(Answer::Ready)
    }

    /// Gives its place to what the same connection asked for before.
    fn sequence_before(&mut self, batch: usize) {
        if self.pending.last().is_some_and(|last| last.batch == batch) {
            self.sequence();
        }
    }

    /// Gives the executed transactions their places, many under one lock. A connection's transactions are executed
    /// again one by one, in their order, from its first conflict on.
    fn sequence(&mut self) {
        let mut pending = std::mem::take(&mut self.pending);
        let mut conflicted = None;
        while !pending.is_empty() {
            let rest = pending.split_off(pending.len().min(MAX_SEQUENCED));
            let backlogged = self.driver.is_backlogged();
            let outcomes: Vec<_> = self.driver.with_core(|core, out| {
                let place = |it: &Pending| match conflicted {
                    Some(batch) if batch == it.batch => Err(Refusal::Conflict),
                    _ if backlogged => Err(Refusal::Full),
                    _ => core.sequence(&it.write).inspect_err(|&refusal| {
                        if refusal == Refusal::Conflict {
                            conflicted = Some(it.batch);
                        }
                    }),
                };
                let outcomes = pending.iter().map(place).collect();
                core.flush(out);
                outcomes
            });
            for (it, outcome) in pending.into_iter().zip(outcomes) {
                let answer = match outcome {
                    Ok(txid) => self.driver.placed(&it.planned, it.response, txid),
                    Err(Refusal::Conflict) => {
                        let response = self.driver.execute(it.planned.mount, &it.planned.plan.calls[0]);
                        self.driver.reply(&it.planned, response)
                    }
                    Err(refusal) => Answer::Ready(refused(refusal)),
                };
                self.batches[it.batch].answers.push(answer);
            }
            pending = rest;
        }
    }
}

/// A session sees its own writes. If the primary changed since it began, or lost its majority, that is no longer certain.
fn continuity_lost(session: &mut Session, current: Continuity) -> Option<Answer> {
    let lost = session.began.get_or_insert(current).follow(current).err()?;
    Some(Answer::Close(lost.reject().into()))
}

impl Driver {
    /// Answers anything but a light write to whoever is at the other end.
    fn answer(&self, planned: Planned, peer: &Peer) -> Answer {
        if let Freshness::Linearizable { within_ms } = planned.plan.freshness {
            let (reply, answer) = oneshot::channel();
            self.read_later(planned, within_ms, Reply::Session(reply));
            return Answer::Later(answer);
        }
        let historical = match planned.plan.mode {
            Mode::Historical(txid) => match self.historical(txid) {
                Ok(historical) => Some(historical),
                Err(response) => return Answer::Ready(response),
            },
            Mode::Execute | Mode::Query | Mode::QueryCommitted => None,
        };
        if planned.mount == Mount::Node
            && planned.plan.mode == Mode::Query
            && let [call] = &planned.plan.calls[..]
        {
            return self.answer_of_node(&planned, call, peer.session.as_ref());
        }
        if planned.plan.weight == Weight::Light {
            let response = self.run_all(&planned, historical.as_ref());
            return self.reply(&planned, response);
        }
        let (reply, answer) = oneshot::channel();
        self.run_heavy(planned.kind(), Reply::Session(reply), move |driver, reply| {
            let response = driver.run_all(&planned, historical.as_ref());
            driver.perform_reads();
            driver.reply_to(&planned, response, reply);
        });
        Answer::Later(answer)
    }

    /// Has an execution thread do `work` for calls of a kind, which answers. If too many calls wait for one, the answer
    /// says so.
    pub(super) fn run_heavy(
        &self,
        kind: Option<Arc<str>>,
        reply: Reply,
        work: impl FnOnce(&Self, Reply) + Send + 'static,
    ) {
        // Whoever takes the reply sends it: the thread, or this function if there will be none.
        let reply = Arc::new(Mutex::new(Some(reply)));
        let (driver, taken) = (self.clone(), Arc::clone(&reply));
        let work = Box::new(move || {
            let taken = lock(&taken).take();
            if let Some(reply) = taken {
                work(&driver, reply);
            }
        });
        let spawned = match kind {
            Some(kind) => self.0.resources.heavy.spawn_of(&kind, work),
            None => self.0.resources.heavy.spawn(work),
        };
        if let Err(Full(_)) = spawned
            && let Some(reply) = lock(&reply).take()
        {
            let text = "Too many calls wait for an execution thread.";
            let code = ErrorCode::TooManyPendingTransactions;
            let reject = Reject::new(Status::SERVICE_UNAVAILABLE, code, text);
            reply.send(Response::from(reject).header("retry-after", CROWDED_RETRY_AFTER_S));
        }
    }

    /// Runs the calls of a message in order and makes its answer.
    pub(super) fn run_all(&self, planned: &Planned, historical: Option<&Arc<Historical>>) -> Response {
        let mode = planned.plan.mode;
        self.show(planned);
        let adapter = self.0.view.mounts.adapter(planned.mount);
        let calls = &planned.plan.calls;
        let query = |call, mode| self.0.view.run(planned.mount, call, mode, historical.cloned()).response;
        let replies = calls.iter().map(|call| match mode {
            Mode::Execute if adapter.only_reads(call) => query(call, Mode::QueryCommitted),
            Mode::Execute => self.execute(planned.mount, call),
            Mode::Query | Mode::QueryCommitted | Mode::Historical(_) => query(call, mode),
        });
        adapter.encode(calls, replies.collect())
    }

    /// Executes a call on the state last published, which may lack the latest transactions. What it read is checked when
    /// it is given its place; if it wants no place, its answer must not rest on an old state.
    fn run_write(&self, mount: Mount, call: &Call) -> Ran {
        let ran = self.0.view.run(mount, call, Mode::Execute, None);
        if ran.write.is_none() && self.refresh() {
            return self.0.view.run(mount, call, Mode::Execute, None);
        }
        ran
    }

    /// Executes a call until it has its place.
    pub(super) fn execute(&self, mount: Mount, call: &Call) -> Response {
        for _ in 0..MAX_ATTEMPTS {
            self.refresh();
            let Ran { response, write, .. } = self.0.view.run(mount, call, Mode::Execute, None);
            let Some(write) = write else { return response };
            if self.is_backlogged() {
                return refused(Refusal::Full);
            }
            let placed = self.with_core(|core, out| {
                let placed = core.sequence(&write);
                core.flush(out);
                placed
            });
            match placed {
                Ok(txid) => return Response { txid: Some(txid), ..response },
                Err(Refusal::Conflict) => {}
                Err(refusal) => return refused(refusal),
            }
        }
        let text = format!("Transaction continued to conflict after {MAX_ATTEMPTS} attempts. Retry later.");
        let code = ErrorCode::TransactionCommitAttemptsExceedLimit;
        Reject::new(Status::SERVICE_UNAVAILABLE, code, text).into()
    }

    fn placed(&self, planned: &Planned, response: Response, txid: TxId) -> Answer {
        let placed = Response { txid: Some(txid), ..response };
        let adapter = self.0.view.mounts.adapter(planned.mount);
        let response = adapter.encode(&planned.plan.calls, vec![placed]);
        self.reply(planned, Response { txid: Some(txid), ..response })
    }

    /// The answer, now or at commit.
    pub(super) fn reply(&self, planned: &Planned, response: Response) -> Answer {
        if planned.plan.reply_at == ReplyAt::Execution {
            return Answer::Ready(response);
        }
        let (reply, answer) = oneshot::channel();
        self.reply_to(planned, response, Reply::Session(reply));
        Answer::Later(answer)
    }

    /// Sends the answer to a write at commit if that was asked for, and any other at once.
    pub(super) fn reply_to(&self, planned: &Planned, response: Response, reply: Reply) {
        let shared = &self.0.view.shared;
        let written = response.txid.filter(|_| planned.plan.mode == Mode::Execute);
        let (within_ms, overdue) = match planned.plan.reply_at {
            ReplyAt::Execution => return reply.send(response),
            ReplyAt::Commit { within_ms } => (within_ms, Overdue::Answer),
            ReplyAt::CommitOnly { within_ms } => (within_ms, Overdue::Error),
        };
        let Some(txid) = written else { return reply.send(response) };
        let deadline = Monotonic(shared.clock.now().0.saturating_add(within_ms));
        let then = planned.plan.then.clone().map(|call| planned.asking(call));
        self.0.waiters.add(Waiter { txid, response, reply, deadline, overdue, then });
        // It may have been committed before it was added.
        self.settle();
    }

    /// The committed transaction that a call reads, or the answer while there is none.
    pub(super) fn historical(&self, txid: TxId) -> Result<Arc<Historical>, Response> {
        let shared = &self.0.view.shared;
        let chain = &shared.state.load().chain;
        let refuse = |code, text: String| Err(Reject::new(Status::NOT_FOUND, code, text).into());
        match chain.status(txid) {
            TxStatus::Committed => {}
            TxStatus::Invalid => {
                return refuse(ErrorCode::TransactionInvalid, format!("Transaction {txid} is invalid."));
            }
            TxStatus::Pending | TxStatus::Unknown => {
                let text = format!("Transaction {txid} is not available.");
                return refuse(ErrorCode::TransactionPendingOrUnknown, text);
            }
        }
        match shared.history.lookup(chain, &[txid.seqno], shared.clock.now())? {
            Lookup::Found(mut found) => Ok(found.remove(0)),
            Lookup::Loading => Err(Response::with_body(
                Status::ACCEPTED,
                coco_app::media::TEXT,
                format!("Historical transaction {txid} is not currently available.").into_bytes(),
            )
            .header("retry-after", RETRY_AFTER_S)),
        }
    }
}

fn refused(refusal: Refusal) -> Response {
    let (status, code, text) = match refusal {
        Refusal::Full => (
            Status::SERVICE_UNAVAILABLE,
            ErrorCode::TooManyPendingTransactions,
            "Too many transactions pending commit on the service.",
        ),
        Refusal::NotPrimary => (
            Status::SERVICE_UNAVAILABLE,
            ErrorCode::PrimaryNotFound,
            "The primary is not known to this node.",
        ),
        Refusal::TooLarge => (
            Status::CONTENT_TOO_LARGE,
            ErrorCode::RequestBodyTooLarge,
            "The transaction writes more than a ledger entry holds.",
        ),
        Refusal::Malformed => (
            Status::INTERNAL_SERVER_ERROR,
            ErrorCode::InternalError,
            "The transaction writes a malformed row of nodes.",
        ),
        Refusal::Conflict => (
            Status::SERVICE_UNAVAILABLE,
            ErrorCode::TransactionCommitAttemptsExceedLimit,
            "The transaction conflicts with another one.",
        ),
    };
    Reject::new(status, code, text).into()
}
