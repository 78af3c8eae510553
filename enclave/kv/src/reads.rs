//! What a transaction has read, and whether it still holds.

use std::{
    cell::RefCell,
    ops::{Bound, RangeBounds},
};

use coco_wire::{Key, Seqno, TableName};

use crate::{
    Order, rows,
    state::{Stamp, State},
    tree::{Stored, Tree},
};

/// More ranges of one table than this count as one read of the whole table.
const MAX_RANGES: usize = 64;
/// Repeated keys are looked for only in lists at least this long.
const DEDUP_FROM: usize = 64;

/// Reads of one transaction by table, in the order of first use.
#[derive(Default)]
pub(crate) struct Reads {
    tables: Vec<TableReads>,
}

/// Reads of one table.
struct TableReads {
    table: TableName,
    /// Of the table as it was read.
    stamp: Stamp,
    /// Keys looked up, with the version found; none if absent.
    keys: Vec<(Key, Option<Seqno>)>,
    /// Ranges iterated, each cut to what was consumed.
    ranges: Vec<KeyRange>,
    /// The rows the ranges were read from.
    rows: Tree,
    /// Number of rows, where it was asked for.
    len: Option<usize>,
    /// The whole table was read.
    whole: bool,
}

/// Bounds of a range, kept.
#[derive(Clone, PartialEq, Eq)]
struct KeyRange(Bound<Key>, Bound<Key>);

impl Reads {
    /// Looks a key up and notes what was found.
    pub(crate) fn look_up<'a>(
        &mut self,
        state: &'a State,
        table: &TableName,
        key: &[u8],
    ) -> Option<Stored<'a>> {
        let contents = state.table(table.as_str());
        let row = contents.and_then(|contents| contents.rows.get(key));
        let at = self.position(table, || contents.map_or(Stamp::default(), |contents| contents.stamp));
        let reads = &mut self.tables[at];
        if reads.whole {
            return row;
        }
        if reads.keys.len() >= DEDUP_FROM && reads.keys.len() == reads.keys.capacity() {
            reads.keys.sort_unstable();
            reads.keys.dedup();
        }
        reads.keys.push((Key::new(key), row.map(|row| row.version)));
        row
    }

    pub(crate) fn note_len(&mut self, state: &State, table: &TableName) {
        self.table(state, table).len = Some(state.rows(table.as_str()).map_or(0, Tree::len));
    }

    pub(crate) fn note_whole(&mut self, state: &State, table: &TableName) {
        let reads = self.table(state, table);
        reads.whole = true;
        reads.keys = Vec::new();
        reads.ranges = Vec::new();
        reads.rows = Tree::default();
    }

    /// Notes that all of `bounds` is read; returns where this stands, to shorten it later.
    fn note_range(&mut self, state: &State, table: &TableName, range: KeyRange) -> (usize, usize) {
        if self.table(state, table).ranges.len() >= MAX_RANGES {
            self.note_whole(state, table);
        }
        let at = self.position(table, || state.stamp(table.as_str()));
        let reads = &mut self.tables[at];
        if reads.whole {
            return (at, 0);
        }
        if reads.ranges.is_empty() {
            reads.rows = state.rows(table.as_str()).cloned().unwrap_or_default();
        }
        reads.ranges.push(range);
        (at, reads.ranges.len() - 1)
    }

    /// Whether executing again on `latest` would read the same. `same_history` says that no
    /// transaction was rolled back since the reads, so that equal versions are equal rows.
    pub(crate) fn hold(&self, latest: &State, same_history: bool) -> bool {
        self.tables.iter().all(|reads| reads.hold(latest, same_history))
    }

    fn table(&mut self, state: &State, table: &TableName) -> &mut TableReads {
        let at = self.position(table, || state.stamp(table.as_str()));
        &mut self.tables[at]
    }

    /// Index of the reads of a table, whose stamp is asked for at the first.
    fn position(&mut self, table: &TableName, stamp: impl FnOnce() -> Stamp) -> usize {
        self.tables.iter().position(|reads| reads.table == *table).unwrap_or_else(|| {
            self.tables.push(TableReads {
                table: table.clone(),
                stamp: stamp(),
                keys: Vec::new(),
                ranges: Vec::new(),
                rows: Tree::default(),
                len: None,
                whole: false,
            });
            self.tables.len() - 1
        })
    }
}

