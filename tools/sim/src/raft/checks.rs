//! What must hold in every step, judged with knowledge of all nodes.

use std::collections::{BTreeMap, HashMap};

use coco_raft::{Membership, NodeId, Role};
use coco_wire::{Seqno, TxId, View};

use super::{
    Broken,
    node::{Node, id_of, length},
};

pub(super) type Checked = Result<(), Broken>;

/// What was seen of the cluster so far.
#[derive(Default)]
pub(super) struct Checks {
    leaders: BTreeMap<View, usize>,
    votes: BTreeMap<(usize, View), NodeId>,
    /// The digest of the log up to each entry that any node ever had.
    entries: HashMap<TxId, u64>,
    /// The digest of the committed log up to each position.
    committed: Vec<u64>,
    pub(super) elections: u64,
    pub(super) reconfigurations: u64,
}

/// A node before a step.
pub(super) struct Before {
    view: View,
    committed: Seqno,
    kind: Kind,
    membership: Membership,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Follower,
    PreCandidate,
    Candidate,
    Leader,
    Retired,
}

impl Before {
    pub(super) fn of(node: &Node) -> Self {
        let raft = &node.raft;
        Self {
            view: raft.view(),
            committed: raft.log().committed().seqno,
            kind: kind(raft.role()),
            membership: raft.membership(),
        }
    }

    /// The node becomes something else.
    pub(super) fn turn(&mut self, to: Kind) -> Checked {
        use Kind::{Candidate, Follower, Leader, PreCandidate, Retired};
        let allowed = match self.kind {
            Follower => matches!(to, Follower | PreCandidate | Candidate | Retired),
            PreCandidate => matches!(to, Follower | PreCandidate | Candidate),
            Candidate => matches!(to, Follower | PreCandidate | Candidate | Leader),
            Leader => matches!(to, Follower | Retired),
            Retired => matches!(to, Follower),
        };
        let gone = self.membership == Membership::RetiredCommitted && !matches!(to, Follower | Retired);
        let from = std::mem::replace(&mut self.kind, to);
        check(allowed, "S14 transitions", || format!("{from:?} to {to:?}"))?;
        check(!gone, "S11 a retired node does not stand", || format!("it became {to:?}"))
    }
}

impl Checks {
    pub(super) fn committed(&self) -> u64 {
        self.committed.len() as u64
    }

    /// S1, S3.
    pub(super) fn leads(&mut self, place: usize, node: &Node) -> Checked {
        let view = node.raft.view();
        self.elections += 1;
        if let Some(other) = self.leaders.insert(view, place) {
            return broken("S1 one leader a view", format!("{other} and {place} lead in {view}"));
        }
        let upto = Seqno(self.committed());
        let complete = node.digest(upto) == Some(self.digest(upto));
        check(complete, "S3 leader completeness", || format!("{place} leads in {view} without {upto}"))
    }

    /// S13.
    pub(super) fn votes(&mut self, place: usize, view: View, candidate: NodeId) -> Checked {
        let earlier = *self.votes.entry((place, view)).or_insert(candidate);
        check(earlier == candidate, "S13 one vote a view", || format!("{place} voted twice in {view}"))
    }

    /// S2, S8, after an entry was appended.
    pub(super) fn appended(&mut self, place: usize, node: &Node) -> Checked {
        let [.., last] = node.ledger.as_slice() else { return Ok(()) };
        let digest = node.digests.last().copied().unwrap_or_default();
        let known = *self.entries.entry(last.entry.txid).or_insert(digest);
        let txid = last.entry.txid;
        check(known == digest, "S2 log matching", || format!("{place} has another log up to {txid}"))?;
        let [.., before, _] = node.ledger.as_slice() else { return Ok(()) };
        let signed = before.entry.txid.view == txid.view || before.entry.signature;
        check(signed, "S8 views change after signatures", || format!("{place} at {txid}"))
    }

    /// S5, S6, before entries are dropped.
    pub(super) fn rolls_back(&self, place: usize, node: &Node, to: Seqno, before: &Before) -> Checked {
        let committed = before.committed;
        check(to >= committed, "S5 commits are final", || {
            format!("{place} goes back to {to}, committed {committed}")
        })?;
        let signed =
            to == Seqno::ZERO || node.ledger.get(length(to) - 1).is_none_or(|stored| stored.entry.signature);
        check(signed, "S6 rollback to a signature", || format!("{place} goes back to {to}"))
    }

