//! The speed suite: service and ceiling in turns, medians of several rounds, ratios and goals.

mod cases;
mod summary;

use std::time::Duration;

use crate::cpu::Processes;
use crate::error::Error;
use crate::plan::{Plan, Preload};
use crate::report::Report;
use crate::run::run;
use crate::target::Target;

pub use cases::{CASES, Case, Goal, Measure};
pub use summary::{CaseSummary, GoalSummary, Medians, Summary};

/// How often a round is tried again when something else used the machine.
const ATTEMPTS: usize = 5;
/// Pause before such a round is tried again.
const PAUSE: Duration = Duration::from_secs(2);

/// A service that takes part.
pub struct Contender {
    /// Its name in the tables.
    pub name: String,
    /// Where it is.
    pub target: Target,
    /// The processes whose CPU time is its own.
    pub servers: Processes,
    /// Whether it stores anything: the ceiling and nginx answer every request with the same bytes.
    pub kind: Kind,
}

/// What a contender is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// The service that is measured.
    Service,
    /// What it is compared with.
    Yardstick,
}

/// How the suite runs.
pub struct Options {
    /// Rounds of each case.
    pub rounds: usize,
    /// Time under load before each measurement.
    pub warm_up: Duration,
    /// Length of each measurement.
    pub duration: Duration,
    /// Names of the cases to run; empty for all.
    pub only: Vec<String>,
    /// Percent of foreign CPU above which a measurement is made again.
    pub max_foreign: f64,
    /// Threads of the generator.
    pub threads: usize,
}

/// Runs every case on every contender it applies to, in turns; `progress` hears of each measurement.
pub fn suite(
    contenders: &[Contender],
    options: &Options,
    progress: &mut dyn FnMut(&Case, &Contender, &Report),
) -> Result<Summary, Error> {
    let wanted = |case: &&Case| options.only.is_empty() || options.only.iter().any(|name| name == case.name);
    let cases: Vec<&Case> = CASES.iter().filter(wanted).collect();
    let mut found: Vec<Vec<Vec<Report>>> = vec![vec![Vec::new(); contenders.len()]; cases.len()];
    // Cases with more keys come last: what they store stays in the service.
    let mut blocks: Vec<u64> = cases.iter().map(|case| case.keys).collect();
    blocks.sort_unstable();
    blocks.dedup();
    for keys in blocks {
        for round in 0..options.rounds {
            for (case, found) in cases.iter().zip(&mut found).filter(|(case, _)| case.keys == keys) {
                for (contender, found) in contenders.iter().zip(found.iter_mut()) {
                    if contender.kind == Kind::Yardstick && !case.beside {
                        continue;
                    }
                    let report = measure(case, contender, options, round)?;
                    progress(case, contender, &report);
                    found.push(report);
                }
            }
        }
    }
    Ok(Summary::new(&cases, contenders, &found))
}

/// One measurement; made again while something else uses the machine.
fn measure(case: &Case, contender: &Contender, options: &Options, round: usize) -> Result<Report, Error> {
    let fill = round == 0 && contender.kind == Kind::Service && case.mode != crate::plan::Mode::Handshake;
    let mut plan = Plan {
        mode: case.mode,
        protocol: case.protocol,
        connections: case.connections,
        rate: case.rate,
        warm_up: options.warm_up,
        duration: options.duration,
        keys: case.keys,
        batch: case.batch,
        threads: options.threads.min(case.connections),
        preload: if fill { Preload::Always } else { Preload::Never },
        seed: round as u64 + 1,
        max_foreign: options.max_foreign,
        ..Plan::default()
    };
    let mut percent = 0.0;
    for _ in 0..ATTEMPTS {
        let report = run(&contender.target, &plan, &contender.servers)?;
        if !report.failures.none() {
            let failures = report.failures.to_string();
            return Err(Error::Failures { case: case.name, service: contender.name.clone(), failures });
        }
        if !report.refused {
            return Ok(report);
        }
        percent = report.foreign_cpu_percent;
        plan.preload = Preload::Never;
        std::thread::sleep(PAUSE);
    }
    Err(Error::Foreign { case: case.name, percent, attempts: ATTEMPTS })
}

#[cfg(test)]
mod tests;
