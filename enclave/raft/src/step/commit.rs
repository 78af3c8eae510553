//! What a majority has on disk is committed, up to the last signature in it.

use coco_wire::{Seqno, TxId};

use crate::raft::{Effect, Raft, Role};

impl Raft {
    pub(crate) fn persisted(&mut self, txid: TxId, out: &mut Vec<Effect>) {
        if self.log.persist(txid) {
            self.advance_commit(out);
            self.acknowledge(out);
        }
    }

    /// As leader, commits the last signature that every configuration in force has a quorum for, if it is of this view:
    /// a signature of an earlier view can still be replaced even where a majority holds it (Raft, section 5.4.2).
    pub(crate) fn advance_commit(&mut self, out: &mut Vec<Effect>) {
        if !self.leads() {
            return;
        }
        let agreed = self.log.configurations().map(|nodes| {
            let mut held: Vec<Seqno> = nodes.nodes().map(|node| self.held_by(node)).collect();
            held.sort_unstable_by(|a, b| b.cmp(a));
            held.get(nodes.quorum() - 1).copied().unwrap_or(Seqno::ZERO)
        });
        let agreed = agreed.min().expect("a configuration is in force");
        if let Some(signature) = self.log.committable(agreed).filter(|txid| txid.view == self.view) {
            self.commit(signature.seqno, out);
            self.refresh_peers();
        }
    }

    pub(crate) fn commit(&mut self, signature: Seqno, out: &mut Vec<Effect>) {
        self.log.commit(signature);
        out.push(Effect::Commit(signature));
    }

    /// Up to where a node, this one included, has the log on disk.
    fn held_by(&self, node: &crate::NodeId) -> Seqno {
        match &self.role {
            _ if *node == self.id => self.log.persisted(),
            Role::Leader { peers, .. } => peers.get(node).map_or(Seqno::ZERO, |progress| progress.matched),
            _ => Seqno::ZERO,
        }
    }
}
