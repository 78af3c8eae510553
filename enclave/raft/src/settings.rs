//! What does not change while a node runs: its intervals, the size of its messages, and where its log begins.

use std::collections::BTreeSet;

use coco_wire::{Seqno, TxId};

use crate::entry::{Configuration, NodeId};

/// Intervals of the protocol, and how much is on its way at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// A node that heard of no leader for this long, or up to half less, stands for election; a leader that heard of no
    /// majority for this long steps down.
    pub election_timeout_ms: u64,
    /// A leader shows a sign of life this often.
    pub message_timeout_ms: u64,
    /// Most entries in one message.
    pub max_entries: u64,
    /// Most messages with entries that a peer has not answered. Where none of them has a signature, those up to the next one
    /// go beyond that, as a disk may report with signatures only.
    pub max_messages: usize,
    /// What a node must know before it starts a view.
    pub pre_vote: PreVote,
    /// When entries are sent.
    pub replication: Replication,
}

impl Default for Settings {
    /// CCF's intervals, and what was measured to fill a link.
    fn default() -> Self {
        Self {
            election_timeout_ms: 5000,
            message_timeout_ms: 100,
            max_entries: 1000,
            max_messages: 32,
            pre_vote: PreVote::Silence,
            replication: Replication::AtOnce,
        }
    }
}

/// What a node must know before it starts a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PreVote {
    /// Nothing (CCF before 7).
    Off,
    /// A majority holds no later signature than the node (CCF 7).
    Log,
    /// That, and the same majority hears of no leader: a node that does not hear the leader, but is heard, does not
    /// depose it (Ongaro's dissertation, section 9.6).
    Silence,
}

/// When entries are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replication {
    /// As soon as they are proposed and the peer has room for them.
    AtOnce,
    /// With the next sign of life, as CCF does: fewer messages, later commits.
    WithHeartbeat,
}

/// What a node knows when it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// It creates the service: until its log says otherwise, it alone agrees.
    Service,
    /// Nothing. It learns everything, whom to agree with included, from the first leader that talks to it.
    Empty,
    /// A committed prefix of the log.
    Snapshot(Base),
}

/// A committed prefix of the log, as a snapshot has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    /// Its last entry, a signature.
    pub last: TxId,
    /// First entry of each view that has any, ascending.
    pub views: Vec<TxId>,
    /// The configuration in force, and the entry that brought it.
    pub configuration: (Seqno, Configuration),
    /// The nodes whose retirement is committed, but that are not marked as retired-committed yet.
    pub leaving: BTreeSet<NodeId>,
    /// Entries up to this one cannot be read from this node's ledger.
    pub unreadable: Seqno,
}
