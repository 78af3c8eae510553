//! Clusters of whole nodes, under faults drawn from a seed.
//!
//! What runs is the core of the node, with consensus, store and ledger and its encryption, what forwards requests and
//! has reads wait, in one of a hundred seeds also the channels between nodes, in one of a thousand ECDSA over the ledger
//! too; network, disks, threads, clocks, operator and clients
//! are played. First a while in which everything goes wrong that may; then
//! all faults end, and the service must commit again within a bound. Properties are checked after each step. A node
//! that crashes is gone for good: another one takes its place.

mod app;
mod checks;
mod clients;
mod consortium;
mod disk;
mod effects;
mod event;
mod faults;
mod files;
mod forwarding;
mod history;
mod identities;
mod machine;
mod membership;
mod network;
mod operator;
mod options;
mod record;
mod recovery;
mod requests;
mod signatures;
mod snapshots;
mod votes;
mod world;

pub use faults::{Fault, FaultTable, Faults};

use self::{identities::Identities, world::World};
use crate::raft::Violation;

/// Runs seeds.
pub struct Simulator(Identities);

/// What is different from a usual run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Conditions {
    /// Whether messages go through the channels between nodes in all seeds, not only in one of a hundred.
    pub channels: bool,
    /// Whether the ledger is signed with ECDSA too in all seeds, not only in one of a thousand.
    pub real: bool,
    /// Whether members vote on every change of the configuration in all seeds, not only in one of a hundred.
    pub votes: bool,
    /// Faults that do not strike.
    pub without: Faults,
    /// What the world does wrong.
    pub sabotage: Option<Sabotage>,
}

/// A bug of the world, which the checks must find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// Hosts report entries as on disk that are not.
    UnsyncedReports,
    /// Counters are counted up without a look at what others wrote meanwhile.
    BlindCounters,
    /// Clients are told of a commit before there is one.
    EarlyCommits,
}

impl Sabotage {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::UnsyncedReports, Self::BlindCounters, Self::EarlyCommits];
}

/// What a seed did.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Inputs that nodes handled, and calls.
    pub events: u64,
    /// Transactions of clients that are committed.
    pub committed: u64,
    /// Leaders that were elected.
    pub elections: u64,
    /// Configurations that were committed.
    pub reconfigurations: u64,
    /// Transactions that conflicted and were executed again.
    pub conflicts: u64,
    /// Requests that were forwarded and answered.
    pub forwarded: u64,
    /// Answers to reads that missed nothing.
    pub reads: u64,
    /// Snapshots that were committed, on all hosts together.
    pub snapshots: u64,
    /// From the end of all faults until every member had committed something new, in milliseconds.
    pub recovery_ms: u64,
    /// Two runs of a seed have the same.
    pub hash: u64,
    /// How often each fault struck.
    pub faults: FaultTable,
}

impl Simulator {
    /// Makes the keys of all nodes to come.
    #[must_use]
    pub fn new() -> Self {
        Self(Identities::new())
    }

    /// Runs one seed.
    ///
    /// # Errors
    /// At the first property that does not hold, with the last events before.
    pub fn run(&self, seed: u64, conditions: Conditions) -> Result<Outcome, Box<Violation>> {
        let run = |record| World::new(seed, &self.0, conditions, record).run();
        // The same again, now with a record of what happens.
        run(false).map_err(|first| run(true).err().unwrap_or(first))
    }

    /// Finds faults that a violation needs: leaves out one kind after the other as long as the property stays broken.
    #[must_use]
    pub fn shrink(&self, violation: Violation, conditions: Conditions) -> (Conditions, Violation) {
        let mut smallest = (conditions, violation);
        for fault in Fault::ALL {
            let less = Conditions { without: smallest.0.without.with(fault), ..smallest.0 };
            if let Err(found) = self.run(smallest.1.seed, less)
                && found.broken.property == smallest.1.broken.property
            {
                smallest = (less, *found);
            }
        }
        smallest
    }
}

impl Default for Simulator {
    fn default() -> Self {
        Self::new()
    }
}
