//! A store made from the tables of a snapshot.

use coco_wire::{
    Domain, Seqno, TableName, Value,
    snapshot::{SnapshotError, SnapshotTables, TablePart, TableReader},
};

use super::Store;
use crate::{
    state::{Stamps, State},
    tree::{Row, Tree},
};

/// A state that comes into being, aside: the tables of a snapshot file are taken in with [`SnapshotTables::push`].
pub struct Restore {
    state: State,
    stamps: Stamps,
    /// Tables of the domain that is read.
    reader: TableReader,
    domain: Domain,
    table: Option<(TableName, Tree)>,
    batch: Batch,
}

/// Rows that are not in their table yet. They come in an order that is random for the table: to put them in one by one
/// would touch scattered memory for each.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    /// Where the key begins, where the value begins, where it ends.
    rows: Vec<(usize, usize, usize, Seqno)>,
}

/// Bytes of a batch.
const BATCH_BYTES: usize = 16 << 20;

/// Tables that are not those of a snapshot at this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// They do not read.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// A table was changed after the snapshot.
    #[error("a table is of a later version than the snapshot")]
    TableVersion,
    /// A key occurs twice in one table.
    #[error("a table has a key twice")]
    DuplicateKey,
    /// Public tables after private ones.
    #[error("public tables follow private ones")]
    DomainOrder,
}

impl Restore {
    /// Nothing taken in yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            state: State::default(),
            stamps: Stamps::default(),
            reader: TableReader::new(Domain::Public),
            domain: Domain::Public,
            table: None,
            batch: Batch::default(),
        }
    }

    /// The store, all of it committed. To be asked for only once the snapshot is proved to be authentic.
    ///
    /// # Errors
    /// In the middle of a table.
    pub fn finish(mut self) -> Result<Store, RestoreError> {
        self.end_domain(Domain::Private)?;
        let Self { state, stamps, .. } = self;
        Ok(Store { committed: state.version, latest: state, stamps, ..Store::default() })
    }

    fn end_domain(&mut self, next: Domain) -> Result<(), RestoreError> {
        std::mem::replace(&mut self.reader, TableReader::new(next)).finish()?;
        self.end_table()?;
        self.domain = next;
        Ok(())
    }

    fn end_table(&mut self) -> Result<(), RestoreError> {
        if let Some((name, mut rows)) = self.table.take() {
            self.batch.put_into(&mut rows)?;
            self.state.put_table(name, rows, &mut self.stamps);
        }
        Ok(())
    }

    fn take(&mut self, part: TablePart<'_>) -> Result<(), RestoreError> {
        match (part, &mut self.table) {
            (TablePart::Table { version, .. }, _) if version > self.state.version => {
                Err(RestoreError::TableVersion)
            }
            (TablePart::Table { name, .. }, _) => {
                self.end_table()?;
                self.table = Some((TableName::new(name), Tree::default()));
                Ok(())
            }
            (TablePart::Row { key, version, value }, Some((_, rows))) => {
                self.batch.add(key, version, value);
                if self.batch.bytes.len() < BATCH_BYTES { Ok(()) } else { self.batch.put_into(rows) }
            }
            (TablePart::Row { .. }, None) => unreachable!("rows belong to a table"),
        }
    }
}

impl Batch {
    fn add(&mut self, key: &[u8], version: Seqno, value: &[u8]) {
        let begin = self.bytes.len();
        self.bytes.extend_from_slice(key);
        let middle = self.bytes.len();
        self.bytes.extend_from_slice(value);
        self.rows.push((begin, middle, self.bytes.len(), version));
    }

    fn put_into(&mut self, table: &mut Tree) -> Result<(), RestoreError> {
        let bytes = &self.bytes;
        self.rows.sort_unstable_by_key(|(begin, middle, ..)| &bytes[*begin..*middle]);
        for (begin, middle, end, version) in self.rows.drain(..) {
            let row = Row { version, value: Value::new(&bytes[middle..end]) };
            if table.insert(&bytes[begin..middle], &row).is_some() {
                return Err(RestoreError::DuplicateKey);
            }
        }
        self.bytes.clear();
        Ok(())
    }
}

impl Default for Restore {
    fn default() -> Self {
        Self::new()
    }
}

impl SnapshotTables for Restore {
    type Error = RestoreError;

    fn begin(&mut self, version: Seqno) {
        self.state.version = version;
    }

    fn push(&mut self, domain: Domain, bytes: &[u8]) -> Result<(), RestoreError> {
        match (self.domain, domain) {
            (Domain::Private, Domain::Public) => return Err(RestoreError::DomainOrder),
            (Domain::Public, Domain::Private) => self.end_domain(Domain::Private)?,
            _ => {}
        }
        let mut reader = std::mem::replace(&mut self.reader, TableReader::new(domain));
        let result = reader.push(bytes, |part| self.take(part));
        self.reader = reader;
        result
    }
}

#[cfg(test)]
mod tests;
