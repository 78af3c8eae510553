//! How threads behave whose jobs take long: they let others go first, and keep to half of the cores.

use std::{
    cell::{Cell, RefCell},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::{
    process::{Pid, getpriority_process, setpriority_process},
    thread::{CpuSet, gettid, sched_getaffinity, sched_setaffinity},
};

/// What is asked of such threads.
pub(super) struct Manners {
    niceness: i32,
    /// Their cores; none if there are no others.
    cores: Option<CpuSet>,
}

/// A thread of the lanes, and whether it is to behave so.
#[derive(Clone)]
pub(super) struct Worker {
    pub(super) thread: Pid,
    is_aside: Arc<AtomicBool>,
}

/// How much nicer than others they are: all of them together leave most of a core to one other thread.
pub(super) const NICER: i32 = 15;
/// The most that the system takes.
pub(super) const MAX_NICENESS: i32 = 19;
/// Time between two offers to let another thread go first, which the system would make after some milliseconds only.
const OFFER: Duration = Duration::from_micros(200);

thread_local! {
    static ASIDE: RefCell<Option<Arc<AtomicBool>>> = const { RefCell::new(None) };
    static OFFERED: Cell<Option<Instant>> = const { Cell::new(None) };
}

impl Worker {
    /// The calling thread.
    pub(super) fn this() -> Self {
        let is_aside = Arc::<AtomicBool>::default();
        ASIDE.set(Some(Arc::clone(&is_aside)));
        Self { thread: gettid(), is_aside }
    }

    /// Has it let others go first, at no lower priority, in its present job.
    pub(super) fn offer(&self) {
        self.is_aside.store(true, Ordering::Relaxed);
    }

    /// No longer.
    pub(super) fn rest(&self) {
        self.is_aside.store(false, Ordering::Relaxed);
    }
}

impl Manners {
    /// By the priority and the cores of the calling thread.
    pub(super) fn new() -> Self {
        let usual = getpriority_process(Some(gettid())).unwrap_or(0);
        let all = sched_getaffinity(None).ok();
        Self { niceness: (usual + NICER).min(MAX_NICENESS), cores: all.as_ref().and_then(half) }
    }

    /// Has a thread behave so, with all its jobs. It cannot be raised again without privilege, so that it ends afterwards.
    pub(super) fn teach(&self, worker: &Worker) {
        worker.offer();
        // The system may forbid it; the thread then competes as it did.
        let _ = setpriority_process(Some(worker.thread), self.niceness);
        if let Some(cores) = &self.cores {
            let _ = sched_setaffinity(Some(worker.thread), cores);
        }
    }
}

/// Lets others go first if the job of this thread takes long. For whatever such a job calls again and again.
pub fn give_way() {
    let is_aside =
        ASIDE.with_borrow(|aside| aside.as_ref().is_some_and(|aside| aside.load(Ordering::Relaxed)));
    if is_aside && OFFERED.get().is_none_or(|offered| offered.elapsed() >= OFFER) {
        thread::yield_now();
        OFFERED.set(Some(Instant::now()));
    }
}

/// The second half of the cores, so that a thread that wakes finds one on which nothing runs for long.
fn half(all: &CpuSet) -> Option<CpuSet> {
    let cores: Vec<_> = (0..CpuSet::MAX_CPU).filter(|core| all.is_set(*core)).collect();
    if cores.len() < 2 {
        return None;
    }
    let mut half = CpuSet::new();
    cores[cores.len().div_ceil(2)..].iter().for_each(|core| half.set(*core));
    Some(half)
}
