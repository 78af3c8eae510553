//! `coco-sim`: clusters in one thread, from a seed or a scenario.

mod alone;
mod seeds;
mod whole;

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use coco_sim::{
    raft, scenario,
    steps::{self, Steps},
};

/// Half of what a simulation does is to make and drop small things.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
    whole: whole::WholeArguments,
    #[command(subcommand)]
    command: Option<Command>,
}

const EXAMPLES: &str = "\
Examples:
  coco-sim --seeds 0..20000                          clusters of whole nodes, with random faults, 20000 times
  coco-sim --seeds 4711..4712                        one seed again
  coco-sim --seeds 0..100 --sabotage early-commits   the world has a bug, which is to be found
  coco-sim --seeds 0..1000000 --hunt 60              the first violation within a minute
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
        #[command(flatten)]
        seeds: seeds::SeedArguments,
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
            write(&to, seeds.all().map(|seed| raft::record(seed, limit)).collect(), tampered)
        }
        Command::Raft { seeds, .. } => alone::run(&seeds),
    };
    exit(good)
}

fn exit(good: bool) -> ExitCode {
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
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
