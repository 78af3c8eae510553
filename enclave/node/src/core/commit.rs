//! What consensus decides: leadership, commit, rollback.

use coco_boundary::Effect;
use coco_ledger::PreviousSignature;
use coco_raft::{Effect as Decision, Input};
use coco_wire::{Seqno, View as ViewNumber, signature::TREE};

use super::{Changed, Core, Output};
use crate::view::Stage;

impl Core {
    pub(super) fn raft_input(&mut self, input: Input, out: &mut Output) {
        let mut decisions = Vec::new();
        self.raft.handle(input, &mut decisions);
        for decision in decisions {
            self.decided(&decision, out);
        }
    }

    fn decided(&mut self, decision: &Decision, out: &mut Output) {
        self.changed = self.changed.max(Changed::Standing);
        match *decision {
            Decision::BecameLeader { view } => self.became_leader(view),
            Decision::BecamePreCandidate { .. }
            | Decision::BecameCandidate { .. }
            | Decision::BecameFollower { .. }
            | Decision::Follows { .. }
            | Decision::Membership(_) => {}
            Decision::Rollback { to } => self.rolled_back(to, out),
            Decision::Commit(seqno) => self.committed(seqno, out),
            Decision::Append { .. }
            | Decision::Send { .. }
            | Decision::Retirable(_)
            | Decision::Behind { .. } => {
                unreachable!("the only node of a service hears from no other")
            }
        }
    }

    fn became_leader(&mut self, view: ViewNumber) {
        let first = self.kv.version().next();
        self.views = self.views.iter().copied().chain([(view, first)]).collect();
    }

    fn committed(&mut self, seqno: Seqno, out: &mut Output) {
        let shared = &self.view.shared;
        let app = &self.view.mounts.app;
        let surplus = self.kv.compact(seqno, &mut |seqno, writes| {
            if writes.table(TREE).is_some() {
                shared.history.signature_committed(seqno);
            }
            shared.indexes.committed(seqno, writes);
            shared.streams.publish(app.committed(&coco_app::Committed { seqno, writes }));
        });
        out.surplus.push(surplus);
        shared.indexes.reached(seqno);
        self.ledger.compact(seqno);
        if self.signing.last.seqno <= seqno && self.signing.state == PreviousSignature::Appended {
            self.signing.state = PreviousSignature::Committed;
        }
        out.effects.push(Effect::Commit { upto: seqno });
    }

    /// Undoes everything after `to`, in store, tree and files alike.
    pub(super) fn rolled_back(&mut self, to: Seqno, out: &mut Output) {
        self.kv.rollback(to);
        self.ledger.rollback(to);
        self.views = self.views.iter().copied().filter(|(_, first)| *first <= to).collect();
        self.signing.state = PreviousSignature::Committed;
        self.signing.last = self.raft.log().last_signature();
        self.window = None;
        self.changed = Changed::Governance;
        self.open = self.stage == Stage::PartOfNetwork && crate::genesis::is_open(&self.kv.latest());
        out.effects.push(Effect::Truncate { last: to });
    }
}
