//! Indexes over tables: which transactions wrote which key. Derived from the ledger, kept in memory.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockWriteGuard},
};

use coco_app::Index;
use coco_boundary::Monotonic;
use coco_wire::{Key, Seqno, WriteSet};

/// One index for each table that an adapter wants indexed.
#[derive(Default)]
pub struct Indexes {
    tables: BTreeMap<String, TableIndex>,
    /// What a node that began with a snapshot still has to read.
    gap: Mutex<Option<Gap>>,
}

/// Transactions that were never taken in.
struct Gap {
    next: Seqno,
    last: Seqno,
    /// When `next` and those after it were last asked for.
    asked: Option<Monotonic>,
}

/// A read that was not answered for so long is asked for again.
const RETRY_MS: u64 = 5_000;

impl Indexes {
    /// Empty indexes over `tables`.
    pub fn over(tables: impl IntoIterator<Item = &'static str>) -> Self {
        let tables = tables.into_iter().map(|name| (name.to_owned(), TableIndex::default())).collect();
        Self { tables, gap: Mutex::default() }
    }

    /// The index over one table.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<&TableIndex> {
        self.tables.get(name)
    }

    /// Names of the indexed tables.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tables.keys().map(String::as_str)
    }

    /// Takes in a committed transaction; they come in order.
    pub fn committed(&self, seqno: Seqno, writes: &WriteSet) {
        for (name, index) in &self.tables {
            if let Some(writes) = writes.table(name) {
                index.committed(seqno, writes.keys());
            }
        }
    }

    /// Says up to where transactions were taken in.
    pub fn reached(&self, seqno: Seqno) {
        for index in self.tables.values() {
            index.lock().to = seqno;
        }
    }

    /// The node begins with a snapshot: of the transactions up to here only the effects are known. Until they are read, an
    /// index says that it lacks them, rather than that there are none.
    pub fn begin_after(&self, seqno: Seqno) {
        if !self.tables.is_empty() {
            *self.gap() = Some(Gap { next: Seqno(1), last: seqno, asked: None });
        }
        for index in self.tables.values() {
            index.lock().older = Some(BTreeMap::new());
        }
    }

    /// The transactions to read next, first and last, if any are missing and were not asked for a short while ago.
    pub(crate) fn lacking(&self, now: Monotonic) -> Option<(Seqno, Seqno)> {
        let mut gap = self.gap();
        let due = |gap: &&mut Gap| gap.asked.is_none_or(|asked| now.since_ms(asked) >= RETRY_MS);
        let gap = gap.as_mut().filter(due)?;
        gap.asked = Some(now);
        Some((gap.next, gap.last))
    }

    /// Takes in transactions that were missing: all from `first` up to the last of them.
    pub(crate) fn fill(&self, first: Seqno, transactions: &[(Seqno, WriteSet)]) {
        let mut gap = self.gap();
        // What was asked for twice may come twice.
        let Some(known) = gap.as_mut().filter(|gap| gap.next == first) else { return };
        let Some(last) = transactions.last().map(|(seqno, _)| *seqno) else { return };
        for (name, index) in &self.tables {
            let mut content = index.lock();
            let older = content.older.get_or_insert_default();
            for (seqno, writes) in transactions.iter().take_while(|(seqno, _)| *seqno <= known.last) {
                for key in writes.table(name).into_iter().flat_map(|writes| writes.keys()) {
                    older.entry(key.clone()).or_default().push(*seqno);
                }
            }
            if last >= known.last {
                content.join();
            }
        }
        *known = Gap { next: last.next(), last: known.last, asked: None };
        if last >= known.last {
            *gap = None;
        }
    }

    fn gap(&self) -> MutexGuard<'_, Option<Gap>> {
        self.gap.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Seqnos by key of one table.
#[derive(Default)]
pub struct TableIndex(RwLock<Content>);

#[derive(Default)]
struct Content {
    seqnos: BTreeMap<Key, Vec<Seqno>>,
    to: Seqno,
    /// Those before the snapshot that the node began with, as long as they are not complete.
    older: Option<BTreeMap<Key, Vec<Seqno>>>,
}

impl Content {
    /// The older ones are complete.
    fn join(&mut self) {
        for (key, mut seqnos) in self.older.take().unwrap_or_default() {
            let newer = self.seqnos.entry(key).or_default();
            seqnos.append(newer);
            *newer = seqnos;
        }
    }
}

impl TableIndex {
    fn committed<'a>(&self, seqno: Seqno, keys: impl Iterator<Item = &'a Key>) {
        let mut content = self.lock();
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
        let content = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if content.older.is_some() { Seqno::ZERO } else { content.to }
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
