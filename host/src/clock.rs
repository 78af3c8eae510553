//! The host's clocks.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use coco_boundary::{Event, Monotonic, Unix};

/// Counts from its creation.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// Starts at 0.
    #[must_use]
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// Milliseconds since the start.
    #[must_use]
    pub fn now(&self) -> Monotonic {
        Monotonic(millis(self.start.elapsed().as_millis()))
    }

    /// The time of day; 0 if the system's clock is before 1970.
    #[must_use]
    pub fn wall(&self) -> Unix {
        Unix(millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()))
    }

    /// Both, for the enclave.
    #[must_use]
    pub fn tick(&self) -> Event {
        Event::Tick { now: self.now(), wall: self.wall() }
    }
}

fn millis(millis: u128) -> u64 {
    u64::try_from(millis).unwrap_or(u64::MAX)
}
