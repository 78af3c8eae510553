//! Who waits and who runs in which lane.

use std::collections::{BTreeMap, VecDeque};

use coco_boundary::{Full, Job};

use super::{
    MOMENT,
    kinds::{Kind, Kinds},
    manners::Worker,
    timed::Timed,
};

/// Names a job that runs.
pub(super) type Ticket = u64;

/// Where a job waits or runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// With those of which it is known that they are short.
    Fast,
    /// With those that are neither short nor long, or of which nothing is known.
    Other,
    /// With those that take long.
    Slow,
}

/// A lane whose threads are always there.
#[derive(Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    /// Threads that wait.
    idle: usize,
    /// Threads that it lacks.
    missing: usize,
}

/// A job that waits for a thread.
pub(super) struct Waiting {
    pub(super) kind: Option<Kind>,
    pub(super) job: Job,
}

struct Running {
    kind: Option<Kind>,
    began: Timed,
    worker: Worker,
    lane: Lane,
}

/// A thread that left its lane.
pub(super) struct Moved {
    pub(super) worker: Worker,
    pub(super) from: Lane,
    /// Whether its job is one of a kind.
    pub(super) has_kind: bool,
}

/// State of the lanes.
#[derive(Default)]
pub(super) struct Board {
    fast: Queue,
    other: Queue,
    kinds: Kinds,
    running: BTreeMap<Ticket, Running>,
    last: Ticket,
    /// Threads whose job turned out to take long.
    aside: usize,
    /// Threads that take jobs of the slow lane.
    serving: usize,
    /// Those of them that were started and have not asked for a job yet.
    hired: usize,
    /// Whether nobody looks after jobs until he is woken.
    pub(super) is_unwatched: bool,
    closed: bool,
}

/// Most threads whose jobs turned out to take long: each may hold as much memory as its script may use.
pub(super) const MAX_ASIDE: usize = 6;

impl Board {
    /// Nothing waits; at most so many threads serve the slow lane.
    pub(super) fn new(serving: usize) -> Self {
        Self { kinds: Kinds::new(serving), ..Self::default() }
    }

    /// Takes a job into the lane of its kind, in which `limit` may wait.
    pub(super) fn admit(&mut self, waiting: Waiting, limit: usize) -> Result<Lane, Full> {
        let lane = waiting.kind.as_ref().map_or(Lane::Other, |kind| self.kinds.lane_of(kind));
        if lane == Lane::Slow
            && let Some(kind) = &waiting.kind
        {
            if self.kinds.waiting() >= limit {
                return Err(Full(waiting.job));
            }
            self.kinds.push(kind, waiting.job);
            return Ok(lane);
        }
        let queue = self.queue(lane);
        if queue.waiting.len() >= limit + queue.idle {
            return Err(Full(waiting.job));
        }
        queue.waiting.push_back(waiting);
        Ok(lane)
    }

    fn queue(&mut self, lane: Lane) -> &mut Queue {
        if lane == Lane::Fast { &mut self.fast } else { &mut self.other }
    }

    /// The next job of a lane whose threads are always there.
    pub(super) fn take(&mut self, lane: Lane, now: Timed, worker: &Worker) -> Option<(Ticket, Job)> {
        let Waiting { kind, job } = self.queue(lane).waiting.pop_front()?;
        Some((self.begin(kind, now, worker, lane), job))
    }

    /// Counts a thread of such a lane that waits.
    pub(super) fn rest(&mut self, lane: Lane) {
        self.queue(lane).idle += 1;
    }

    /// Counts one less.
    pub(super) fn wake(&mut self, lane: Lane) {
        self.queue(lane).idle -= 1;
    }

    /// Whether a thread of such a lane waits.
    pub(super) fn has_idle(&mut self, lane: Lane) -> bool {
        self.queue(lane).idle > 0
    }

    /// The next job of the slow lane.
    pub(super) fn take_slow(&mut self, now: Timed, worker: &Worker) -> Option<(Ticket, Job)> {
        let (kind, job) = self.kinds.take()?;
        Some((self.begin(Some(kind), now, worker, Lane::Slow), job))
    }

