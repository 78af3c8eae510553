//! What a majority has on disk is committed, up to the last signature in it, and with it what it says of nodes.

use std::cmp::Reverse;

use coco_wire::{Seqno, TxId};

use crate::{
    entry::NodeId,
    membership::Membership,
    message::Message,
    raft::{Effect, Raft, Role},
};

impl Raft {
    pub(crate) fn persisted(&mut self, txid: TxId, out: &mut Vec<Effect>) {
        let before = self.log.persisted();
        if self.log.persist(txid) {
            if matches!(self.role, Role::Follower { matched, .. } if matched > before) {
                self.acknowledge(out);
            }
            self.advance_commit(out);
        }
    }

    /// As leader, commits the last signature that every configuration in force has a quorum for, if it is of this view:
    /// a signature of an earlier view can still be replaced even where a majority holds it (Raft, section 5.4.2).
    pub(crate) fn advance_commit(&mut self, out: &mut Vec<Effect>) {
        if !self.leads() {
            return;
        }
        let agreed = self.log.configurations().map(|(_, nodes)| {
            let mut held: Vec<Seqno> = nodes.nodes().map(|node| self.held_by(node)).collect();
            held.sort_unstable_by(|a, b| b.cmp(a));
            held.get(nodes.quorum() - 1).copied().unwrap_or(Seqno::ZERO)
        });
        let agreed = agreed.min().expect("a configuration is in force");
        if let Some(signature) = self.log.committable(agreed).filter(|txid| txid.view == self.view) {
            self.commit(signature.seqno, out);
            self.announce_commit(out);
        }
    }

    pub(crate) fn commit(&mut self, signature: Seqno, out: &mut Vec<Effect>) {
        let before = self.membership();
        let last = self.log.last();
        let settled = self.log.commit(signature);
        out.push(Effect::Commit(signature));
        self.retirement.commit(signature);
        self.tell_membership(before, out);
        if settled.retired.contains(&self.id) && self.retirement.finish() {
            self.leave(out);
        }
        self.refresh_peers(last, out);
        if settled.configurations > 0 {
            self.tell_retirable(out);
        }
        self.settle_reads(out);
    }

    /// Tells a leader whose retirement it should mark.
    pub(crate) fn tell_retirable(&self, out: &mut Vec<Effect>) {
        let nodes = self.log.unmarked();
        if self.leads() && !nodes.is_empty() {
            out.push(Effect::Retirable(nodes));
        }
    }

    pub(crate) fn tell_membership(&self, before: Membership, out: &mut Vec<Effect>) {
        if self.membership() != before {
            out.push(Effect::Membership(self.membership()));
        }
    }

    /// Asks the follower that has most, and among equals the one that stays longest, to stand for election at once.
    pub(crate) fn nominate(&self, out: &mut Vec<Effect>) {
        let until =
            |node| self.log.configurations().rfind(|(_, nodes)| nodes.contains(node)).map(|(from, _)| from);
        let members = self.peers().filter(|(node, _)| self.log.is_member(node));
        if let Some((to, _)) = members.min_by_key(|(node, progress)| Reverse((progress.matched, until(node))))
        {
            out.push(Effect::Send { to: *to, message: Message::ProposeRequestVote { view: self.view } });
        }
    }

    /// Nobody needs this node any more.
    fn leave(&mut self, out: &mut Vec<Effect>) {
        out.push(Effect::Membership(self.membership()));
        if self.leads() {
            self.nominate(out);
            self.truncate(self.log.last_signature().seqno, out);
        }
        self.drop_reads(out);
        self.role = Role::Retired;
    }

    /// Up to where a node, this one included, has the log on disk.
    fn held_by(&self, node: &NodeId) -> Seqno {
        match &self.role {
            _ if *node == self.id => self.log.persisted(),
            Role::Leader { peers, .. } => peers.get(node).map_or(Seqno::ZERO, |progress| progress.matched),
            _ => Seqno::ZERO,
        }
    }
}
