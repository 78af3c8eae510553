//! The snapshot files of one host.

use std::collections::BTreeMap;

use coco_wire::{Seqno, snapshot::SnapshotName};

/// What is wrong with a file that should be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// It is gone.
    Lost,
    /// It has so many thousandths of its bytes.
    Torn(u64),
    /// A bit of what the receipt proves is wrong.
    Flipped { at: u64, bit: u64 },
}

/// A snapshot with its receipt.
#[derive(Clone)]
pub(super) struct File {
    pub(super) bytes: Vec<u8>,
    pub(super) flaw: Option<Flaw>,
}

/// What a host holds of snapshots.
#[derive(Default)]
pub(super) struct Files {
    /// Without their final names, by the last entry inside.
    writing: BTreeMap<Seqno, Vec<u8>>,
    committed: BTreeMap<SnapshotName, File>,
}

impl Files {
    /// Writes a piece; yields how much is written, unless a piece before it failed.
    pub(super) fn write(&mut self, seqno: Seqno, offset: u64, piece: &[u8]) -> Option<u64> {
        let written = self.writing.entry(seqno).or_default();
        if offset == 0 {
            written.clear();
        }
        let follows = written.len() as u64 == offset;
        if follows {
            written.extend_from_slice(piece);
        }
        follows.then_some(written.len() as u64)
    }

    pub(super) fn drop(&mut self, seqno: Seqno) -> Option<Vec<u8>> {
        self.writing.remove(&seqno)
    }

    /// A snapshot gets its final name; the receipt is behind `sealed` bytes.
    pub(super) fn keep(&mut self, name: SnapshotName, mut bytes: Vec<u8>, sealed: usize, flaw: Option<Flaw>) {
        let index = |number: u64, length: usize| usize::try_from(number % length as u64).expect("a length");
        match flaw {
            Some(Flaw::Lost) => return,
            Some(Flaw::Torn(thousandths)) => bytes.truncate(index(thousandths, 1000) * bytes.len() / 1000),
            Some(Flaw::Flipped { at, bit }) => bytes[index(at, sealed)] ^= 1 << bit,
            None => {}
        }
        self.committed.insert(name, File { bytes, flaw });
    }

    /// The process is gone, and what it had not finished.
    pub(super) fn crash(&mut self) {
        self.writing.clear();
    }

    pub(super) fn names(&self) -> impl Iterator<Item = SnapshotName> {
        self.committed.keys().copied()
    }

    pub(super) fn get(&self, name: SnapshotName) -> Option<&File> {
        self.committed.get(&name)
    }
}
