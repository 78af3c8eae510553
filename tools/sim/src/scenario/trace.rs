//! What happened, in the words of CCF's traces (`RAFT_TRACE_JSON_OUT` in `src/consensus/aft/raft.h`), as
//! `tla/consensus/Traceccfraft.tla` reads them after `tests/raft_scenarios_runner.py` prepared them.

use std::collections::{BTreeMap, VecDeque};

use coco_raft::{AppendEntriesResponse, Effect, Election, Entry, Input, Membership, Message, NodeId, Role};
use coco_wire::{Seqno, View};
use serde_json::{Value, json};

use super::node::{Node, Stored, name_of};
use crate::steps::Steps;

/// The lines so far.
#[derive(Default)]
pub(super) struct Trace {
    lines: Vec<String>,
    command: String,
    clock: u64,
    /// The first commit was seen, with which a trace begins.
    begun: bool,
    /// The same for our own specification.
    pub(super) steps: Steps,
}

/// What a node's state is at a moment within a step. Starts as the node before the step, and follows its effects.
pub(super) struct Seen {
    name: String,
    id: NodeId,
    pre_vote: bool,
    view: View,
    last: Seqno,
    committed: Seqno,
    signatures: VecDeque<Seqno>,
    leadership: &'static str,
    membership: Membership,
    configurations: VecDeque<(Seqno, Vec<String>)>,
    progress: BTreeMap<NodeId, (Seqno, Seqno)>,
    /// Who sent what is handled.
    from: Option<NodeId>,
}

impl Seen {
    pub(super) fn of(node: &Node) -> Self {
        let log = node.raft.log();
        let configurations = log.configurations().map(|(from, nodes)| (from, names(nodes)));
        Self {
            name: node.name.clone(),
            id: node.raft.id(),
            pre_vote: node.pre_vote,
            view: node.raft.view(),
            last: log.last().seqno,
            committed: log.committed().seqno,
            signatures: log.signatures().collect(),
            leadership: leadership(node.raft.role()),
            membership: node.raft.membership(),
            configurations: configurations.collect(),
            progress: node.progress.clone(),
            from: None,
        }
    }

    fn append(&mut self, entry: &Entry) {
        self.last = entry.txid.seqno;
        if let Some(nodes) = &entry.configuration {
            let had_it = self.configurations.back().is_some_and(|(_, names)| names.contains(&self.name));
            if had_it && !nodes.contains(&self.id) {
                self.membership = Membership::RetirementOrdered;
            }
            self.configurations.push_back((self.last, names(nodes)));
        }
        if entry.signature {
            self.signatures.push_back(self.last);
            if self.membership == Membership::RetirementOrdered {
                self.membership = Membership::RetirementSigned;
            }
        }
    }

    fn roll_back(&mut self, to: Seqno) {
        self.last = to;
        self.signatures.retain(|signature| *signature <= to);
        self.configurations.retain(|(from, _)| *from <= to);
    }

    fn commit(&mut self, to: Seqno) {
        self.committed = to;
        self.signatures.retain(|signature| *signature > to);
        while self.configurations.get(1).is_some_and(|(from, _)| *from <= to) {
            self.configurations.pop_front();
        }
    }

    fn state(&self) -> Value {
        let ends = [self.signatures.front(), self.signatures.back()];
        let mut ends: Vec<u64> = ends.into_iter().flatten().map(|seqno| seqno.0).collect();
        ends.dedup();
        let mut state = json!({
            "node_id": self.name,
            "current_view": self.view,
            "last_idx": self.last,
            "commit_idx": self.committed,
            "committable_indices": ends,
            "leadership_state": self.leadership,
            "membership_state": if self.membership == Membership::Active { "Active" } else { "Retired" },
            "pre_vote_enabled": self.pre_vote,
        });
        if let Some(phase) = phase(self.membership) {
            state["retirement_phase"] = phase.into();
        }
        state
    }

    fn configurations(&self) -> Value {
        self.configurations.iter().map(|(from, names)| configuration(*from, names)).collect()
    }
}

impl Trace {
    pub(super) fn lines(&self) -> &[String] {
        &self.lines
    }

    pub(super) fn command(&mut self, line: &str) {
        line.clone_into(&mut self.command);
    }

    pub(super) fn dropped(&mut self, node: &Node, to: &NodeId, message: &Message) {
        let seen = Seen::of(node);
        let more =
            json!({ "from_node_id": seen.name, "to_node_id": name_of(to), "packet": describe(message) });
        self.write(&seen, "drop_pending_to", more);
    }

