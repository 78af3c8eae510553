//! The actions of `consensus.tla`, within the bounds of `bounded.tla`.

use crate::state::{
    Entry, Kind, LENGTH, Log, NODES, Node, Offer, Role, Set, Signature, State, VIEWS, members,
};

/// The constants of `bounded.tla`, and what a model leaves out.
#[derive(Clone, Copy, Debug)]
pub struct Model {
    /// All nodes are the first so many.
    pub nodes: usize,
    /// So many of them begin.
    pub founders: usize,
    /// Bounds.
    pub max_view: u8,
    /// Bounds.
    pub max_length: u8,
    /// Of each log.
    pub max_data: usize,
    /// Of each log.
    pub max_signatures: usize,
    /// Of each log.
    pub max_configurations: usize,
    /// Of each log.
    pub max_marks: usize,
    /// Entries are on disk at once.
    pub at_once: bool,
    /// Nodes ask before they campaign.
    pub stand: bool,
    /// Nodes join from snapshots.
    pub join: bool,
    /// A rule that is wrong.
    pub flaw: Option<Flaw>,
}

/// Rules that are wrong, each in place of the right one. A model with one of them must break a property, or properties or
/// bounds are worth nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// A leader commits signatures of any view (Raft, figure 8).
    CommitOfAnyView,
    /// A majority of all nodes of all configurations in force decides.
    QuorumOfUnion,
    /// Only the newest configuration is in force.
    NewestOnly,
    /// Only committed configurations are in force.
    CommittedOnly,
    /// Anybody is fit to lead.
    AnyCandidate,
    /// A node votes for every candidate.
    ManyVotes,
    /// A log that is long enough is taken for an equal one.
    LongEnough,
    /// A follower drops what follows on a message, though it is equal.
    CutAfterMessage,
    /// Entries count before they are on disk.
    CountUnwritten,
    /// Leaders keep unsigned entries of earlier views.
    KeepUnsigned,
    /// Followers commit up to what the leader has committed, whatever they have themselves.
    CommitUnmatched,
    /// A node that is gone stands for election.
    StandWhenGone,
}

/// A step. Nodes are numbers, positions count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as in consensus.tla")]
pub enum Action {
    Follow(usize, u8),
    Stand(usize),
    Campaign(usize),
    Vote(usize, usize),
    Lead(usize),
    Propose(usize, Kind, Set),
    Take { node: usize, from: usize, last: u8 },
    Persist(usize),
    LeaderCommit(usize, u8),
    FollowerCommit(usize, u8),
    Join(usize, usize),
}

/// How far a node's own log says that it is no longer needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Retirement {
    /// It stays.
    Active,
    /// A configuration without it is in the log.
    Ordered,
    /// And a signature.
    Signed,
    /// And that is committed.
    Completed,
    /// And the mark is committed too.
    Committed,
}

impl Model {
    /// `Opened`: the first founder leads in view 2, and the configuration of all founders is committed.
    #[must_use]
    pub fn opened(&self) -> State {
        let founders: Set = (1 << self.founders) - 1;
        let mut log = Log::default();
        log.push(Entry { view: 2, kind: Kind::Configuration, nodes: founders });
        log.push(Entry { view: 2, kind: Kind::Signature, nodes: 0 });
        let mut state = State::default();
        for i in 0..self.nodes {
            state.nodes[i].view = 1;
        }
        for i in members(founders) {
            let (role, leader, matched) =
                if i == 0 { (Role::Leader, None, 0) } else { (Role::Follower, Some(0), 2) };
            state.nodes[i] =
                Node { view: 2, role, leader, log, base: founders, committed: 2, disk: 2, matched };
            state.grants[2][i] = 1;
            state.acks[2][0][i] = matched;
        }
        state.offers[2][0] = Some(Offer { log, committed: 2 });
        state.requests[2][0] = Some((0, 0));
        state
    }

    /// `InBounds`.
    #[must_use]
    pub fn is_in_bounds(&self, state: &State) -> bool {
        state.nodes[..self.nodes].iter().all(|Node { view, log, .. }| {
            *view <= self.max_view
                && log.len() <= self.max_length
                && log.count(Kind::Data) <= self.max_data
                && log.count(Kind::Signature) <= self.max_signatures
                && log.count(Kind::Configuration) <= self.max_configurations
                && log.count(Kind::Mark) <= self.max_marks
        })
    }

