//! Kinds of faults.

use crate::faults::Kind;

/// What can go wrong, or is done by an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A message never comes.
    Loss,
    /// A message comes much later, after newer ones.
    Delay,
    /// A message comes twice.
    Duplicate,
    /// The nodes fall into two groups that do not hear each other.
    Partition,
    /// One node hears another one but not the other way round.
    OneWay,
    /// One node talks to nobody.
    Isolation,
    /// A node is gone for good.
    Crash,
    /// A node is added, with an empty log or from a snapshot.
    Join,
    /// A node is removed.
    Removal,
    /// Nodes are removed, and others added for them, at a time.
    Replacement,
    /// A node's disk takes long.
    SlowDisk,
    /// A node is not told that an entry is on disk.
    Unreported,
    /// A node's clock stands still, then jumps.
    Stall,
    /// A node's clock runs three times as fast.
    FastClock,
    /// A leader is asked to hand over.
    HandOver,
}

impl Fault {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 15] = [
        Self::Loss,
        Self::Delay,
        Self::Duplicate,
        Self::Partition,
        Self::OneWay,
        Self::Isolation,
        Self::Crash,
        Self::Join,
        Self::Removal,
        Self::Replacement,
        Self::SlowDisk,
        Self::Unreported,
        Self::Stall,
        Self::FastClock,
        Self::HandOver,
    ];
}

/// How often each fault struck in each phase.
pub type FaultTable = crate::faults::FaultTable<Fault, { Fault::ALL.len() }>;

impl Kind<{ Fault::ALL.len() }> for Fault {
    const ROWS: [Self; Self::ALL.len()] = Self::ALL;

    fn row(self) -> usize {
        self as usize
    }
}
