//! The keys of the private part of the ledger, by the position from which each is in force.

use std::{collections::BTreeMap, sync::Arc};

use coco_crypto::LedgerSecret;
use coco_wire::Seqno;

/// Ledger secrets; clones share them until one changes. There are none by default.
#[derive(Clone, Debug, Default)]
pub struct LedgerSecrets(Arc<BTreeMap<Seqno, LedgerSecret>>);

impl LedgerSecrets {
    /// With one secret, in force from an entry on: the first one in a new service.
    #[must_use]
    pub fn new(from: Seqno, secret: LedgerSecret) -> Self {
        Self(Arc::new(BTreeMap::from([(from, secret)])))
    }

    /// Adds a secret that is in force from an entry on, until the next one.
    pub fn add(&mut self, from: Seqno, secret: LedgerSecret) {
        Arc::make_mut(&mut self.0).insert(from, secret);
    }

    /// Drops the secrets set by entries after `to`: a secret is set by the entry before the first one it is for.
    pub fn rollback(&mut self, to: Seqno) {
        let first_dropped = to.next().next();
        if self.0.range(first_dropped..).next().is_some() {
            Arc::make_mut(&mut self.0).split_off(&first_dropped);
        }
    }

    /// The secret of an entry; none if the entry is older than all that are known.
    #[must_use]
    pub fn at(&self, seqno: Seqno) -> Option<&LedgerSecret> {
        self.0.range(..=seqno).next_back().map(|(_, secret)| secret)
    }

    /// All, each with the first entry it is for, ascending.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (Seqno, &LedgerSecret)> {
        self.0.iter().map(|(from, secret)| (*from, secret))
    }
}
