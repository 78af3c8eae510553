//! Kinds of faults, and how often each struck in which phase.

use std::fmt;

use crate::raft::Phase;

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
    /// A node is gone for good, with what its disk had not synchronised.
    Crash,
    /// A node is asked to stop.
    Shutdown,
    /// With the power goes what the disk had not synchronised.
    LostWrite,
    /// The same, but for part of an entry.
    TornWrite,
    /// The same, but for entries behind one that is lost.
    ReorderedWrite,
    /// A node's disk is full: the node stops.
    FullDisk,
    /// A node's disk takes long.
    SlowDisk,
    /// A node is told late that entries are on disk.
    LateReport,
    /// The answer to a read of the ledger is short, or a failure.
    ShortRead,
    /// A bit of what is read from the ledger is wrong.
    FlippedRead,
    /// What is read from the ledger has entries in another order.
    ReorderedRead,
    /// What is read from the ledger is what was there before it was cut.
    OldRead,
    /// A job takes long, so that later ones overtake it.
    LateJob,
    /// A process stands still, and then goes on with what came meanwhile.
    Pause,
    /// A node's clock runs three times as fast.
    FastClock,
    /// A node's clock stands still.
    StoppedClock,
    /// A node's date jumps forwards or back.
    JumpingDate,
    /// A node joins.
    Join,
    /// A node is removed.
    Removal,
    /// Nodes are removed, and others let in for them, at a time.
    Replacement,
    /// A call runs on an old state, or is given its place late.
    StaleCall,
}

impl Fault {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 27] = [
        Self::Loss,
        Self::Delay,
        Self::Duplicate,
        Self::Partition,
        Self::OneWay,
        Self::Isolation,
        Self::Crash,
        Self::Shutdown,
        Self::LostWrite,
        Self::TornWrite,
        Self::ReorderedWrite,
        Self::FullDisk,
        Self::SlowDisk,
        Self::LateReport,
        Self::ShortRead,
        Self::FlippedRead,
        Self::ReorderedRead,
        Self::OldRead,
        Self::LateJob,
        Self::Pause,
        Self::FastClock,
        Self::StoppedClock,
        Self::JumpingDate,
        Self::Join,
        Self::Removal,
        Self::Replacement,
        Self::StaleCall,
    ];
}

/// A set of kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults(u32);

impl Faults {
    /// With one more.
    #[must_use]
    pub fn with(self, fault: Fault) -> Self {
        Self(self.0 | 1 << fault as u32)
    }

    /// Whether it is one of them.
    #[must_use]
    pub fn contain(self, fault: Fault) -> bool {
        self.0 & 1 << fault as u32 != 0
    }
}

/// How often each fault struck in each phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultTable([[u64; 3]; Fault::ALL.len()]);

impl FaultTable {
    /// Counts one.
    pub fn count(&mut self, fault: Fault, phase: Phase) {
        self.0[fault as usize][phase as usize] += 1;
    }

    /// Adds another seed's.
    pub fn add(&mut self, other: &Self) {
        for (to, from) in self.0.as_flattened_mut().iter_mut().zip(other.0.as_flattened()) {
            *to += from;
        }
    }

    /// How often the rarest kind struck, in whatever phase.
    #[must_use]
    pub fn rarest(&self) -> u64 {
        self.0.iter().map(|phases| phases.iter().sum()).min().unwrap_or_default()
    }

    /// The smallest number in it.
    #[must_use]
    pub fn least(&self) -> u64 {
        self.0.as_flattened().iter().copied().min().unwrap_or_default()
    }
}

impl fmt::Display for FaultTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<15}{:>12}{:>12}{:>15}", "fault", "steady", "electing", "reconfiguring")?;
        for (fault, [steady, electing, reconfiguring]) in Fault::ALL.iter().zip(self.0) {
            let name = format!("{fault:?}");
            writeln!(f, "{name:<15}{steady:>12}{electing:>12}{reconfiguring:>15}")?;
        }
        Ok(())
    }
}
