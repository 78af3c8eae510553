//! What all nodes know, and what was ever said. Fixed in size, since millions of these are made.

/// Most nodes of a model.
pub const NODES: usize = 3;
/// Views are smaller than this.
pub const VIEWS: usize = 5;
/// Most entries of a log.
pub const LENGTH: usize = 7;

/// A set of nodes, a bit each.
pub type Set = u8;

/// The kinds of entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Kind {
    /// No entry.
    #[default]
    None,
    /// Neither of the others.
    Data,
    /// Can be committed.
    Signature,
    /// Its nodes agree from here on.
    Configuration,
    /// Its nodes are known to be gone.
    Mark,
}

/// An entry of a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Entry {
    /// Of its leader.
    pub view: u8,
    /// What it is.
    pub kind: Kind,
    /// Of a configuration or a mark.
    pub nodes: Set,
}

/// Entries; positions count from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Log {
    length: u8,
    entries: [Entry; LENGTH],
}

/// What a node is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Role {
    /// Takes entries.
    #[default]
    Follower,
    /// Asks whether it would get votes.
    PreCandidate,
    /// Asks for votes.
    Candidate,
    /// Appends.
    Leader,
    /// Is known to be gone.
    Retired,
}

/// The variables of one node in `consensus.tla`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Node {
    /// Never goes down.
    pub view: u8,
    /// What it is.
    pub role: Role,
    /// Whom it follows.
    pub leader: Option<u8>,
    /// Its entries.
    pub log: Log,
    /// The configuration before the first entry.
    pub base: Set,
    /// Up to here the log is final.
    pub committed: u8,
    /// Up to here it is on disk.
    pub disk: u8,
    /// Up to here it equals its leader's.
    pub matched: u8,
}

/// What a leader sends from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Offer {
    /// Its log.
    pub log: Log,
    /// How far that is committed.
    pub committed: u8,
}

/// A last signature, as (view, seqno).
pub type Signature = (u8, u8);

/// All nodes, and all that was said, by view and sender.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct State {
    /// As many as the model has, then empty ones.
    pub nodes: [Node; NODES],
    /// Of leaders.
    pub offers: [[Option<Offer>; NODES]; VIEWS],
    /// Of candidates.
    pub requests: [[Option<Signature>; NODES]; VIEWS],
    /// Whom a node voted for, more than one only with a flaw.
    pub grants: [[Set; NODES]; VIEWS],
    /// For each leader, by follower.
    pub acks: [[[u8; NODES]; NODES]; VIEWS],
}

impl Log {
    /// How many entries.
    #[must_use]
    pub fn len(&self) -> u8 {
        self.length
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// `l[k]`; for zero, none at all.
    #[must_use]
    pub fn at(&self, k: u8) -> Entry {
        usize::from(k).checked_sub(1).map_or(Entry::default(), |at| self.entries[at])
    }

    /// Adds one; there must be room.
    pub fn push(&mut self, entry: Entry) {
        self.entries[usize::from(self.length)] = entry;
        self.length += 1;
    }

    /// `Prefix(l, k)`.
    #[must_use]
    pub fn prefix(&self, k: u8) -> Self {
        let mut log = *self;
        log.entries[usize::from(k)..].fill(Entry::default());
        log.length = k;
        log
    }

    /// `IsPrefix(l, other)`.
    #[must_use]
    pub fn is_prefix_of(&self, other: &Self) -> bool {
        self.length <= other.length && *self == other.prefix(self.length)
    }

    /// `LastOf(kind, l, k)`.
    #[must_use]
    pub fn last_of(&self, kind: Kind, k: u8) -> u8 {
        (1..=k).rev().find(|at| self.at(*at).kind == kind).unwrap_or(0)
    }

    /// `Count(l, kind)`.
    #[must_use]
    pub fn count(&self, kind: Kind) -> usize {
        self.entries.iter().filter(|entry| entry.kind == kind).count()
    }

    /// The positions of a kind after `from`, up to `upto`.
    pub fn all_of(&self, kind: Kind, from: u8, upto: u8) -> impl Iterator<Item = u8> {
        (from + 1..=upto).filter(move |k| self.at(*k).kind == kind)
    }
}

impl State {
    /// The same with other names: `names[i]` is the new name of node `i`.
    #[must_use]
    pub fn renamed(&self, names: &[u8; NODES]) -> Self {
        let name = |node: usize| usize::from(names[node]);
        let mut state = Self::default();
        for i in 0..NODES {
            let mut node = self.nodes[i];
            node.leader = node.leader.map(|leader| names[usize::from(leader)]);
            node.base = set(node.base, names);
            node.log = log(&node.log, names);
            state.nodes[name(i)] = node;
        }
        for view in 0..VIEWS {
            for i in 0..NODES {
                let offer = self.offers[view][i];
                state.offers[view][name(i)] =
                    offer.map(|offer| Offer { log: log(&offer.log, names), ..offer });
                state.requests[view][name(i)] = self.requests[view][i];
                state.grants[view][name(i)] = set(self.grants[view][i], names);
                for j in 0..NODES {
                    state.acks[view][name(i)][name(j)] = self.acks[view][i][j];
                }
            }
        }
        state
    }
}

/// The nodes of a set.
pub fn members(set: Set) -> impl Iterator<Item = usize> {
    (0..NODES).filter(move |node| set & (1 << node) != 0)
}

fn set(of: Set, names: &[u8; NODES]) -> Set {
    members(of).fold(0, |set, node| set | 1 << names[node])
}

fn log(of: &Log, names: &[u8; NODES]) -> Log {
    let mut log = *of;
    for entry in &mut log.entries {
        entry.nodes = set(entry.nodes, names);
    }
    log
}