    /// S4, S6, S7, S9, when a node commits.
    pub(super) fn commits(
        &mut self,
        place: usize,
        nodes: &[Node],
        seqno: Seqno,
        before: &mut Before,
    ) -> Checked {
        let earlier = std::mem::replace(&mut before.committed, seqno);
        let node = &nodes[place];
        let Some(stored) = node.ledger.get(length(seqno) - 1) else {
            return broken("S4 committed entries exist", format!("{place} commits {seqno}"));
        };
        let txid = stored.entry.txid;
        check(stored.entry.signature, "S6 commits are at signatures", || format!("{place} commits {txid}"))?;
        let known = self.committed();
        let common = Seqno(known.min(seqno.0));
        let same = node.digest(common) == Some(self.digest(common));
        check(same, "S4 one committed log", || {
            format!("{place} commits {txid}, which conflicts at {common}")
        })?;
        if seqno.0 <= known {
            return Ok(());
        }
        self.committed.extend_from_slice(&node.digests[length(common)..length(seqno)]);
        let newer = |(from, _): &&(Seqno, _)| from.0 > known && *from <= seqno;
        self.reconfigurations += node.configurations.iter().filter(newer).count() as u64;
        // Whoever is first to commit leads.
        check(before.kind == Kind::Leader, "S9 leaders commit first", || format!("{place} commits {txid}"))?;
        check(txid.view == before.view, "S7 leaders commit their own view", || {
            format!("{place} commits {txid}")
        })?;
        let superseded = node.configurations.partition_point(|(from, _)| *from <= earlier).saturating_sub(1);
        for (from, configuration) in &node.configurations[superseded..] {
            let holds = |id: &NodeId| {
                let other = &nodes[super::node::place_of(id)];
                other.written >= seqno && other.digest(seqno) == node.digest(seqno)
            };
            if *from <= seqno && !configuration.has_quorum(holds) {
                return broken(
                    "S9 replication",
                    format!("{place} commits {txid} without a quorum of {from}"),
                );
            }
        }
        Ok(())
    }

    /// S8, S10 and that raft and ledger agree, after a step.
    pub(super) fn stepped(&self, place: usize, node: &mut Node, before: &Before) -> Checked {
        let (raft, log) = (&node.raft, node.raft.log());
        let committed = log.committed().seqno;
        check(raft.view() >= before.view, "S8 views go up", || format!("{place} was in {}", before.view))?;
        check(committed >= before.committed, "S8 commits go up", || {
            format!("{place} had {}", before.committed)
        })?;
        check(kind(raft.role()) == before.kind, "roles are told", || {
            format!("{place} is {:?}", raft.role())
        })?;
        let last = node.ledger.last().map_or(TxId::default(), |stored| stored.entry.txid);
        check(log.last() == last, "the log is the ledger", || {
            format!("{place} has {last}, not {}", log.last())
        })?;
        let first = node.configurations.partition_point(|(from, _)| *from <= committed).saturating_sub(1);
        let expected = node.configurations[first..].iter().map(|(from, nodes)| (*from, nodes));
        check(log.configurations().eq(expected), "S10 configurations", || format!("{place} at {last}"))?;
        let view = raft.view().0;
        if let Role::Leader { peers, .. } = raft.role() {
            let lower =
                |(id, matched): (&NodeId, &Seqno)| peers.get(id).is_some_and(|peer| peer.matched < *matched);
            let lost = node.matched.0 == view && node.matched.1.iter().any(lower);
            check(!lost, "S8 matches go up", || format!("{place} in {view}"))?;
            node.matched = (view, peers.iter().map(|(id, peer)| (*id, peer.matched)).collect());
        }
        Ok(())
    }

    /// S11, when a node learns that it is gone.
    pub(super) fn retires(&self, place: usize, node: &Node) -> Checked {
        let committed = &node.ledger[..length(node.raft.log().committed().seqno)];
        let id = id_of(place);
        let configurations = committed
            .iter()
            .enumerate()
            .filter_map(|(at, stored)| Some((at, stored.entry.configuration.as_ref()?)));
        let without = configurations.rev().take_while(|(_, nodes)| !nodes.contains(&id));
        let removed = without.last().map(|(at, _)| at);
        let marked = committed.iter().rposition(|stored| stored.entry.retired.contains(&id));
        check(removed.is_some() && marked > removed, "S11 retirement is committed first", || {
            format!("{place}")
        })
    }

    fn digest(&self, upto: Seqno) -> u64 {
        length(upto).checked_sub(1).map_or(0, |at| self.committed[at])
    }
}

fn kind(role: &Role) -> Kind {
    match role {
        Role::Follower { .. } => Kind::Follower,
        Role::PreCandidate { .. } => Kind::PreCandidate,
        Role::Candidate { .. } => Kind::Candidate,
        Role::Leader { .. } => Kind::Leader,
        Role::Retired => Kind::Retired,
    }
}

pub(super) fn check(holds: bool, property: &'static str, detail: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { broken(property, detail()) }
}

pub(super) fn broken(property: &'static str, detail: String) -> Checked {
    Err(Broken { property, detail })
}
