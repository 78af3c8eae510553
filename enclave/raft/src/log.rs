//! What raft keeps of the log: where views begin, where signatures are, which configurations are in force.

use std::collections::VecDeque;

use coco_wire::{Seqno, TxId, View};

use crate::entry::{Configuration, Entry};

/// The log without its contents. Grows with views, and with signatures and configurations not yet committed.
#[derive(Clone, Debug)]
pub struct Log {
    last: Seqno,
    committed: Seqno,
    persisted: Seqno,
    /// First entry of each view that has any, ascending.
    views: Vec<TxId>,
    /// Signatures after the last committed one, ascending.
    signatures: VecDeque<Seqno>,
    /// Configurations in force, the oldest first: the last committed one and all later ones; never empty.
    configurations: VecDeque<(Seqno, Configuration)>,
}

impl Log {
    /// Without entries.
    #[must_use]
    pub fn new(configuration: Configuration) -> Self {
        Self {
            last: Seqno::ZERO,
            committed: Seqno::ZERO,
            persisted: Seqno::ZERO,
            views: Vec::new(),
            signatures: VecDeque::new(),
            configurations: [(Seqno::ZERO, configuration)].into(),
        }
    }

    /// Last entry; the zero identifier if there is none.
    #[must_use]
    pub fn last(&self) -> TxId {
        self.at(self.last).expect("the last entry exists")
    }

    /// Last committed entry; the zero identifier if there is none.
    #[must_use]
    pub fn committed(&self) -> TxId {
        self.at(self.committed).expect("a committed entry exists")
    }

    /// All entries up to this one are on this node's disk.
    #[must_use]
    pub fn persisted(&self) -> Seqno {
        self.persisted
    }

    /// Last signature; the zero identifier if there is none.
    #[must_use]
    pub fn last_signature(&self) -> TxId {
        let seqno = self.signatures.back().copied().unwrap_or(self.committed);
        self.at(seqno).expect("a signature exists")
    }

    /// First entry of each view that has any, ascending.
    #[must_use]
    pub fn views(&self) -> &[TxId] {
        &self.views
    }

    /// The entry at a position, none after the end.
    #[must_use]
    pub fn at(&self, seqno: Seqno) -> Option<TxId> {
        if seqno > self.last {
            return None;
        }
        let later = self.views.partition_point(|first| first.seqno <= seqno);
        let view = later.checked_sub(1).map_or(View(0), |of| self.views[of].view);
        Some(TxId { view, seqno })
    }

    /// Configurations in force, the oldest first; never empty.
    pub fn configurations(&self) -> impl ExactSizeIterator<Item = &Configuration> {
        self.configurations.iter().map(|(_, configuration)| configuration)
    }

    /// The last position at or before `seqno` up to which this log can be equal to one that has `txid`: views never
    /// go down in any log, so an entry of a later view than `txid` cannot be in it.
    pub(crate) fn highest_possible_match(&self, txid: TxId) -> TxId {
        let mut probe = self.at(txid.seqno.min(self.last)).expect("not after the end");
        while probe.view > txid.view {
            let of = self.views.partition_point(|first| first.seqno <= probe.seqno) - 1;
            probe = self.at(self.views[of].seqno.previous()).expect("before the end");
        }
        probe
    }

    /// The last entry of the view of the entry after `seqno`, if there is one.
    pub(crate) fn end_of_run(&self, seqno: Seqno) -> Seqno {
        let later = self.views.partition_point(|first| first.seqno <= seqno.next());
        self.views.get(later).map_or(self.last, |first| first.seqno.previous())
    }

    /// The last signature not yet committed, at or before `seqno`.
    pub(crate) fn committable(&self, seqno: Seqno) -> Option<TxId> {
        let later = self.signatures.partition_point(|signature| *signature <= seqno);
        self.at(self.signatures[later.checked_sub(1)?])
    }

    pub(crate) fn append(&mut self, entry: &Entry) {
        assert_eq!(entry.txid.seqno, self.last.next(), "entries are appended in order");
        let view = self.last().view;
        assert!(entry.txid.view >= view, "views never go down");
        if entry.txid.view > view {
            self.views.push(entry.txid);
        }
        self.last = entry.txid.seqno;
        if entry.signature {
            self.signatures.push_back(self.last);
        }
        if let Some(configuration) = &entry.configuration {
            self.configurations.push_back((self.last, configuration.clone()));
        }
    }

    /// Drops all entries after `to`.
    pub(crate) fn truncate(&mut self, to: Seqno) {
        assert!(to >= self.committed, "a committed entry is never rolled back");
        self.last = self.last.min(to);
        self.persisted = self.persisted.min(to);
        self.views.truncate(self.views.partition_point(|first| first.seqno <= to));
        self.signatures.truncate(self.signatures.partition_point(|signature| *signature <= to));
        self.configurations.truncate(self.configurations.partition_point(|(from, _)| *from <= to));
    }

    pub(crate) fn commit(&mut self, signature: Seqno) {
        assert!(
            self.committed < signature && signature <= self.last,
            "commits move forwards, within the log"
        );
        self.committed = signature;
        self.signatures.drain(..self.signatures.partition_point(|other| *other <= signature));
        let newer = self.configurations.partition_point(|(from, _)| *from <= signature);
        self.configurations.drain(..newer - 1);
    }

    /// Takes the report of a write; false if it tells nothing new, or of an entry since rolled back.
    pub(crate) fn persist(&mut self, txid: TxId) -> bool {
        let news = txid.seqno > self.persisted && self.at(txid.seqno) == Some(txid);
        if news {
            self.persisted = txid.seqno;
        }
        news
    }
}
