//! Kinds of faults, and sets of them.

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
    /// A request that a backup forwards never comes to the primary.
    LostRequest,
    /// The answer to one never comes back.
    LostAnswer,
    /// One or the other comes much later.
    LateRequest,
    /// A host cannot write a snapshot.
    UnwrittenSnapshot,
    /// A file of a snapshot is gone.
    LostSnapshot,
    /// A file of a snapshot ends too early.
    TornSnapshot,
    /// A bit of a file of a snapshot is wrong.
    FlippedSnapshot,
    /// A node begins with files of another host, a snapshot and the ledger up to it.
    CopiedSnapshot,
    /// A node begins with a snapshot alone, which it fetches from another node.
    FetchedSnapshot,
    /// A call runs on an old state, or is given its place late.
    StaleCall,
}

impl Fault {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 36] = [
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
        Self::LostRequest,
        Self::LostAnswer,
        Self::LateRequest,
        Self::UnwrittenSnapshot,
        Self::LostSnapshot,
        Self::TornSnapshot,
        Self::FlippedSnapshot,
        Self::CopiedSnapshot,
        Self::FetchedSnapshot,
        Self::StaleCall,
    ];
}

/// A set of kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults(u64);

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
pub type FaultTable = crate::faults::FaultTable<Fault, { Fault::ALL.len() }>;

impl Kind<{ Fault::ALL.len() }> for Fault {
    const ROWS: [Self; Self::ALL.len()] = Self::ALL;

    fn row(self) -> usize {
        self as usize
    }
}
