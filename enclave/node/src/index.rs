//! Indexes over tables: which transactions wrote which key. Derived from the ledger, kept in memory.

use std::{
    collections::BTreeMap,
    sync::{PoisonError, RwLock, RwLockWriteGuard},
};

use coco_app::Index;
use coco_wire::{Key, Seqno, WriteSet};

/// One index for each table that an adapter wants indexed.
#[derive(Default)]
pub struct Indexes(BTreeMap<String, TableIndex>);

impl Indexes {
    /// Empty indexes over `tables`.
    pub fn over(tables: impl IntoIterator<Item = &'static str>) -> Self {
        Self(tables.into_iter().map(|name| (name.to_owned(), TableIndex::default())).collect())
    }

    /// The index over one table.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<&TableIndex> {
        self.0.get(name)
    }

    /// Names of the indexed tables.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The first transaction that was not taken in; none if no table is indexed.
    #[must_use]
    pub fn next(&self) -> Option<Seqno> {
        self.0.values().map(|index| index.indexed_to().next()).min()
    }

    /// Takes in a committed transaction; they come in order, and may come again.
    pub fn committed(&self, seqno: Seqno, writes: &WriteSet) {
        for (name, index) in &self.0 {
            if let Some(writes) = writes.table(name) {
                index.committed(seqno, writes.keys());
            }
        }
    }

    /// Says up to where transactions were taken in.
    pub fn reached(&self, seqno: Seqno) {
        for index in self.0.values() {
            let mut content = index.lock();
            content.to = content.to.max(seqno);
        }
    }
}

/// Seqnos by key of one table.
#[derive(Default)]
pub struct TableIndex(RwLock<Content>);

#[derive(Default)]
struct Content {
    seqnos: BTreeMap<Key, Vec<Seqno>>,
    to: Seqno,
}

impl TableIndex {
    fn committed<'a>(&self, seqno: Seqno, keys: impl Iterator<Item = &'a Key>) {
        let mut content = self.lock();
        if seqno <= content.to {
            return;
        }
        for key in keys {
            match content.seqnos.get_mut(key) {
                Some(seqnos) => seqnos.push(seqno),
                None => {
                    content.seqnos.insert(key.clone(), vec![seqno]);
                }
            }
        }
    }

    fn lock(&self) -> RwLockWriteGuard<'_, Content> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Index for TableIndex {
    fn indexed_to(&self) -> Seqno {
        self.0.read().unwrap_or_else(PoisonError::into_inner).to
    }

    fn seqnos(&self, key: &[u8], from: Seqno, to: Seqno, limit: usize) -> Vec<Seqno> {
        let content = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let Some(seqnos) = content.seqnos.get(key) else { return Vec::new() };
        let start = seqnos.partition_point(|seqno| *seqno < from);
        seqnos[start..].iter().copied().take_while(|seqno| *seqno <= to).take(limit).collect()
    }

    fn last(&self, key: &[u8]) -> Option<Seqno> {
        let content = self.0.read().unwrap_or_else(PoisonError::into_inner);
        content.seqnos.get(key).and_then(|seqnos| seqnos.last().copied())
    }
}
