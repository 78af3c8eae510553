//! Kinds of jobs, which of them take long, and those of these that wait.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use coco_boundary::Job;

use super::{
    SHORT,
    board::{Lane, Waiting},
};

/// What jobs have in common that tend to take equally long.
pub(super) type Kind = Arc<str>;

/// What is known of kinds, and the jobs of the slow lane.
#[derive(Default)]
pub(super) struct Kinds {
    kinds: BTreeMap<Kind, Record>,
    /// Jobs that wait, of all kinds.
    waiting: usize,
    turn: u64,
    /// Most threads of the slow lane.
    most: usize,
}

#[derive(Default)]
struct Record {
    /// Whether the next job is expected to take long.
    is_slow: bool,
    /// Jobs that took a moment only since the last that took long.
    quick: u32,
    /// What these took, the later ones counting more; none before the first.
    usual: Option<Duration>,
    /// Jobs that wait in the slow lane.
    waiting: VecDeque<Job>,
    /// Jobs that run in it.
    running: usize,
    /// When one of those was taken last.
    served: u64,
}

/// Most kinds that are remembered.
const MAX_KINDS: usize = 1024;
/// After so many jobs that took a moment, one that takes long says nothing of the next: the machine may have been busy.
const PROOF: u32 = 32;

impl Kinds {
    /// Nothing is known; at most so many threads are in the slow lane.
    pub(super) fn new(most: usize) -> Self {
        Self { most, ..Self::default() }
    }

    /// Most threads of the slow lane.
    pub(super) fn most(&self) -> usize {
        self.most
    }

    /// Most of them that take jobs of one kind, so that others come to their turn.
    fn most_of_kind(&self) -> usize {
        self.most.div_ceil(2)
    }

    /// Where jobs of this kind belong.
    pub(super) fn lane_of(&self, kind: &Kind) -> Lane {
        match self.kinds.get(kind) {
            Some(record) if record.is_slow => Lane::Slow,
            Some(record) if record.usual.is_some_and(|usual| usual <= SHORT) => Lane::Fast,
            _ => Lane::Other,
        }
    }

    /// How many jobs wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Has a job of a kind wait that takes long.
    pub(super) fn push(&mut self, kind: &Kind, job: Job) {
        self.record(kind).waiting.push_back(job);
        self.waiting += 1;
    }

    fn record(&mut self, kind: &Kind) -> &mut Record {
        if !self.kinds.contains_key(kind) {
            if self.kinds.len() >= MAX_KINDS {
                self.kinds.retain(|_, record| record.is_busy());
            }
            self.kinds.insert(kind.clone(), Record::default());
        }
        self.kinds.get_mut(kind).expect("it is there, or was put there")
    }

    /// Notes that a job takes long. Unless that is new of its kind, those of it wait here that wait in `others`.
    pub(super) fn takes_long(&mut self, kind: &Kind, others: [&mut VecDeque<Waiting>; 2]) {
        let record = self.record(kind);
        let was_slow = record.is_slow;
        record.is_slow |= record.quick < PROOF;
        record.quick = 0;
        if was_slow || !record.is_slow {
            return;
        }
        for queue in others {
            for waiting in std::mem::take(queue) {
                if waiting.kind.as_ref() == Some(kind) {
                    self.push(kind, waiting.job);
                } else {
                    queue.push_back(waiting);
                }
            }
        }
    }

    /// Notes that a job runs in the slow lane which did not wait here.
    pub(super) fn begin(&mut self, kind: Option<&Kind>) {
        if let Some(kind) = kind {
            self.record(kind).running += 1;
        }
    }

    /// Whether there is a job for one more thread.
    pub(super) fn has_next(&self) -> bool {
        self.waiting > 0 && self.kinds.values().any(|record| record.is_ready(self.most_of_kind()))
    }

    /// The next job: of the kind of which the fewest run, or else that was served longest ago.
    pub(super) fn take(&mut self) -> Option<(Kind, Job)> {
        let most = self.most_of_kind();
        let ready = self.kinds.iter_mut().filter(|(_, record)| record.is_ready(most));
        let (kind, record) = ready.min_by_key(|(_, record)| (record.running, record.served))?;
        let job = record.waiting.pop_front()?;
        self.turn += 1;
        record.served = self.turn;
        record.running += 1;
        self.waiting -= 1;
        Some((kind.clone(), job))
    }

    /// Notes that a job of the slow lane is done.
    pub(super) fn leave(&mut self, kind: &Kind) {
        if let Some(record) = self.kinds.get_mut(kind) {
            record.running = record.running.saturating_sub(1);
        }
    }

    /// Notes that a job took a moment only.
    pub(super) fn was_quick(&mut self, kind: &Kind, took: Duration) {
        let record = self.record(kind);
        record.usual = Some(record.usual.map_or(took, |usual| (3 * usual + took) / 4));
        record.is_slow = false;
        record.quick = record.quick.saturating_add(1);
    }
}

impl Record {
    fn is_busy(&self) -> bool {
        self.running > 0 || !self.waiting.is_empty()
    }

    fn is_ready(&self, most: usize) -> bool {
        self.running < most && !self.waiting.is_empty()
    }
}
