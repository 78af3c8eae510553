//! What the enclave asks of the host.

use std::sync::Arc;

use coco_wire::{Digest, Seqno, TxId};

use crate::{FileEffect, Monotonic};

/// One request to the host. Effects are carried out in the order in which they are given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The first entry that is appended will follow `after`: the node begins with a snapshot. Files of later entries
    /// that the directory holds are set aside. Once, before everything else.
    ResumeLedger {
        /// The last entry of the snapshot.
        after: Seqno,
    },
    /// Append one entry to the ledger; its seqno is one more than that of the last.
    ///
    /// Answered by [`Event::Persisted`](crate::Event::Persisted) once it and all before it will
    /// survive: promptly after a [`EntryKind::Signature`], at the host's leisure otherwise.
    Append {
        /// View and seqno of the entry.
        id: TxId,
        /// Whether agreement waits for it.
        kind: EntryKind,
        /// The whole entry with its 8-byte header, whose flags say where chunks begin and end.
        entry: Vec<u8>,
    },
    /// Forget every entry after `last`. Never below what was committed.
    ///
    /// An `Event::Persisted` already on its way may still name a forgotten entry; its view tells.
    Truncate {
        /// The last entry that stays.
        last: Seqno,
    },
    /// Everything up to here can no longer be truncated: complete chunks that end at or before it
    /// become `.committed`.
    Commit {
        /// The last committed entry.
        upto: Seqno,
    },
    /// Read entries back; answered by [`Event::Entries`](crate::Event::Entries).
    ReadEntries {
        /// Names the answer.
        request: RequestId,
        /// The first wanted.
        from: Seqno,
        /// The last wanted; the answer may end earlier, but holds at least one entry or a fault.
        to: Seqno,
    },
    /// Read or write other files.
    Files(FileEffect),
    /// Carry a frame to another node, without promise and without answer: it may be lost, and what does not fit in the
    /// limits of [`peers`](crate::peers) is. Frames to one address mostly keep their order.
    Send {
        /// `host:port` of the peer's node-to-node interface.
        to: Arc<str>,
        /// One whole frame ([`coco_wire::peer::Frame`]), sealed or of a handshake.
        frame: Vec<u8>,
    },
    /// Have the platform attest this enclave; answered by [`Event::Quote`](crate::Event::Quote).
    /// A few are asked at a time; what is not answered is given up.
    Quote {
        /// Bound into the evidence, and names the question: the digest of the node's public key for the node itself.
        report_data: Digest,
    },
    /// End the process. The host first writes out everything appended before.
    Stop {
        /// Decides the exit status.
        reason: StopReason,
    },
}

/// Whether agreement waits for an entry to be persisted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// Written when convenient.
    Transaction,
    /// Ends a committable prefix: written and, if so configured, synchronised at once.
    Signature,
}

/// Names a request of the enclave in its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// Why the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// The host asked for it ([`Event::Stop`](crate::Event::Stop)): exit status 0.
    Asked,
    /// Disk, peer or ledger is wrong: exit status 1.
    Fault,
}

/// Takes the enclave's effects.
pub trait Host: Send + Sync {
    /// Queues effects and empties `effects`. Returns at once and never calls back into the enclave,
    /// so that the caller may hold its lock, which keeps the order.
    fn perform(&self, effects: &mut Vec<Effect>);

    /// Wants an [`Event::Tick`](crate::Event::Tick) at `at`, beside the regular ones. The latest wish counts.
    fn wake_at(&self, at: Monotonic);

    /// Bytes appended but not yet written. Above [`MAX_BACKLOG`] the enclave takes no new writes;
    /// above twice as much the host gives up with [`LedgerFault::Backlog`](crate::LedgerFault::Backlog).
    fn backlog(&self) -> usize;
}

/// Bytes that may wait for the disk before the enclave refuses writes: 256 MiB.
pub const MAX_BACKLOG: usize = 256 << 20;
