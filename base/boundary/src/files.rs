//! Snapshot files, and downloads of these and of ledger files.

use coco_wire::{Seqno, chunk::ChunkName, snapshot::SnapshotName};

use crate::{
    effect::RequestId,
    event::{FileOperation, ReadFault},
};

/// What the enclave asks about files beside the ledger that is being written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileEffect {
    /// Write the next piece of a snapshot to a file without its final name; answered by
    /// [`FileEvent::SnapshotWritten`]. The first piece has offset 0.
    WriteSnapshot {
        /// Last transaction inside; names the snapshot until it is committed.
        seqno: Seqno,
        /// Bytes written before. A piece that does not follow is ignored: the one before failed.
        offset: u64,
        /// Sealed.
        bytes: Vec<u8>,
    },
    /// Add the receipt to a snapshot and give it its final name; answered by [`FileEvent::SnapshotCommitted`].
    CommitSnapshot {
        /// As before.
        seqno: Seqno,
        /// Transaction that records its digest.
        evidence_seqno: Seqno,
        /// JSON or COSE.
        receipt: Vec<u8>,
    },
    /// Forget a snapshot that will not be committed.
    DropSnapshot {
        /// As before.
        seqno: Seqno,
    },
    /// Name the files of a kind; answered by [`FileEvent::Listed`].
    List {
        /// Names the answer.
        request: RequestId,
        /// Which.
        kind: FileKind,
    },
    /// Read from a file; answered by [`FileEvent::Part`].
    Read {
        /// Names the answer.
        request: RequestId,
        /// Which.
        file: FileName,
        /// From where on.
        offset: u64,
        /// Most bytes of the answer; never more than [`MAX_PART`] are given.
        len: u64,
    },
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileEvent {
    /// This much of a snapshot is written; the next piece may come.
    SnapshotWritten {
        /// As in the question.
        seqno: Seqno,
        /// Bytes so far.
        len: u64,
    },
    /// The snapshot has its final name and survives as the ledger does.
    SnapshotCommitted {
        /// Its name.
        name: SnapshotName,
        /// Bytes, with the receipt.
        len: u64,
    },
    /// The snapshot is gone. The ledger is not concerned.
    SnapshotFailed {
        /// As in the question.
        seqno: Seqno,
        /// Why.
        fault: SnapshotFault,
    },
    /// Answer to [`FileEffect::List`].
    Listed {
        /// As in the question.
        request: RequestId,
        /// Files with their length in bytes, ascending, from all directories, each name once.
        files: Result<Vec<(FileName, u64)>, ReadFault>,
    },
    /// Answer to [`FileEffect::Read`].
    Part {
        /// As in the question.
        request: RequestId,
        /// What was read; authentic only once checked.
        part: Result<FilePart, ReadFault>,
    },
}

/// A file that can be downloaded: a committed one, or an open chunk, of which what is committed stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileName {
    /// A snapshot.
    Snapshot(SnapshotName),
    /// A chunk of the ledger.
    Chunk(ChunkName),
}

/// Kinds of such files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// Committed snapshots.
    Snapshots,
    /// Committed chunks of the ledger.
    Chunks,
    /// Those of the node's own chunks that are not committed yet.
    OpenChunks,
}

/// A range of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePart {
    /// Fewer than were wanted if the file ends.
    pub bytes: Vec<u8>,
    /// Length of the whole file.
    pub file_len: u64,
}

/// Most bytes of one [`FilePart`]: 4 MiB.
pub const MAX_PART: u64 = 4 << 20;

/// Why a snapshot could not be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotFault {
    /// A call to the file system failed.
    #[error("{operation} of snapshot file {file} failed (errno {errno})")]
    Io {
        /// What was tried.
        operation: FileOperation,
        /// Name of the file or directory.
        file: String,
        /// Operating system error number, 0 if none.
        errno: i32,
    },
    /// Too many bytes wait, or too many snapshots are being written.
    #[error("too much waits for the disk of snapshots")]
    Backlog,
    /// Committed before it was written.
    #[error("a snapshot is committed that was not written")]
    Absent,
}

impl std::fmt::Display for FileName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Snapshot(name) => name.fmt(f),
            Self::Chunk(name) => name.fmt(f),
        }
    }
}
