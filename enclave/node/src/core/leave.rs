//! A primary that is asked to stop lets another one take over first.

use coco_boundary::{Effect, Monotonic, StopReason};
use coco_raft::{Input, NodeId, Role};

use super::{Core, Output};

/// How long a primary waits for its successor.
const PATIENCE_MS: u64 = 2_000;

/// How far the leadership is handed over.
pub(super) struct Leaving {
    until: Monotonic,
    /// Whether a successor was asked to stand for election.
    nominated: bool,
}

impl Core {
    /// Whether the others that this leader hears of can go on without it.
    pub(super) fn has_successors(&self) -> bool {
        let Role::Leader { peers, .. } = self.raft.role() else { return false };
        let (now, patience) =
            (self.view.shared.clock.now().0, self.settings.consensus.election_timeout_ms / 2);
        let heard =
            |node: &NodeId| peers.get(node).is_some_and(|peer| now.saturating_sub(peer.heard_ms) < patience);
        self.raft.log().configurations().all(|(_, nodes)| nodes.has_quorum(heard))
    }

    /// Has a successor stand for election, if one is close enough behind.
    pub fn hand_over(&mut self, out: &mut Output) {
        self.raft_input(Input::HandOver, out);
    }

    /// Begins to leave: no more transactions are taken.
    pub(super) fn leave(&mut self) {
        let until = Monotonic(self.view.shared.clock.now().0.saturating_add(PATIENCE_MS));
        self.leaving = Some(Leaving { until, nominated: false });
    }

    /// Has everything committed, then a successor elected, then stops; stops anyway when that takes too long.
    pub(super) fn go_on_leaving(&mut self, out: &mut Output) {
        let Some(leaving) = &mut self.leaving else { return };
        let now = self.view.shared.clock.now();
        let leads = matches!(self.raft.role(), Role::Leader { .. });
        if !leads || now >= leaving.until {
            self.leaving = None;
            out.effects.push(Effect::Stop { reason: StopReason::Asked });
        } else if self.ledger.unsigned() > 0 && !self.ledger.is_signing() {
            self.reserve_signature(now, out);
        } else if self.raft.log().committed().seqno == self.kv.version() && !leaving.nominated {
            leaving.nominated = true;
            self.raft_input(Input::HandOver, out);
        }
    }
}
