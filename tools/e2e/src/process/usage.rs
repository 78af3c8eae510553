//! What a process takes of the machine, from `/proc` (proc(5)).

use std::{fs, time::Duration};

use super::Node;

/// The kernel counts in hundredths of a second (`USER_HZ`).
const TICK: Duration = Duration::from_millis(10);

impl Node {
    /// Resident memory in bytes.
    ///
    /// # Panics
    /// If the system does not say.
    #[must_use]
    pub fn resident(&self) -> u64 {
        self.memory("VmRSS:")
    }

    /// The most resident memory that it ever had, in bytes.
    ///
    /// # Panics
    /// If the system does not say.
    #[must_use]
    pub fn peak_resident(&self) -> u64 {
        self.memory("VmHWM:")
    }

    /// CPU time that all its threads used so far.
    ///
    /// # Panics
    /// If the system does not say.
    #[must_use]
    pub fn cpu_time(&self) -> Duration {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.pid())).expect("a process has a state");
        // The name may hold spaces; fields 14 and 15 are user and system time.
        let (_, fields) = text.rsplit_once(')').expect("the name is in brackets");
        let times = fields.split_whitespace().skip(11).take(2);
        let ticks = times.map(|field| field.parse::<u32>().expect("a number of ticks")).sum::<u32>();
        TICK * ticks
    }

    fn memory(&self, name: &str) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("a process has a state");
        let line = text.lines().find(|line| line.starts_with(name)).expect("memory is told");
        let kib: u64 = line.split_whitespace().nth(1).and_then(|it| it.parse().ok()).expect("a number");
        kib * 1024
    }
}
