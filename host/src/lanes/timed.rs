//! How much a thread computed: a job that others keep from its core does not take longer for that.

use std::{
    fs,
    time::{Duration, Instant},
};

use rustix::{
    process::Pid,
    time::{ClockId, clock_gettime},
};

/// A moment in the life of a thread.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timed {
    at: Instant,
    /// What the thread has computed so far.
    pub(super) computed: Duration,
}

impl Timed {
    /// Now, of the calling thread.
    pub(super) fn now() -> Self {
        let computed = Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default();
        Self { at: Instant::now(), computed }
    }

    /// What `thread`, of which this is a moment, has computed since.
    pub(super) fn computed_since(&self, thread: Pid) -> Duration {
        let passed = self.at.elapsed();
        if passed < super::MOMENT {
            return passed;
        }
        // Without such statistics the time that passed has to do.
        computed_by(thread).map_or(passed, |computed| computed.saturating_sub(self.computed))
    }
}

/// The first number of the file: nanoseconds on a core (Linux, `Documentation/scheduler/sched-stats.rst`).
fn computed_by(thread: Pid) -> Option<Duration> {
    let path = format!("/proc/self/task/{}/schedstat", thread.as_raw_nonzero());
    let text = fs::read_to_string(path).ok()?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}
