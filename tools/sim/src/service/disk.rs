//! The disk of one host: a ledger that is written late, and lost from where it was not synchronised.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
};

use coco_boundary::EntryKind;
use coco_wire::{Seqno, TxId};

use super::recovery::Damage;

/// One entry of the ledger.
#[derive(Clone)]
pub(super) struct Stored {
    pub(super) txid: TxId,
    pub(super) kind: EntryKind,
    pub(super) bytes: Vec<u8>,
    /// Of the ledger up to it.
    pub(super) digest: u64,
}

/// What a host holds of the ledger.
#[derive(Default)]
pub(super) struct Disk {
    /// What is before the entries, as a snapshot has it, and the digest of the ledger up to there.
    base: (TxId, u64),
    entries: Vec<Stored>,
    /// Entries that were truncated last, which an older state of the disk still has.
    old: BTreeMap<Seqno, Vec<u8>>,
    /// Up to here a loss of power loses nothing.
    synced: Seqno,
    pub(super) is_writing: bool,
    /// Nothing can be written any more.
    pub(super) is_full: bool,
    pub(super) slow_until_ms: u64,
}

impl Disk {
    /// Another host's files up to an entry.
    pub(super) fn copy(&self, upto: Seqno) -> Self {
        let entries = self.entries[..self.index(upto)].to_vec();
        Self { base: self.base, entries, ..Self::default() }
    }

    /// The node begins with a snapshot: files of later entries are set aside, and so are those that end before it.
    pub(super) fn resume(&mut self, after: TxId, digest: u64) {
        self.truncate(after.seqno);
        if self.last() != after {
            (self.base, self.entries) = ((after, digest), Vec::new());
        }
        self.synced = after.seqno;
    }

    /// What a snapshot has that the files have not; nothing if they begin with the first entry.
    pub(super) fn base(&self) -> Seqno {
        self.base.0.seqno
    }

    pub(super) fn append(&mut self, txid: TxId, kind: EntryKind, bytes: Vec<u8>) {
        let mut hasher = DefaultHasher::new();
        let before = self.entries.last().map_or(self.base.1, |last| last.digest);
        (before, txid, &bytes).hash(&mut hasher);
        self.entries.push(Stored { txid, kind, bytes, digest: hasher.finish() });
    }

    pub(super) fn truncate(&mut self, to: Seqno) {
        let kept = self.index(to);
        let dropped = self.entries.drain(kept..);
        self.old.extend(dropped.map(|stored| (stored.txid.seqno, stored.bytes)));
        self.synced = self.synced.min(to);
    }

    /// A write ended; it counts if its last entry is still there.
    pub(super) fn written(&mut self, upto: TxId) {
        if self.at(upto.seqno).is_some_and(|stored| stored.txid == upto) {
            self.synced = self.synced.max(upto.seqno);
        }
    }

    /// The process ends when everything is written.
    pub(super) fn finish(&mut self) {
        self.synced = self.last().seqno;
    }

    /// The process is gone, and the power with it; what the disk has then.
    pub(super) fn crash(&mut self, damage: Damage) -> Vec<u8> {
        let lost = self.entries.split_off(self.index(self.synced));
        let mut image =
            self.entries.iter().map(|stored| stored.bytes.as_slice()).collect::<Vec<_>>().concat();
        match (damage, lost.split_first()) {
            (Damage::Torn(thousandths), Some((next, _))) => {
                let kept = next.bytes.len() * usize::try_from(thousandths).expect("below 1000") / 1000;
                image.extend(&next.bytes[..kept]);
            }
            (Damage::Reordered, Some((next, later))) => {
                image.resize(image.len() + next.bytes.len(), 0);
                later.iter().for_each(|stored| image.extend(&stored.bytes));
            }
            _ => {}
        }
        image
    }

    pub(super) fn at(&self, seqno: Seqno) -> Option<&Stored> {
        let at = length(seqno).checked_sub(length(self.base()) + 1)?;
        self.entries.get(at)
    }

    pub(super) fn last(&self) -> TxId {
        self.entries.last().map_or(self.base.0, |last| last.txid)
    }

    /// All entries in order.
    pub(super) fn txids(&self) -> impl Iterator<Item = TxId> {
        self.entries.iter().map(|stored| stored.txid)
    }

    /// Whether the digest of the ledger up to an entry is this. What is in a snapshot was so for all who made it.
    pub(super) fn agrees(&self, upto: Seqno, digest: u64) -> bool {
        upto < self.base() || self.digest(upto) == Some(digest)
    }

    /// The digest of the ledger up to an entry; of an empty one, zero.
    fn digest(&self, upto: Seqno) -> Option<u64> {
        if upto == self.base() { Some(self.base.1) } else { self.at(upto).map(|stored| stored.digest) }
    }

    /// How many entries there are up to one.
    fn index(&self, upto: Seqno) -> usize {
        length(upto).saturating_sub(length(self.base())).min(self.entries.len())
    }

    /// Whether the ledger up to an entry survives a loss of power.
    pub(super) fn holds(&self, upto: Seqno, digest: u64) -> bool {
        self.synced >= upto && self.agrees(upto, digest)
    }

    pub(super) fn is_behind(&self) -> bool {
        self.synced < self.last().seqno
    }

    pub(super) fn synced(&self) -> Seqno {
        self.synced
    }

    /// Entries from `from` to `to`, as far as they are there.
    pub(super) fn read(&self, from: Seqno, to: Seqno) -> Vec<Vec<u8>> {
        let end = self.index(to);
        let start = self.index(from.previous()).min(end);
        self.entries[start..end].iter().map(|stored| stored.bytes.clone()).collect()
    }

    /// The same, as an older state of the disk has them; whether that makes a difference.
    pub(super) fn make_old(&self, entries: &mut [Vec<u8>], from: Seqno) -> bool {
        let places = (from.0..).map(Seqno);
        let mut differ = false;
        for (entry, seqno) in entries.iter_mut().zip(places) {
            if let Some(old) = self.old.get(&seqno) {
                entry.clone_from(old);
                differ = true;
            }
        }
        differ
    }
}

/// How many entries there are up to one.
pub(super) fn length(upto: Seqno) -> usize {
    usize::try_from(upto.0).expect("a simulated ledger fits in memory")
}
