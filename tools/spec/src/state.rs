//! What all nodes know, and what was ever said. Fixed in size, since millions of these are made.

/// A set of nodes, a bit each.
pub type Set = u16;

/// The state of the models, of which millions are kept.
pub type Small = State<3, 5, 7>;

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
    pub view: u16,
    /// What it is.
    pub kind: Kind,
    /// Of a configuration or a mark.
    pub nodes: Set,
}

/// Up to `LENGTH` entries; positions count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Log<const LENGTH: usize> {
    length: u16,
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
pub struct Node<const LENGTH: usize> {
    /// Never goes down.
    pub view: u16,
    /// What it is.
    pub role: Role,
    /// Whom it follows.
    pub leader: Option<u8>,
    /// Its entries.
    pub log: Log<LENGTH>,
    /// The configuration before the first entry.
    pub base: Set,
    /// Up to here the log is final.
    pub committed: u16,
    /// Up to here it is on disk.
    pub disk: u16,
    /// Up to here it equals its leader's.
    pub matched: u16,
}

/// What a leader sends from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Offer<const LENGTH: usize> {
    /// Its log.
    pub log: Log<LENGTH>,
    /// How far that is committed.
    pub committed: u16,
}

/// A last signature, as (view, seqno).
pub type Signature = (u16, u16);

/// All nodes, and all that was said, by view and sender: up to so many nodes, views below `VIEWS`, so many entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct State<const NODES: usize, const VIEWS: usize, const LENGTH: usize> {
    /// As many as the model has, then empty ones.
    pub nodes: [Node<LENGTH>; NODES],
    /// Of leaders.
    pub offers: [[Option<Offer<LENGTH>>; NODES]; VIEWS],
    /// Of candidates.
    pub requests: [[Option<Signature>; NODES]; VIEWS],
    /// Whom a node voted for, more than one only with a flaw.
    pub grants: [[Set; NODES]; VIEWS],
    /// For each leader, by follower.
    pub acks: [[[u16; NODES]; NODES]; VIEWS],
}

impl<const LENGTH: usize> Default for Log<LENGTH> {
    fn default() -> Self {
        Self { length: 0, entries: [Entry::default(); LENGTH] }
    }
}

impl<const LENGTH: usize> Log<LENGTH> {
    /// How many entries.
    #[must_use]
    pub fn len(&self) -> u16 {
        self.length
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// `l[k]`; for zero, none at all.
    #[must_use]
    pub fn at(&self, k: u16) -> Entry {
        usize::from(k).checked_sub(1).map_or(Entry::default(), |at| self.entries[at])
    }

    /// Whether there is no room for another one.
    #[must_use]
    pub fn is_full(&self) -> bool {
        usize::from(self.length) == LENGTH
    }

    /// Adds one; there must be room.
    pub fn push(&mut self, entry: Entry) {
        self.entries[usize::from(self.length)] = entry;
        self.length += 1;
    }

    /// `Prefix(l, k)`.
    #[must_use]
    pub fn prefix(&self, k: u16) -> Self {
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
    pub fn last_of(&self, kind: Kind, k: u16) -> u16 {
        (1..=k).rev().find(|at| self.at(*at).kind == kind).unwrap_or(0)
    }

    /// `Count(l, kind)`.
    #[must_use]
    pub fn count(&self, kind: Kind) -> usize {
        self.entries.iter().filter(|entry| entry.kind == kind).count()
    }

    /// The positions of a kind after `from`, up to `upto`.
    pub fn all_of(&self, kind: Kind, from: u16, upto: u16) -> impl Iterator<Item = u16> {
        (from + 1..=upto).filter(move |k| self.at(*k).kind == kind)
    }
}

impl<const NODES: usize, const VIEWS: usize, const LENGTH: usize> Default for State<NODES, VIEWS, LENGTH> {
    fn default() -> Self {
        Self {
            nodes: [Node::default(); NODES],
            offers: [[None; NODES]; VIEWS],
            requests: [[None; NODES]; VIEWS],
            grants: [[0; NODES]; VIEWS],
            acks: [[[0; NODES]; NODES]; VIEWS],
        }
    }
}

impl<const NODES: usize, const VIEWS: usize, const LENGTH: usize> State<NODES, VIEWS, LENGTH> {
    /// The same with other names: `names[i]` is the new name of node `i`.
    #[must_use]
    pub fn renamed(&self, names: &[u8; NODES]) -> Self {
        let name = |node: usize| usize::from(names[node]);
        let mut state = Self::default();
        for i in 0..NODES {
            let mut node = self.nodes[i];
            node.leader = node.leader.map(|leader| names[usize::from(leader)]);
            node.base = renamed_set(node.base, names);
            node.log = renamed_log(&node.log, names);
            state.nodes[name(i)] = node;
        }
        for view in 0..VIEWS {
            for i in 0..NODES {
                let offer = self.offers[view][i];
                state.offers[view][name(i)] =
                    offer.map(|offer| Offer { log: renamed_log(&offer.log, names), ..offer });
                state.requests[view][name(i)] = self.requests[view][i];
                state.grants[view][name(i)] = renamed_set(self.grants[view][i], names);
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
    let mut rest = set;
    std::iter::from_fn(move || {
        let node = rest.trailing_zeros();
        rest &= rest.wrapping_sub(1);
        (node < Set::BITS).then_some(node as usize)
    })
}

/// The set of some nodes.
pub fn set_of(nodes: impl IntoIterator<Item = usize>) -> Set {
    nodes.into_iter().fold(0, |set, node| set | 1 << node)
}

fn renamed_set(of: Set, names: &[u8]) -> Set {
    set_of(members(of).map(|node| usize::from(names[node])))
}

fn renamed_log<const LENGTH: usize>(of: &Log<LENGTH>, names: &[u8]) -> Log<LENGTH> {
    let mut log = *of;
    for entry in &mut log.entries {
        entry.nodes = renamed_set(entry.nodes, names);
    }
    log
}
