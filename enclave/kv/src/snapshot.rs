//! The store at one version, and reading in general.

use std::ops::RangeBounds;

use coco_wire::{Seqno, TableName, Value};

use crate::{
    rows::{Order, Rows},
    state::{Stamp, State},
    tree::{Stored, Tree},
};

/// All tables at one version; never changes. A clone costs one reference count.
#[derive(Clone)]
pub struct Snapshot {
    /// Number of rollbacks before it was handed out.
    pub(crate) epoch: u64,
    pub(crate) state: State,
}

/// What can be read from: a [`Snapshot`], or a [`crate::Tx`], which sees its own writes too.
pub trait Reader {
    /// Value of a key.
    fn get(&self, table: &TableName, key: &[u8]) -> Option<Value>;

    /// Whether the table has the key.
    fn has(&self, table: &TableName, key: &[u8]) -> bool;

    /// The transaction that wrote the key last; a transaction's own write does not count.
    fn version_of_previous_write(&self, table: &TableName, key: &[u8]) -> Option<Seqno>;

    /// Number of keys.
    fn len(&self, table: &TableName) -> usize;

    /// Whether there are no keys.
    fn is_empty(&self, table: &TableName) -> bool {
        self.len(table) == 0
    }

    /// Rows whose keys lie within `bounds`, in the byte order of keys.
    fn range(&self, table: &TableName, bounds: impl RangeBounds<[u8]>) -> Rows<'_> {
        self.range_in(table, bounds, Order::Ascending)
    }

    /// The same in an order of choice.
    fn range_in(&self, table: &TableName, bounds: impl RangeBounds<[u8]>, order: Order) -> Rows<'_>;

    /// All rows, in the byte order of keys.
    fn iter(&self, table: &TableName) -> Rows<'_> {
        self.range(table, ..)
    }
}

impl Snapshot {
    /// Seqno of the last transaction in it, or of the hole reserved after that.
    #[must_use]
    pub fn version(&self) -> Seqno {
        self.state.version
    }

    /// Value of a key and the transaction that wrote it.
    #[must_use]
    pub fn get_versioned(&self, table: &TableName, key: &[u8]) -> Option<(Value, Seqno)> {
        let row = self.state.row(table.as_str(), key)?;
        Some((row.to_value(), row.version))
    }

    /// Names the content of a table, for what is derived from it and kept.
    #[must_use]
    pub fn stamp(&self, table: &TableName) -> Stamp {
        self.state.stamp(table.as_str())
    }

    /// Names of the tables that have rows, in byte order.
    pub fn tables(&self) -> impl Iterator<Item = &TableName> {
        self.state.tables()
    }
}

impl Reader for Snapshot {
    fn get(&self, table: &TableName, key: &[u8]) -> Option<Value> {
        self.state.row(table.as_str(), key).map(Stored::to_value)
    }

    fn has(&self, table: &TableName, key: &[u8]) -> bool {
        self.state.row(table.as_str(), key).is_some()
    }

    fn version_of_previous_write(&self, table: &TableName, key: &[u8]) -> Option<Seqno> {
        self.state.row(table.as_str(), key).map(|row| row.version)
    }

    fn len(&self, table: &TableName) -> usize {
        self.state.rows(table.as_str()).map_or(0, Tree::len)
    }

    fn range_in(&self, table: &TableName, bounds: impl RangeBounds<[u8]>, order: Order) -> Rows<'_> {
        Rows::new(self.state.rows(table.as_str()), None, bounds, order)
    }
}
