//! Snapshot files: names, frame, and the header of a snapshot's public domain.
//!
//! A file is one entry (see [`entry`](crate::entry); flags 0, [`Iv::of_snapshot`]) and, once
//! committed, a receipt whose claims digest is the SHA-256 of that entry. Header of the public domain:
//! ```text
//! u8 type = 1 | u64 seqno | u64 max conflict version = 0
//! u64 32 | [32] leaf of the Merkle tree at seqno
//! u64 length | u64 first seqno of each view, from view 1
//! ```
//! Sources: CCF `src/snapshots/filenames.h`, `src/kv/store.h`, `src/kv/generic_serialise_wrapper.h`.

mod frame;
pub mod tables;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

pub use frame::{FRAME_LEN, MAX_DOMAIN_LEN, SnapshotFrame};
pub use tables::{SnapshotTables, TablePart, TableReader};

use crate::{
    entry::{Entry, EntryError, Iv},
    id::{Digest, Seqno, TxId, View},
    reader::{Reader, Short},
};

const ENTRY_TYPE: u8 = 1;

/// Name of a snapshot file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SnapshotName {
    /// Last transaction inside.
    pub seqno: Seqno,
    /// Transaction that records the digest of the snapshot.
    pub evidence_seqno: Seqno,
    /// Progress of the evidence.
    pub phase: SnapshotPhase,
}

/// Whether the evidence of a snapshot is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SnapshotPhase {
    /// No receipt yet.
    Pending,
    /// `.committed`: the receipt is in the file.
    Committed,
}

/// Not the name of a snapshot file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a snapshot file")]
pub struct InvalidSnapshotName;

impl fmt::Display for SnapshotName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "snapshot_{}_{}", self.seqno, self.evidence_seqno)?;
        f.write_str(match self.phase {
            SnapshotPhase::Pending => "",
            SnapshotPhase::Committed => ".committed",
        })
    }
}

impl FromStr for SnapshotName {
    type Err = InvalidSnapshotName;

    fn from_str(name: &str) -> Result<Self, InvalidSnapshotName> {
        let (range, phase) = match name.strip_suffix(".committed") {
            Some(range) => (range, SnapshotPhase::Committed),
            None => (name, SnapshotPhase::Pending),
        };
        let range = range.strip_prefix("snapshot_").ok_or(InvalidSnapshotName)?;
        let (seqno, evidence) = range.split_once('_').ok_or(InvalidSnapshotName)?;
        let position = |text: &str| {
            let canonical = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
            if canonical { text.parse().ok().map(Seqno) } else { None }
        };
        let seqno = position(seqno).ok_or(InvalidSnapshotName)?;
        let evidence_seqno = position(evidence).ok_or(InvalidSnapshotName)?;
        if evidence_seqno <= seqno {
            return Err(InvalidSnapshotName);
        }
        Ok(Self { seqno, evidence_seqno, phase })
    }
}

/// Bytes that are not a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// The entry is wrong.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// The IV is not that of a snapshot at the seqno of the header.
    #[error("the IV belongs to another entry")]
    Iv,
    /// Not an entry of type 1.
    #[error("entry type {0}")]
    EntryType(u8),
    /// A field extends beyond the end of the public domain.
    #[error("public domain ends inside the field at offset {0}")]
    Truncated(usize),
    /// A field has a length that it never has.
    #[error("field at offset {0} has the wrong length")]
    FieldLen(usize),
    /// Starts of views that descend.
    #[error("view history descends")]
    ViewHistory,
    /// A table name is not UTF-8.
    #[error("a table name is not UTF-8")]
    Name,
    /// A table in the wrong domain.
    #[error("a table belongs to the other domain")]
    WrongDomain,
    /// Tables repeat or do not ascend.
    #[error("a table does not follow the previous one in order")]
    TableOrder,
    /// A length that exceeds what is around it.
    #[error("a field exceeds its table")]
    RowLen,
    /// Padding that is not zero.
    #[error("padding is not zero")]
    Padding,
    /// A row without version, or of a later one than its table.
    #[error("a row has an impossible version")]
    RowVersion,
}

impl From<Short> for SnapshotError {
    fn from(short: Short) -> Self {
        Self::Truncated(short.offset)
    }
}