    /// What is handled, with the state before.
    pub(super) fn input(&mut self, seen: &mut Seen, input: &Input) {
        match input {
            Input::Message { from, message, .. } => self.received(seen, *from, message),
            Input::Propose(entries) => entries.iter().for_each(|entry| self.proposed(seen, entry)),
            _ => {}
        }
    }

    /// What followed.
    pub(super) fn effect(&mut self, seen: &mut Seen, effect: &Effect, received: &[Stored]) {
        match effect {
            Effect::BecamePreCandidate { view } => {
                self.became(seen, *view, "PreVoteCandidate", "pre_vote_candidate");
            }
            Effect::BecameCandidate { view } => self.became(seen, *view, "Candidate", "candidate"),
            Effect::BecameLeader { view } => {
                seen.progress.values_mut().for_each(|(_, matched)| *matched = Seqno::ZERO);
                self.became(seen, *view, "Leader", "leader");
            }
            Effect::BecameFollower { view } => self.became(seen, *view, "Follower", "follower"),
            Effect::Rollback { to } => seen.roll_back(*to),
            Effect::Append { first } => {
                let new =
                    received.iter().map(|stored| &stored.entry).filter(|entry| entry.txid.seqno >= *first);
                new.for_each(|entry| self.appended(seen, entry));
            }
            Effect::Commit(seqno) => self.committed(seen, *seqno),
            Effect::Membership(membership) => {
                seen.membership = (*membership).max(seen.membership);
                if *membership == Membership::RetiredCommitted {
                    seen.leadership = "None";
                }
            }
            Effect::Send { to, message } => self.sent(seen, to, message),
            Effect::Follows { .. }
            | Effect::Retirable(_)
            | Effect::Behind { .. }
            | Effect::Readable(_)
            | Effect::Unreadable(_) => {}
        }
    }

    fn received(&mut self, seen: &mut Seen, from: NodeId, message: &Message) {
        seen.from = Some(from);
        let mut more = json!({ "from_node_id": name_of(&from), "packet": describe(message) });
        let function = match message {
            Message::AppendEntries(_) => "recv_append_entries",
            Message::AppendEntriesResponse(_) => {
                let (sent, matched) = seen.progress.get(&from).copied().unwrap_or_default();
                (more["sent_idx"], more["match_idx"]) = (sent.0.into(), matched.0.into());
                "recv_append_entries_response"
            }
            Message::RequestVote(_) => "recv_request_vote",
            Message::RequestVoteResponse(_) => "recv_request_vote_response",
            Message::ProposeRequestVote { .. } => "recv_propose_request_vote",
            // CCF knows no such message.
            Message::ReadIndex(_) => return,
        };
        self.write(seen, function, more);
    }

    fn proposed(&mut self, seen: &mut Seen, entry: &Entry) {
        if entry.configuration.is_some() {
            self.reconfigured(seen, entry);
        } else {
            let txid = entry.txid;
            let more =
                json!({ "view": txid.view, "seqno": txid.seqno, "globally_committable": entry.signature });
            self.write(seen, "replicate", more);
        }
        seen.append(entry);
    }

    fn appended(&mut self, seen: &mut Seen, entry: &Entry) {
        if entry.configuration.is_some() {
            seen.last = entry.txid.seqno;
            self.reconfigured(seen, entry);
        } else {
            let from = seen.from.as_ref().map(name_of);
            self.write(seen, "execute_append_entries_sync", json!({ "from_node_id": from }));
        }
        seen.append(entry);
    }

    fn reconfigured(&mut self, seen: &Seen, entry: &Entry) {
        let nodes = entry.configuration.as_ref().map(names).unwrap_or_default();
        let more = json!({
            "configurations": seen.configurations(),
            "args": { "configuration": configuration(entry.txid.seqno, &nodes) },
        });
        self.write(seen, "add_configuration", more);
    }

    fn became(&mut self, seen: &mut Seen, view: View, leadership: &'static str, what: &str) {
        (seen.view, seen.leadership) = (view, leadership);
        self.write(seen, &format!("become_{what}"), json!({ "configurations": seen.configurations() }));
    }

    fn committed(&mut self, seen: &mut Seen, seqno: Seqno) {
        let more = json!({ "args": { "idx": seqno }, "configurations": seen.configurations() });
        let function = if self.begun { "commit" } else { "bootstrap" };
        self.begun = true;
        self.write(seen, function, more);
        seen.commit(seqno);
    }

