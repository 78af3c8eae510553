//! Executing targets, and saying what came of it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt::{Arguments, Debug, Write as _},
    fs,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::PathBuf,
    time::{Duration, Instant},
};

use crate::{
    mutate::Mutator,
    outcome::{Outcome, name},
    plan::{Plan, Work},
    random::Random,
    watch::Watch,
};

/// Most inputs that are changed further, beside the seeds.
const MAX_FOUND: usize = 1_000;
/// Every target is also given its first input with so many zeros behind it.
const TAIL_LEN: usize = 2 << 20;
/// How much longer than the longest seed a changed input may be.
const MAX_GROWTH: usize = 1024;
/// How often an input that took long is tried again: something else may have had the processor.
const TRIES: u32 = 5;
/// Name of what was accepted, among the reasons of refusals.
const ACCEPTED: &str = "accepted";

/// Something to execute.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// What it reads.
    name: &'a str,
    /// What an execution costs.
    work: Work,
    /// Good inputs.
    seeds: &'a [Vec<u8>],
    /// What may stand in inputs.
    words: &'a [&'a [u8]],
    /// Whether inputs have one length, or few.
    keep_len: bool,
    /// Whether they are texts.
    text: bool,
}

impl<'a> Target<'a> {
    /// With inputs of any length, and no words.
    #[must_use]
    pub fn new(name: &'a str, work: Work, seeds: &'a [Vec<u8>]) -> Self {
        Self { name, work, seeds, words: &[], keep_len: false, text: false }
    }

    /// With these words.
    #[must_use]
    pub fn with(self, words: &'a [&'a [u8]]) -> Self {
        Self { words, ..self }
    }

    /// With inputs that are texts such as JSON.
    #[must_use]
    pub fn of_text(self) -> Self {
        Self { text: true, ..self }
    }

    /// With inputs that are as long as a seed.
    #[must_use]
    pub fn of_one_length(self) -> Self {
        Self { keep_len: true, ..self }
    }
}

/// Targets of one platform, of which all together should reach each of its refusals.
#[derive(Debug)]
pub struct Campaign {
    name: &'static str,
    plan: Plan,
    reached: BTreeSet<String>,
}

/// What is known of a target in the course of its executions.
struct Progress {
    /// Seeds, then inputs with new outcomes.
    inputs: Vec<Vec<u8>>,
    seeds: usize,
    /// Where in `names` an outcome is counted.
    outcomes: HashMap<Outcome, usize>,
    names: Vec<(String, u64)>,
    slowest: Duration,
}

impl Work {
    /// How long one execution may take: much more than any does, on a slow machine and without optimisation.
    fn limit(self) -> Duration {
        match self {
            Self::Parse | Self::Check => Duration::from_secs(1),
            Self::Sign => Duration::from_secs(4),
        }
    }
}

impl Campaign {
    /// Nothing is executed yet.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self { name, plan: Plan::of_environment(), reached: BTreeSet::new() }
    }

    /// Executes a target. What it accepts has a shape, a number that tells apart what is worth it.
    ///
    /// # Panics
    /// If the target panics, or takes too long; the input is in the message and in a file.
    pub fn run<R: Debug>(&mut self, target: Target<'_>, mut execute: impl FnMut(&[u8]) -> Result<u64, R>) {
        let begun = Instant::now();
        let executions = self.plan.executions(target.work);
        let mut total = Progress::new(target.seeds);
        let mut executed = 0;
        for seed in self.plan.seeds.clone() {
            let what = format!("{} {} with COCO_FROM={seed}", self.name, target.name);
            let mut progress = Progress::new(target.seeds);
            progress.execute(target, seed, executions, &what, &mut execute);
            executed += executions;
            total.merge(progress);
        }
        println!("{}", total.report(&format!("{} {}", self.name, target.name), executed, begun.elapsed()));
        self.reached.extend(total.names.into_iter().map(|(name, _)| name));
    }

    /// Says which of these refusals, by the names of their variants, no target has come to.
    pub fn finish(self, refusals: &[&str]) {
        let parts: BTreeSet<&str> = self.reached.iter().flat_map(|name| name.split("::")).collect();
        let (reached, missed): (Vec<&str>, Vec<&str>) =
            refusals.iter().partition(|refusal| parts.contains(*refusal));
        let missed = if missed.is_empty() { "none".to_owned() } else { missed.join(", ") };
        println!("{}: {} of {} refusals reached; not: {missed}", self.name, reached.len(), refusals.len());
    }
}

impl Progress {
    fn new(seeds: &[Vec<u8>]) -> Self {
        assert!(!seeds.is_empty(), "a target begins with something");
        Self {
            inputs: seeds.to_vec(),
            seeds: seeds.len(),
            outcomes: HashMap::new(),
            names: Vec::new(),
            slowest: Duration::ZERO,
        }
    }

