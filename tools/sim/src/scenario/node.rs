//! One node of a scenario: raft, a ledger that is on disk at once, and what it has to say.

use std::collections::{BTreeMap, VecDeque};

use coco_raft::{
    Effect, Entry, Input, Membership, Message, NodeId, PreVote, Raft, Replication, Role, Settings, Start,
};
use coco_wire::Seqno;

use super::trace::{Seen, Trace};

/// CCF's driver: elections after 100 ms, signs of life each 10 ms, entries only with those.
const SETTINGS: Settings = Settings {
    election_timeout_ms: 100,
    message_timeout_ms: 10,
    max_entries: 20,
    max_messages: 1000,
    pre_vote: PreVote::Off,
    replication: Replication::WithHeartbeat,
};

/// An entry with its contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) entry: Entry,
    pub(super) data: String,
}

pub(super) struct Node {
    pub(super) name: String,
    pub(super) raft: Raft,
    pub(super) pre_vote: bool,
    pub(super) ledger: Vec<Stored>,
    pub(super) outbox: VecDeque<(NodeId, Message)>,
    /// What it knew of each peer, as (sent, matched), when it last led.
    pub(super) progress: BTreeMap<NodeId, (Seqno, Seqno)>,
    now_ms: u64,
}

impl Node {
    pub(super) fn new(name: &str, pre_vote: bool, start: Start) -> Self {
        let pre_vote_rule = if pre_vote { PreVote::Log } else { PreVote::Off };
        let settings = Settings { pre_vote: pre_vote_rule, ..SETTINGS };
        let seed = name.bytes().fold(0, |seed, byte| seed * 256 + u64::from(byte));
        Self {
            name: name.to_owned(),
            raft: Raft::new(id_of(name), settings, start, seed),
            pre_vote,
            ledger: Vec::new(),
            outbox: VecDeque::new(),
            progress: BTreeMap::new(),
            now_ms: 0,
        }
    }

    pub(super) fn tick(&mut self, ms: u64, trace: &mut Trace) {
        self.now_ms += ms;
        self.handle(Input::Tick { now_ms: self.now_ms }, &[], trace);
    }

    pub(super) fn propose(&mut self, stored: Stored, trace: &mut Trace) {
        let input = Input::Propose(vec![stored.entry.clone()]);
        self.ledger.push(stored);
        self.handle(input, &[], trace);
        self.persist(trace);
    }

    pub(super) fn receive(&mut self, from: NodeId, message: Message, entries: &[Stored], trace: &mut Trace) {
        let input = Input::Message {
            from,
            message,
            entries: entries.iter().map(|stored| stored.entry.clone()).collect(),
        };
        let before = self.ledger.len();
        let appended = self.handle(input, entries, trace);
        if appended || self.ledger.len() != before {
            self.persist(trace);
        }
    }

    pub(super) fn handle(&mut self, input: Input, received: &[Stored], trace: &mut Trace) -> bool {
        let mut seen = Seen::of(self);
        trace.input(&mut seen, &input);
        let open = trace.steps.begin(&self.raft, &input);
        let mut effects = Vec::new();
        self.raft.handle(input, &mut effects);
        trace.steps.end(open, &self.raft, &effects);
        let mut appended = false;
        for effect in effects {
            trace.effect(&mut seen, &effect, received);
            match effect {
                Effect::Rollback { to } => self.ledger.truncate(position(to)),
                Effect::Append { first } => {
                    let new = received.iter().filter(|stored| stored.entry.txid.seqno >= first);
                    self.ledger.extend(new.cloned());
                    appended = true;
                }
                Effect::Send { to, message } => self.outbox.push_back((to, message)),
                _ => {}
            }
        }
        if let Role::Leader { peers, .. } = self.raft.role() {
            self.progress.extend(peers.iter().map(|(node, peer)| (*node, (peer.sent, peer.matched))));
        }
        appended
    }

    /// The entries of a message; none if they were rolled back since.
    pub(super) fn attached(&self, message: &Message) -> Option<&[Stored]> {
        let Message::AppendEntries(header) = message else { return Some(&[]) };
        let entries = self.ledger.get(position(header.previous.seqno)..position(header.last.seqno))?;
        let same = entries.last().is_none_or(|stored| stored.entry.txid == header.last);
        same.then_some(entries)
    }

    pub(super) fn leads(&self) -> bool {
        matches!(self.raft.role(), Role::Leader { .. })
    }

    pub(super) fn is_active(&self) -> bool {
        self.raft.membership() == Membership::Active
    }

    fn persist(&mut self, trace: &mut Trace) {
        self.handle(Input::Persisted(self.raft.log().last()), &[], trace);
    }
}

/// Nodes are named by short texts, which fit in an identifier.
pub(super) fn id_of(name: &str) -> NodeId {
    let mut id = NodeId::ZERO;
    for (to, from) in id.0.iter_mut().zip(name.bytes()) {
        *to = from;
    }
    id
}

pub(super) fn name_of(id: &NodeId) -> String {
    String::from_utf8_lossy(&id.0).trim_end_matches('\0').to_owned()
}

fn position(seqno: Seqno) -> usize {
    usize::try_from(seqno.0).expect("a scenario's log fits in memory")
}