    fn sent(&mut self, seen: &Seen, to: &NodeId, message: &Message) {
        let mut more = json!({ "to_node_id": name_of(to), "packet": describe(message) });
        let function = match message {
            Message::AppendEntries(header) => {
                let matched = seen.progress.get(to).map_or(0, |(_, matched)| matched.0);
                (more["sent_idx"], more["match_idx"]) = (header.previous.seqno.0.into(), matched.into());
                "send_append_entries"
            }
            Message::AppendEntriesResponse(_) => "send_append_entries_response",
            Message::RequestVote(_) => "send_request_vote",
            Message::RequestVoteResponse(_) | Message::ProposeRequestVote { .. } | Message::ReadIndex(_) => {
                return;
            }
        };
        self.write(seen, function, more);
    }

    /// A trace begins with the commit of what the first node starts with.
    fn write(&mut self, seen: &Seen, function: &str, more: Value) {
        if !self.begun {
            return;
        }
        let mut message = more;
        message["function"] = function.into();
        message["state"] = seen.state();
        self.clock += 1;
        let command = std::mem::take(&mut self.command);
        let word = command.split(',').next().unwrap_or_default();
        let line = json!({
            "tag": "raft_trace",
            "h_ts": self.clock.to_string(),
            "cmd": command,
            "cmd_prefix": word,
            "msg": message,
        });
        self.lines.push(line.to_string());
    }
}

/// A message as CCF's traces have it.
pub(super) fn describe(message: &Message) -> Value {
    let election_type = |election: &Election| match election {
        Election::PreVote => "PreVote",
        Election::Vote => "RegularVote",
    };
    match message {
        Message::AppendEntries(header) => json!({
            "msg": "raft_append_entries",
            "term": header.view,
            "prev_idx": header.previous.seqno,
            "prev_term": header.previous.view,
            "idx": header.last.seqno,
            "term_of_idx": header.last.view,
            "leader_commit_idx": header.committed,
            "contains_new_view": false,
        }),
        Message::AppendEntriesResponse(response) => {
            let (term, last, success) = match *response {
                AppendEntriesResponse::Accepted { view, last } => (view, last, "OK"),
                AppendEntriesResponse::Refused { possible, .. } => (possible.view, possible.seqno, "FAIL"),
            };
            json!({ "msg": "raft_append_entries_response", "term": term, "last_log_idx": last, "success": success })
        }
        Message::RequestVote(request) => json!({
            "msg": "raft_request_vote",
            "term": request.view,
            "last_committable_idx": request.last_signature.seqno,
            "term_of_last_committable_idx": request.last_signature.view,
            "election_type": election_type(&request.election),
        }),
        Message::RequestVoteResponse(response) => json!({
            "msg": "raft_request_vote_response",
            "term": response.view,
            "vote_granted": response.granted,
            "election_type": election_type(&response.election),
        }),
        Message::ProposeRequestVote { view } => json!({ "msg": "raft_propose_request_vote", "term": view }),
        Message::ReadIndex(message) => json!({ "msg": "raft_read_index", "term": message.view() }),
    }
}

/// CCF `kv::LeadershipState`.
pub(super) fn leadership(role: &Role) -> &'static str {
    match role {
        Role::Follower { .. } => "Follower",
        Role::PreCandidate { .. } => "PreVoteCandidate",
        Role::Candidate { .. } => "Candidate",
        Role::Leader { .. } => "Leader",
        Role::Retired => "None",
    }
}

/// CCF `kv::RetirementPhase`.
pub(super) fn phase(membership: Membership) -> Option<&'static str> {
    match membership {
        Membership::Active => None,
        Membership::RetirementOrdered => Some("Ordered"),
        Membership::RetirementSigned => Some("Signed"),
        Membership::RetirementCompleted => Some("Completed"),
        Membership::RetiredCommitted => Some("RetiredCommitted"),
    }
}

fn names(nodes: &coco_raft::Configuration) -> Vec<String> {
    nodes.nodes().map(name_of).collect()
}

fn configuration(from: Seqno, names: &[String]) -> Value {
    let nodes: serde_json::Map<_, _> =
        names.iter().map(|name| (name.clone(), json!({ "address": ":" }))).collect();
    json!({ "idx": from, "rid": from, "nodes": nodes })
}
