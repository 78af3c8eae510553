//! Reads that must miss nothing that was committed before they were asked for.
//!
//! All that came since the last question wait for the answer to the next one: one question of consensus serves them all.

use std::{
    mem,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use coco_app::{ErrorCode, Reject, Status, Weight};
use coco_boundary::Monotonic;
use coco_node::{Planned, Readable};
use coco_raft::ReadId;

use super::{Driver, others::lock, waiters::Reply};

/// Reads that may wait.
const MAX_WAITING: usize = 10_000;
/// When a question that is not answered is asked again, in milliseconds: messages get lost, and primaries.
const PATIENCE_MS: u64 = 500;

/// All that wait.
#[derive(Default)]
pub(super) struct Reads {
    queues: Mutex<Queues>,
    /// How many, for those who need not lock.
    count: AtomicUsize,
}

#[derive(Default)]
struct Queues {
    /// Came since the last question.
    new: Vec<Waiting>,
    /// The question that is not answered yet.
    asked: Option<Asked>,
    questions: u64,
    /// No question before this time: the last one could not be answered.
    not_before: Monotonic,
    /// Somebody is about to ask.
    asking: bool,
}

struct Asked {
    id: ReadId,
    at: Monotonic,
    reads: Vec<Waiting>,
}

struct Waiting {
    planned: Planned,
    reply: Reply,
    deadline: Monotonic,
}

impl Queues {
    /// Takes back what was asked, to be asked again.
    fn retract(&mut self) {
        if let Some(asked) = self.asked.take() {
            let new = mem::replace(&mut self.new, asked.reads);
            self.new.extend(new);
        }
    }

    /// The next question, if there is one to ask now.
    fn next(&mut self, now: Monotonic) -> Option<ReadId> {
        if self.asked.is_some() || self.new.is_empty() || now < self.not_before {
            return None;
        }
        let id = ReadId(self.questions);
        self.questions += 1;
        self.asked = Some(Asked { id, at: now, reads: mem::take(&mut self.new) });
        Some(id)
    }

    fn expire(&mut self, now: Monotonic) -> Vec<Waiting> {
        let asked = self.asked.as_mut().map(|asked| &mut asked.reads);
        asked
            .into_iter()
            .chain([&mut self.new])
            .flat_map(|reads| reads.extract_if(.., |read| read.deadline <= now).collect::<Vec<_>>())
            .collect()
    }
}

impl Driver {
    /// Answers a read once it is certain that nothing is missed. [`Driver::ask_to_read`] is called afterwards.
    pub(super) fn read_later(&self, planned: Planned, within_ms: u64, reply: Reply) {
        let reads = &self.0.reads;
        if reads.count.fetch_add(1, Ordering::Relaxed) >= MAX_WAITING {
            reads.count.fetch_sub(1, Ordering::Relaxed);
            let text = "Too many reads wait for the primary.";
            let code = ErrorCode::TooManyPendingTransactions;
            return reply.send(Reject::new(Status::SERVICE_UNAVAILABLE, code, text).into());
        }
        let deadline = Monotonic((self.0.resources.clock)().0.0.saturating_add(within_ms));
        lock(&reads.queues).new.push(Waiting { planned, reply, deadline });
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
                let next = queues.next((self.0.resources.clock)().0);
                queues.asking = next.is_some();
                next
            };
            let Some(id) = next else { return };
            self.with_core(|core, out| core.read(id, out));
        }
    }

    /// A question was answered.
    pub(super) fn read_settled(&self, id: ReadId, readable: Readable) {
        let answered = {
            let mut queues = lock(&self.0.reads.queues);
            match readable {
                Readable::Yes => queues.asked.take_if(|asked| asked.id == id),
                Readable::NotNow => {
                    if queues.asked.as_ref().is_some_and(|asked| asked.id == id) {
                        queues.retract();
                        // The next tick asks again: by then another primary may be known.
                        queues.not_before = Monotonic(self.0.view.shared.clock.now().0 + 1);
                    }
                    None
                }
            }
        };
        if let Some(asked) = answered {
            self.0.reads.count.fetch_sub(asked.reads.len(), Ordering::Relaxed);
            for Waiting { planned, reply, .. } in asked.reads {
                self.read_now(planned, reply);
            }
            self.ask_to_read();
        }
    }

    /// Asks again for what got no answer, and gives up on what has waited long enough.
    pub(super) fn tick_reads(&self) {
        let reads = &self.0.reads;
        if reads.count.load(Ordering::Relaxed) == 0 {
            return;
        }
        let now = self.0.view.shared.clock.now();
        let expired = {
            let mut queues = lock(&reads.queues);
            if queues.asked.as_ref().is_some_and(|asked| now.since_ms(asked.at) >= PATIENCE_MS) {
                queues.retract();
            }
            queues.expire(now)
        };
        reads.count.fetch_sub(expired.len(), Ordering::Relaxed);
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
        self.run_heavy(reply, move |driver, reply| driver.run_read(&planned, reply));
    }

    fn run_read(&self, planned: &Planned, reply: Reply) {
        let response = self.run_all(planned, None);
        self.perform_reads();
        reply.send(response.header("preference-applied", "consistency=linearizable"));
    }
}