    fn execute<R: Debug>(
        &mut self,
        target: Target<'_>,
        seed: u64,
        executions: u64,
        what: &str,
        execute: &mut impl FnMut(&[u8]) -> Result<u64, R>,
    ) {
        let longest = target.seeds.iter().map(Vec::len).max().unwrap_or(0);
        let mutator = Mutator {
            words: target.words,
            max_len: longest + MAX_GROWTH,
            keep_len: target.keep_len,
            text: target.text,
        };
        let mut random = Random::new(seed);
        let watch = Watch::new(what.to_owned());
        let mut input = [target.seeds[0].as_slice(), &vec![0; TAIL_LEN]].concat();
        for round in 0..executions {
            watch.begin(round);
            match usize::try_from(round) {
                // First what is known, as it is.
                Ok(0) => {}
                Ok(at) if at <= self.seeds => self.inputs[at - 1].clone_into(&mut input),
                _ => {
                    random.pick(&self.inputs).clone_into(&mut input);
                    let other = &self.inputs[random.below(self.inputs.len())];
                    mutator.change(&mut random, &mut input, other);
                }
            }
            let what = format_args!("{what}, execution {round}");
            self.take(target, &mut random, &input, &what, execute);
        }
    }

    fn take<R: Debug>(
        &mut self,
        target: Target<'_>,
        random: &mut Random,
        input: &[u8],
        what: &Arguments<'_>,
        execute: &mut impl FnMut(&[u8]) -> Result<u64, R>,
    ) {
        let begun = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(|| execute(input)));
        let mut took = begun.elapsed();
        let result = result.unwrap_or_else(|panic| {
            keep(what, input);
            resume_unwind(panic)
        });
        if took > target.work.limit() {
            took = (0..TRIES).map(|_| duration(execute, input)).min().unwrap_or(took);
            if took > target.work.limit() {
                keep(what, input);
                panic!("{what}: an execution took {took:?}");
            }
        }
        self.slowest = self.slowest.max(took);
        let outcome = match &result {
            Ok(shape) => Outcome::accepted(*shape),
            Err(reason) => Outcome::refused(reason),
        };
        let at = match self.outcomes.get(&outcome) {
            Some(at) => *at,
            None => self.learn(random, outcome, &result, input),
        };
        self.names[at].1 += 1;
    }

    /// Takes note of a new outcome, and keeps the input to change it further.
    fn learn<R: Debug>(
        &mut self,
        random: &mut Random,
        outcome: Outcome,
        result: &Result<u64, R>,
        input: &[u8],
    ) -> usize {
        let name = result.as_ref().map_or_else(name, |_| ACCEPTED.to_owned());
        let at = self.index(&name);
        self.outcomes.insert(outcome, at);
        if input.len() < TAIL_LEN {
            if self.inputs.len() < self.seeds + MAX_FOUND {
                self.inputs.push(input.to_vec());
            } else {
                let replaced = self.seeds + random.below(MAX_FOUND);
                input.clone_into(&mut self.inputs[replaced]);
            }
        }
        at
    }

    /// Where a name is counted.
    fn index(&mut self, name: &str) -> usize {
        self.names.iter().position(|(other, _)| other == name).unwrap_or_else(|| {
            self.names.push((name.to_owned(), 0));
            self.names.len() - 1
        })
    }

    fn merge(&mut self, other: Self) {
        for (name, count) in &other.names {
            let at = self.index(name);
            self.names[at].1 += count;
        }
        for (outcome, at) in other.outcomes {
            let at = self.index(&other.names[at].0);
            self.outcomes.insert(outcome, at);
        }
        self.slowest = self.slowest.max(other.slowest);
    }

    fn report(&self, target: &str, executions: u64, took: Duration) -> String {
        let rate = u128::from(executions) * 1_000_000 / took.as_micros().max(1);
        let mut text = format!(
            "{target}: {executions} executions in {:.1} s, {rate}/s, the slowest {:.1} ms, {} outcomes:",
            took.as_secs_f64(),
            self.slowest.as_secs_f64() * 1000.0,
            self.outcomes.len()
        );
        let sorted: BTreeMap<&str, u64> =
            self.names.iter().map(|(name, count)| (name.as_str(), *count)).collect();
        for (name, count) in sorted {
            write!(text, " {name} {count}").expect("a string takes everything");
        }
        text
    }
}

fn duration<R>(execute: &mut impl FnMut(&[u8]) -> Result<u64, R>, input: &[u8]) -> Duration {
    let begun = Instant::now();
    // What it comes to is known.
    let _ = execute(input).is_ok();
    begun.elapsed()
}

/// Prints an input that broke something, and keeps it in a file.
fn keep(what: &Arguments<'_>, input: &[u8]) {
    let hex: String = input.iter().map(|byte| format!("{byte:02x}")).collect();
    eprintln!("{what}: {} bytes: {hex}", input.len());
    let file =
        format!("coco-fuzz-{}.bin", what.to_string().replace(|c: char| !c.is_ascii_alphanumeric(), "-"));
    let path: PathBuf = std::env::temp_dir().join(file);
    match fs::write(&path, input) {
        Ok(()) => eprintln!("{what}: kept in {}", path.display()),
        Err(error) => eprintln!("{what}: not kept in {}: {error}", path.display()),
    }
}