    /// `Step`: every state that can come next, and how.
    pub fn steps(&self, state: &State, out: &mut Vec<(Action, State)>) {
        let mut add = |action| out.extend(self.apply(state, action).map(|next| (action, next)));
        for i in 0..self.nodes {
            let Node { view, ref log, committed, matched, .. } = state.nodes[i];
            (0..self.nodes).map(|j| state.nodes[j].view).for_each(|later| add(Action::Follow(i, later)));
            add(Action::Stand(i));
            add(Action::Campaign(i));
            add(Action::Lead(i));
            add(Action::Persist(i));
            add(Action::Propose(i, Kind::Data, 0));
            add(Action::Propose(i, Kind::Signature, 0));
            if self.max_configurations > 1 {
                (1..1 << self.nodes).for_each(|nodes| add(Action::Propose(i, Kind::Configuration, nodes)));
            }
            members(removed(state, i, committed))
                .for_each(|node| add(Action::Propose(i, Kind::Mark, 1 << node)));
            for k in committed + 1..=log.len() {
                add(Action::LeaderCommit(i, k));
                add(Action::FollowerCommit(i, k));
            }
            for j in 0..self.nodes {
                add(Action::Vote(i, j));
                add(Action::Join(i, j));
                let offered = state.offers[usize::from(view)][j].map_or(0, |offer| offer.log.len());
                let first = if self.has(Flaw::CutAfterMessage) { 1 } else { matched + 1 };
                (first..=offered).for_each(|last| add(Action::Take { node: i, from: j, last }));
            }
        }
    }

    /// The state after an action, if it is allowed.
    #[must_use]
    pub fn apply(&self, state: &State, action: Action) -> Option<State> {
        let mut next = *state;
        let is_allowed = match action {
            Action::Follow(i, view) => self.follow(&mut next, i, view),
            Action::Stand(i) => self.stand && self.turn(&mut next, i, Role::PreCandidate),
            Action::Campaign(i) => self.campaign(&mut next, i),
            Action::Vote(i, j) => self.vote(&mut next, i, j),
            Action::Lead(i) => self.lead(&mut next, i),
            Action::Propose(i, kind, nodes) => self.propose(&mut next, i, kind, nodes),
            Action::Take { node, from, last } => self.take(&mut next, node, from, last),
            Action::Persist(i) => self.persist(&mut next, i),
            Action::LeaderCommit(i, k) => self.leader_commit(&mut next, i, k),
            Action::FollowerCommit(i, k) => self.follower_commit(&mut next, i, k),
            Action::Join(i, j) => self.join && join(&mut next, i, j),
        };
        is_allowed.then_some(next)
    }

    fn follow(&self, state: &mut State, i: usize, view: u8) -> bool {
        let node = &mut state.nodes[i];
        if view < node.view || (view == node.view && node.role == Role::Follower) {
            return false;
        }
        if view > node.view || node.role == Role::Leader {
            self.cut(node);
        }
        (node.view, node.role, node.leader, node.matched) = (view, Role::Follower, None, 0);
        true
    }

    /// To a candidate or one that asks whether it should be.
    fn turn(&self, state: &mut State, i: usize, role: Role) -> bool {
        let is_allowed = state.nodes[i].role != Role::Leader && self.may_stand(state, i);
        let node = &mut state.nodes[i];
        (node.role, node.leader, node.matched) = (role, None, 0);
        is_allowed
    }

    fn campaign(&self, state: &mut State, i: usize) -> bool {
        let is_allowed = usize::from(state.nodes[i].view) + 1 < VIEWS && self.turn(state, i, Role::Candidate);
        if is_allowed {
            let node = &mut state.nodes[i];
            node.view += 1;
            let view = usize::from(node.view);
            state.requests[view][i] = Some(self.signature(&node.log));
            state.grants[view][i] |= 1 << i;
        }
        is_allowed
    }

    fn vote(&self, state: &mut State, i: usize, j: usize) -> bool {
        let node = &state.nodes[i];
        let view = usize::from(node.view);
        let free = node.role != Role::Leader && !(node.role == Role::Follower && node.leader.is_some());
        let is_up_to_date = state.requests[view][j]
            .is_some_and(|theirs| self.has(Flaw::AnyCandidate) || theirs >= self.signature(&node.log));
        let granted = &mut state.grants[view][i];
        let may_vote = *granted & !(1 << j) == 0 || self.has(Flaw::ManyVotes);
        let is_allowed = free && is_up_to_date && may_vote;
        if is_allowed {
            *granted |= 1 << j;
        }
        is_allowed
    }

    fn lead(&self, state: &mut State, i: usize) -> bool {
        let view = usize::from(state.nodes[i].view);
        let granted = (0..self.nodes).filter(|j| state.grants[view][*j] & (1 << i) != 0);
        let granted = granted.fold(0, |set, j| set | 1 << j);
        if state.nodes[i].role != Role::Candidate || !self.have_quorums(state, i, granted) {
            return false;
        }
        if !self.has(Flaw::KeepUnsigned) {
            self.cut(&mut state.nodes[i]);
        }
        state.nodes[i].role = Role::Leader;
        offer(state, i);
        true
    }