/// What precedes the tables in the public domain of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotHeader {
    /// Last transaction inside.
    pub seqno: Seqno,
    /// Leaf of the Merkle tree at `seqno`.
    pub leaf: Digest,
    /// First seqno of each view, from view 1; equal for views without transactions.
    pub view_history: Vec<Seqno>,
}

impl SnapshotHeader {
    /// The last transaction inside, with its view.
    #[must_use]
    pub fn tx_id(&self) -> TxId {
        let view = self.view_history.partition_point(|start| *start <= self.seqno);
        TxId { view: View(view as u64), seqno: self.seqno }
    }

    /// Appends the header to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(ENTRY_TYPE);
        for number in [self.seqno.0, 0, Digest::LEN as u64] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&self.leaf.0);
        out.extend_from_slice(&(8 * self.view_history.len() as u64).to_le_bytes());
        for start in &self.view_history {
            out.extend_from_slice(&start.0.to_le_bytes());
        }
    }

    /// The header at the start of a public domain, and the tables after it.
    ///
    /// # Errors
    /// When it is not the header of a snapshot.
    pub fn decode(public_domain: &[u8]) -> Result<(Self, &[u8]), SnapshotError> {
        let mut bytes = Reader::new(public_domain);
        let entry_type = bytes.u8()?;
        if entry_type != ENTRY_TYPE {
            return Err(SnapshotError::EntryType(entry_type));
        }
        let seqno = Seqno(bytes.u64()?);
        let _max_conflict_version = bytes.u64()?;
        let at = bytes.offset();
        let leaf = bytes.sized()?.try_into().map(Digest).map_err(|_| SnapshotError::FieldLen(at))?;
        let at = bytes.offset();
        let (starts, []) = bytes.sized()?.as_chunks() else { return Err(SnapshotError::FieldLen(at)) };
        let view_history: Vec<_> = starts.iter().map(|start| Seqno(u64::from_le_bytes(*start))).collect();
        if !view_history.is_sorted() {
            return Err(SnapshotError::ViewHistory);
        }
        Ok((Self { seqno, leaf, view_history }, bytes.rest()))
    }
}

/// Table that records the digest of the latest snapshot; one row, a JSON [`SnapshotEvidence`].
pub const SNAPSHOT_EVIDENCE: &str = "public:ccf.internal.snapshot_evidence";

/// Value of [`SNAPSHOT_EVIDENCE`]. Source: CCF `src/service/tables/snapshot_evidence.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotEvidence {
    /// SHA-256 of the snapshot; also the claims digest of the transaction that writes it.
    pub hash: Digest,
    /// Last transaction inside.
    pub version: Seqno,
}

/// First seqno of each view from view 1 on, as snapshots tell it, from the views that have transactions, ascending:
/// a view without transactions starts with the next one. Those that start after `upto` are left out.
#[must_use]
pub fn view_history(views: impl IntoIterator<Item = (View, Seqno)>, upto: Seqno) -> Vec<Seqno> {
    let mut history = Vec::new();
    for (view, first) in views.into_iter().take_while(|(_, first)| *first <= upto) {
        while (history.len() as u64) < view.0 {
            history.push(first);
        }
    }
    history
}

/// A snapshot file, taken apart.
#[derive(Clone, Debug)]
pub struct SnapshotFile<'a> {
    /// The entry; its SHA-256 is the claim of the receipt.
    pub entry: Entry<'a>,
    /// Header of the public domain.
    pub header: SnapshotHeader,
    /// Tables in the public domain.
    pub public_tables: &'a [u8],
    /// JSON or COSE receipt; empty before the snapshot is committed.
    pub receipt: &'a [u8],
}

impl<'a> SnapshotFile<'a> {
    /// Checks the frame, not the tables or the receipt.
    ///
    /// # Errors
    /// When the file does not start with the entry of a snapshot.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, SnapshotError> {
        let (entry, receipt) = Entry::decode_first(bytes)?;
        let (header, public_tables) = SnapshotHeader::decode(entry.public_domain())?;
        if entry.iv() != Iv::of_snapshot(header.seqno) {
            return Err(SnapshotError::Iv);
        }
        Ok(Self { entry, header, public_tables, receipt })
    }
}

#[cfg(test)]
mod tests;
