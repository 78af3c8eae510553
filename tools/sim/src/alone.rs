//! `coco-sim raft`: clusters of the raft core alone, and what they did.

use coco_sim::raft::{self, Outcome, Violation};

use crate::seeds::{SeedArguments, Seeds};

/// Violations that are shown with their events.
const MAX_SHOWN: usize = 3;
/// Each so manieth seed runs twice.
const TWICE: u64 = 50;

/// Runs them; whether all was as it should be.
pub(super) fn run(arguments: &SeedArguments) -> bool {
    let (parts, elapsed) = arguments.share(Totals::drain);
    let mut totals = Totals::default();
    parts.into_iter().for_each(|part| totals.add(part));
    totals.print(elapsed.as_secs_f64());
    totals.violations.is_empty()
}

/// What several seeds did.
#[derive(Default)]
struct Totals {
    seeds: u64,
    sum: Outcome,
    recoveries_ms: Vec<u64>,
    violations: Vec<Violation>,
}

impl Totals {
    fn drain(seeds: &Seeds) -> Self {
        let mut totals = Self::default();
        while let Some(seed) = seeds.take() {
            totals.seeds += 1;
            match raft::run(seed) {
                Ok(outcome) => {
                    totals.recoveries_ms.push(outcome.recovery_ms);
                    totals.count(&outcome);
                    if seed % TWICE == 0 {
                        let again = raft::run(seed).map(|outcome| outcome.hash);
                        assert_eq!(again.ok(), Some(outcome.hash), "seed {seed} is not the same twice");
                    }
                }
                Err(violation) => {
                    seeds.found(seed, &violation.broken);
                    totals.violations.push(*violation);
                }
            }
        }
        totals
    }

    fn count(&mut self, outcome: &Outcome) {
        self.sum.events += outcome.events;
        self.sum.committed += outcome.committed;
        self.sum.elections += outcome.elections;
        self.sum.reconfigurations += outcome.reconfigurations;
        self.sum.faults.add(&outcome.faults);
        self.sum.hash ^= outcome.hash;
    }

    fn add(&mut self, other: Self) {
        self.seeds += other.seeds;
        self.count(&other.sum);
        self.recoveries_ms.extend(other.recoveries_ms);
        self.violations.extend(other.violations);
    }

    fn print(&mut self, seconds: f64) {
        for violation in self.violations.iter().take(MAX_SHOWN) {
            println!("{violation}\n");
        }
        self.recoveries_ms.sort_unstable();
        let recovery = |of_a_hundred: usize| {
            let at = self.recoveries_ms.len() * of_a_hundred / 100;
            self.recoveries_ms
                .get(at.min(self.recoveries_ms.len().saturating_sub(1)))
                .copied()
                .unwrap_or_default()
        };
        let Outcome { events, committed, elections, reconfigurations, hash, faults, .. } = &self.sum;
        let each = |total: &u64| total / self.seeds.max(1);
        println!("{faults}");
        println!("{} seeds in {seconds:.1} s: {:.1} a second", self.seeds, self.seeds as f64 / seconds);
        println!(
            "each: {} events, {} committed entries, {} elections, {} configurations",
            each(events),
            each(committed),
            each(elections),
            each(reconfigurations)
        );
        println!(
            "commits everywhere after faults: p50 {} ms, p99 {} ms, max {} ms",
            recovery(50),
            recovery(99),
            recovery(100)
        );
        println!("hash {hash:016x}");
        let bad: Vec<_> = self.violations.iter().map(|violation| violation.seed).collect();
        println!("{} violations {bad:?}", bad.len());
    }
}
