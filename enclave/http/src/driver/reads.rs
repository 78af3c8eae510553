//! Reads that must miss nothing that was committed before they were asked for (see [`coco_node::reads`]).

use std::{
    mem,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use coco_app::{ErrorCode, Reject, Status, Weight};
use coco_boundary::Monotonic;
use coco_node::{Planned, Readable, reads};
use coco_raft::ReadId;

use super::{Driver, others::lock, waiters::Reply};

/// All that wait.
#[derive(Default)]
pub(super) struct Reads {
    queues: Mutex<Queues>,
    /// How many, for those who need not lock.
    count: AtomicUsize,
}

#[derive(Default)]
struct Queues {
    waiting: reads::Reads<Waiting>,
    /// Somebody is about to ask.
    asking: bool,
}

struct Waiting {
    planned: Planned,
    reply: Reply,
}

impl Driver {
    /// Answers a read once it is certain that nothing is missed. [`Driver::ask_to_read`] is called afterwards.
    pub(super) fn read_later(&self, planned: Planned, within_ms: u64, reply: Reply) {
        let deadline = Monotonic((self.0.resources.clock)().0.0.saturating_add(within_ms));
        let reads = &self.0.reads;
        let refused = {
            let mut queues = lock(&reads.queues);
            let refused = queues.waiting.wait(Waiting { planned, reply }, deadline);
            reads.count.store(queues.waiting.len(), Ordering::Relaxed);
            refused
        };
        if let Err(Waiting { reply, .. }) = refused {
            let text = "Too many reads wait for the primary.";
            let code = ErrorCode::TooManyPendingTransactions;
            reply.send(Reject::new(Status::SERVICE_UNAVAILABLE, code, text).into());
        }
    }

    /// Asks for what waits, if no question is open.
    pub(super) fn ask_to_read(&self) {
        let reads = &self.0.reads;
        if reads.count.load(Ordering::Relaxed) == 0 || mem::replace(&mut lock(&reads.queues).asking, true) {
            return;
        }
        loop {
            let next = {
                let mut queues = lock(&reads.queues);
                let next = queues.waiting.next_question((self.0.resources.clock)().0);
                queues.asking = next.is_some();
                next
            };
            let Some(id) = next else { return };
            self.with_core(|core, out| core.read(id, out));
        }
    }

    /// A question was answered.
    pub(super) fn read_settled(&self, id: ReadId, readable: Readable) {
        let reads = &self.0.reads;
        let answered = {
            let mut queues = lock(&reads.queues);
            let answered = queues.waiting.settled(id, readable, self.0.view.shared.clock.now());
            reads.count.store(queues.waiting.len(), Ordering::Relaxed);
            answered
        };
        for Waiting { planned, reply } in answered {
            self.read_now(planned, reply);
        }
        if readable == Readable::Yes {
            self.ask_to_read();
        }
    }

    /// Asks again for what got no answer, and gives up on what has waited long enough.
    pub(super) fn tick_reads(&self) {
        let reads = &self.0.reads;
        if reads.count.load(Ordering::Relaxed) == 0 {
            return;
        }
        let expired = {
            let mut queues = lock(&reads.queues);
            let expired = queues.waiting.tick(self.0.view.shared.clock.now());
            reads.count.store(queues.waiting.len(), Ordering::Relaxed);
            expired
        };
        for Waiting { reply, .. } in expired {
            let text = "No primary confirmed in time that this read would miss nothing.";
            reply.send(Reject::new(Status::SERVICE_UNAVAILABLE, ErrorCode::PrimaryNotFound, text).into());
        }
        self.ask_to_read();
    }

    fn read_now(&self, planned: Planned, reply: Reply) {
        if planned.plan.weight == Weight::Light {
            return self.run_read(&planned, reply);
        }
        self.run_heavy(planned.kind(), reply, move |driver, reply| driver.run_read(&planned, reply));
    }

    fn run_read(&self, planned: &Planned, reply: Reply) {
        let response = self.run_all(planned, None);
        self.perform_reads();
        reply.send(response.header("preference-applied", "consistency=linearizable"));
    }
}