    fn propose(&self, state: &mut State, i: usize, kind: Kind, nodes: Set) -> bool {
        let log = &state.nodes[i].log;
        let fits = match kind {
            Kind::Configuration => nodes & removed(state, i, log.len()) == 0,
            Kind::Mark => nodes & !removed(state, i, state.nodes[i].committed) == 0,
            _ => true,
        };
        if state.nodes[i].role != Role::Leader || !fits || usize::from(log.len()) == LENGTH {
            return false;
        }
        let node = &mut state.nodes[i];
        node.log.push(Entry { view: node.view, kind, nodes });
        node.disk = self.on_disk(node.disk, node.log.len());
        offer(state, i);
        true
    }

    fn take(&self, state: &mut State, i: usize, from: usize, last: u8) -> bool {
        let node = &mut state.nodes[i];
        let Some(offer) = state.offers[usize::from(node.view)][from] else { return false };
        let leads = node.leader.is_none_or(|leader| usize::from(leader) == from);
        if node.role != Role::Follower || !leads {
            return false;
        }
        let common = node.log.len().min(last);
        let same = (1..=common).take_while(|k| node.log.at(*k).view == offer.log.at(*k).view).count();
        let new = u8::try_from(same).expect("a short log") + 1;
        if new <= last {
            if new <= node.committed {
                return false;
            }
            let mut log = node.log.prefix(new - 1);
            (new..=last).for_each(|k| log.push(offer.log.at(k)));
            (node.log, node.disk) = (log, self.on_disk(node.disk.min(new - 1), last));
        } else if self.has(Flaw::CutAfterMessage) && last >= node.committed {
            (node.log, node.disk) = (node.log.prefix(last), node.disk.min(last));
        }
        node.matched = node.matched.max(last);
        node.leader = Some(u8::try_from(from).expect("few nodes"));
        self.tell(state, i);
        true
    }

    fn persist(&self, state: &mut State, i: usize) -> bool {
        let node = &mut state.nodes[i];
        let is_news = node.disk < node.log.len();
        node.disk = node.log.len();
        if node.role == Role::Follower {
            self.tell(state, i);
        }
        is_news
    }

    fn leader_commit(&self, state: &mut State, i: usize, k: u8) -> bool {
        let Node { view, role, log, .. } = state.nodes[i];
        let is_own = log.at(k).view == view || self.has(Flaw::CommitOfAnyView);
        let is_held = self.have_quorums(state, i, self.holders(state, i, k));
        let is_settled = role == Role::Leader && is_own && is_held && self.settle(state, i, k);
        if is_settled {
            state.offers[usize::from(view)][i] = Some(Offer { log, committed: k });
        }
        is_settled
    }

    fn follower_commit(&self, state: &mut State, i: usize, k: u8) -> bool {
        let node = &state.nodes[i];
        let is_matched = k <= node.matched || self.has(Flaw::CommitUnmatched);
        let offer = node.leader.and_then(|leader| state.offers[usize::from(node.view)][usize::from(leader)]);
        let is_committed = offer.is_some_and(|offer| k <= offer.committed);
        node.role == Role::Follower && is_matched && is_committed && self.settle(state, i, k)
    }

    /// `Settle`.
    fn settle(&self, state: &mut State, i: usize, k: u8) -> bool {
        let before = retirement(state, i, state.nodes[i].committed);
        let after = retirement(state, i, k);
        let node = &mut state.nodes[i];
        if k <= node.committed || node.log.at(k).kind != Kind::Signature {
            return false;
        }
        node.committed = k;
        if after == Retirement::Committed && before != Retirement::Committed {
            if node.role == Role::Leader {
                self.cut(node);
            }
            node.role = Role::Retired;
        }
        true
    }

    /// `Tell`.
    fn tell(&self, state: &mut State, i: usize) {
        let Node { view, leader, matched, disk, .. } = state.nodes[i];
        if let Some(leader) = leader {
            let ack = &mut state.acks[usize::from(view)][usize::from(leader)][i];
            let upto = if self.has(Flaw::CountUnwritten) { matched } else { matched.min(disk) };
            *ack = upto.max(*ack);
        }
    }

    /// `Holders`.
    fn holders(&self, state: &State, i: usize, k: u8) -> Set {
        let Node { view, disk, .. } = state.nodes[i];
        let acks = &state.acks[usize::from(view)][i];
        let holds = |j: usize| match self.flaw {
            Some(Flaw::LongEnough) => state.nodes[j].log.len() >= k,
            _ => acks[j] >= k || (j == i && disk >= k),
        };
        (0..self.nodes).filter(|j| holds(*j)).fold(0, |set, j| set | 1 << j)
    }

