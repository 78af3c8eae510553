//! `coco-sim --seeds`: clusters of whole nodes, and what they did.

mod totals;

use clap::{Args, ValueEnum};
use coco_sim::service::{Conditions, Fault, Sabotage, Simulator};

use self::totals::Totals;
use crate::seeds::{SeedArguments, Seeds};

/// Violations that are shown with their events.
const MAX_SHOWN: usize = 2;
/// Each so manieth seed runs twice.
const TWICE: u64 = 50;

#[derive(Args)]
pub(super) struct WholeArguments {
    #[command(flatten)]
    seeds: SeedArguments,
    /// Something that the world does wrong; the run is good if that is found.
    #[arg(long)]
    sabotage: Option<Wrong>,
    /// Seals all messages in the channels between nodes, which one of a hundred seeds does anyway.
    #[arg(long)]
    channels: bool,
    /// Does all cryptography, ECDSA and the channels, which one of a thousand seeds does anyway.
    #[arg(long)]
    real: bool,
    /// Has members vote on every change of the configuration, as in one of a hundred seeds anyway.
    #[arg(long)]
    votes: bool,
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
pub(super) fn run(arguments: &WholeArguments) -> bool {
    let conditions = Conditions {
        channels: arguments.channels,
        real: arguments.real,
        votes: arguments.votes,
        sabotage: arguments.sabotage.map(Sabotage::from),
        ..Conditions::default()
    };
    let simulator = Simulator::new();
    let (parts, elapsed) = arguments.seeds.share(|seeds| drain(&simulator, conditions, seeds));
    let mut totals = Totals::default();
    parts.into_iter().for_each(|part| totals.add(part));
    totals.print(elapsed.as_secs_f64());
    for violation in totals.violations().iter().take(MAX_SHOWN) {
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
    let found = !totals.violations().is_empty();
    found == arguments.sabotage.is_some() && (found || totals.is_worth())
}

fn drain(simulator: &Simulator, conditions: Conditions, seeds: &Seeds) -> Totals {
    let mut totals = Totals::default();
    while let Some(seed) = seeds.take() {
        let outcome = simulator.run(seed, conditions);
        match &outcome {
            Ok(outcome) if seed % TWICE == 0 => {
                let again = simulator.run(seed, conditions).map(|outcome| outcome.hash);
                assert_eq!(again.ok(), Some(outcome.hash), "seed {seed} is not the same twice");
            }
            Ok(_) => {}
            Err(violation) => seeds.found(seed, &violation.broken),
        }
        totals.count(outcome);
    }
    totals
}
