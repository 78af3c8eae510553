//! Whether the specification allows what nodes did: `validate.tla` for a machine without TLC.

mod judge;
mod words;

pub use words::Malformed;

use std::thread;

use crate::state::{Set, State, set_of};
use judge::Step;
use words::Value;

/// The state of runs: at most 16 nodes, views below 64, 1,023 entries a log. What goes beyond is refused.
type Large = State<16, 64, 1023>;

/// Bytes of stack for some such states.
const STACK: usize = 128 << 20;

impl Large {
    /// Most nodes of a run.
    const MOST: usize = 16;
}

/// What the specification says of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The run's own name.
    pub name: String,
    /// How many steps it has.
    pub steps: usize,
    /// The first step that is not allowed, counted from 1, and its text.
    pub refused: Option<(usize, String)>,
}

/// Judges every run of a module that `coco-sim` wrote.
///
/// # Errors
/// The first line that is not in the words of `spec/words.tla`.
pub fn judge(module: &str) -> Result<Vec<Verdict>, Malformed> {
    thread::scope(|scope| {
        let judge = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, || judge_all(module));
        judge.expect("a thread begins").join().expect("a judge does not panic")
    })
}

fn judge_all(module: &str) -> Result<Vec<Verdict>, Malformed> {
    let mut verdicts = Vec::new();
    let mut lines = module.lines();
    while let Some(line) = lines.next() {
        let Some(head) = line.strip_prefix("[name |-> \"") else { continue };
        let (name, founders) = read_head(head).ok_or_else(|| Malformed(line.to_owned()))?;
        let steps = lines.by_ref().take_while(|line| *line != ">>]");
        let steps = steps.map(|line| line.strip_suffix(',').unwrap_or(line));
        verdicts.push(judge_run(name, founders, steps)?);
    }
    Ok(verdicts)
}

fn judge_run<'a>(
    name: &str,
    founders: Set,
    steps: impl Iterator<Item = &'a str>,
) -> Result<Verdict, Malformed> {
    let mut state = Box::new(Large::begin(founders));
    let mut verdict = Verdict { name: name.to_owned(), steps: 0, refused: None };
    for text in steps {
        let step = Step::read(text)?;
        verdict.steps += 1;
        if verdict.refused.is_none() && !step.is_allowed(&mut state) {
            verdict.refused = Some((verdict.steps, text.to_owned()));
        }
    }
    Ok(verdict)
}

fn read_head(head: &str) -> Option<(&str, Set)> {
    let (name, rest) = head.split_once("\", founders |-> ")?;
    let founders = Value::read(rest.strip_suffix(", steps |-> <<")?).ok()?;
    let founders: Option<Vec<usize>> = founders.many()?.iter().map(Value::number).collect();
    Some((name, set_of(founders?.into_iter().filter(|node| *node < Large::MOST))))
}
