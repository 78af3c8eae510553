//! What nodes did, in the words of `spec/consensus.tla`, so that `spec/validate.tla` can say whether that allows it.
//!
//! One input to a node is one or more steps of the specification, then the node's state, all of which is compared.

mod act;
mod tamper;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Write},
};

use coco_raft::{
    AppendEntriesResponse, Configuration, Effect, Election, Input, Message, NodeId, Raft,
    RequestVoteResponse, Role, Start,
};
use coco_wire::Seqno;

use act::{Act, Kind, State, Written};

/// The steps of one run.
#[derive(Clone, Debug, Default)]
pub struct Steps {
    /// Where they come from.
    name: String,
    numbers: BTreeMap<NodeId, usize>,
    founders: BTreeSet<usize>,
    steps: Vec<(usize, Act)>,
    /// What each node did last: the same again, with nothing changed, adds nothing.
    before: BTreeMap<usize, Vec<Act>>,
    /// After so many steps, no more are recorded; zero means never.
    limit: usize,
}

/// One input while it is handled.
pub(crate) struct Open {
    acts: Vec<Act>,
    /// What an `AppendEntries` carries, until it is taken.
    entries: Option<Act>,
}

impl Steps {
    pub(crate) fn new(name: String, limit: usize) -> Self {
        Self { name, limit, ..Self::default() }
    }

    /// The same under a name.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self }
    }

    /// How many there are, states included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether nothing happened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// A node begins.
    pub(crate) fn started(&mut self, raft: &Raft, start: &Start) {
        let node = self.number(&raft.id());
        match start {
            Start::Empty => {}
            Start::Snapshot(base) if base.last.seqno > Seqno::ZERO => {
                let state = self.state(raft);
                self.add(node, vec![Act::Join(base.last), state]);
            }
            Start::Service | Start::Snapshot(_) => {
                self.founders.insert(node);
            }
        }
    }

    /// Before a node handles an input.
    pub(crate) fn begin(&mut self, raft: &Raft, input: &Input) -> Open {
        let log = raft.log();
        let mut open = Open { acts: Vec::new(), entries: None };
        match input {
            Input::Propose(entries) => {
                open.acts.extend(entries.iter().map(|entry| Act::Propose(self.written(entry))));
            }
            Input::Persisted(txid) if log.at(txid.seqno) == Some(*txid) && log.persisted() < txid.seqno => {
                open.acts.push(Act::Persist(txid.seqno));
            }
            Input::Message { from, message: Message::AppendEntries(header), entries } => {
                let entries = entries.iter().map(|entry| self.written(entry)).collect();
                open.entries = Some(Act::Take { from: self.number(from), header: *header, entries });
            }
            _ => {}
        }
        open
    }

    /// After it did.
    pub(crate) fn end(&mut self, mut open: Open, raft: &Raft, effects: &[Effect]) {
        for effect in effects {
            if is_taken(effect) {
                open.acts.extend(open.entries.take());
            }
            open.acts.extend(self.act(effect, open.entries.as_ref()));
        }
        open.acts.push(self.state(raft));
        let node = self.number(&raft.id());
        self.add(node, open.acts);
    }

    fn act(&mut self, effect: &Effect, unheard: Option<&Act>) -> Option<Act> {
        Some(match effect {
            Effect::BecamePreCandidate { .. } => Act::Stand,
            Effect::BecameCandidate { .. } => Act::Campaign,
            Effect::BecameLeader { .. } => Act::Lead,
            Effect::BecameFollower { view } => Act::Follow(*view),
            Effect::Follows { leader } => match unheard {
                Some(Act::Take { header, .. }) => Act::Hear { from: self.number(leader), view: header.view },
                _ => return None,
            },
            Effect::Commit(seqno) => Act::Commit(*seqno),
            Effect::Send { to, message: Message::RequestVoteResponse(response) } if is_vote(response) => {
                Act::Vote(self.number(to))
            }
            Effect::Send { to, message: Message::AppendEntriesResponse(response) } => match response {
                AppendEntriesResponse::Accepted { view, last } => {
                    Act::Accept { to: self.number(to), view: *view, last: *last }
                }
                AppendEntriesResponse::Refused { .. } => return None,
            },
            _ => return None,
        })
    }

    fn add(&mut self, node: usize, acts: Vec<Act>) {
        let is_full = self.limit > 0 && self.steps.len() >= self.limit;
        if !is_full && self.before.get(&node) != Some(&acts) {
            self.steps.extend(acts.iter().map(|act| (node, act.clone())));
            self.before.insert(node, acts);
        }
    }

    fn state(&mut self, raft: &Raft) -> Act {
        let log = raft.log();
        let (mut follows, mut votes, mut held) = (None, Vec::new(), Vec::new());
        match raft.role() {
            Role::Follower { leader, matched } => follows = leader.map(|leader| (leader, *matched)),
            Role::Candidate { votes: given } => votes = given.iter().map(|node| self.number(node)).collect(),
            Role::Leader { peers, .. } => {
                held = peers.iter().map(|(node, peer)| (self.number(node), peer.matched)).collect();
            }
            Role::PreCandidate { .. } | Role::Retired => {}
        }
        Act::Is(Box::new(State {
            view: raft.view(),
            role: Kind::of(raft.role()),
            last: log.last(),
            committed: log.committed().seqno,
            disk: log.persisted(),
            signatures: log.signatures().collect(),
            configurations: log.configurations().map(|(from, nodes)| (from, self.nodes(nodes))).collect(),
            retirement: raft.membership(),
            follows: follows.map(|(leader, matched)| (self.number(&leader), matched)),
            votes,
            held,
        }))
    }

    fn written(&mut self, entry: &coco_raft::Entry) -> Written {
        let view = entry.txid.view;
        if let Some(nodes) = &entry.configuration {
            Written::Configuration(view, self.nodes(nodes))
        } else if !entry.retired.is_empty() {
            Written::Mark(view, entry.retired.iter().map(|node| self.number(node)).collect())
        } else if entry.signature {
            Written::Signature(view)
        } else {
            Written::Data(view)
        }
    }

    fn nodes(&mut self, configuration: &Configuration) -> Vec<usize> {
        configuration.nodes().map(|node| self.number(node)).collect()
    }

    fn number(&mut self, node: &NodeId) -> usize {
        let next = self.numbers.len();
        *self.numbers.entry(*node).or_insert(next)
    }
}

