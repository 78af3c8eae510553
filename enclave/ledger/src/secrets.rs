//! The keys of the private part of the ledger, by the position from which each is in force.

use std::{collections::BTreeMap, sync::Arc};

use coco_crypto::LedgerSecret;
use coco_wire::Seqno;

/// Ledger secrets; clones share them until one changes. There are none by default.
///
/// Some are given: to the node that creates the service, or to one that joins it. The others are learnt from entries,
/// each of which sets the secret of those behind it, and go with these entries when they are rolled back.
#[derive(Clone, Debug, Default)]
pub struct LedgerSecrets {
    known: Arc<BTreeMap<Seqno, LedgerSecret>>,
    /// The last of those that were given; zero if there are none.
    given: Seqno,
}

impl LedgerSecrets {
    /// With one secret that is given, in force from an entry on: the first one in a new service.
    #[must_use]
    pub fn new(from: Seqno, secret: LedgerSecret) -> Self {
        Self::from_iter([(from, secret)])
    }

    /// Adds a secret learnt from the entry before `from`: it is in force from there on, until the next one. What is
    /// known already stays.
    pub fn add(&mut self, from: Seqno, secret: LedgerSecret) {
        Arc::make_mut(&mut self.known).entry(from).or_insert(secret);
    }

    /// Drops the secrets learnt from entries after `to`. Those that were given stay: a node that catches up knows them
    /// before it has the entries that set them, and could not learn them from these.
    pub fn rollback(&mut self, to: Seqno) {
        let first_dropped = to.next().max(self.given).next();
        if self.known.range(first_dropped..).next().is_some() {
            Arc::make_mut(&mut self.known).split_off(&first_dropped);
        }
    }

    /// The secret of an entry; none if the entry is older than all that are known.
    #[must_use]
    pub fn at(&self, seqno: Seqno) -> Option<&LedgerSecret> {
        self.known.range(..=seqno).next_back().map(|(_, secret)| secret)
    }

    /// All, each with the first entry it is for, ascending.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (Seqno, &LedgerSecret)> {
        self.known.iter().map(|(from, secret)| (*from, secret))
    }
}

/// Secrets that are given, each with the first entry it is for.
impl FromIterator<(Seqno, LedgerSecret)> for LedgerSecrets {
    fn from_iter<I: IntoIterator<Item = (Seqno, LedgerSecret)>>(secrets: I) -> Self {
        let known: BTreeMap<_, _> = secrets.into_iter().collect();
        let given = known.last_key_value().map_or(Seqno::ZERO, |(from, _)| *from);
        Self { known: Arc::new(known), given }
    }
}

#[cfg(test)]
mod tests;
