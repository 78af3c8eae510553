//! Reads of what is committed that miss nothing committed before them (Ongaro's dissertation, section 6.4).
//!
//! What a leader knows to be committed is all there is, if it has committed an entry of its own view and still leads. A
//! majority of every configuration in force confirms that in a round of messages: a later leader would have needed one
//! of each. One round serves all reads that came before it. A follower asks the leader, and waits until it has come as
//! far itself.

use std::collections::{BTreeMap, BTreeSet};

use coco_wire::{Seqno, View};

use crate::{
    entry::NodeId,
    message::{Message, ReadId, ReadIndex},
    raft::{Effect, Raft, Role},
};

/// Reads that may wait for a round, or for the leader's answer.
const MAX_WAITING: usize = 1024;

/// The reads of a node.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    /// Rounds begun.
    rounds: u64,
    /// To a leader: the round that is under way.
    round: Option<Round>,
    /// To a leader: who waits for the next one.
    waiting: Vec<Asker>,
    /// To a follower: whom it asked.
    asked: BTreeMap<ReadId, NodeId>,
    /// This node's own reads, by what has to be committed here first.
    behind: BTreeSet<(Seqno, ReadId)>,
}

#[derive(Debug)]
struct Round {
    /// What was committed when it began.
    index: Seqno,
    confirmed: BTreeSet<NodeId>,
    askers: Vec<Asker>,
}

#[derive(Clone, Copy, Debug)]
enum Asker {
    Own(ReadId),
    Peer(NodeId, ReadId),
}

impl Raft {
    pub(crate) fn read(&mut self, read: ReadId, out: &mut Vec<Effect>) {
        if self.leads() {
            self.wait_for_round(Asker::Own(read), out);
            return;
        }
        let Some(leader) = self.leader() else {
            out.push(Effect::Unreadable(read));
            return;
        };
        if self.reads.asked.len() >= MAX_WAITING
            && let Some((oldest, _)) = self.reads.asked.pop_first()
        {
            out.push(Effect::Unreadable(oldest));
        }
        self.reads.asked.insert(read, leader);
        self.say(leader, ReadIndex::Asked { view: self.view, read }, out);
    }

    pub(crate) fn read_index(&mut self, from: NodeId, message: ReadIndex, out: &mut Vec<Effect>) {
        match message {
            ReadIndex::Asked { read, .. } => {
                let asker = Asker::Peer(from, read);
                if self.leads() { self.wait_for_round(asker, out) } else { self.answer(asker, None, out) }
            }
            ReadIndex::Answered { read, index, .. } => {
                if self.reads.asked.get(&read) == Some(&from) {
                    self.reads.asked.remove(&read);
                    self.answer(Asker::Own(read), index, out);
                }
            }
            ReadIndex::Confirm { view, round } => self.confirm(from, view, round, out),
            ReadIndex::Confirmed { view, round } => {
                if view == self.view
                    && round == self.reads.rounds
                    && let Some(round) = &mut self.reads.round
                {
                    round.confirmed.insert(from);
                    self.count_confirmed(out);
                }
            }
        }
    }

    /// Asks those once more who have not confirmed the round that is under way.
    pub(crate) fn repeat_round(&self, out: &mut Vec<Effect>) {
        let Some(round) = &self.reads.round else { return };
        let message = ReadIndex::Confirm { view: self.view, round: self.reads.rounds };
        for to in self.others().difference(&round.confirmed) {
            self.say(*to, message, out);
        }
    }

    /// Something was committed: reads that waited for it go on.
    pub(crate) fn settle_reads(&mut self, out: &mut Vec<Effect>) {
        let committed = self.log.committed().seqno;
        while let Some((index, read)) = self.reads.behind.first().copied()
            && index <= committed
        {
            self.reads.behind.pop_first();
            out.push(Effect::Readable(read));
        }
        self.begin_round(out);
    }

    /// Another leader, or none: nobody answers what was asked.
    pub(crate) fn drop_reads(&mut self, out: &mut Vec<Effect>) {
        let round = self.reads.round.take();
        let waiting = std::mem::take(&mut self.reads.waiting);
        for asker in round.map(|round| round.askers).into_iter().flatten().chain(waiting) {
            self.answer(asker, None, out);
        }
        let asked = std::mem::take(&mut self.reads.asked);
        out.extend(asked.into_keys().map(Effect::Unreadable));
    }

    fn wait_for_round(&mut self, asker: Asker, out: &mut Vec<Effect>) {
        if self.reads.waiting.len() >= MAX_WAITING {
            self.answer(asker, None, out);
            return;
        }
        self.reads.waiting.push(asker);
        self.begin_round(out);
    }

    /// Begins a round if somebody waits for one. Before a leader has committed an entry of its own view, it may not know
    /// of all that is committed.
    fn begin_round(&mut self, out: &mut Vec<Effect>) {
        let committed = self.log.committed();
        if !self.leads()
            || self.reads.round.is_some()
            || self.reads.waiting.is_empty()
            || committed.view != self.view
        {
            return;
        }
        self.reads.rounds += 1;
        self.reads.round = Some(Round {
            index: committed.seqno,
            confirmed: BTreeSet::from([self.id]),
            askers: std::mem::take(&mut self.reads.waiting),
        });
        self.repeat_round(out);
        self.count_confirmed(out);
    }

    /// Ends the round once a majority of every configuration in force has confirmed it.
    fn count_confirmed(&mut self, out: &mut Vec<Effect>) {
        let confirmed = |round: &mut Round| {
            let has = |node: &NodeId| round.confirmed.contains(node);
            self.log.configurations().all(|(_, nodes)| nodes.has_quorum(has))
        };
        if let Some(round) = self.reads.round.take_if(confirmed) {
            for asker in round.askers {
                self.answer(asker, Some(round.index), out);
            }
            self.begin_round(out);
        }
    }

    /// A follower answers its leader, and nobody else.
    fn confirm(&self, from: NodeId, view: View, round: u64, out: &mut Vec<Effect>) {
        if view == self.view
            && matches!(self.role, Role::Follower { leader: Some(leader), .. } if leader == from)
        {
            self.say(from, ReadIndex::Confirmed { view, round }, out);
        }
    }

    fn answer(&mut self, asker: Asker, index: Option<Seqno>, out: &mut Vec<Effect>) {
        match (asker, index) {
            (Asker::Peer(to, read), index) => {
                if index.is_some() {
                    // So that it does not wait for the next sign of life.
                    self.tell_commit(to, out);
                }
                self.say(to, ReadIndex::Answered { view: self.view, read, index }, out);
            }
            (Asker::Own(read), None) => out.push(Effect::Unreadable(read)),
            (Asker::Own(read), Some(index)) if index <= self.log.committed().seqno => {
                out.push(Effect::Readable(read));
            }
            (Asker::Own(read), Some(index)) => {
                if self.reads.behind.len() >= MAX_WAITING
                    && let Some((_, last)) = self.reads.behind.pop_last()
                {
                    out.push(Effect::Unreadable(last));
                }
                self.reads.behind.insert((index, read));
            }
        }
    }

    fn say(&self, to: NodeId, message: ReadIndex, out: &mut Vec<Effect>) {
        out.push(Effect::Send { to, message: Message::ReadIndex(message) });
    }
}