/// A TLA+ module with the steps of several runs, which `spec/validate.tla` reads.
#[must_use]
pub fn module(name: &str, runs: &[Steps]) -> String {
    let nodes = runs.iter().map(|run| run.numbers.len()).max().unwrap_or_default().max(1);
    let mut text = format!("---- MODULE {name} ----\nEXTENDS words\nRunNodes == 0..{}\n", nodes - 1);
    for (at, run) in runs.iter().enumerate() {
        writeln!(text, "Run{} ==\n{run}", at + 1).expect("a text grows");
    }
    let names: Vec<String> = (1..=runs.len()).map(|at| format!("Run{at}")).collect();
    writeln!(text, "Runs == <<{}>>\n====", names.join(", ")).expect("a text grows");
    text
}

impl fmt::Display for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "[name |-> {:?}, founders |-> {}, steps |-> <<", self.name, act::set(&self.founders))?;
        for (at, (node, act)) in self.steps.iter().enumerate() {
            let comma = if at + 1 < self.steps.len() { "," } else { "" };
            writeln!(f, "{}{comma}", act.text(*node))?;
        }
        write!(f, ">>]")
    }
}

/// What only a node does that took what its leader sent.
fn is_taken(effect: &Effect) -> bool {
    match effect {
        Effect::Append { .. } | Effect::Commit(_) => true,
        Effect::Send { message: Message::AppendEntriesResponse(response), .. } => {
            matches!(response, AppendEntriesResponse::Accepted { .. })
        }
        _ => false,
    }
}

fn is_vote(response: &RequestVoteResponse) -> bool {
    response.granted && response.election == Election::Vote
}
