//! What the host tells the enclave.

use coco_wire::{Digest, Seqno, TxId};

use crate::{effect::RequestId, files::FileEvent};

/// One piece of news from the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Time passes; sent every `tick_interval`.
    Tick {
        /// Drives timeouts.
        now: Monotonic,
        /// Goes into certificates and ledger time, after checks.
        wall: Unix,
    },
    /// This entry and all before it are in the ledger files as durably as configured.
    ///
    /// Counts only if the enclave's own entry at that seqno has that view: the event may cross an
    /// [`Effect::Truncate`](crate::Effect::Truncate).
    Persisted {
        /// The last such entry.
        upto: TxId,
    },
    /// Answer to [`Effect::ReadEntries`](crate::Effect::ReadEntries).
    Entries {
        /// As in the question.
        request: RequestId,
        /// Whole entries with headers, in order from the first wanted, at most 16 MiB or one entry;
        /// authentic only once checked.
        entries: Result<Vec<Vec<u8>>, ReadFault>,
    },
    /// News of other files.
    Files(FileEvent),
    /// A frame that somebody sent to the node-to-node interface: as long as [`coco_wire::peer::frame_len`] says, at most
    /// [`MAX_FRAME`](coco_wire::peer::frame::MAX_FRAME) bytes, and otherwise unchecked. Anyone can send one; it names its
    /// sender itself.
    Frame(Vec<u8>),
    /// Answer to [`Effect::Quote`](crate::Effect::Quote).
    Quote {
        /// As in the question.
        report_data: Digest,
        /// What the platform says.
        evidence: Result<Evidence, QuoteFault>,
    },
    /// The operator is about to stop this node, and warns it (first SIGTERM under
    /// `ignore_first_sigterm`).
    StopNotice,
    /// The operator wants the node to end: answer with [`Effect::Stop`](crate::Effect::Stop) within seconds.
    Stop,
    /// The ledger can no longer be written. No `Persisted` follows, and nothing is retried.
    Fault(LedgerFault),
}

/// Milliseconds since an arbitrary start; never goes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Monotonic(pub u64);

impl Monotonic {
    /// Milliseconds from `earlier` until now; 0 if it is later.
    #[must_use]
    pub fn since_ms(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Milliseconds since 1970-01-01 UTC, without leap seconds, as the host's clock has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Unix(pub u64);

/// Attestation evidence and what endorses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// How to read the quote.
    pub format: EvidenceFormat,
    /// What the platform produced.
    pub quote: Vec<u8>,
    /// What the platform's vendor says of it; empty for [`EvidenceFormat::Virtual`].
    pub endorsements: Vec<u8>,
    /// Who vouches for the measurement of a utility VM, if that runs the node.
    pub uvm_endorsements: Option<Vec<u8>>,
}

/// Kinds of evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EvidenceFormat {
    /// No TEE: a JSON object that anyone can write, for development.
    Virtual,
    /// AMD SEV-SNP: a report, and the certificates of its key.
    SevSnp,
    /// Intel SGX: a quote, and collateral.
    Sgx,
    /// Intel TDX: a quote, and collateral.
    Tdx,
    /// Enclaves of Windows: a report with what a TPM says of the boot, and the TPM's key or its certificates.
    Vbs,
    /// Confidential machines of Azure: a report with what the machine's TPM says, and certificates of the processor.
    AzureCvm,
    /// AWS Nitro Enclaves: a document.
    Nitro,
}

/// The platform produced no evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the platform gave no attestation evidence")]
pub struct QuoteFault;

/// Entries that cannot be read back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadFault {
    /// In none of the ledger directories.
    #[error("entry {seqno} is in no ledger directory")]
    Absent {
        /// The first one missing.
        seqno: Seqno,
    },
    /// A ledger file is not what its name or header says.
    #[error("ledger file {file} is damaged")]
    Damaged {
        /// Name of the file.
        file: String,
    },
    /// A ledger file cannot be read.
    #[error("ledger file {file} cannot be read (errno {errno})")]
    Io {
        /// Name of the file.
        file: String,
        /// Operating system error number, 0 if none.
        errno: i32,
    },
    /// Too many reads are waiting; ask again later.
    #[error("too many reads of the ledger are waiting")]
    Busy,
}

/// Why the ledger can no longer be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerFault {
    /// A call to the file system failed.
    #[error("{operation} of ledger file {file} failed (errno {errno})")]
    Io {
        /// What was tried.
        operation: FileOperation,
        /// Name of the file or directory.
        file: String,
        /// Operating system error number, 0 if none.
        errno: i32,
    },
    /// The disk is too slow: more than twice [`MAX_BACKLOG`](crate::effect::MAX_BACKLOG) waits.
    #[error("too many bytes wait for the ledger disk")]
    Backlog,
    /// An entry does not follow the last one.
    #[error("entry {found} appended where {expected} was due")]
    Gap {
        /// The seqno after the last entry.
        expected: Seqno,
        /// That of the entry given.
        found: Seqno,
    },
    /// An entry is no entry: its header and length disagree.
    #[error("entry {seqno} has a wrong header")]
    Malformed {
        /// That of the entry given.
        seqno: Seqno,
    },
    /// A chunk would exceed the 4 GiB that its 32-bit positions can name.
    #[error("entry {seqno} does not fit in its chunk")]
    ChunkTooLarge {
        /// The entry that does not fit.
        seqno: Seqno,
    },
    /// Committed entries were to be forgotten.
    #[error("truncation to {last} would lose entries committed up to {committed}")]
    TruncatesCommitted {
        /// The last entry that was to stay.
        last: Seqno,
        /// The last committed one.
        committed: Seqno,
    },
    /// Commit or truncation names an entry that was never appended.
    #[error("entry {seqno} named, but the last is {last}")]
    Beyond {
        /// The entry named.
        seqno: Seqno,
        /// The last one there.
        last: Seqno,
    },
}

/// Calls to the file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileOperation {
    /// Create a file.
    Create,
    /// Open a file.
    Open,
    /// Read from a file.
    Read,
    /// Write into a file.
    Write,
    /// Set the size of a file.
    Resize,
    /// Synchronise a file or a directory.
    Sync,
    /// Rename a file.
    Rename,
    /// Remove a file.
    Remove,
}

impl std::fmt::Display for FileOperation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Create => "creation",
            Self::Open => "opening",
            Self::Read => "reading",
            Self::Write => "writing",
            Self::Resize => "resizing",
            Self::Sync => "synchronisation",
            Self::Rename => "renaming",
            Self::Remove => "removal",
        })
    }
}
