//! Entries on their way from the leader to its peers.

use std::collections::{BTreeMap, VecDeque};

use coco_wire::{Seqno, TxId};

use crate::{
    entry::{Entry, NodeId},
    message::{AppendEntries, AppendEntriesResponse, Message},
    raft::{Effect, Progress, Raft, Role},
    settings::Replication,
};

impl Raft {
    pub(crate) fn propose(&mut self, entries: &[Entry], out: &mut Vec<Effect>) {
        assert!(self.leads(), "only a leader proposes");
        for entry in entries {
            assert_eq!(entry.txid.view, self.view, "a leader appends entries of its own view");
            let before = self.log.last();
            self.append(entry, out);
            if entry.configuration.is_some() {
                self.refresh_peers(before, out);
            }
        }
        if self.settings.replication == Replication::AtOnce {
            for node in self.peers().map(|(node, _)| *node).collect::<Vec<_>>() {
                self.fill(node, out);
            }
        }
    }

    pub(crate) fn append_entries_response(
        &mut self,
        from: NodeId,
        response: AppendEntriesResponse,
        out: &mut Vec<Effect>,
    ) {
        let now_ms = self.now_ms;
        let (last, log_view) = (self.log.last().seqno, self.view);
        let Role::Leader { peers, .. } = &mut self.role else { return };
        let Some(progress) = peers.get_mut(&from) else { return };
        match response {
            AppendEntriesResponse::Accepted { view, .. } | AppendEntriesResponse::Refused { view, .. }
                if view > log_view =>
            {
                self.follow(view, out);
            }
            AppendEntriesResponse::Accepted { view, last: matched }
                if view == log_view && matched <= last =>
            {
                progress.heard_ms = now_ms;
                progress.accepted(matched);
                if self.settings.replication == Replication::AtOnce {
                    self.fill(from, out);
                }
                self.advance_commit(out);
            }
            AppendEntriesResponse::Accepted { .. } => {}
            AppendEntriesResponse::Refused { view, possible } => {
                if view == log_view {
                    progress.heard_ms = now_ms;
                }
                self.refused(from, possible, out);
            }
        }
    }

    /// Entries or a sign of life to all peers.
    pub(crate) fn send_to_all(&mut self, out: &mut Vec<Effect>) {
        let next_ms = self.now_ms.saturating_add(self.settings.message_timeout_ms);
        if let Role::Leader { heartbeat_ms, .. } = &mut self.role {
            *heartbeat_ms = next_ms;
        }
        for node in self.peers().map(|(node, _)| *node).collect::<Vec<_>>() {
            let said = out.len();
            self.fill(node, out);
            if out.len() == said {
                let progress = self.progress(&node);
                let (sent, probing) = (progress.sent, progress.probing);
                let end = if probing { self.end_of_message(sent) } else { sent };
                self.send(node, sent, end, out);
            }
        }
    }

    /// Tells those who are not about to hear it with entries what is committed.
    pub(crate) fn announce_commit(&self, out: &mut Vec<Effect>) {
        if self.settings.replication == Replication::AtOnce {
            let idle = |progress: &Progress| !progress.probing && progress.in_flight.is_empty();
            for (node, progress) in self.peers().filter(|(_, progress)| idle(progress)) {
                self.send(*node, progress.sent, progress.sent, out);
            }
        }
    }

    /// Tells a peer what is committed, although it may hear it later with entries.
    pub(crate) fn tell_commit(&self, to: NodeId, out: &mut Vec<Effect>) {
        if let Some((_, progress)) = self.peers().find(|(node, progress)| **node == to && !progress.probing) {
            self.send(to, progress.sent, progress.sent, out);
        }
    }

    /// Keeps a record for each node that needs to hear of this leader, and for no other. A new one hears at once where
    /// the leader is, and answers where it is itself.
    pub(crate) fn refresh_peers(&mut self, before: TxId, out: &mut Vec<Effect>) {
        let mut needed = self.others();
        needed.extend(self.log.leaving().iter().filter(|node| **node != self.id));
        let heard_ms = self.now_ms;
        let Role::Leader { peers, .. } = &mut self.role else { return };
        peers.retain(|node, _| needed.contains(node));
        let new: Vec<_> = needed.into_iter().filter(|node| !peers.contains_key(node)).collect();
        for node in new {
            let Role::Leader { peers, .. } = &mut self.role else { return };
            peers.insert(node, Progress::new(before.seqno, heard_ms));
            self.send(node, before.seqno, before.seqno, out);
        }
    }