    fn begin(&mut self, kind: Option<Kind>, began: Timed, worker: &Worker, lane: Lane) -> Ticket {
        self.last += 1;
        self.running.insert(self.last, Running { kind, began, worker: worker.clone(), lane });
        self.last
    }

    /// Notes that a job is done, and how long its kind takes; the lane that its thread is in now.
    pub(super) fn finish(&mut self, ticket: Ticket, now: Timed) -> Lane {
        let Some(running) = self.running.remove(&ticket) else { return Lane::Fast };
        if let Some(kind) = &running.kind {
            if running.lane == Lane::Slow {
                self.kinds.leave(kind);
            }
            let took = now.computed.saturating_sub(running.began.computed);
            if took < MOMENT {
                self.kinds.was_quick(kind, took);
            }
        }
        running.lane
    }

    /// Moves jobs that take long into the slow lane, and with them those of the same kinds that wait. Their threads, each
    /// of which needs another in its place in the lane that it leaves.
    pub(super) fn move_aside(&mut self) -> Vec<Moved> {
        let mut moved = Vec::new();
        for running in self.running.values_mut() {
            if running.lane == Lane::Slow || running.began.computed_since(running.worker.thread) < MOMENT {
                continue;
            }
            if let Some(kind) = &running.kind {
                self.kinds.takes_long(kind, [&mut self.fast.waiting, &mut self.other.waiting]);
            }
            if self.aside < MAX_ASIDE {
                let Running { worker, lane, kind, .. } = &*running;
                moved.push(Moved { worker: worker.clone(), from: *lane, has_kind: kind.is_some() });
                running.lane = Lane::Slow;
                self.aside += 1;
                self.kinds.begin(running.kind.as_ref());
            }
        }
        moved
    }

    /// Counts one more thread of the slow lane, if there may be one and there is something for it.
    pub(super) fn hire(&mut self) -> bool {
        let is_wanted = self.kinds.waiting() > self.hired && self.kinds.has_next();
        let more = is_wanted && self.serving < self.kinds.most();
        self.serving += usize::from(more);
        self.hired += usize::from(more);
        more
    }

    /// A thread that was hired is there, or could not be started.
    pub(super) fn arrive(&mut self) {
        self.hired -= 1;
    }

    /// Whether a thread whose long job is done is to serve the slow lane.
    pub(super) fn goes_on(&mut self) -> bool {
        self.aside -= 1;
        let more = self.serving < self.kinds.most() && self.kinds.has_next();
        self.serving += usize::from(more);
        more
    }

    /// Counts one thread less that serves the slow lane.
    pub(super) fn leave(&mut self) {
        self.serving -= 1;
    }

    /// Without any thread the slow lane is served by the others.
    pub(super) fn merge_if_forsaken(&mut self) {
        while self.aside + self.serving == 0
            && let Some((kind, job)) = self.kinds.take()
        {
            self.kinds.leave(&kind);
            self.other.waiting.push_back(Waiting { kind: Some(kind), job });
        }
    }

    /// Counts a thread that a lane lacks.
    pub(super) fn miss(&mut self, lane: Lane) {
        self.queue(lane).missing += 1;
    }

    /// The lane that needs a thread of the slow one, which it then has.
    pub(super) fn go_back(&mut self) -> Option<Lane> {
        let lane = [Lane::Fast, Lane::Other].into_iter().find(|lane| self.queue(*lane).missing > 0)?;
        self.queue(lane).missing -= 1;
        self.aside -= 1;
        Some(lane)
    }

    /// Whether nothing waits in a lane.
    pub(super) fn is_empty(&mut self, lane: Lane) -> bool {
        self.queue(lane).waiting.is_empty()
    }

    /// Whether nothing runs but what takes long.
    pub(super) fn is_calm(&self) -> bool {
        self.running.values().all(|running| running.lane == Lane::Slow)
    }

    /// Lets the threads end once all jobs are done.
    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }
}
