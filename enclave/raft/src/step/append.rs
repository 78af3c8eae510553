//! Entries that arrive at a follower.

use coco_wire::{Seqno, TxId};

use crate::{
    entry::{Entry, NodeId},
    message::{AppendEntries, AppendEntriesResponse, Message},
    raft::{Effect, Raft, Role},
};

impl Raft {
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
            let possible = self.end();
            self.refuse(from, possible, out);
            return;
        }
        if header.view > self.view || !matches!(self.role, Role::Follower { .. }) {
            self.follow(header.view, out);
        }
        if !self.is_led_by(from, out) {
            return;
        }
        match self.log.at(header.previous.seqno) {
            None => self.refuse(from, self.end(), out),
            Some(own) if own != header.previous => {
                self.refuse(from, self.log.highest_possible_match(header.previous), out);
            }
            Some(_) => self.take(from, &header, entries, out),
        }
    }

    /// Tells the leader how far this log equals its own and is on disk.
    pub(crate) fn acknowledge(&self, out: &mut Vec<Effect>) {
        if let Role::Follower { leader: Some(leader), matched } = self.role {
            self.accept(leader, matched, out);
        }
    }

    /// Appends an entry, with what it means for this node itself.
    pub(crate) fn append(&mut self, entry: &Entry, out: &mut Vec<Effect>) {
        let at = entry.txid.seqno;
        let before = self.membership();
        if let Some(nodes) = &entry.configuration {
            let was_in = self.log.configurations().next_back().is_some_and(|(_, old)| old.contains(&self.id));
            if was_in && !nodes.contains(&self.id) {
                self.retirement.order(at);
            }
        }
        if entry.signature {
            self.retirement.sign(at);
        }
        self.log.append(entry);
        self.tell_membership(before, out);
    }

    /// Drops everything after `to`, if there is anything.
    pub(crate) fn roll_back(&mut self, to: Seqno, out: &mut Vec<Effect>) {
        if self.log.last().seqno > to {
            self.truncate(to, out);
        }
    }

    /// Drops everything after `to`, also what was never proposed, such as a signature being made.
    pub(crate) fn truncate(&mut self, to: Seqno, out: &mut Vec<Effect>) {
        let before = self.membership();
        self.log.truncate(to);
        self.retirement.roll_back(to);
        out.push(Effect::Rollback { to });
        self.tell_membership(before, out);
    }

    /// Takes a leader's word; false if another one leads in this view, which no election allows.
    fn is_led_by(&mut self, from: NodeId, out: &mut Vec<Effect>) -> bool {
        let Role::Follower { leader, .. } = &mut self.role else { return false };
        match *leader {
            Some(known) if known != from => return false,
            Some(_) => {}
            None => {
                *leader = Some(from);
                out.push(Effect::Follows { leader: from });
            }
        }
        self.restart_election_timer();
        true
    }

    /// Appends what is new and replaces what differs, unless that would undo what is committed. What is new is
    /// acknowledged once it is on disk, all else at once.
    fn take(&mut self, from: NodeId, header: &AppendEntries, entries: &[Entry], out: &mut Vec<Effect>) {
        let new = entries.iter().position(|entry| self.log.at(entry.txid.seqno) != Some(entry.txid));
        if let Some(new) = new {
            let first = entries[new].txid.seqno;
            let views_go_down = entries[new].txid.view < self.log.at(first.previous()).expect("matched").view;
            if first <= self.log.committed().seqno || views_go_down {
                return;
            }
            self.roll_back(first.previous(), out);
            out.push(Effect::Append { first });
            for entry in &entries[new..] {
                self.append(entry, out);
            }
        }
        if let Role::Follower { matched, .. } = &mut self.role {
            *matched = (*matched).max(header.last.seqno);
            let agreed = header.committed.min(*matched);
            if let Some(signature) = self.log.committable(agreed) {
                self.commit(signature.seqno, out);
            }
        }
        if new.is_none() {
            self.accept(from, header.last.seqno, out);
        }
    }

    /// Everything up to `matched`, as far as it is on disk, equals the leader's log.
    fn accept(&self, leader: NodeId, matched: Seqno, out: &mut Vec<Effect>) {
        let last = matched.min(self.log.persisted());
        let response = AppendEntriesResponse::Accepted { view: self.view, last };
        out.push(Effect::Send { to: leader, message: Message::AppendEntriesResponse(response) });
    }

    fn refuse(&self, to: NodeId, possible: TxId, out: &mut Vec<Effect>) {
        let response = AppendEntriesResponse::Refused { view: self.view, possible };
        out.push(Effect::Send { to, message: Message::AppendEntriesResponse(response) });
    }

    /// What a follower says of a log that is only too short.
    fn end(&self) -> TxId {
        TxId { view: self.view, seqno: self.log.last().seqno }
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
