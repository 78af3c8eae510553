//! The disk of one host: a ledger that is written late, and lost from where it was not synchronised.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
};

use coco_boundary::EntryKind;
use coco_wire::{Seqno, TxId};

use super::recovery::Damage;

/// One entry of the ledger.
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
    pub(super) fn append(&mut self, txid: TxId, kind: EntryKind, bytes: Vec<u8>) {
        let mut hasher = DefaultHasher::new();
        let before = self.entries.last().map_or(0, |last| last.digest);
        (before, txid, &bytes).hash(&mut hasher);
        self.entries.push(Stored { txid, kind, bytes, digest: hasher.finish() });
    }

    pub(super) fn truncate(&mut self, to: Seqno) {
        let dropped = self.entries.drain(length(to).min(self.entries.len())..);
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
        let lost = self.entries.split_off(length(self.synced));
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
        self.entries.get(length(seqno).checked_sub(1)?)
    }

    pub(super) fn last(&self) -> TxId {
        self.entries.last().map_or(TxId::default(), |last| last.txid)
    }

    /// All entries in order.
    pub(super) fn txids(&self) -> impl Iterator<Item = TxId> {
        self.entries.iter().map(|stored| stored.txid)
    }

    /// The digest of the ledger up to an entry; of an empty one, zero.
    pub(super) fn digest(&self, upto: Seqno) -> Option<u64> {
        if upto == Seqno::ZERO { Some(0) } else { self.at(upto).map(|stored| stored.digest) }
    }

    /// Whether the ledger up to an entry survives a loss of power.
    pub(super) fn holds(&self, upto: Seqno, digest: u64) -> bool {
        self.synced >= upto && self.digest(upto) == Some(digest)
    }

    pub(super) fn is_behind(&self) -> bool {
        self.synced < self.last().seqno
    }

    pub(super) fn synced(&self) -> Seqno {
        self.synced
    }

    /// Entries from `from` to `to`, as far as they are there.
    pub(super) fn read(&self, from: Seqno, to: Seqno) -> Vec<Vec<u8>> {
        let end = length(to).min(self.entries.len());
        let start = length(from).saturating_sub(1).min(end);
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