    /// Records for a new leader, which knows nothing of any peer.
    pub(crate) fn first_peers(&self) -> BTreeMap<NodeId, Progress> {
        let leaving = self.log.leaving().iter().copied().filter(|node| *node != self.id);
        let progress = Progress::new(self.log.last().seqno, self.now_ms);
        self.others().into_iter().chain(leaving).map(|node| (node, progress.clone())).collect()
    }

    pub(crate) fn peers(&self) -> impl Iterator<Item = (&NodeId, &Progress)> {
        let peers = if let Role::Leader { peers, .. } = &self.role { Some(peers) } else { None };
        peers.into_iter().flatten()
    }

    fn refused(&mut self, from: NodeId, possible: TxId, out: &mut Vec<Effect>) {
        // Only a guess: it moves what is sent next, never what counts as matched.
        let possible = self.log.highest_possible_match(possible).seqno;
        let (unreadable, replication) = (self.log.unreadable(), self.settings.replication);
        let progress = self.progress(&from);
        let from_here = possible.min(progress.sent).max(progress.matched);
        if replication == Replication::WithHeartbeat {
            (progress.sent, progress.in_flight) = (from_here, VecDeque::new());
        } else if !progress.probing || from_here < progress.sent {
            (progress.probing, progress.sent, progress.in_flight) = (true, from_here, VecDeque::new());
            let end = self.end_of_message(from_here);
            self.send(from, from_here, end, out);
        }
        if from_here < unreadable {
            out.push(Effect::Behind { node: from, first: from_here.next() });
        }
    }

    /// Sends what the peer has not been sent, as far as it has room.
    fn fill(&mut self, to: NodeId, out: &mut Vec<Effect>) {
        let (last, unreadable) = (self.log.last().seqno, self.log.unreadable());
        let max_messages = self.settings.max_messages;
        loop {
            let progress = self.progress(&to);
            let (matched, sent) = (progress.matched, progress.sent);
            let full = progress.in_flight.len() >= max_messages;
            if progress.probing || sent >= last || sent < unreadable {
                return;
            }
            if full && !self.is_signature_due(matched, sent) {
                return;
            }
            let end = self.end_of_message(sent);
            let progress = self.progress(&to);
            progress.sent = end;
            progress.in_flight.push_back(end);
            self.send(to, sent, end, out);
        }
    }

    /// Whether there is a signature to be sent, and none among what the peer has not answered. Its disk may report with
    /// signatures only, so that it would never answer.
    fn is_signature_due(&self, matched: Seqno, sent: Seqno) -> bool {
        let mut known = self.log.signatures().chain([self.log.committed().seqno]);
        self.log.last_signature().seqno > sent && !known.any(|at| at > matched && at <= sent)
    }

    /// The last entry that fits in a message after `sent`: those of one view, of a limited number.
    fn end_of_message(&self, sent: Seqno) -> Seqno {
        if sent < self.log.unreadable() {
            return sent;
        }
        self.log.end_of_run(sent).min(Seqno(sent.0.saturating_add(self.settings.max_entries)))
    }

    fn send(&self, to: NodeId, after: Seqno, end: Seqno, out: &mut Vec<Effect>) {
        let entry = |seqno| self.log.at(seqno).expect("within the log");
        let header = AppendEntries {
            view: self.view,
            previous: entry(after),
            last: entry(end),
            committed: self.log.committed().seqno,
        };
        out.push(Effect::Send { to, message: Message::AppendEntries(header) });
    }

    fn progress(&mut self, of: &NodeId) -> &mut Progress {
        match &mut self.role {
            Role::Leader { peers, .. } => peers.get_mut(of).expect("a record for each peer"),
            _ => unreachable!("only a leader keeps records"),
        }
    }
}

impl Progress {
    fn new(sent: Seqno, heard_ms: u64) -> Self {
        Self { matched: Seqno::ZERO, sent, probing: false, in_flight: VecDeque::new(), heard_ms }
    }

    /// The peer took a message; `last` is what it has of it on its disk, which may be less than it took: where a probe has
    /// no signature, it is what the peer had before. So any acceptance ends the probing.
    fn accepted(&mut self, last: Seqno) {
        self.matched = self.matched.max(last);
        self.probing = false;
        self.sent = self.sent.max(self.matched);
        let answered = self.in_flight.partition_point(|end| *end <= self.matched);
        self.in_flight.drain(..answered);
    }
}
