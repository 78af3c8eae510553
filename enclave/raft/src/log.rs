//! What raft keeps of the log: where views begin, where signatures are, which configurations are in force.

use std::collections::{BTreeSet, VecDeque};

use coco_wire::{Seqno, TxId, View};

use crate::{
    entry::{Configuration, Entry, NodeId},
    settings::Base,
};

/// The log without its contents. Grows with views (16 bytes each, for ever, so that the view of any entry is known), and
/// with what is not yet committed: 8 bytes a signature, and configurations.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// Entries up to this one cannot be read from this node's ledger.
    unreadable: Seqno,
    last: Seqno,
    committed: Seqno,
    persisted: Seqno,
    /// First entry of each view that has any, ascending.
    views: Vec<TxId>,
    /// Signatures after the last committed one, ascending.
    signatures: VecDeque<Seqno>,
    /// Configurations in force, the oldest first: the last committed one and all later ones; empty in an empty log.
    configurations: VecDeque<(Seqno, Configuration)>,
    /// Marks of nodes as retired-committed that are not yet committed, ascending.
    marks: VecDeque<(Seqno, Vec<NodeId>)>,
    /// Nodes whose retirement is committed, but whose mark is not.
    leaving: BTreeSet<NodeId>,
}

/// What a commit settles.
pub(crate) struct Settled {
    /// Configurations that are no longer in force.
    pub(crate) configurations: usize,
    /// Nodes that nobody needs any more.
    pub(crate) retired: Vec<NodeId>,
}

impl Log {
    /// Without entries; the first of a service begins with a configuration that no entry has.
    pub(crate) fn new(configuration: Option<Configuration>) -> Self {
        let configurations = configuration.map(|nodes| (Seqno::ZERO, nodes)).into_iter().collect();
        Self { configurations, ..Self::default() }
    }

    /// Begins with a committed prefix.
    pub(crate) fn after(base: Base) -> Self {
        assert!(base.views.is_sorted(), "views begin one after the other");
        let last = base.last.seqno;
        let log = Self {
            unreadable: base.unreadable,
            last,
            committed: last,
            persisted: last,
            views: base.views,
            configurations: [base.configuration].into(),
            leaving: base.leaving,
            ..Self::default()
        };
        assert_eq!(log.last(), base.last, "the last view of a snapshot has its last entry");
        log
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

    /// Entries up to this one cannot be read from this node's ledger; zero if all can.
    #[must_use]
    pub fn unreadable(&self) -> Seqno {
        self.unreadable
    }

    /// Last signature; the zero identifier if there is none.
    #[must_use]
    pub fn last_signature(&self) -> TxId {
        let seqno = self.signatures.back().copied().unwrap_or(self.committed);
        self.at(seqno).expect("a signature exists")
    }

    /// Signatures that are not committed, ascending.
    pub fn signatures(&self) -> impl ExactSizeIterator<Item = Seqno> {
        self.signatures.iter().copied()
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

    /// Configurations in force, the oldest first, each with the entry that brought it; none in an empty log.
    pub fn configurations(
        &self,
    ) -> impl DoubleEndedIterator<Item = (Seqno, &Configuration)> + ExactSizeIterator {
        self.configurations.iter().map(|(from, nodes)| (*from, nodes))
    }

    /// Whether a configuration in force has this node.
    #[must_use]
    pub fn is_member(&self, node: &NodeId) -> bool {
        self.configurations.iter().any(|(_, nodes)| nodes.contains(node))
    }

    /// Nodes whose retirement is committed, but that are not known by all to be gone.
    #[must_use]
    pub fn leaving(&self) -> &BTreeSet<NodeId> {
        &self.leaving
    }

    /// Those of them that no entry marks yet.
    pub(crate) fn unmarked(&self) -> BTreeSet<NodeId> {
        let marked = |node: &NodeId| self.marks.iter().any(|(_, nodes)| nodes.contains(node));
        self.leaving.iter().filter(|node| !marked(node)).copied().collect()
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
        if !entry.retired.is_empty() {
            self.marks.push_back((self.last, entry.retired.clone()));
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
        self.marks.truncate(self.marks.partition_point(|(at, _)| *at <= to));
    }

    pub(crate) fn commit(&mut self, signature: Seqno) -> Settled {
        assert!(
            self.committed < signature && signature <= self.last,
            "commits move forwards, within the log"
        );
        self.committed = signature;
        self.signatures.drain(..self.signatures.partition_point(|other| *other <= signature));
        let newer = self.configurations.partition_point(|(from, _)| *from <= signature);
        let superseded: Vec<_> = self.configurations.drain(..newer.saturating_sub(1)).collect();
        for node in superseded.iter().flat_map(|(_, nodes)| nodes.nodes()) {
            if !self.configurations.front().is_some_and(|(_, nodes)| nodes.contains(node)) {
                self.leaving.insert(*node);
            }
        }
        let marks = self.marks.partition_point(|(at, _)| *at <= signature);
        let retired: Vec<_> = self.marks.drain(..marks).flat_map(|(_, nodes)| nodes).collect();
        for node in &retired {
            self.leaving.remove(node);
        }
        Settled { configurations: superseded.len(), retired }
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
