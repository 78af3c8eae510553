//! Elections: who leads, and what they drop when they start or stop.

use std::collections::{BTreeMap, BTreeSet};

use coco_wire::{Seqno, View};

use crate::{
    entry::{Configuration, NodeId},
    message::{Election, Message, RequestVote, RequestVoteResponse},
    raft::{Effect, Raft, Role},
};

impl Raft {
    pub(crate) fn tick(&mut self, now_ms: u64, out: &mut Vec<Effect>) {
        self.now_ms = self.now_ms.max(now_ms);
        if let Role::Leader { heartbeat_ms, .. } = &self.role {
            if self.now_ms >= *heartbeat_ms {
                self.send_to_all(out);
            }
            return;
        }
        let takes_part = self.log.configurations().any(|nodes| nodes.contains(&self.id));
        if takes_part && (self.now_ms >= self.deadline_ms || self.is_alone()) {
            self.stand(out);
        }
    }

    /// First round: finds out whether a majority would vote for this node.
    fn stand(&mut self, out: &mut Vec<Effect>) {
        self.restart_election_timer();
        self.role = Role::PreCandidate { votes: BTreeSet::from([self.id]) };
        self.ask_for_votes(Election::PreVote, out);
        self.count_votes(out);
    }

    /// Second round: votes, in a new view.
    fn campaign(&mut self, out: &mut Vec<Effect>) {
        self.restart_election_timer();
        self.view.0 += 1;
        self.voted_for = Some(self.id);
        self.role = Role::Candidate { votes: BTreeSet::from([self.id]) };
        self.ask_for_votes(Election::Vote, out);
        self.count_votes(out);
    }

    fn lead(&mut self, out: &mut Vec<Effect>) {
        self.roll_back(self.log.last_signature().seqno, out);
        self.role = Role::Leader { peers: BTreeMap::new(), heartbeat_ms: 0 };
        self.refresh_peers();
        out.push(Effect::BecameLeader { view: self.view });
        self.send_to_all(out);
    }

    /// Follows in `view`, which is this node's own or a later one. What is unsigned is dropped with the view that it
    /// is of, but not within a view: its leader may count on what this node acknowledged.
    pub(crate) fn follow(&mut self, view: View, out: &mut Vec<Effect>) {
        let to = self.log.last_signature().seqno;
        if self.leads() {
            // Also voids what was never proposed, such as a signature being made.
            self.log.truncate(to);
            out.push(Effect::Rollback { to });
        } else if view > self.view {
            self.roll_back(to, out);
        }
        if view > self.view {
            self.view = view;
            self.voted_for = None;
        }
        self.role = Role::Follower { leader: None, matched: Seqno::ZERO };
        self.restart_election_timer();
        out.push(Effect::BecameFollower { view: self.view });
    }

    pub(crate) fn request_vote(&mut self, from: NodeId, request: RequestVote, out: &mut Vec<Effect>) {
        if request.view > self.view {
            self.follow(request.view, out);
        }
        let own = self.log.last_signature();
        let current = (request.last_signature.view, request.last_signature.seqno) >= (own.view, own.seqno);
        let available = match request.election {
            Election::PreVote => {
                self.leader().is_none() || (!self.leads() && self.now_ms >= self.deadline_ms)
            }
            Election::Vote => self.leader().is_none() && self.voted_for.is_none_or(|other| other == from),
        };
        let granted = request.view == self.view && current && available;
        if granted && request.election == Election::Vote {
            self.voted_for = Some(from);
            self.restart_election_timer();
        }
        let response = RequestVoteResponse { view: self.view, granted, election: request.election };
        out.push(Effect::Send { to: from, message: Message::RequestVoteResponse(response) });
    }

    pub(crate) fn request_vote_response(
        &mut self,
        from: NodeId,
        response: RequestVoteResponse,
        out: &mut Vec<Effect>,
    ) {
        if response.view > self.view {
            self.follow(response.view, out);
        }
        if !response.granted || response.view != self.view {
            return;
        }
        match (&mut self.role, response.election) {
            (Role::PreCandidate { votes }, Election::PreVote)
            | (Role::Candidate { votes }, Election::Vote) => {
                votes.insert(from);
                self.count_votes(out);
            }
            _ => {}
        }
    }

    pub(crate) fn propose_request_vote(&mut self, view: View, out: &mut Vec<Effect>) {
        let takes_part = self.log.configurations().any(|nodes| nodes.contains(&self.id));
        if view == self.view && takes_part && !self.leads() {
            self.campaign(out);
        }
    }

    pub(crate) fn leads(&self) -> bool {
        matches!(self.role, Role::Leader { .. })
    }

    /// All other nodes of the configurations in force.
    pub(crate) fn others(&self) -> BTreeSet<NodeId> {
        let nodes = self.log.configurations().flat_map(Configuration::nodes);
        nodes.filter(|node| **node != self.id).copied().collect()
    }

    /// Drops everything after `to`, if there is anything.
    pub(crate) fn roll_back(&mut self, to: Seqno, out: &mut Vec<Effect>) {
        if self.log.last().seqno > to {
            self.log.truncate(to);
            out.push(Effect::Rollback { to });
        }
    }

    /// Timeouts differ between nodes and views, so that two nodes do not stand against each other for ever.
    pub(crate) fn restart_election_timer(&mut self) {
        let name = u64::from_le_bytes(self.id.0[..8].try_into().expect("eight bytes"));
        let spread = (name ^ self.view.0.wrapping_mul(0x9e37_79b9_7f4a_7c15))
            .wrapping_mul(0xbf58_476d_1ce4_e5b9)
            >> 32;
        let half = self.timing.election_timeout_ms / 2;
        self.deadline_ms = self.now_ms + self.timing.election_timeout_ms - half + spread % (half + 1);
    }

    fn is_alone(&self) -> bool {
        self.others().is_empty()
    }

    fn ask_for_votes(&self, election: Election, out: &mut Vec<Effect>) {
        let request = RequestVote { view: self.view, last_signature: self.log.last_signature(), election };
        let message = Message::RequestVote(request);
        out.extend(self.others().into_iter().map(|to| Effect::Send { to, message }));
    }

    /// Goes on to the next round with a majority in every configuration in force.
    fn count_votes(&mut self, out: &mut Vec<Effect>) {
        let (Role::PreCandidate { votes } | Role::Candidate { votes }) = &self.role else { return };
        let won = self.log.configurations().all(|nodes| {
            let given = votes.iter().filter(|voter| nodes.contains(voter)).count();
            given >= nodes.quorum()
        });
        match (won, &self.role) {
            (true, Role::PreCandidate { .. }) => self.campaign(out),
            (true, Role::Candidate { .. }) => self.lead(out),
            _ => {}
        }
    }
}
