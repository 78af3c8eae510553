//! Configurations, majorities, and leaving.

use super::{Flaw, Rules};
use crate::state::{Kind, Node, Set, State, set_of};

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

/// `Majority`.
#[must_use]
pub fn is_majority(some: Set, all: Set) -> bool {
    2 * (some & all).count_ones() > all.count_ones()
}

impl<const LENGTH: usize> Node<LENGTH> {
    /// `ConfigurationAt`.
    #[must_use]
    pub fn configuration(&self, k: u16) -> Set {
        if k == 0 { self.base } else { self.log.at(k).nodes }
    }

    /// `Removed`.
    #[must_use]
    pub fn removed(&self, k: u16) -> Set {
        let last = self.log.last_of(Kind::Configuration, k);
        let past = self.log.all_of(Kind::Configuration, 0, last);
        past.fold(self.base, |nodes, k| nodes | self.configuration(k)) & !self.configuration(last)
    }

    /// `RetirementIn`, where this is node `i`.
    #[must_use]
    pub fn retirement(&self, i: usize, upto: u16) -> Retirement {
        let (log, own) = (&self.log, 1 << i);
        let drops = |k: &u16| {
            let before = self.configuration(log.last_of(Kind::Configuration, k - 1));
            self.configuration(*k) & own == 0 && before & own != 0
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

    /// `InForce`.
    pub fn in_force(&self, rules: &Rules) -> impl Iterator<Item = u16> {
        let last = |k| self.log.last_of(Kind::Configuration, k);
        let (first, end) = match rules.flaw {
            Some(Flaw::NewestOnly) => (last(self.log.len()), self.log.len()),
            Some(Flaw::CommittedOnly) => (last(self.committed), self.committed),
            _ => (last(self.committed), self.log.len()),
        };
        let known = self.configuration(first) != 0;
        known.then_some(first).into_iter().chain(self.log.all_of(Kind::Configuration, first, end))
    }

    /// `HaveQuorums`.
    #[must_use]
    pub fn have_quorums(&self, rules: &Rules, some: Set) -> bool {
        let mut all = self.in_force(rules).map(|k| self.configuration(k));
        if rules.has(Flaw::QuorumOfUnion) {
            return is_majority(some, all.fold(0, |union, nodes| union | nodes));
        }
        all.all(|nodes| is_majority(some, nodes))
    }

    /// `MayStand`, where this is node `i`.
    #[must_use]
    pub fn may_stand(&self, rules: &Rules, i: usize) -> bool {
        let signed = self.log.last_of(Kind::Signature, self.log.len());
        match self.retirement(i, self.committed) {
            Retirement::Committed => rules.has(Flaw::StandWhenGone),
            Retirement::Completed => true,
            _ => self.in_force(rules).any(|k| k <= signed && self.configuration(k) & (1 << i) != 0),
        }
    }
}

impl<const NODES: usize, const VIEWS: usize, const LENGTH: usize> State<NODES, VIEWS, LENGTH> {
    /// `Granted` in a node's own view.
    #[must_use]
    pub fn granted(&self, i: usize) -> Set {
        let view = usize::from(self.nodes[i].view);
        set_of((0..NODES).filter(|j| self.grants[view][*j] & (1 << i) != 0))
    }

    /// `Holders`.
    #[must_use]
    pub fn holders(&self, rules: &Rules, i: usize, k: u16) -> Set {
        let Node { view, disk, .. } = &self.nodes[i];
        let acks = &self.acks[usize::from(*view)][i];
        let holds = |j: usize| match rules.flaw {
            Some(Flaw::LongEnough) => self.nodes[j].log.len() >= k,
            _ => acks[j] >= k || (j == i && *disk >= k),
        };
        set_of((0..NODES).filter(|j| holds(*j)))
    }
}
