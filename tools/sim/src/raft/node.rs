//! One node of a cluster: raft, its ledger, its disk and its clock.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
};

use coco_raft::{Base, Configuration, Entry, Membership, NodeId, Raft, Role};
use coco_wire::{Seqno, TxId};

/// An entry with what stands for its contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) entry: Entry,
    pub(super) contents: u64,
}

pub(super) struct Node {
    pub(super) raft: Raft,
    pub(super) alive: bool,
    pub(super) ledger: Vec<Stored>,
    /// For each entry, a digest of the log up to it.
    pub(super) digests: Vec<u64>,
    /// All configurations in the ledger, ascending.
    pub(super) configurations: Vec<(Seqno, Configuration)>,
    /// Up to here the ledger is on disk.
    pub(super) written: Seqno,
    pub(super) is_writing: bool,
    pub(super) clock: Clock,
    pub(super) slow_disk_until_ms: u64,
    /// How far each peer was known to agree, in the view of which this is.
    pub(super) matched: (u64, BTreeMap<NodeId, Seqno>),
}

/// A node's time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clock {
    pub(super) shown_ms: u64,
    pub(super) read_at_ms: u64,
    pub(super) fast_until_ms: u64,
    pub(super) stalled_until_ms: u64,
}

impl Clock {
    /// What it shows now; nothing while it stands still.
    pub(super) fn read(&mut self, now_ms: u64) -> Option<u64> {
        if now_ms < self.stalled_until_ms {
            return None;
        }
        let rate = if now_ms < self.fast_until_ms { 3 } else { 1 };
        self.shown_ms += (now_ms - self.read_at_ms) * rate;
        self.read_at_ms = now_ms;
        Some(self.shown_ms)
    }
}

impl Node {
    pub(super) fn new(raft: Raft, now_ms: u64) -> Self {
        let first = raft.log().configurations().map(|(from, nodes)| (from, nodes.clone()));
        Self {
            alive: true,
            ledger: Vec::new(),
            digests: Vec::new(),
            configurations: first.collect(),
            written: Seqno::ZERO,
            is_writing: false,
            clock: Clock { read_at_ms: now_ms, ..Clock::default() },
            slow_disk_until_ms: 0,
            matched: (0, BTreeMap::new()),
            raft,
        }
    }

    /// What another node of the same service can start from.
    pub(super) fn snapshot(&self) -> (Base, Vec<Stored>) {
        let log = self.raft.log();
        let last = log.committed();
        let configuration = log.configurations().next().map(|(from, nodes)| (from, nodes.clone()));
        let base = Base {
            last,
            views: log.views().iter().copied().filter(|first| first.seqno <= last.seqno).collect(),
            configuration: configuration.unwrap_or_default(),
            leaving: log.leaving().clone(),
            unreadable: Seqno::ZERO,
        };
        (base, self.ledger[..length(last.seqno)].to_vec())
    }

    pub(super) fn append(&mut self, stored: Stored) {
        let mut hasher = DefaultHasher::new();
        let Stored { entry, contents } = &stored;
        (self.digests.last(), contents, entry.txid, entry.signature).hash(&mut hasher);
        self.digests.push(hasher.finish());
        if let Some(nodes) = &entry.configuration {
            self.configurations.push((entry.txid.seqno, nodes.clone()));
        }
        self.ledger.push(stored);
    }

    pub(super) fn truncate(&mut self, to: Seqno) {
        self.ledger.truncate(length(to));
        self.digests.truncate(length(to));
        self.configurations.retain(|(from, _)| *from <= to);
        self.written = self.written.min(to);
    }

    /// The digest of the log up to an entry; of an empty one, zero.
    pub(super) fn digest(&self, upto: Seqno) -> Option<u64> {
        if upto == Seqno::ZERO { Some(0) } else { self.digests.get(length(upto) - 1).copied() }
    }

    pub(super) fn leads(&self) -> bool {
        self.alive && matches!(self.raft.role(), Role::Leader { .. })
    }

    /// Whether it is not being removed.
    pub(super) fn is_staying(&self) -> bool {
        self.raft.membership() == Membership::Active
    }

    pub(super) fn describe(&self) -> String {
        let (raft, log) = (&self.raft, self.raft.log());
        let members = |nodes: &Configuration| nodes.nodes().map(place_of).collect::<Vec<_>>();
        let configurations: Vec<_> =
            log.configurations().map(|(from, nodes)| (from.0, members(nodes))).collect();
        let state = if self.alive { "alive" } else { "gone" };
        format!(
            "{state}: view {} {:?}, last {}, signed {}, on disk {}, committed {}, {configurations:?}, {:?}",
            raft.view(),
            raft.role(),
            log.last(),
            log.last_signature(),
            log.persisted(),
            log.committed(),
            raft.membership(),
        )
    }

    pub(super) fn next(&self) -> TxId {
        TxId { view: self.raft.view(), seqno: self.raft.log().last().seqno.next() }
    }
}

/// How many entries there are up to one.
pub(super) fn length(upto: Seqno) -> usize {
    usize::try_from(upto.0).expect("a simulated log fits in memory")
}

/// Nodes are named by their place in the cluster.
pub(super) fn id_of(place: usize) -> NodeId {
    let mut id = NodeId::ZERO;
    id.0[..8].copy_from_slice(&(place as u64).to_be_bytes());
    id
}

pub(super) fn place_of(id: &NodeId) -> usize {
    let bytes = id.0.first_chunk().expect("an identifier has 32 bytes");
    usize::try_from(u64::from_be_bytes(*bytes)).expect("made of a place")
}
