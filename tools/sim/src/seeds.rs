//! Seeds, taken one after the other by several threads.

use std::{
    cell::Cell,
    fmt::Display,
    ops::Range,
    panic, process,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use clap::Args;

/// After so many seeds a line says how far it is.
const REPORTED: u64 = 10_000;

thread_local! {
    /// The seed that this thread runs, and the second at which it began.
    static CURRENT: Cell<Option<(u64, f64)>> = const { Cell::new(None) };
}

#[derive(Args)]
pub(super) struct SeedArguments {
    /// First seed, and the one after the last.
    #[arg(long, value_name = "A..B", value_parser = range, required = true)]
    seeds: Option<Range<u64>>,
    /// Goes on with this one of them.
    #[arg(long, value_name = "SEED", env = "COCO_FROM")]
    from: Option<u64>,
    /// Threads; seeds do not depend on it. As many as there are cores, if not given.
    #[arg(long)]
    threads: Option<usize>,
    /// Ends with the first violation, or after so many seconds.
    #[arg(long, value_name = "SECONDS")]
    hunt: Option<u64>,
}

/// What all threads work on.
pub(super) struct Seeds {
    begun: Instant,
    /// The next that nobody has begun.
    next: AtomicU64,
    end: u64,
    hunt: Option<Duration>,
}

impl SeedArguments {
    /// All seeds in order.
    pub(super) fn all(&self) -> Range<u64> {
        let seeds = self.seeds.clone().unwrap_or_default();
        self.from.unwrap_or(seeds.start).max(seeds.start)..seeds.end
    }

    /// Has several threads take the seeds with `work`, and yields what each found.
    pub(super) fn share<T: Send>(&self, work: impl Fn(&Seeds) -> T + Sync) -> (Vec<T>, Duration) {
        name_seeds_in_panics();
        let Range { start, end } = self.all();
        let hunt = self.hunt.map(Duration::from_secs);
        let seeds = Seeds { begun: Instant::now(), next: AtomicU64::new(start), end, hunt };
        let cores = || thread::available_parallelism().map_or(1, usize::from);
        let threads = self.threads.unwrap_or_else(cores).max(1);
        let found = thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(|| work(&seeds))).collect();
            let join = |worker: thread::ScopedJoinHandle<'_, T>| worker.join();
            workers.into_iter().map(|worker| join(worker).expect("a simulation does not panic")).collect()
        });
        (found, seeds.begun.elapsed())
    }
}

impl Seeds {
    /// The next for this thread.
    pub(super) fn take(&self) -> Option<u64> {
        let seed = self.next.fetch_add(1, Ordering::Relaxed);
        let elapsed = self.begun.elapsed();
        if seed >= self.end || self.hunt.is_some_and(|limit| elapsed > limit) {
            return None;
        }
        let seconds = elapsed.as_secs_f64();
        CURRENT.set(Some((seed, seconds)));
        if seed.is_multiple_of(REPORTED) && seconds > 1.0 {
            println!("{seconds:.0} s: goes on with seed {seed}");
        }
        Some(seed)
    }

    /// Ends the process with what was found, if that was all that was wanted.
    pub(super) fn found(&self, seed: u64, what: &impl Display) {
        if self.hunt.is_some() {
            tell(self.begun.elapsed().as_secs_f64(), seed, what);
            // Other threads are in the midst of theirs.
            process::exit(1);
        }
    }
}

/// In one line.
fn tell(seconds: f64, seed: u64, what: &impl Display) {
    let what = what.to_string();
    println!(
        "found after {seconds:.1} s: seed {seed}: {}",
        what.split_whitespace().collect::<Vec<_>>().join(" ")
    );
}

/// `A..B`
fn range(text: &str) -> Result<Range<u64>, String> {
    let (first, end) = text.split_once("..").ok_or("expected A..B")?;
    let number = |text: &str| text.parse().map_err(|_| format!("not a number: {text}"));
    let range = number(first)?..number(end)?;
    if range.is_empty() { Err("no seed in it".to_owned()) } else { Ok(range) }
}

/// A panic of a node ends the process: it is to say in which seed.
fn name_seeds_in_panics() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if let Some((seed, seconds)) = CURRENT.get() {
            tell(seconds, seed, panic);
        }
        usual(panic);
    }));
}
