//! The tables of a snapshot as bytes, in chunks, the same for equal states whatever their history.

use std::collections::VecDeque;

use coco_wire::{
    Domain, Seqno, TableName,
    snapshot::tables::{encode_row, encode_table, key_order, row_len},
};

use crate::{Snapshot, state::State};

/// A chunk ends with the row that makes it this long, or before it.
const CHUNK_BYTES: usize = 256 << 10;
/// Bytes of rows that are brought into order at a time, unless the table is very large.
const SLICE_BYTES: u64 = 16 << 20;
/// Most slices of a table, each of which costs a walk over it.
const MAX_SLICES: u64 = 32;

/// Tables of one domain in the form of [`coco_wire::snapshot::tables`]; an iterator over chunks of about 256 KiB, or of
/// one row.
///
/// The version of a table is that of its latest row, and a table without rows is left out: both follow from the state
/// alone. To bring rows into the order of the hashes of their keys, 16 MiB of them are held, or 1/32 of a large table:
/// looking each of them up in that order would cost a walk through scattered memory.
#[derive(Clone)]
pub struct Dump {
    state: State,
    tables: VecDeque<Measured>,
    /// The table that is being written.
    current: Option<Progress>,
}

/// What precedes the rows of a table.
#[derive(Clone)]
struct Measured {
    name: TableName,
    version: Seqno,
    rows_len: u64,
}

#[derive(Clone)]
struct Progress {
    name: TableName,
    slices: u64,
    /// Number of slices brought into order so far.
    next_slice: u64,
    slice: Slice,
}

/// Rows of a slice.
#[derive(Clone, Default)]
struct Slice {
    /// As they are written, in the order of their keys.
    rows: Vec<u8>,
    /// For each, in the order in which they are written: that order, where it begins and where it ends.
    index: Vec<(u32, usize, usize)>,
    written: usize,
}

impl Snapshot {
    /// The tables of one domain for a snapshot file. Walks over all rows once.
    #[must_use]
    pub fn dump(&self, domain: Domain) -> Dump {
        let names = self.state.tables().filter(|name| name.domain() == domain);
        let tables = names.map(|name| Measured::new(&self.state, name)).collect();
        Dump { state: self.state.clone(), tables, current: None }
    }
}

impl Measured {
    fn new(state: &State, name: &TableName) -> Self {
        let (mut version, mut rows_len) = (Seqno::ZERO, 0);
        for (key, row) in state.rows(name.as_str()).into_iter().flat_map(|rows| rows.range(..)) {
            version = version.max(row.version);
            rows_len += row_len(key.len(), row.bytes().len());
        }
        Self { name: name.clone(), version, rows_len }
    }
}

impl Iterator for Dump {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        while out.len() < CHUNK_BYTES {
            if let Some(table) = &mut self.current
                && table.write(&self.state, &mut out)
            {
                continue;
            }
            let Some(table) = self.tables.pop_front() else { break };
            encode_table(table.name.as_str(), table.version, table.rows_len, &mut out);
            let slices = table.rows_len.div_ceil(SLICE_BYTES).clamp(1, MAX_SLICES);
            self.current =
                Some(Progress { name: table.name, slices, next_slice: 0, slice: Slice::default() });
        }
        (!out.is_empty()).then_some(out)
    }
}

impl Progress {
    /// Writes rows until the chunk is full or the slice ends; false if no row is left.
    fn write(&mut self, state: &State, out: &mut Vec<u8>) -> bool {
        while self.slice.is_written() {
            if self.next_slice == self.slices {
                return false;
            }
            self.slice = Slice::new(state, self.name.as_str(), self.next_slice, self.slices);
            self.next_slice += 1;
        }
        while out.len() < CHUNK_BYTES
            && let Some(row) = self.slice.next_row()
        {
            out.extend_from_slice(row);
        }
        true
    }
}

impl Slice {
    /// The rows whose order lies in slice `number` of `count` equal ones.
    fn new(state: &State, table: &str, number: u64, count: u64) -> Self {
        let mut slice = Self::default();
        for (key, row) in state.rows(table).into_iter().flat_map(|rows| rows.range(..)) {
            let order = key_order(key);
            if (u64::from(order) * count) >> u32::BITS == number {
                let begin = slice.rows.len();
                encode_row(key, row.version, row.bytes(), &mut slice.rows);
                slice.index.push((order, begin, slice.rows.len()));
            }
        }
        // Where the order is the same, that of the keys decides.
        slice.index.sort_unstable();
        slice
    }

    fn is_written(&self) -> bool {
        self.written == self.index.len()
    }

    fn next_row(&mut self) -> Option<&[u8]> {
        let (_, begin, end) = *self.index.get(self.written)?;
        self.written += 1;
        Some(&self.rows[begin..end])
    }
}

#[cfg(test)]
mod tests;
