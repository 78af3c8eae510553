//! All tables at one version, as persistent maps that share what they have in common.

use coco_wire::{Key, Seqno, TableName, WriteSet};
use imbl::OrdMap;

use crate::tree::{Row, Stored, Tree};

/// All tables; a clone costs one reference count.
///
/// A table without rows is not there, so that emptied and never written tables are the same.
#[derive(Clone, Default)]
pub(crate) struct State {
    /// Seqno of the last transaction in it.
    pub(crate) version: Seqno,
    tables: OrdMap<TableName, Contents>,
}

/// Rows of one table.
#[derive(Clone, Default)]
pub(crate) struct Contents {
    pub(crate) rows: Tree,
    pub(crate) stamp: Stamp,
}

/// Names one content of a table: equal stamps of one store, equal rows.
///
/// Unlike a seqno, which a rollback frees for another transaction, a stamp is never used twice.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Stamp(u64);

/// Source of stamps; one for each store. The zero stamp is that of a table without rows.
#[derive(Default)]
pub(crate) struct Stamps(u64);

impl Stamps {
    fn next(&mut self) -> Stamp {
        self.0 = self.0.checked_add(1).expect("a store never changes 2^64 times");
        Stamp(self.0)
    }
}

impl State {
    /// A table, if it has rows.
    pub(crate) fn table(&self, table: &str) -> Option<&Contents> {
        self.tables.get(table)
    }

    /// Rows of a table, if there are any.
    pub(crate) fn rows(&self, table: &str) -> Option<&Tree> {
        self.tables.get(table).map(|contents| &contents.rows)
    }

    pub(crate) fn row(&self, table: &str, key: &[u8]) -> Option<Stored<'_>> {
        self.tables.get(table)?.rows.get(key)
    }

    pub(crate) fn stamp(&self, table: &str) -> Stamp {
        self.tables.get(table).map_or(Stamp::default(), |contents| contents.stamp)
    }

    pub(crate) fn tables(&self) -> impl Iterator<Item = &TableName> {
        self.tables.keys()
    }

    /// Applies the writes of the transaction at `seqno`; returns what stood there before, in the
    /// order of the writes. Leaves `version` alone.
    pub(crate) fn write(&mut self, seqno: Seqno, writes: &WriteSet, stamps: &mut Stamps) -> Vec<Option<Row>> {
        let mut previous = Vec::with_capacity(writes.tables().map(|(_, writes)| writes.len()).sum());
        for (table, writes) in writes.tables() {
            let edits = writes
                .iter()
                .map(|(key, value)| (key, value.clone().map(|value| Row { version: seqno, value })));
            self.edit(table, edits, stamps, |row| previous.push(row));
        }
        previous
    }

    /// Puts back what [`State::write`] returned for the same writes.
    pub(crate) fn restore(&mut self, writes: &WriteSet, previous: &[Option<Row>], stamps: &mut Stamps) {
        let mut previous = previous.iter().cloned();
        for (table, writes) in writes.tables() {
            let edits = writes.keys().zip(previous.by_ref().take(writes.len()));
            self.edit(table, edits, stamps, drop);
        }
    }

    /// Adds a table that is not there; none without rows.
    pub(crate) fn put_table(&mut self, name: TableName, rows: Tree, stamps: &mut Stamps) {
        if !rows.is_empty() {
            self.tables.insert(name, Contents { rows, stamp: stamps.next() });
        }
    }

    fn edit<'a>(
        &mut self,
        table: &TableName,
        edits: impl ExactSizeIterator<Item = (&'a Key, Option<Row>)>,
        stamps: &mut Stamps,
        mut replaced: impl FnMut(Option<Row>),
    ) {
        if edits.len() == 0 {
            return;
        }
        let contents = match self.tables.get_mut(table) {
            Some(contents) => contents,
            None => {
                self.tables.insert(table.clone(), Contents::default());
                self.tables.get_mut(table).expect("it was inserted")
            }
        };
        for (key, row) in edits {
            replaced(match row {
                Some(row) => contents.rows.insert(key, &row),
                None => contents.rows.remove(key),
            });
        }
        contents.stamp = stamps.next();
        if contents.rows.is_empty() {
            self.tables.remove(table);
        }
    }
}