    /// `HaveQuorums`.
    fn have_quorums(&self, state: &State, i: usize, some: Set) -> bool {
        let mut all = self.in_force(&state.nodes[i]).map(|k| configuration(&state.nodes[i], k));
        if self.has(Flaw::QuorumOfUnion) {
            return is_majority(some, all.fold(0, |union, nodes| union | nodes));
        }
        all.all(|nodes| is_majority(some, nodes))
    }

    /// `InForce`.
    fn in_force(&self, node: &Node) -> impl Iterator<Item = u8> {
        let last = |k| node.log.last_of(Kind::Configuration, k);
        let (first, end) = match self.flaw {
            Some(Flaw::NewestOnly) => (last(node.log.len()), node.log.len()),
            Some(Flaw::CommittedOnly) => (last(node.committed), node.committed),
            _ => (last(node.committed), node.log.len()),
        };
        let known = configuration(node, first) != 0;
        known.then_some(first).into_iter().chain(node.log.all_of(Kind::Configuration, first, end))
    }

    /// `MayStand`.
    fn may_stand(&self, state: &State, i: usize) -> bool {
        let node = &state.nodes[i];
        let signed = node.log.last_of(Kind::Signature, node.log.len());
        match retirement(state, i, node.committed) {
            Retirement::Committed => self.has(Flaw::StandWhenGone),
            Retirement::Completed => true,
            _ => self.in_force(node).any(|k| k <= signed && configuration(node, k) & (1 << i) != 0),
        }
    }

    /// The last signature of a log.
    fn signature(&self, log: &Log) -> Signature {
        let last =
            if self.has(Flaw::KeepUnsigned) { log.len() } else { log.last_of(Kind::Signature, log.len()) };
        (log.at(last).view, last)
    }

    /// Drops what is not signed.
    fn cut(&self, node: &mut Node) {
        let kept = node.log.last_of(Kind::Signature, node.log.len());
        node.log = node.log.prefix(kept);
        node.disk = self.on_disk(node.disk, kept);
    }

    /// `OnDisk`, or `AtOnce` in its place.
    fn on_disk(&self, k: u8, length: u8) -> u8 {
        if self.at_once { length } else { k.min(length) }
    }

    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }
}

/// `Offer`.
fn offer(state: &mut State, i: usize) {
    let Node { view, log, committed, .. } = state.nodes[i];
    state.offers[usize::from(view)][i] = Some(Offer { log, committed });
}

fn join(state: &mut State, i: usize, j: usize) -> bool {
    let Node { view, role, log, base, .. } = state.nodes[i];
    let Node { log: from, base: known, committed, .. } = state.nodes[j];
    let is_new = view == 1 && role == Role::Follower && log.is_empty() && base == 0;
    if !is_new || i == j || committed == 0 {
        return false;
    }
    let node = &mut state.nodes[i];
    (node.log, node.view, node.base) = (from.prefix(committed), from.at(committed).view, known);
    (node.committed, node.disk) = (committed, committed);
    true
}

/// `Majority`.
#[must_use]
pub fn is_majority(some: Set, all: Set) -> bool {
    2 * (some & all).count_ones() > all.count_ones()
}

/// `ConfigurationAt`.
#[must_use]
pub fn configuration(node: &Node, k: u8) -> Set {
    if k == 0 { node.base } else { node.log.at(k).nodes }
}

/// `Removed`.
#[must_use]
pub fn removed(state: &State, i: usize, k: u8) -> Set {
    let node = &state.nodes[i];
    let last = node.log.last_of(Kind::Configuration, k);
    let past = node.log.all_of(Kind::Configuration, 0, last);
    past.fold(node.base, |nodes, k| nodes | configuration(node, k)) & !configuration(node, last)
}

/// `RetirementIn`.
#[must_use]
pub fn retirement(state: &State, i: usize, upto: u8) -> Retirement {
    let node = &state.nodes[i];
    let (log, own) = (&node.log, 1 << i);
    let drops = |k: &u8| {
        let before = configuration(node, log.last_of(Kind::Configuration, k - 1));
        configuration(node, *k) & own == 0 && before & own != 0
    };
    let Some(ordered) = log.all_of(Kind::Configuration, 0, log.len()).find(drops) else {
        return Retirement::Active;
    };
    match log.all_of(Kind::Signature, ordered, log.len()).next() {
        None => Retirement::Ordered,
        Some(signed) if signed > upto => Retirement::Signed,
        Some(_) if log.all_of(Kind::Mark, ordered, upto).any(|k| log.at(k).nodes & own != 0) => {
            Retirement::Committed
        }
        Some(_) => Retirement::Completed,
    }
}

/// All nodes.
#[must_use]
pub fn everybody() -> [u8; NODES] {
    std::array::from_fn(|node| u8::try_from(node).expect("few nodes"))
}
