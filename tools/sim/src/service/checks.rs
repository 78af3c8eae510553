//! The properties of the ledgers, checked after each step (names as in Raft's and CCF's specifications).

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
};

use coco_boundary::EntryKind;
use coco_node::view::Part;
use coco_wire::{Digest, Seqno, TxId, View};

use super::{
    disk::length,
    history::{Deed, History},
    machine::Machine,
};
use crate::raft::Broken;

pub(super) type Checked = Result<(), Broken>;

/// What is known of the whole service.
#[derive(Default)]
pub(super) struct Checks {
    leaders: BTreeMap<View, usize>,
    /// The first entry of each view, in the ledger of the leader of each.
    views: BTreeMap<View, Arc<[(View, Seqno)]>>,
    /// The digest of the ledger up to each entry that any node ever had.
    ledgers: HashMap<TxId, u64>,
    /// The Merkle root under each signature.
    roots: HashMap<TxId, Digest>,
    /// The ledger that is committed, with the digest up to each entry.
    committed: Vec<(TxId, u64)>,
    /// How far the leader of each view has committed.
    commits: BTreeMap<View, Seqno>,
    /// Configurations in it, ascending.
    configurations: Vec<(Seqno, BTreeSet<usize>)>,
    /// Digests of all pieces of snapshots.
    snapshots: HashMap<(Seqno, u64), u64>,
    pub(super) history: History,
    pub(super) elections: u64,
    pub(super) reconfigurations: u64,
}

impl Checks {
    pub(super) fn new() -> Self {
        let first = (Seqno(1), BTreeSet::from([0]));
        Self { configurations: vec![first], ..Self::default() }
    }

    pub(super) fn committed(&self) -> Seqno {
        Seqno(self.committed.len() as u64)
    }

    /// What is committed at a place.
    pub(super) fn at(&self, seqno: Seqno) -> Option<TxId> {
        self.committed.get(length(seqno).checked_sub(1)?).map(|(txid, _)| *txid)
    }

    /// Whether the ledger up to one entry includes another.
    pub(super) fn includes(&self, upto: TxId, entry: TxId) -> bool {
        let views = self.views.get(&upto.view).map_or(&[][..], |views| views);
        let begun = views.iter().rev().find(|(_, first)| *first <= entry.seqno);
        entry.seqno <= upto.seqno && begun.is_none_or(|(view, _)| *view == entry.view)
    }

    /// S1, S3, and that equal ledgers have equal roots, after a step.
    pub(super) fn stepped(&mut self, place: usize, machine: &Machine) -> Checked {
        let state = machine.state();
        if state.signed.seqno > Seqno::ZERO {
            let root = *self.roots.entry(state.signed).or_insert(state.root);
            check(root == state.root, "equal ledgers have equal roots", || {
                format!("{place} at {}", state.signed)
            })?;
        }
        if state.consensus.role != Part::Leader {
            return Ok(());
        }
        let view = state.chain.latest.view;
        if let Some(other) = self.leaders.get(&view) {
            return check(*other == place, "S1 one leader a view", || {
                format!("{other} and {place} in {view}")
            });
        }
        self.elections += 1;
        self.leaders.insert(view, place);
        self.views.insert(view, Arc::clone(&state.chain.views));
        // Who is elected late may well be without what leaders of later views have committed.
        let upto = self.commits.range(..view).next_back().map_or(Seqno::ZERO, |(_, upto)| *upto);
        let complete = machine.disk.agrees(upto, self.digest(upto));
        check(complete, "S3 leader completeness", || format!("{place} leads in {view} without {upto}"))
    }

    /// S2, S8, after an entry was appended.
    pub(super) fn appended(&mut self, place: usize, machine: &Machine) -> Checked {
        let last = machine.disk.last();
        let Some(stored) = machine.disk.at(last.seqno) else { return Ok(()) };
        let known = *self.ledgers.entry(last).or_insert(stored.digest);
        check(known == stored.digest, "S2 log matching", || format!("{place} has other bytes up to {last}"))?;
        let Some(before) = machine.disk.at(last.seqno.previous()) else { return Ok(()) };
        let signed = before.txid.view == last.view || before.kind == EntryKind::Signature;
        check(signed, "S8 views change after signatures", || format!("{place} at {last}"))?;
        check(before.txid.view <= last.view, "S8 views go up", || format!("{place} at {last}"))
    }

