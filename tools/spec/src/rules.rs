//! The actions of `consensus.tla`, within the bounds of `bounded.tla`.

mod configurations;
mod elections;
mod entries;

pub use configurations::{Retirement, is_majority};

use crate::state::{Entry, Kind, Log, Node, Offer, Role, Set, Small, State, members};

/// Which rules hold. The default is `consensus.tla` as it stands.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules {
    /// Entries are on disk at once.
    pub at_once: bool,
    /// Nodes campaign without asking first.
    pub no_stand: bool,
    /// Nobody joins from a snapshot.
    pub no_join: bool,
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
    Follow(usize, u16),
    Stand(usize),
    Campaign(usize),
    Vote(usize, usize),
    Lead(usize),
    Propose(usize, Kind, Set),
    Take { node: usize, from: usize, previous: u16, last: u16 },
    Persist(usize, u16),
    LeaderCommit(usize, u16),
    FollowerCommit(usize, u16),
    Join(usize, usize),
}

/// The constants of `bounded.tla`, and the rules of a model.
#[derive(Clone, Copy, Debug)]
pub struct Model {
    /// All nodes are the first so many.
    pub nodes: usize,
    /// So many of them begin.
    pub founders: usize,
    /// Bounds.
    pub max_view: u16,
    /// Bounds.
    pub max_length: u16,
    /// Of each log.
    pub max_data: usize,
    /// Of each log.
    pub max_signatures: usize,
    /// Of each log.
    pub max_configurations: usize,
    /// Of each log.
    pub max_marks: usize,
    /// What nodes may do.
    pub rules: Rules,
}

impl Rules {
    pub(crate) fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    /// `OnDisk`, or `AtOnce` in its place.
    fn on_disk(&self, k: u16, length: u16) -> u16 {
        if self.at_once { length } else { k.min(length) }
    }
}

impl<const NODES: usize, const VIEWS: usize, const LENGTH: usize> State<NODES, VIEWS, LENGTH> {
    /// `Begin`: the founders know each other, all others nobody.
    #[must_use]
    pub fn begin(founders: Set) -> Self {
        let mut state = Self::default();
        for (i, node) in state.nodes.iter_mut().enumerate() {
            (node.view, node.base) = (1, if founders & (1 << i) == 0 { 0 } else { founders });
        }
        state
    }

    /// Takes a step, if it is allowed; if not, the state is not to be used any more.
    #[must_use]
    pub fn apply(&mut self, rules: &Rules, action: Action) -> bool {
        match action {
            Action::Follow(i, view) => self.follow(rules, i, view),
            Action::Stand(i) => self.stand(rules, i),
            Action::Campaign(i) => self.campaign(rules, i),
            Action::Vote(i, j) => self.vote(rules, i, j),
            Action::Lead(i) => self.lead(rules, i),
            Action::Propose(i, kind, nodes) => self.propose(rules, i, kind, nodes),
            Action::Take { node, from, previous, last } => self.take(rules, node, from, previous, last),
            Action::Persist(i, k) => self.persist(rules, i, k),
            Action::LeaderCommit(i, k) => self.leader_commit(rules, i, k),
            Action::FollowerCommit(i, k) => self.follower_commit(rules, i, k),
            Action::Join(i, j) => self.join(rules, i, j),
        }
    }
}

impl Model {
    /// `Opened`: the first founder leads in view 2, and the configuration of all founders is committed.
    #[must_use]
    pub fn opened(&self) -> Small {
        let founders: Set = (1 << self.founders) - 1;
        let mut log = Log::default();
        log.push(Entry { view: 2, kind: Kind::Configuration, nodes: founders });
        log.push(Entry { view: 2, kind: Kind::Signature, nodes: 0 });
        let mut state = Small::begin(founders);
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
    pub fn is_in_bounds(&self, state: &Small) -> bool {
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
    pub fn steps(&self, state: &Small, out: &mut Vec<(Action, Small)>) {
        let mut add = |action| {
            let mut next = *state;
            if next.apply(&self.rules, action) {
                out.push((action, next));
            }
        };
        for (i, node) in state.nodes[..self.nodes].iter().enumerate() {
            let Node { view, log, committed, matched, .. } = node;
            (0..self.nodes).map(|j| state.nodes[j].view).for_each(|later| add(Action::Follow(i, later)));
            add(Action::Stand(i));
            add(Action::Campaign(i));
            add(Action::Lead(i));
            add(Action::Persist(i, log.len()));
            add(Action::Propose(i, Kind::Data, 0));
            add(Action::Propose(i, Kind::Signature, 0));
            if self.max_configurations > 1 {
                (1..1 << self.nodes).for_each(|nodes| add(Action::Propose(i, Kind::Configuration, nodes)));
            }
            members(node.removed(*committed)).for_each(|gone| add(Action::Propose(i, Kind::Mark, 1 << gone)));
            for k in committed + 1..=log.len() {
                add(Action::LeaderCommit(i, k));
                add(Action::FollowerCommit(i, k));
            }
            for j in 0..self.nodes {
                add(Action::Vote(i, j));
                add(Action::Join(i, j));
                let offered = state.offers[usize::from(*view)][j].map_or(0, |offer| offer.log.len());
                let first = if self.rules.has(Flaw::CutAfterMessage) { 1 } else { matched + 1 };
                (first..=offered).for_each(|last| add(Action::Take { node: i, from: j, previous: 0, last }));
            }
        }
    }
}
