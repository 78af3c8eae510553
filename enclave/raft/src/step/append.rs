//! Entries on their way from the leader to its followers.

use coco_wire::{Seqno, TxId};

use crate::{
    entry::{Entry, NodeId},
    message::{AppendEntries, AppendEntriesResponse, Message},
    raft::{Effect, Progress, Raft, Role},
};

impl Raft {
    pub(crate) fn propose(&mut self, entries: &[Entry], out: &mut Vec<Effect>) {
        assert!(self.leads(), "only a leader proposes");
        for entry in entries {
            assert_eq!(entry.txid.view, self.view, "a leader appends entries of its own view");
            self.log.append(entry);
        }
        if entries.iter().any(|entry| entry.configuration.is_some()) {
            self.refresh_peers();
        }
        let Role::Leader { peers, .. } = &self.role else { return };
        let ready = peers.iter().filter(|(_, progress)| !progress.probing);
        for node in ready.map(|(node, _)| *node).collect::<Vec<_>>() {
            self.send_entries(node, out);
        }
    }

    pub(crate) fn append_entries(
        &mut self,
        from: NodeId,
        header: AppendEntries,
        entries: &[Entry],
        out: &mut Vec<Effect>,
    ) {
        if !is_run(&header, entries) {
            return;
        }
        if header.view < self.view || (header.view == self.view && self.leads()) {
            self.refuse(from, self.log.last(), out);
            return;
        }
        if header.view > self.view || !matches!(self.role, Role::Follower { .. }) {
            self.follow(header.view, out);
        }
        self.restart_election_timer();
        if let Role::Follower { leader, .. } = &mut self.role {
            *leader = Some(from);
        }
        if self.log.at(header.previous.seqno) != Some(header.previous) {
            self.refuse(from, self.log.highest_possible_match(header.previous), out);
            return;
        }
        if self.take(entries, out) {
            self.matched_leader(from, &header, out);
        }
    }

    pub(crate) fn append_entries_response(
        &mut self,
        from: NodeId,
        response: AppendEntriesResponse,
        out: &mut Vec<Effect>,
    ) {
        let (AppendEntriesResponse::Accepted { view, .. } | AppendEntriesResponse::Refused { view, .. }) =
            response;
        if view > self.view {
            self.follow(view, out);
            return;
        }
        let last = self.log.last().seqno;
        let Role::Leader { peers, .. } = &mut self.role else { return };
        let Some(progress) = peers.get_mut(&from).filter(|_| view == self.view) else { return };
        match response {
            AppendEntriesResponse::Accepted { last: matched, .. } if matched <= last => {
                progress.matched = progress.matched.max(matched);
                progress.probing &= matched < progress.sent;
                progress.sent = progress.sent.max(matched);
                if !progress.probing && progress.sent < last {
                    self.send_entries(from, out);
                }
                self.advance_commit(out);
            }
            AppendEntriesResponse::Accepted { .. } => {}
            AppendEntriesResponse::Refused { possible, .. } => {
                // Only a guess: it moves what is sent next, never what counts as matched.
                let possible = self.log.highest_possible_match(possible).seqno.max(progress.matched);
                if !progress.probing || possible < progress.sent {
                    (progress.probing, progress.sent) = (true, possible);
                    self.send_entries(from, out);
                }
            }
        }
    }

    /// Tells the leader how far this log equals its own and is on disk.
    pub(crate) fn acknowledge(&self, out: &mut Vec<Effect>) {
        if let Role::Follower { leader: Some(leader), matched } = self.role {
            let last = matched.min(self.log.persisted());
            let response = AppendEntriesResponse::Accepted { view: self.view, last };
            out.push(Effect::Send { to: leader, message: Message::AppendEntriesResponse(response) });
        }
    }

    /// Entries or a sign of life to all peers.
    pub(crate) fn send_to_all(&mut self, out: &mut Vec<Effect>) {
        let next_ms = self.now_ms + self.timing.message_timeout_ms;
        if let Role::Leader { heartbeat_ms, .. } = &mut self.role {
            *heartbeat_ms = next_ms;
        }
        for node in self.others() {
            self.send_entries(node, out);
        }
    }

    /// Keeps a record for each node of the configurations in force, and for no other.
    pub(crate) fn refresh_peers(&mut self) {
        let others = self.others();
        let sent = self.log.last().seqno;
        if let Role::Leader { peers, .. } = &mut self.role {
            peers.retain(|node, _| others.contains(node));
            for node in others {
                peers.entry(node).or_insert(Progress { matched: Seqno::ZERO, sent, probing: false });
            }
        }
    }

    /// The next entries of one view that the peer has not been sent; none as a sign of life.
    fn send_entries(&mut self, to: NodeId, out: &mut Vec<Effect>) {
        let Role::Leader { peers, .. } = &mut self.role else { return };
        let progress = peers.get_mut(&to).expect("a record for each peer");
        let limit = Seqno(progress.sent.0.saturating_add(self.timing.max_entries));
        let end = self.log.end_of_run(progress.sent).min(limit);
        let entry = |seqno| self.log.at(seqno).expect("within the log");
        let header = AppendEntries {
            view: self.view,
            previous: entry(progress.sent),
            last: entry(end),
            committed: self.log.committed().seqno,
        };
        if !progress.probing {
            progress.sent = end;
        }
        out.push(Effect::Send { to, message: Message::AppendEntries(header) });
    }

    /// Appends what is new and replaces what differs; false if that would undo what is committed.
    fn take(&mut self, entries: &[Entry], out: &mut Vec<Effect>) -> bool {
        let Some(new) = entries.iter().position(|entry| self.log.at(entry.txid.seqno) != Some(entry.txid))
        else {
            return true;
        };
        let first = entries[new].txid.seqno;
        let views_go_down = entries[new].txid.view < self.log.at(first.previous()).expect("matched").view;
        if first <= self.log.committed().seqno || views_go_down {
            return false;
        }
        self.roll_back(first.previous(), out);
        for entry in &entries[new..] {
            self.log.append(entry);
        }
        out.push(Effect::Append { first });
        true
    }

    fn matched_leader(&mut self, from: NodeId, header: &AppendEntries, out: &mut Vec<Effect>) {
        let Role::Follower { leader, matched } = &mut self.role else { return };
        *leader = Some(from);
        *matched = (*matched).max(header.last.seqno);
        let agreed = header.committed.min(*matched);
        if let Some(signature) = self.log.committable(agreed) {
            self.commit(signature.seqno, out);
        }
        self.acknowledge(out);
    }

    fn refuse(&self, to: NodeId, possible: TxId, out: &mut Vec<Effect>) {
        let response = AppendEntriesResponse::Refused { view: self.view, possible };
        out.push(Effect::Send { to, message: Message::AppendEntriesResponse(response) });
    }
}

/// Whether the entries are what the header says: consecutive, of one view, not later than the leader's.
fn is_run(header: &AppendEntries, entries: &[Entry]) -> bool {
    let AppendEntries { view, previous, last, .. } = *header;
    let next =
        (previous.seqno.0..u64::MAX).map(|before| TxId { view: last.view, seqno: Seqno(before).next() });
    previous.view <= last.view
        && last.view <= view
        && last.seqno.0.checked_sub(previous.seqno.0) == Some(entries.len() as u64)
        && (last.seqno > previous.seqno || last == previous)
        && entries.iter().zip(next).all(|(entry, txid)| entry.txid == txid)
}