impl TableReads {
    fn hold(&self, latest: &State, same_history: bool) -> bool {
        let table = self.table.as_str();
        if latest.stamp(table) == self.stamp {
            return true;
        }
        let observed = self.whole || self.len.is_some() || !self.keys.is_empty() || !self.ranges.is_empty();
        if !observed {
            return true;
        }
        if self.whole || !same_history {
            return false;
        }
        let same_keys =
            self.keys.iter().all(|(key, version)| latest.row(table, key).map(|row| row.version) == *version);
        let same_len = self.len.is_none_or(|len| len == latest.rows(table).map_or(0, Tree::len));
        same_keys && same_len && self.ranges_hold(latest)
    }

    fn ranges_hold(&self, latest: &State) -> bool {
        if self.ranges.is_empty() {
            return true;
        }
        let emptied = Tree::default();
        let latest = latest.rows(self.table.as_str()).unwrap_or(&emptied);
        self.rows.same_where(latest, |key| self.ranges.iter().any(|range| range.contains(key)))
    }
}

impl KeyRange {
    fn nothing() -> Self {
        let least = Key::new(&[]);
        Self(Bound::Excluded(least.clone()), Bound::Excluded(least))
    }

    fn contains(&self, key: &[u8]) -> bool {
        let from = self.0.as_ref().map(AsRef::as_ref);
        let to = self.1.as_ref().map(AsRef::as_ref);
        (from, to).contains(key)
    }
}

/// A range being iterated: noted as read whole at first, cut to what was consumed when dropped.
pub(crate) struct OpenRange<'a> {
    reads: &'a RefCell<Reads>,
    /// Indexes of the table and of the range in it.
    at: (usize, usize),
    order: Order,
    consumed: Consumed<'a>,
}

/// How far an iteration got.
enum Consumed<'a> {
    Nothing,
    To(&'a [u8]),
    All,
}

impl<'a> OpenRange<'a> {
    /// None for bounds that no key can satisfy: nothing is read.
    pub(crate) fn new(
        reads: &'a RefCell<Reads>,
        state: &State,
        table: &TableName,
        bounds: &impl RangeBounds<[u8]>,
        order: Order,
    ) -> Option<Self> {
        if rows::is_empty(bounds) {
            return None;
        }
        let range = KeyRange(bounds.start_bound().map(Key::new), bounds.end_bound().map(Key::new));
        let at = reads.borrow_mut().note_range(state, table, range);
        Some(Self { reads, at, order, consumed: Consumed::Nothing })
    }

    /// The iteration yielded `key`, or its end.
    pub(crate) fn read_to(&mut self, key: Option<&'a [u8]>) {
        self.consumed = key.map_or(Consumed::All, Consumed::To);
    }
}

impl Drop for OpenRange<'_> {
    fn drop(&mut self) {
        let mut reads = self.reads.borrow_mut();
        let reads = &mut reads.tables[self.at.0];
        if reads.whole {
            return;
        }
        match self.consumed {
            Consumed::All => {}
            Consumed::To(key) => {
                let KeyRange(from, to) = &mut reads.ranges[self.at.1];
                let end = match self.order {
                    Order::Ascending => to,
                    Order::Descending => from,
                };
                *end = Bound::Included(Key::new(key));
            }
            Consumed::Nothing if self.at.1 + 1 == reads.ranges.len() => drop(reads.ranges.pop()),
            // Ranges noted after this one keep their place.
            Consumed::Nothing => reads.ranges[self.at.1] = KeyRange::nothing(),
        }
    }
}

#[cfg(test)]
mod tests;
