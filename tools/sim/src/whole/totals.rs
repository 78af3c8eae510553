//! What several seeds did together.

use std::collections::BTreeMap;

use coco_sim::{
    raft::Violation,
    service::{FaultTable, Outcome},
};

/// What seeds do at least, on average.
const LEAST: [(&str, f64); 7] = [
    ("events", 2000.0),
    ("committed writes", 50.0),
    ("elections", 1.0),
    ("configurations", 1.0),
    ("answers to forwarded requests", 5.0),
    ("linearizable reads", 5.0),
    ("committed snapshots", 3.0),
];
/// Averages of fewer seeds mean nothing.
const ENOUGH: u64 = 1000;

#[derive(Default)]
pub(super) struct Totals {
    seeds: u64,
    events: u64,
    committed: u64,
    elections: u64,
    reconfigurations: u64,
    forwarded: u64,
    reads: u64,
    snapshots: u64,
    conflicts: u64,
    hash: u64,
    faults: FaultTable,
    recoveries_ms: Vec<u64>,
    violations: Vec<Violation>,
}

impl Totals {
    pub(super) fn count(&mut self, outcome: Result<Outcome, Box<Violation>>) {
        self.seeds += 1;
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(violation) => return self.violations.push(*violation),
        };
        self.events += outcome.events;
        self.committed += outcome.committed;
        self.elections += outcome.elections;
        self.reconfigurations += outcome.reconfigurations;
        self.forwarded += outcome.forwarded;
        self.reads += outcome.reads;
        self.snapshots += outcome.snapshots;
        self.conflicts += outcome.conflicts;
        self.hash ^= outcome.hash;
        self.faults.add(&outcome.faults);
        self.recoveries_ms.push(outcome.recovery_ms);
    }

    pub(super) fn add(&mut self, other: Self) {
        self.seeds += other.seeds;
        self.events += other.events;
        self.committed += other.committed;
        self.elections += other.elections;
        self.reconfigurations += other.reconfigurations;
        self.forwarded += other.forwarded;
        self.reads += other.reads;
        self.snapshots += other.snapshots;
        self.conflicts += other.conflicts;
        self.hash ^= other.hash;
        self.faults.add(&other.faults);
        self.recoveries_ms.extend(other.recoveries_ms);
        self.violations.extend(other.violations);
        self.violations.sort_by_key(|violation| violation.seed);
    }

    pub(super) fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// Whether as much happened in each seed as is to happen, and every kind of fault struck: few seeds may miss one.
    pub(super) fn is_worth(&self) -> bool {
        let is_enough = || LEAST.iter().zip(self.averages()).all(|((_, least), average)| average >= *least);
        self.seeds < ENOUGH || (is_enough() && self.faults.rarest() > 0)
    }

    fn averages(&self) -> [f64; 7] {
        let good = self.seeds - self.violations.len() as u64;
        let Self { events, committed, elections, reconfigurations, forwarded, reads, snapshots, .. } = self;
        [events, committed, elections, reconfigurations, forwarded, reads, snapshots]
            .map(|total| *total as f64 / good.max(1) as f64)
    }

    pub(super) fn print(&mut self, seconds: f64) {
        self.recoveries_ms.sort_unstable();
        let recovery = |of_a_hundred: usize| {
            let at = self.recoveries_ms.len() * of_a_hundred / 100;
            let last = self.recoveries_ms.len().saturating_sub(1);
            self.recoveries_ms.get(at.min(last)).copied().unwrap_or_default()
        };
        println!("{}", self.faults);
        println!("no kind struck less often in any phase than {} times", self.faults.least());
        println!("{} seeds in {seconds:.1} s: {:.1} a second", self.seeds, self.seeds as f64 / seconds);
        let averages = LEAST.iter().zip(self.averages());
        let averages: Vec<_> = averages.map(|((of, _), average)| format!("{average:.1} {of}")).collect();
        let conflicts = self.conflicts as f64 / self.seeds.max(1) as f64;
        println!("each: {}, {conflicts:.1} conflicts", averages.join(", "));
        println!(
            "commits everywhere after faults: p50 {} ms, p99 {} ms, max {} ms",
            recovery(50),
            recovery(99),
            recovery(100)
        );
        println!("hash {:016x}", self.hash);
        let mut broken: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for violation in &self.violations {
            broken.entry(violation.broken.property).or_default().push(violation.seed);
        }
        println!("{} violations", self.violations.len());
        for (property, seeds) in broken {
            println!("  {property}: {seeds:?}");
        }
        if !self.is_worth() {
            println!("seeds do too little: at least {LEAST:?}, and every kind of fault");
        }
    }
}