    /// S4, D6, when a node writes a piece of a snapshot.
    pub(super) fn makes_snapshot(
        &mut self,
        place: usize,
        (seqno, offset): (Seqno, u64),
        piece: &[u8],
    ) -> Checked {
        check(seqno <= self.committed(), "S4 snapshots are of what is committed", || {
            format!("{place} makes one at {seqno}, {} is committed", self.committed())
        })?;
        let mut hasher = DefaultHasher::new();
        piece.hash(&mut hasher);
        let digest = hasher.finish();
        let known = *self.snapshots.entry((seqno, offset)).or_insert(digest);
        check(known == digest, "D6 all nodes make the same snapshot", || {
            format!("{place} has other bytes at {seqno}")
        })
    }

    /// The nodes that agree as of a committed entry.
    pub(super) fn configuration(&self, at: Seqno) -> BTreeSet<usize> {
        let last = self.configurations.iter().rev().find(|(from, _)| *from <= at);
        last.map(|(_, nodes)| nodes.clone()).unwrap_or_default()
    }

    /// S5, S6, before entries are dropped.
    pub(super) fn truncates(&self, place: usize, machine: &Machine, to: Seqno) -> Checked {
        let own = machine.committed;
        check(to >= own, "S5 commits are final", || format!("{place} goes back to {to}, committed {own}"))?;
        let signed = machine.disk.at(to).is_none_or(|stored| stored.kind == EntryKind::Signature);
        check(signed, "S6 rollback to a signature", || format!("{place} goes back to {to}"))
    }

    /// S4, S6, S7, S9, D1, when a node commits.
    pub(super) fn commits(&mut self, place: usize, machines: &[Machine], upto: Seqno) -> Checked {
        let Some(stored) = machines[place].disk.at(upto) else {
            return broken("S4 committed entries exist", format!("{place} commits {upto}"));
        };
        let txid = stored.txid;
        check(stored.kind == EntryKind::Signature, "S6 commits are at signatures", || {
            format!("{place} commits {txid}")
        })?;
        let common = self.committed().min(upto);
        check(machines[place].disk.agrees(common, self.digest(common)), "S4 one committed ledger", || {
            format!("{place} commits {txid}, which conflicts at {common}")
        })?;
        if upto == common {
            return Ok(());
        }
        check(
            self.leaders.get(&txid.view) == Some(&place),
            "S7 leaders commit first, and their own view",
            || format!("{place} commits {txid}"),
        )?;
        self.commits.insert(txid.view, upto);
        let digest = stored.digest;
        let superseded = self.configurations.len() - 1;
        for seqno in (common.next().0..=upto.0).map(Seqno) {
            let Some(stored) = machines[place].disk.at(seqno) else { break };
            self.committed.push((stored.txid, stored.digest));
            if let Some(deed) = self.history.commits(stored.txid)? {
                self.reconfigure(seqno, &deed);
            }
        }
        for (from, nodes) in &self.configurations[superseded..] {
            let holding = nodes.iter().filter(|node| machines[**node].disk.holds(upto, digest)).count();
            if holding <= nodes.len() / 2 {
                let detail = format!("{place} commits {txid}, on {holding} disks of {nodes:?} from {from}");
                return broken("D1 what is committed is on the disks of a quorum", detail);
            }
        }
        Ok(())
    }

    /// Nodes that were members once.
    pub(super) fn removed(&self) -> BTreeSet<usize> {
        let last = self.configurations.last();
        let stays = |place: &usize| last.is_some_and(|(_, nodes)| nodes.contains(place));
        let all = self.configurations.iter().flat_map(|(_, nodes)| nodes.iter().copied());
        all.filter(|place| !stays(place)).collect()
    }

    /// The digest of the committed ledger up to an entry.
    pub(super) fn digest(&self, upto: Seqno) -> u64 {
        length(upto).checked_sub(1).map_or(0, |at| self.committed[at].1)
    }

    fn reconfigure(&mut self, seqno: Seqno, deed: &Deed) {
        let mut nodes = self.configurations.last().map(|(_, nodes)| nodes.clone()).unwrap_or_default();
        let before = nodes.clone();
        if let Deed::Change { admitted, removed } = deed {
            nodes.extend(admitted);
            nodes.retain(|place| !removed.contains(place));
        }
        if nodes != before {
            self.reconfigurations += 1;
            self.configurations.push((seqno, nodes));
        }
    }
}

pub(super) fn check(holds: bool, property: &'static str, detail: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { broken(property, detail()) }
}

pub(super) fn broken(property: &'static str, detail: String) -> Checked {
    Err(Broken { property, detail })
}
