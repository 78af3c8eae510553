//! What consensus decides: leadership, commit, rollback.

use coco_boundary::Effect;
use coco_ledger::PreviousSignature;
use coco_raft::{Effect as Decision, Input};
use coco_tables::nodes;
use coco_wire::{Seqno, View as ViewNumber, signature::TREE};

use super::{Certificates, Changed, Core, Output, Readable, sequence::SERVICE_INFO};
use crate::view::Stage;

impl Core {
    pub(super) fn raft_input(&mut self, input: Input, out: &mut Output) {
        let mut decisions = Vec::new();
        self.raft.handle(input, &mut decisions);
        for decision in decisions {
            self.decided(decision, out);
        }
        self.follow_views();
    }

    fn decided(&mut self, decision: Decision, out: &mut Output) {
        let says_nothing = matches!(
            decision,
            Decision::Send { .. } | Decision::Append { .. } | Decision::Readable(_) | Decision::Unreadable(_)
        );
        if !says_nothing {
            self.changed = self.changed.max(Changed::Standing);
        }
        match decision {
            Decision::BecameLeader { view } => {
                self.view.shared.log.info(format_args!("This node is the primary of view {view}"));
                self.signing.at_once = true;
                self.retirable.clone_from(self.raft.log().leaving());
            }
            Decision::Follows { leader } => {
                let view = self.raft.view();
                self.view.shared.log.info(format_args!("Node {leader} is the primary of view {view}"));
            }
            Decision::BecamePreCandidate { .. }
            | Decision::BecameCandidate { .. }
            | Decision::BecameFollower { .. } => {}
            Decision::Rollback { to } => self.rolled_back(to, out),
            Decision::Append { first } => self.append_received(first, out),
            Decision::Commit(seqno) => self.committed(seqno, out),
            Decision::Membership(membership) => {
                self.view.shared.log.info(format_args!("This node's part in the service: {membership:?}"));
            }
            Decision::Retirable(nodes) => self.retirable.extend(nodes),
            Decision::Behind { node, first } => {
                let log = &self.view.shared.log;
                log.info(format_args!("Node {node} needs entry {first}, which only a snapshot has"));
            }
            Decision::Readable(read) => out.reads.push((read, Readable::Yes)),
            Decision::Unreadable(read) => out.reads.push((read, Readable::NotNow)),
            Decision::Send { to, message } => self.send(to, message, out),
        }
    }

    /// Takes over where views begin. That of a new leader begins with its next entry.
    fn follow_views(&mut self) {
        let log = self.raft.log();
        let known = self.views.last().map(|(view, _)| *view);
        let latest = if self.is_leader() { self.raft.view() } else { log.last().view };
        if known == Some(latest) || (known.is_none() && latest == ViewNumber(0)) {
            return;
        }
        let begun = log.views().iter().map(|first| (first.view, first.seqno));
        let next = (latest > log.last().view).then(|| (latest, log.last().seqno.next()));
        self.views = begun.chain(next).collect();
        self.changed = self.changed.max(Changed::Standing);
    }

    fn committed(&mut self, seqno: Seqno, out: &mut Output) {
        if seqno > self.kv.version() {
            // An entry up to there was refused, and the node stops: see [`Core::append_received`].
            return;
        }
        // Several signatures may be committed at once, and each snapshot is of the state at its own.
        for point in self.snapshots.points(&self.signing.made, seqno) {
            self.compact(point, out);
            self.make_snapshot(point, out);
        }
        if self.kv.committed_version() < seqno {
            self.compact(seqno, out);
        }
        self.settle_snapshots(out);
    }

    /// Takes in that everything up to a signature is committed.
    fn compact(&mut self, seqno: Seqno, out: &mut Output) {
        let snapshots = &mut self.snapshots;
        let shared = &self.view.shared;
        let app = &self.view.mounts.app;
        let certificates = &mut out.certificates;
        let mut indexes = shared.feed.committing();
        let surplus = self.kv.compact(seqno, &mut |seqno, writes| {
            if writes.concerns_service() {
                if writes.table(TREE).is_some() {
                    shared.history.signature_committed(seqno);
                    snapshots.signed(seqno, writes);
                }
                if writes.table(nodes::ENDORSED_CERTIFICATES).is_some()
                    || writes.table(SERVICE_INFO).is_some()
                {
                    *certificates = Certificates::Written;
                }
            }
            indexes.committed(seqno, writes);
            shared.streams.publish(app.committed(&coco_app::Committed { seqno, writes }));
        });
        out.surplus.push(surplus);
        indexes.finish(seqno);
        self.ledger.compact(seqno);
        self.signing.made.committed(seqno);
        if self.signing.made.last().0.seqno <= seqno && self.signing.state == PreviousSignature::Appended {
            self.signing.state = PreviousSignature::Committed;
        }
        out.effects.push(Effect::Commit { upto: seqno });
    }

    /// Undoes everything after `to`, in store, tree and files alike.
    pub(super) fn rolled_back(&mut self, to: Seqno, out: &mut Output) {
        self.rollbacks += u64::from(to < self.kv.version());
        self.kv.rollback(to);
        self.ledger.rollback(to);
        self.publish_secrets();
        self.sending.rollback(to);
        self.snapshots.rollback(to);
        self.forget_received(to);
        self.reconfigurations.retain(|(seqno, _)| *seqno <= to);
        self.signing.state = PreviousSignature::Committed;
        self.signing.made.rollback(to);
        self.signing.at_once = false;
        self.publish_peers();
        self.windows.rolled_back();
        self.view.mounts.app.rolled_back(to);
        self.changed = Changed::Decisive;
        self.open = self.stage == Stage::PartOfNetwork && crate::genesis::is_open(&self.kv.latest());
        out.effects.push(Effect::Truncate { last: to });
    }
}
