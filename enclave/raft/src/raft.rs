//! The state machine of one node: inputs in, effects out.

use std::collections::{BTreeMap, BTreeSet};

use coco_wire::{Seqno, TxId, View};

use crate::{
    entry::{Configuration, Entry, NodeId},
    log::Log,
    message::Message,
};

/// One node's part in the agreement.
#[derive(Debug)]
pub struct Raft {
    pub(crate) id: NodeId,
    pub(crate) timing: Timing,
    pub(crate) now_ms: u64,
    pub(crate) view: View,
    /// Whom this node voted for in `view`.
    pub(crate) voted_for: Option<NodeId>,
    /// When a node that hears of no leader stands for election.
    pub(crate) deadline_ms: u64,
    pub(crate) role: Role,
    pub(crate) log: Log,
}

/// Intervals of the protocol and the size of its messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// A node that heard of no leader for this long, or up to half less, stands for election.
    pub election_timeout_ms: u64,
    /// A leader shows a sign of life this often.
    pub message_timeout_ms: u64,
    /// Most entries in one message.
    pub max_entries: u64,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The time, in milliseconds since any fixed moment; never goes back.
    Tick {
        /// Now.
        now_ms: u64,
    },
    /// This node, the leader, appended these entries of its view; one message goes to each peer.
    Propose(Vec<Entry>),
    /// All entries up to this one are on this node's disk. Names the view, so that a late report of an entry
    /// that was rolled back is not taken for its successor.
    Persisted(TxId),
    /// A peer, known by its channel, said something.
    Message {
        /// Who.
        from: NodeId,
        /// What.
        message: Message,
        /// The entries that an `AppendEntries` carries, opened and checked; empty with all other messages.
        entries: Vec<Entry>,
    },
}

/// What to do, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// This node leads. It appends a signature at once, since nothing else of earlier views can be committed.
    BecameLeader {
        /// Its view.
        view: View,
    },
    /// This node follows in this view; if it led before, a rollback comes first.
    BecameFollower {
        /// The new view.
        view: View,
    },
    /// Everything after `to` is void, also what is reserved or held back and was never proposed.
    Rollback {
        /// Last valid entry: a signature, or zero.
        to: Seqno,
    },
    /// Append the entries of the message at hand from `first` on.
    Append {
        /// First entry that is new.
        first: Seqno,
    },
    /// Everything up to this signature is committed.
    Commit(Seqno),
    /// Send; to an `AppendEntries`, the entries after `previous` up to `last` are attached.
    Send {
        /// Receiver.
        to: NodeId,
        /// What it is told.
        message: Message,
    },
}

/// What a node is at the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// Takes entries from a leader.
    Follower {
        /// The leader of this view, once heard of.
        leader: Option<NodeId>,
        /// Up to here the log is known to equal the leader's.
        matched: Seqno,
    },
    /// Asks whether others would vote for it.
    PreCandidate {
        /// Those who would, itself included.
        votes: BTreeSet<NodeId>,
    },
    /// Asks for votes in its view.
    Candidate {
        /// Those who voted for it, itself included.
        votes: BTreeSet<NodeId>,
    },
    /// Appends entries.
    Leader {
        /// All other nodes of the configurations in force.
        peers: BTreeMap<NodeId, Progress>,
        /// When to show the next sign of life.
        heartbeat_ms: u64,
    },
}

/// What a leader knows about a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Up to here the peer's log is equal and on its disk.
    pub matched: Seqno,
    /// Up to here entries were sent; while probing, up to where the logs may be equal.
    pub sent: Seqno,
    /// The peer refused what it was sent: until it accepts, it gets one message at a time.
    pub probing: bool,
}

impl Raft {
    /// A node with an empty log that knows of this configuration. The first leader's view is 2, as in CCF.
    #[must_use]
    pub fn new(id: NodeId, timing: Timing, configuration: Configuration) -> Self {
        Self {
            id,
            timing,
            now_ms: 0,
            view: View(1),
            voted_for: None,
            deadline_ms: timing.election_timeout_ms,
            role: Role::Follower { leader: None, matched: Seqno::ZERO },
            log: Log::new(configuration),
        }
    }

    /// Takes one input and adds what follows from it to `out`.
    ///
    /// Messages of nodes outside the configurations in force change nothing.
    ///
    /// # Panics
    /// If entries are proposed that do not continue the log, or by a node that does not lead in their view.
    pub fn handle(&mut self, input: Input, out: &mut Vec<Effect>) {
        match input {
            Input::Tick { now_ms } => self.tick(now_ms, out),
            Input::Propose(entries) => self.propose(&entries, out),
            Input::Persisted(txid) => self.persisted(txid, out),
            Input::Message { from, message, entries } => {
                if from != self.id && self.log.configurations().any(|nodes| nodes.contains(&from)) {
                    self.message(from, message, &entries, out);
                }
            }
        }
    }

    /// What this node is.
    #[must_use]
    pub fn role(&self) -> &Role {
        &self.role
    }

    /// Its view.
    #[must_use]
    pub fn view(&self) -> View {
        self.view
    }

    /// Who leads in this view, if known.
    #[must_use]
    pub fn leader(&self) -> Option<NodeId> {
        match &self.role {
            Role::Leader { .. } => Some(self.id),
            Role::Follower { leader, .. } => *leader,
            Role::PreCandidate { .. } | Role::Candidate { .. } => None,
        }
    }

    /// The log without its contents.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    fn message(&mut self, from: NodeId, message: Message, entries: &[Entry], out: &mut Vec<Effect>) {
        match message {
            Message::AppendEntries(header) => self.append_entries(from, header, entries, out),
            Message::AppendEntriesResponse(response) => self.append_entries_response(from, response, out),
            Message::RequestVote(request) => self.request_vote(from, request, out),
            Message::RequestVoteResponse(response) => self.request_vote_response(from, response, out),
            Message::ProposeRequestVote { view } => self.propose_request_vote(view, out),
        }
    }
}

#[cfg(test)]
mod tests;
