//! One step, and how it is written in TLA+.

use coco_raft::{AppendEntries, Membership, Role};
use coco_wire::{Seqno, TxId, View};

/// A step of `spec/consensus.tla`, or what is so after some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Join(TxId),
    Follow(View),
    Stand,
    Campaign,
    Lead,
    Vote(usize),
    Propose(Written),
    Hear { from: usize, view: View },
    Take { from: usize, header: AppendEntries, entries: Vec<Written> },
    Persist(Seqno),
    Accept { to: usize, view: View, last: Seqno },
    Commit(Seqno),
    Is(Box<State>),
}

/// An entry, with its view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Written {
    Data(View),
    Signature(View),
    Configuration(View, Vec<usize>),
    Mark(View, Vec<usize>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Follower,
    PreCandidate,
    Candidate,
    Leader,
    Retired,
}

/// All of a node that the specification knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State {
    pub(super) view: View,
    pub(super) role: Kind,
    pub(super) last: TxId,
    pub(super) committed: Seqno,
    pub(super) disk: Seqno,
    /// Those that are not committed.
    pub(super) signatures: Vec<Seqno>,
    pub(super) configurations: Vec<(Seqno, Vec<usize>)>,
    pub(super) retirement: Membership,
    /// A follower's leader, and up to where their logs are equal.
    pub(super) follows: Option<(usize, Seqno)>,
    /// Of a candidate.
    pub(super) votes: Vec<usize>,
    /// What a leader knows that its peers hold.
    pub(super) held: Vec<(usize, Seqno)>,
}

impl Act {
    /// As one of the words of `spec/words.tla`.
    pub(super) fn text(&self, node: usize) -> String {
        match self {
            Self::Join(TxId { view, seqno }) => format!("Joins({node}, {view}, {seqno})"),
            Self::Follow(view) => format!("Follows({node}, {view})"),
            Self::Stand => format!("Stands({node})"),
            Self::Campaign => format!("Campaigns({node})"),
            Self::Lead => format!("Leads({node})"),
            Self::Vote(to) => format!("Votes({node}, {to})"),
            Self::Propose(entry) => format!("Proposes({node}, {})", entry.text()),
            Self::Hear { from, view } => format!("Hears({node}, {from}, {view})"),
            Self::Take { from, header, entries } => {
                let AppendEntries { view, previous, last, committed } = header;
                let entries: Vec<String> = entries.iter().map(Written::text).collect();
                format!(
                    "Takes({node}, {from}, {view}, {}, {}, {}, {committed}, <<{}>>)",
                    previous.view,
                    previous.seqno,
                    last.seqno,
                    entries.join(", ")
                )
            }
            Self::Persist(seqno) => format!("Persists({node}, {seqno})"),
            Self::Accept { to, view, last } => format!("Accepts({node}, {to}, {view}, {last})"),
            Self::Commit(seqno) => format!("Commits({node}, {seqno})"),
            Self::Is(state) => state.text(node),
        }
    }
}

impl Written {
    fn text(&self) -> String {
        match self {
            Self::Data(view) => format!("D({view})"),
            Self::Signature(view) => format!("S({view})"),
            Self::Configuration(view, nodes) => format!("C({view}, {})", set(nodes)),
            Self::Mark(view, nodes) => format!("M({view}, {})", set(nodes)),
        }
    }
}

impl State {
    fn text(&self, node: usize) -> String {
        let pairs = |pairs: &[(usize, Seqno)]| {
            set(&pairs.iter().map(|(node, seqno)| format!("<<{node}, {seqno}>>")).collect::<Vec<_>>())
        };
        let configurations: Vec<_> =
            self.configurations.iter().map(|(from, nodes)| format!("<<{from}, {}>>", set(nodes))).collect();
        let log = format!("{}, {}, {}, {}", self.last.view, self.last.seqno, self.committed, self.disk);
        format!(
            "Is({node}, {}, \"{:?}\", {log}, {}, {}, \"{:?}\", {}, {}, {})",
            self.view,
            self.role,
            set(&self.signatures),
            set(&configurations),
            self.retirement,
            pairs(self.follows.as_slice()),
            set(&self.votes),
            pairs(&self.held),
        )
    }
}

impl Kind {
    pub(super) fn of(role: &Role) -> Self {
        match role {
            Role::Follower { .. } => Self::Follower,
            Role::PreCandidate { .. } => Self::PreCandidate,
            Role::Candidate { .. } => Self::Candidate,
            Role::Leader { .. } => Self::Leader,
            Role::Retired => Self::Retired,
        }
    }
}

/// A set in TLA+.
pub(super) fn set<'a, T: ToString + 'a>(of: impl IntoIterator<Item = &'a T>) -> String {
    let all: Vec<String> = of.into_iter().map(ToString::to_string).collect();
    format!("{{{}}}", all.join(", "))
}
