//! Optimistic transactions.

use std::{
    cell::RefCell,
    ops::{ControlFlow, RangeBounds},
    sync::Arc,
};

use coco_wire::{Key, Seqno, TableName, Value, WriteSet, writes::TableWrites};

use crate::{
    Order, Reader, Rows, Snapshot, Stamp,
    reads::{OpenRange, Reads},
    rows,
    tree::Stored,
};

/// A transaction over a [`Snapshot`]: reads it and its own writes, and notes what it reads.
///
/// What is noted: the version of each key looked up, or its absence; the ranges iterated, as far as
/// they were consumed; the number of rows, where asked for. Reading what the transaction itself
/// wrote, and writing alone, notes nothing.
pub struct Tx {
    snapshot: Snapshot,
    pub(crate) reads: RefCell<Reads>,
    writes: WriteSet,
}

/// A finished transaction: what it read and what it would write.
pub struct Executed {
    pub(crate) read_version: Seqno,
    pub(crate) epoch: u64,
    pub(crate) reads: Reads,
    pub(crate) writes: Arc<WriteSet>,
}

impl Tx {
    /// A transaction that has done nothing yet.
    #[must_use]
    pub fn new(snapshot: Snapshot) -> Self {
        Self { snapshot, reads: RefCell::default(), writes: WriteSet::default() }
    }

    /// Version of the snapshot read.
    #[must_use]
    pub fn read_version(&self) -> Seqno {
        self.snapshot.version()
    }

    /// Sets the value of a key. By itself this conflicts with nothing.
    pub fn put(&mut self, table: &TableName, key: impl Into<Key>, value: impl Into<Value>) {
        self.writes.table_mut(table).insert(key.into(), Some(value.into()));
    }

    /// Removes a key if it is there. By itself this conflicts with nothing; as in CCF, a removal is
    /// written to the ledger even if the key was absent.
    pub fn remove(&mut self, table: &TableName, key: impl Into<Key>) {
        self.writes.table_mut(table).insert(key.into(), None);
    }

    /// Removes all keys; a read of the whole table.
    pub fn clear(&mut self, table: &TableName) {
        self.reads.get_mut().note_whole(&self.snapshot.state, table);
        let writes = self.writes.table_mut(table);
        for write in writes.values_mut() {
            *write = None;
        }
        for (key, _) in self.snapshot.state.rows(table.as_str()).into_iter().flat_map(|rows| rows.range(..)) {
            writes.insert(Key::new(key), None);
        }
    }

    /// Names the content of a table before this transaction; a read of the whole table.
    pub fn stamp(&mut self, table: &TableName) -> Stamp {
        self.reads.get_mut().note_whole(&self.snapshot.state, table);
        self.snapshot.stamp(table)
    }

    /// The state that it reads. What is read there is not noted.
    #[must_use]
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Calls `visit` with each row within `bounds`, in this order, until it breaks. Writes made meanwhile are not
    /// visited.
    pub fn for_each(
        &mut self,
        table: &TableName,
        bounds: impl RangeBounds<[u8]>,
        order: Order,
        mut visit: impl FnMut(&mut Self, &[u8], &[u8]) -> ControlFlow<()>,
    ) {
        let bounds = (bounds.start_bound(), bounds.end_bound());
        if rows::is_empty(&bounds) {
            return;
        }
        let snapshot = self.snapshot.clone();
        let own: Option<TableWrites> = self.own(table).map(|writes| {
            let writes = writes.range::<[u8], _>(bounds);
            writes.map(|(key, value)| (key.clone(), value.clone())).collect()
        });
        let mut rows = Rows::new(snapshot.state.rows(table.as_str()), own.as_ref(), bounds, order);
        let last = rows.find(|(key, value)| visit(self, key, value).is_break());
        if let Some(mut open) = OpenRange::new(&self.reads, &snapshot.state, table, &bounds, order) {
            open.read_to(last.map(|(key, _)| key));
        }
    }

    /// Whether nothing was written so far.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.writes.is_empty()
    }

    /// Ends execution.
    #[must_use]
    pub fn finish(self) -> Executed {
        Executed {
            read_version: self.snapshot.version(),
            epoch: self.snapshot.epoch,
            reads: self.reads.into_inner(),
            writes: Arc::new(self.writes),
        }
    }

    fn own(&self, table: &TableName) -> Option<&TableWrites> {
        self.writes.table(table.as_str()).filter(|writes| !writes.is_empty())
    }

    fn own_write(&self, table: &TableName, key: &[u8]) -> Option<&Option<Value>> {
        self.own(table)?.get(key)
    }
}

impl Reader for Tx {
    fn get(&self, table: &TableName, key: &[u8]) -> Option<Value> {
        if let Some(write) = self.own_write(table, key) {
            return write.clone();
        }
        self.reads.borrow_mut().look_up(&self.snapshot.state, table, key).map(Stored::to_value)
    }

    fn has(&self, table: &TableName, key: &[u8]) -> bool {
        if let Some(write) = self.own_write(table, key) {
            return write.is_some();
        }
        self.version_of_previous_write(table, key).is_some()
    }

    fn version_of_previous_write(&self, table: &TableName, key: &[u8]) -> Option<Seqno> {
        self.reads.borrow_mut().look_up(&self.snapshot.state, table, key).map(|row| row.version)
    }

    fn len(&self, table: &TableName) -> usize {
        let mut len = Reader::len(&self.snapshot, table);
        self.reads.borrow_mut().note_len(&self.snapshot.state, table);
        for (key, write) in self.own(table).into_iter().flatten() {
            match (self.version_of_previous_write(table, key), write) {
                (None, Some(_)) => len += 1,
                (Some(_), None) => len -= 1,
                _ => {}
            }
        }
        len
    }

    fn range_in(&self, table: &TableName, bounds: impl RangeBounds<[u8]>, order: Order) -> Rows<'_> {
        let open = OpenRange::new(&self.reads, &self.snapshot.state, table, &bounds, order);
        let rows = Rows::new(self.snapshot.state.rows(table.as_str()), self.own(table), bounds, order);
        match open {
            Some(open) => rows.noted_in(open),
            None => rows,
        }
    }
}

impl Executed {
    /// Version of the snapshot it read.
    #[must_use]
    pub fn read_version(&self) -> Seqno {
        self.read_version
    }

    /// What it would write.
    #[must_use]
    pub fn writes(&self) -> &Arc<WriteSet> {
        &self.writes
    }

    /// Whether it writes nothing: it is valid as of its read version and needs no commit.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.writes.is_empty()
    }
}
