//! The state machine of one node: inputs in, effects out.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use coco_wire::{Seqno, TxId, View};

use crate::{
    entry::{Configuration, Entry, NodeId},
    log::Log,
    membership::{Membership, Retirement},
    message::{Message, ReadId},
    settings::{Settings, Start},
    step::read::Reads,
};

/// One node's part in the agreement.
#[derive(Debug)]
pub struct Raft {
    pub(crate) id: NodeId,
    pub(crate) settings: Settings,
    pub(crate) now_ms: u64,
    pub(crate) view: View,
    /// Whom this node voted for in `view`.
    pub(crate) voted_for: Option<NodeId>,
    /// When the election timer was last restarted.
    pub(crate) heard_ms: u64,
    /// When a node that hears of no leader stands for election.
    pub(crate) deadline_ms: u64,
    /// Where the next timeout is drawn from.
    pub(crate) random: u64,
    pub(crate) role: Role,
    pub(crate) log: Log,
    pub(crate) retirement: Retirement,
    pub(crate) reads: Reads,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The time, in milliseconds since any fixed moment; never goes back.
    Tick {
        /// Now.
        now_ms: u64,
    },
    /// This node, the leader, appended these entries of its view.
    Propose(Vec<Entry>),
    /// All entries up to this one are on this node's disk. Names the view, so that a late report of an entry
    /// that was rolled back is not taken for its successor.
    Persisted(TxId),
    /// A peer, known by its channel as a node of this service, said something.
    Message {
        /// Who.
        from: NodeId,
        /// What.
        message: Message,
        /// The entries that an `AppendEntries` carries, opened and checked; empty with all other messages.
        entries: Vec<Entry>,
    },
    /// Somebody reads here what is committed, and must miss nothing that was committed anywhere before. Answered by
    /// [`Effect::Readable`] or [`Effect::Unreadable`], or not at all if messages are lost.
    Read(ReadId),
    /// This node will stop: if it leads, the best of the others should stand for election now. It leads on until that one
    /// is heard of, so that nothing is lost that can still be sent.
    HandOver,
}

/// What to do, in this order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// This node asks whether it would be voted for.
    BecamePreCandidate {
        /// Its view, which is not a new one.
        view: View,
    },
    /// This node asks for votes.
    BecameCandidate {
        /// Its new view.
        view: View,
    },
    /// This node leads. It appends a signature at once, since nothing else of earlier views can be committed.
    BecameLeader {
        /// Its view.
        view: View,
    },
    /// This node follows in this view; if it led before, a rollback comes first.
    BecameFollower {
        /// The view, new or not.
        view: View,
    },
    /// The leader that this node follows is now known.
    Follows {
        /// Who leads in its view.
        leader: NodeId,
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
    /// This node's own leaving went on, or back with a rollback. A node that is retired-committed can be shut down.
    Membership(Membership),
    /// To the leader: the retirement of these nodes is committed, and no entry of this log marks them. It appends one that
    /// does (see [`Entry::retired`]).
    Retirable(BTreeSet<NodeId>),
    /// To the leader: this peer needs entries that this node's ledger does not have. It has to start again from a
    /// snapshot.
    Behind {
        /// Who.
        node: NodeId,
        /// First entry that it needs.
        first: Seqno,
    },
    /// What is committed here includes everything that was committed anywhere when this read was asked for.
    Readable(ReadId),
    /// No leader is known that could say so, or it leads no longer: the read may be asked for again.
    Unreadable(ReadId),
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
        /// All other nodes that need to hear of it: those of the configurations in force, and those leaving.
        peers: BTreeMap<NodeId, Progress>,
        /// When to show the next sign of life.
        heartbeat_ms: u64,
    },
    /// Just became retired-committed: leads nobody and follows nobody.
    Retired,
}

/// What a leader knows about a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Up to here the peer's log is equal and on its disk.
    pub matched: Seqno,
    /// Up to here entries were sent; while probing, up to where the logs may be equal.
    pub sent: Seqno,
    /// The peer refused what it was sent: until it accepts, it gets one message at a time.
    pub probing: bool,
    /// Last entry of each message with entries that the peer has not answered, ascending.
    pub in_flight: VecDeque<Seqno>,
    /// When the peer last answered.
    pub heard_ms: u64,
}

/// Views above are not believed: no service lives that long, and counting on from them would overflow.
const MAX_VIEW: View = View(u64::MAX >> 2);

impl Raft {
    /// A node at its start. The first leader's view is 2, as in CCF. Election timeouts follow from `seed`, which should
    /// differ between nodes.
    #[must_use]
    pub fn new(id: NodeId, settings: Settings, start: Start, seed: u64) -> Self {
        let log = match start {
            Start::Service => Log::new(Some(Configuration::from_iter([id]))),
            Start::Empty => Log::new(None),
            Start::Snapshot(base) => Log::after(base),
        };
        Self {
            id,
            settings,
            now_ms: 0,
            view: log.last().view.max(View(1)),
            voted_for: None,
            heard_ms: 0,
            deadline_ms: settings.election_timeout_ms,
            random: seed,
            role: Role::Follower { leader: None, matched: Seqno::ZERO },
            log,
            retirement: Retirement::default(),
            reads: Reads::default(),
        }
    }

    /// Takes one input and adds what follows from it to `out`.
    ///
    /// Who may say what: entries and requests for votes are heard from any node of the service, since a node that lags
    /// may not know the newest configuration; but nobody outside the configurations that a node knows can make it leave
    /// a leader that it hears. Answers count only from those who were asked.
    ///
    /// # Panics
    /// If entries are proposed that do not continue the log, or by a node that does not lead in their view.
    pub fn handle(&mut self, input: Input, out: &mut Vec<Effect>) {
        match input {
            Input::Tick { now_ms } => self.tick(now_ms, out),
            Input::Propose(entries) => self.propose(&entries, out),
            Input::Persisted(txid) => self.persisted(txid, out),
            Input::Message { from, message, entries } => {
                if from != self.id && message.view() <= MAX_VIEW {
                    self.message(from, message, &entries, out);
                }
            }
            Input::Read(read) => self.read(read, out),
            Input::HandOver => self.nominate(out),
        }
    }

    /// This node's name.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.id
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

    /// Whether it takes part, or how far its leaving is settled.
    #[must_use]
    pub fn membership(&self) -> Membership {
        self.retirement.membership()
    }

    /// Who leads in this view, if known.
    #[must_use]
    pub fn leader(&self) -> Option<NodeId> {
        match &self.role {
            Role::Leader { .. } => Some(self.id),
            Role::Follower { leader, .. } => *leader,
            Role::PreCandidate { .. } | Role::Candidate { .. } | Role::Retired => None,
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
            Message::ProposeRequestVote { view } => self.propose_request_vote(from, view, out),
            Message::ReadIndex(message) => self.read_index(from, message, out),
        }
    }
}

#[cfg(test)]
mod tests;
