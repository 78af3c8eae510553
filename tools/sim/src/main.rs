//! `coco-sim`: clusters in one thread, from a seed or a scenario.

mod whole;

use std::{
    fs,
    io::Write,
    ops::Range,
    path::{Path, PathBuf},
    process::ExitCode,
    thread,
    time::Instant,
};

use clap::{Parser, Subcommand};
use coco_sim::{
    raft::{self, Outcome, Violation},
    scenario,
    steps::{self, Steps},
};

#[derive(Parser)]
#[command(
    version,
    about = "Runs clusters in one thread, from a seed or a scenario",
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    arg_required_else_help = true
)]
struct Arguments {
    #[command(flatten)]
    whole: whole::SeedArguments,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Violations that are shown with their events.
const MAX_SHOWN: usize = 3;

const EXAMPLES: &str = "\
Examples:
  coco-sim --seeds 0..20000                          clusters of whole nodes, with random faults, 20000 times
  coco-sim --seeds 4711..4712                        one seed again
  coco-sim --seeds 0..100 --sabotage early-commits   the world has a bug, which is to be found
  coco-sim raft --seeds 0..20000                     the raft core alone
  coco-sim scenario scenarios/*                      scenarios in the words of CCF's raft driver
  coco-sim scenario election --trace election.ndjson with a trace for Traceccfraft.tla";

#[derive(Subcommand)]
enum Command {
    /// Plays scenario files on the raft core.
    Scenario {
        /// The scenarios.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Where the trace of the last one goes, a JSON object a line.
        #[arg(long, value_name = "FILE")]
        trace: Option<PathBuf>,
        /// Where the steps of all of them go, as a module that `spec/validate.tla` reads.
        #[arg(long, value_name = "FILE")]
        steps: Option<PathBuf>,
        /// Writes runs with one step wrong instead.
        #[arg(long, requires = "steps")]
        tampered: bool,
        /// Prints what `state_*` and `summarise_*` say.
        #[arg(long)]
        verbose: bool,
    },
    /// Runs clusters of the raft core under random faults.
    Raft {
        /// First seed, and the one after the last.
        #[arg(long, value_name = "A..B", value_parser = seeds)]
        seeds: Range<u64>,
        /// Threads; seeds do not depend on it.
        #[arg(long, default_value_t = 1)]
        threads: u64,
        /// Where the steps of all seeds go, as a module that `spec/validate.tla` reads; nothing else is checked then.
        #[arg(long, value_name = "FILE")]
        steps: Option<PathBuf>,
        /// Records no more than so many steps of each seed.
        #[arg(long, requires = "steps", default_value_t = 0)]
        limit: usize,
        /// Writes runs with one step wrong instead.
        #[arg(long, requires = "steps")]
        tampered: bool,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let Some(command) = arguments.command else { return exit(whole::run(&arguments.whole)) };
    let good = match command {
        Command::Scenario { files, trace, steps, tampered, verbose } => {
            let mut runs = Vec::new();
            let bad = files.iter().filter(|file| !play(file, trace.as_ref(), verbose, &mut runs));
            bad.count() == 0 && steps.is_none_or(|to| write(&to, runs, tampered))
        }
        Command::Raft { seeds, steps: Some(to), limit, tampered, .. } => {
            write(&to, seeds.map(|seed| raft::record(seed, limit)).collect(), tampered)
        }
        Command::Raft { seeds, threads, .. } => run(&seeds, threads.max(1)),
    };
    exit(good)
}

fn exit(good: bool) -> ExitCode {
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn seeds(text: &str) -> Result<Range<u64>, String> {
    let (first, end) = text.split_once("..").ok_or("expected A..B")?;
    let number = |text: &str| text.parse().map_err(|_| format!("not a number: {text}"));
    let range = number(first)?..number(end)?;
    if range.is_empty() { Err("no seed in it".to_owned()) } else { Ok(range) }
}

fn write(to: &Path, mut runs: Vec<Steps>, tampered: bool) -> bool {
    if tampered {
        runs = runs.iter().flat_map(Steps::tampered).collect();
    }
    let name = to.file_stem().unwrap_or_default().to_string_lossy();
    let count: usize = runs.iter().map(Steps::len).sum();
    if let Err(error) = fs::write(to, steps::module(&name, &runs)) {
        eprintln!("{}: {error}", to.display());
        return false;
    }
    println!("{} runs, {count} steps", runs.len());
    true
}

fn play(file: &Path, trace: Option<&PathBuf>, verbose: bool, runs: &mut Vec<Steps>) -> bool {
    let played = fs::read_to_string(file)
        .map_err(|error| error.to_string())
        .and_then(|text| scenario::play(&text).map_err(|failure| failure.to_string()));
    let driver = match played {
        Ok(driver) => driver,
        Err(reason) => {
            eprintln!("{}: {reason}", file.display());
            return false;
        }
    };
    println!("{}: good", file.display());
    runs.push(driver.steps().clone().named(&file.file_name().unwrap_or_default().to_string_lossy()));
    if verbose {
        driver.notes().iter().for_each(|note| println!("  {note}"));
    }
    let Some(to) = trace else { return true };
    let written = fs::File::create(to)
        .and_then(|mut out| driver.trace().iter().try_for_each(|line| writeln!(out, "{line}")));
    if let Err(error) = &written {
        eprintln!("{}: {error}", to.display());
    }
    written.is_ok()
}

fn run(seeds: &Range<u64>, threads: u64) -> bool {
    let begun = Instant::now();
    let workers: Vec<_> = (0..threads)
        .map(|worker| {
            let mine = seeds.clone().skip(usize::try_from(worker).expect("few threads"));
            let step = usize::try_from(threads).expect("few threads");
            let mine: Vec<u64> = mine.step_by(step).collect();
            thread::spawn(move || Totals::of(mine))
        })
        .collect();
    let mut totals = Totals::default();
    for worker in workers {
        totals.add(worker.join().expect("a simulation does not panic"));
    }
    totals.print(begun.elapsed().as_secs_f64());
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
    fn of(seeds: Vec<u64>) -> Self {
        let mut totals = Self::default();
        for seed in seeds {
            totals.seeds += 1;
            match raft::run(seed) {
                Ok(outcome) => {
                    totals.recoveries_ms.push(outcome.recovery_ms);
                    totals.count(&outcome);
                    if seed % 50 == 0 {
                        let again = raft::run(seed).map(|outcome| outcome.hash);
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
