//! How often something is executed, by the environment.

/// Seeds of a run: so many parts can be begun with.
const SEEDS: u64 = 10;
/// Where a run begins, if not with the first seed.
const FROM: &str = "COCO_FROM";
/// How often what only reads is executed, and the rest in proportion.
const EXECUTIONS: &str = "COCO_EXECUTIONS";
/// Whether nothing is to be left out.
const FULL: &str = "COCO_FULL";
/// Executions in full of what only reads.
const MOST: u64 = 10_000_000;

/// What an execution costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Microseconds: bytes are read. 10,000,000 executions in full.
    Parse,
    /// Tens of microseconds: certificates are read, or signatures verified of whatever gets so far. 1,000,000 in full.
    Check,
    /// Up to milliseconds: the changed input is signed, and all of it verified. 100,000 in full.
    Sign,
}

impl Work {
    /// Executions in full, and in the gate.
    fn executions(self) -> (u64, u64) {
        match self {
            Self::Parse => (MOST, 20_000),
            Self::Check => (1_000_000, 2_000),
            Self::Sign => (100_000, 200),
        }
    }
}

/// Which seeds there are, and how often something is executed with each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) seeds: std::ops::Range<u64>,
    full: bool,
    executions: Option<u64>,
}

impl Plan {
    /// That of the environment.
    pub(crate) fn of_environment() -> Self {
        Self::of(|name| std::env::var(name).ok())
    }

    /// A run ends with the last of ten seeds; in the gate there is one.
    pub(crate) fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let number = |name| variable(name).and_then(|text| text.parse().ok());
        let (from, executions) = (number(FROM).unwrap_or(0), number(EXECUTIONS));
        let full = variable(FULL).is_some();
        let end = if full || executions.is_some() { from - from % SEEDS + SEEDS } else { from + 1 };
        Self { seeds: from..end, full, executions }
    }

    /// Executions with each seed.
    pub(crate) fn executions(&self, work: Work) -> u64 {
        let (full, quick) = work.executions();
        match self.executions {
            Some(executions) => (executions / SEEDS * full / MOST).max(1),
            None if self.full => full / SEEDS,
            None => quick,
        }
    }
}
