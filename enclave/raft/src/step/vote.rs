//! Elections: who leads, and what they drop when they start or stop.

use std::collections::BTreeSet;

use coco_wire::{Seqno, View};

use crate::{
    entry::NodeId,
    membership::Membership,
    message::{Election, Message, RequestVote, RequestVoteResponse},
    raft::{Effect, Raft, Role},
    settings::PreVote,
};

impl Raft {
    pub(crate) fn tick(&mut self, now_ms: u64, out: &mut Vec<Effect>) {
        self.now_ms = self.now_ms.max(now_ms);
        if let Role::Leader { heartbeat_ms, .. } = &self.role {
            if self.now_ms >= *heartbeat_ms {
                self.send_to_all(out);
                self.repeat_round(out);
            }
            if !self.hears_quorums() {
                self.follow(self.view, out);
            }
        } else if self.may_stand() && (self.now_ms >= self.deadline_ms || self.others().is_empty()) {
            match self.settings.pre_vote {
                PreVote::Off => self.campaign(out),
                PreVote::Log | PreVote::Silence => self.stand(out),
            }
        }
    }

    /// Follows in `view`, which is this node's own or a later one. What is unsigned is dropped with the view that it
    /// is of, but not within a view: its leader may count on what this node acknowledged.
    pub(crate) fn follow(&mut self, view: View, out: &mut Vec<Effect>) {
        let to = self.log.last_signature().seqno;
        self.drop_reads(out);
        if self.leads() {
            self.truncate(to, out);
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
        // A node that was removed, or that is not known yet, does not depose a leader that is heard. But who knows
        // nobody listens to everybody: its vote may be what is missing.
        let knows_members = self.log.configurations().len() > 0;
        if knows_members && !self.log.is_member(&from) && self.hears_leader() {
            return;
        }
        if request.view > self.view {
            self.follow(request.view, out);
        }
        let own = self.log.last_signature();
        let current = (request.last_signature.view, request.last_signature.seqno) >= (own.view, own.seqno);
        let available = match request.election {
            Election::PreVote => self.settings.pre_vote != PreVote::Silence || !self.hears_leader(),
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
        if !self.log.is_member(&from) {
            return;
        }
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

    pub(crate) fn propose_request_vote(&mut self, from: NodeId, view: View, out: &mut Vec<Effect>) {
        let by_leader = self.leader().is_none_or(|leader| leader == from);
        if view == self.view && by_leader && self.may_stand() && !self.leads() {
            self.campaign(out);
        }
    }

    pub(crate) fn leads(&self) -> bool {
        matches!(self.role, Role::Leader { .. })
    }

    /// All other nodes of the configurations in force.
    pub(crate) fn others(&self) -> BTreeSet<NodeId> {
        let nodes = self.log.configurations().flat_map(|(_, nodes)| nodes.nodes());
        nodes.filter(|node| **node != self.id).copied().collect()
    }

    /// Timeouts differ, so that two nodes do not stand against each other for ever.
    pub(crate) fn restart_election_timer(&mut self) {
        let timeout_ms = self.settings.election_timeout_ms;
        let half = timeout_ms / 2;
        // SplitMix64 (Steele, Lea and Flood, 2014).
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut spread = self.random;
        spread = (spread ^ (spread >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        spread = (spread ^ (spread >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        spread = (spread ^ (spread >> 31)) % half.saturating_add(1);
        self.heard_ms = self.now_ms;
        self.deadline_ms = self.now_ms.saturating_add(timeout_ms - half).saturating_add(spread);
    }

    /// First round: finds out whether a majority would vote for this node.
    fn stand(&mut self, out: &mut Vec<Effect>) {
        self.restart_election_timer();
        self.role = Role::PreCandidate { votes: BTreeSet::from([self.id]) };
        out.push(Effect::BecamePreCandidate { view: self.view });
        self.ask_for_votes(Election::PreVote, out);
        self.count_votes(out);
    }

    /// Second round: votes, in a new view.
    fn campaign(&mut self, out: &mut Vec<Effect>) {
        self.restart_election_timer();
        self.view.0 += 1;
        self.voted_for = Some(self.id);
        self.role = Role::Candidate { votes: BTreeSet::from([self.id]) };
        out.push(Effect::BecameCandidate { view: self.view });
        self.ask_for_votes(Election::Vote, out);
        self.count_votes(out);
    }

    fn lead(&mut self, out: &mut Vec<Effect>) {
        self.roll_back(self.log.last_signature().seqno, out);
        self.role = Role::Leader { peers: self.first_peers(), heartbeat_ms: 0 };
        out.push(Effect::BecameLeader { view: self.view });
        self.send_to_all(out);
        self.tell_retirable(out);
    }

    /// A node stands once the configuration that added it is signed, and until everybody knows that it is gone.
    fn may_stand(&self) -> bool {
        let signed = self.log.last_signature().seqno;
        let added = self.log.configurations().any(|(from, nodes)| from <= signed && nodes.contains(&self.id));
        match self.membership() {
            Membership::RetiredCommitted => false,
            Membership::RetirementCompleted => true,
            _ => added,
        }
    }

    /// Whether a leader was heard of within the shortest time after which any node stands.
    fn hears_leader(&self) -> bool {
        let shortest_ms = self.settings.election_timeout_ms - self.settings.election_timeout_ms / 2;
        self.leads() || (self.leader().is_some() && self.now_ms - self.heard_ms < shortest_ms)
    }

    /// Whether a leader heard of a majority of every configuration within an election timeout.
    fn hears_quorums(&self) -> bool {
        let Role::Leader { peers, .. } = &self.role else { return false };
        let heard_after = |progress: &crate::Progress| {
            self.now_ms - progress.heard_ms.min(self.now_ms) < self.settings.election_timeout_ms
        };
        let live = |node: &NodeId| *node == self.id || peers.get(node).is_some_and(heard_after);
        self.log.configurations().all(|(_, nodes)| nodes.has_quorum(live))
    }

    fn ask_for_votes(&self, election: Election, out: &mut Vec<Effect>) {
        let request = RequestVote { view: self.view, last_signature: self.log.last_signature(), election };
        let message = Message::RequestVote(request);
        out.extend(self.others().into_iter().map(|to| Effect::Send { to, message }));
    }

    /// Goes on to the next round with a majority in every configuration in force.
    fn count_votes(&mut self, out: &mut Vec<Effect>) {
        let (Role::PreCandidate { votes } | Role::Candidate { votes }) = &self.role else { return };
        let won = self.log.configurations().all(|(_, nodes)| nodes.has_quorum(|node| votes.contains(node)));
        match (won, &self.role) {
            (true, Role::PreCandidate { .. }) => self.campaign(out),
            (true, Role::Candidate { .. }) => self.lead(out),
            _ => {}
        }
    }
}
