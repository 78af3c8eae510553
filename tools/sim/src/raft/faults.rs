//! Kinds of faults, and how often each struck in which phase.

use std::fmt;

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

/// What the cluster is at when a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Somebody leads, with one configuration.
    Steady,
    /// Nobody leads, or a member stands for election.
    Electing,
    /// Who leads has several configurations, or nodes that are leaving.
    Reconfiguring,
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

    /// The smallest number in it.
    #[must_use]
    pub fn least(&self) -> u64 {
        self.0.as_flattened().iter().copied().min().unwrap_or_default()
    }
}

impl fmt::Display for FaultTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<12}{:>12}{:>12}{:>15}", "fault", "steady", "electing", "reconfiguring")?;
        for (fault, [steady, electing, reconfiguring]) in Fault::ALL.iter().zip(self.0) {
            let name = format!("{fault:?}");
            writeln!(f, "{name:<12}{steady:>12}{electing:>12}{reconfiguring:>15}")?;
        }
        Ok(())
    }
}
