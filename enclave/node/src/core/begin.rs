//! A node that begins with a snapshot: its history before that is somebody else's.

use std::sync::Arc;

use coco_boundary::Effect;
use coco_ledger::Ledger;
use coco_raft::{Raft, Start};

use super::{Core, Output, seed};
use crate::{join::Joined, startup::Beginning, view::Stage};

impl Core {
    /// The service let this node in, which begins with a snapshot: it takes part from the entry after it on.
    pub fn joined_with(&mut self, joined: Joined, beginning: Beginning, out: &mut Output) {
        if self.stage == Stage::Pending {
            self.begin_with(&joined, beginning, out);
        }
        self.joined(joined, out);
        // Only now does it count as one that hears what the table of nodes says.
        self.publish_peers();
        self.open = crate::genesis::is_open(&self.kv.latest());
        self.refresh_committed();
    }

    fn begin_with(&mut self, joined: &Joined, beginning: Beginning, out: &mut Output) {
        let Beginning { mut kv, resume, base, root } = beginning;
        let last = base.last;
        // Before everything else that is written.
        out.effects.push(Effect::ResumeLedger { after: last.seqno });
        kv.keep_committed(self.settings.keep_committed);
        self.kv = kv;
        self.sending.begin_after(last.seqno, resume.lineage().down_to(base.unreadable.next()));
        self.ledger = Ledger::resume(joined.secrets.clone(), self.settings.ledger, resume);
        self.signing.made.made(last, root);
        self.following.begin_after(last);
        self.views = base.views.iter().map(|first| (first.view, first.seqno)).collect::<Arc<_>>();
        let id = self.raft.id();
        self.raft = Raft::new(id, self.settings.consensus, Start::Snapshot(base), seed(&id));
        self.view.shared.history.signature_committed(last.seqno);
    }
}
