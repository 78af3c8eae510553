//! `coco-sim --seeds`: clusters of whole nodes, and what they did.

use std::{collections::BTreeMap, ops::Range, sync::Arc, thread, time::Instant};

use clap::{Args, ValueEnum};
use coco_sim::{
    raft::Violation,
    service::{Conditions, Fault, Outcome, Sabotage, Simulator},
};

/// Violations that are shown with their events.
const MAX_SHOWN: usize = 2;
/// Each so manieth seed runs twice.
const TWICE: u64 = 50;

#[derive(Args)]
pub(super) struct SeedArguments {
    /// First seed, and the one after the last.
    #[arg(long, value_name = "A..B", value_parser = super::seeds, required = true)]
    seeds: Option<Range<u64>>,
    /// Threads; seeds do not depend on it.
    #[arg(long, default_value_t = 1)]
    threads: u64,
    /// Something that the world does wrong; the run is good if that is found.
    #[arg(long)]
    sabotage: Option<Wrong>,
    /// Seals all messages in the channels between nodes, which one of a thousand seeds does anyway.
    #[arg(long)]
    channels: bool,
    /// Leaves out what a violation does not need.
    #[arg(long)]
    shrink: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Wrong {
    /// Hosts report entries as on disk that are not.
    UnsyncedReports,
    /// Counters are counted up without a look at what others wrote meanwhile.
    BlindCounters,
    /// Clients are told of a commit before there is one.
    EarlyCommits,
}

impl From<Wrong> for Sabotage {
    fn from(wrong: Wrong) -> Self {
        match wrong {
            Wrong::UnsyncedReports => Self::UnsyncedReports,
            Wrong::BlindCounters => Self::BlindCounters,
            Wrong::EarlyCommits => Self::EarlyCommits,
        }
    }
}

/// Runs them; whether all was as it should be.
pub(super) fn run(arguments: &SeedArguments) -> bool {
    let Some(seeds) = arguments.seeds.clone() else { return false };
    let begun = Instant::now();
    let conditions = Conditions {
        channels: arguments.channels,
        sabotage: arguments.sabotage.map(Sabotage::from),
        ..Conditions::default()
    };
    let simulator = Arc::new(Simulator::new());
    let threads = usize::try_from(arguments.threads.max(1)).expect("few threads");
    let workers: Vec<_> = (0..threads)
        .map(|worker| {
            let mine: Vec<u64> = seeds.clone().skip(worker).step_by(threads).collect();
            let simulator = Arc::clone(&simulator);
            thread::spawn(move || Totals::of(&simulator, mine, conditions))
        })
        .collect();
    let mut totals = Totals::default();
    for worker in workers {
        totals.add(worker.join().expect("a simulation does not panic"));
    }
    totals.print(begun.elapsed().as_secs_f64());
    for violation in totals.violations.iter().take(MAX_SHOWN) {
        let mut shown = (conditions, violation.clone());
        if arguments.shrink {
            shown = simulator.shrink(violation.clone(), conditions);
        }
        println!("\n{}", shown.1);
        if arguments.shrink {
            let needed = Fault::ALL.iter().filter(|fault| !shown.0.without.contain(**fault));
            println!("faults that it needs: {:?}", needed.collect::<Vec<_>>());
        }
    }
    totals.violations.is_empty() != arguments.sabotage.is_some()
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
    fn of(simulator: &Simulator, seeds: Vec<u64>, conditions: Conditions) -> Self {
        let mut totals = Self::default();
        for seed in seeds {
            totals.seeds += 1;
            match simulator.run(seed, conditions) {
                Ok(outcome) => {
                    totals.recoveries_ms.push(outcome.recovery_ms);
                    totals.count(&outcome);
                    if seed % TWICE == 0 {
                        let again = simulator.run(seed, conditions).map(|outcome| outcome.hash);
                        assert_eq!(again.ok(), Some(outcome.hash), "seed {seed} is not the same twice");
                    }
                }
                Err(violation) => totals.violations.push(*violation),
            }
        }
        totals
    }

    fn count(&mut self, outcome: &Outcome) {
        self.sum.events += outcome.events;
        self.sum.committed += outcome.committed;
        self.sum.elections += outcome.elections;
        self.sum.reconfigurations += outcome.reconfigurations;
        self.sum.conflicts += outcome.conflicts;
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
        self.recoveries_ms.sort_unstable();
        let recovery = |of_a_hundred: usize| {
            let at = self.recoveries_ms.len() * of_a_hundred / 100;
            let last = self.recoveries_ms.len().saturating_sub(1);
            self.recoveries_ms.get(at.min(last)).copied().unwrap_or_default()
        };
        let Outcome { events, committed, elections, reconfigurations, conflicts, hash, faults, .. } =
            &self.sum;
        let good = self.seeds - self.violations.len() as u64;
        let each = |total: &u64| *total as f64 / good.max(1) as f64;
        println!("{faults}");
        println!("{} seeds in {seconds:.1} s: {:.1} a second", self.seeds, self.seeds as f64 / seconds);
        println!(
            "each: {:.0} events, {:.1} committed writes, {:.1} elections, {:.1} configurations, {:.1} conflicts",
            each(events),
            each(committed),
            each(elections),
            each(reconfigurations),
            each(conflicts),
        );
        println!(
            "commits everywhere after faults: p50 {} ms, p99 {} ms, max {} ms",
            recovery(50),
            recovery(99),
            recovery(100)
        );
        println!("hash {hash:016x}");
        let mut broken: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for violation in &self.violations {
            broken.entry(violation.broken.property).or_default().push(violation.seed);
        }
        println!("{} violations", self.violations.len());
        for (property, seeds) in broken {
            println!("  {property}: {seeds:?}");
        }
    }
}
