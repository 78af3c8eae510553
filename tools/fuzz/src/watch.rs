//! Notices an execution that does not end.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

/// So long may an execution take, where others may have the processor meanwhile.
const PATIENCE_S: u64 = 300;
const STEP: Duration = Duration::from_secs(1);

/// Looks at how far a target is, and ends the process if it does not get further: the text says which input that was.
pub(crate) struct Watch {
    round: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
}

impl Watch {
    pub(crate) fn new(what: String) -> Self {
        let (round, over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let watched = Self { round: Arc::clone(&round), over: Arc::clone(&over) };
        thread::spawn(move || {
            let (mut last, mut still_s) = (0, 0);
            while !over.load(Ordering::Relaxed) {
                thread::sleep(STEP);
                let now = round.load(Ordering::Relaxed);
                still_s = if now == last { still_s + 1 } else { 0 };
                last = now;
                if still_s >= PATIENCE_S && !over.load(Ordering::Relaxed) {
                    eprintln!("{what}: execution {now} has not ended after {still_s} s");
                    std::process::abort();
                }
            }
        });
        watched
    }

    /// Another execution begins.
    pub(crate) fn begin(&self, round: u64) {
        self.round.store(round, Ordering::Relaxed);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}
