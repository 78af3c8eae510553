//! Clusters of the raft core alone, under faults drawn from a seed.
//!
//! Time is virtual. First a while in which everything goes wrong that may, with the safety properties checked after each
//! step; then all faults end, and the cluster must commit again within a bound. A node that crashes is gone for good, as
//! in a service: another one takes its place.

mod checks;
mod cluster;
mod effects;
mod faults;
mod node;
mod operator;
mod options;

use std::fmt;

use crate::steps::Steps;

pub use faults::{Fault, FaultTable};
pub use options::Options;

/// What a seed did.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Inputs that nodes handled.
    pub events: u64,
    /// Entries that are committed.
    pub committed: u64,
    /// Leaders that were elected.
    pub elections: u64,
    /// Configurations that were committed.
    pub reconfigurations: u64,
    /// From the end of all faults until every member had committed something new, in milliseconds.
    pub recovery_ms: u64,
    /// Two runs of a seed have the same.
    pub hash: u64,
    /// How often each fault struck.
    pub faults: FaultTable,
}

/// A property that does not hold.
#[derive(Clone, Debug, thiserror::Error)]
pub struct Violation {
    /// Run this again to see it.
    pub seed: u64,
    /// When, in milliseconds since the start.
    pub at_ms: u64,
    /// What is broken.
    pub broken: Broken,
    /// The last events before, the oldest first; empty unless they were recorded.
    pub events: Vec<String>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, at_ms, broken, events } = self;
        write!(f, "seed {seed}, after {at_ms} ms: {broken}")?;
        events.iter().try_for_each(|event| write!(f, "\n  {event}"))
    }
}

/// Which property, and how.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{property}: {detail}")]
pub struct Broken {
    /// In a few words.
    pub property: &'static str,
    /// Who and where.
    pub detail: String,
}

/// Runs one seed and records the first `limit` steps of it, or all if that is zero.
#[must_use]
pub fn record(seed: u64, limit: usize) -> Steps {
    let steps = Steps::new(format!("seed {seed}"), limit);
    cluster::Cluster::new(seed, false, Some(steps)).recorded()
}

/// Runs one seed.
///
/// # Errors
/// At the first property that does not hold, with the last events before.
pub fn run(seed: u64) -> Result<Outcome, Box<Violation>> {
    let violated = |record| cluster::Cluster::new(seed, record, None).run();
    // The same again, now with a record of what happens.
    violated(false).map_err(|first| violated(true).err().unwrap_or(first))
}
