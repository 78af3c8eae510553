//! One ledger file that is not committed yet.

use std::{path::Path, path::PathBuf, sync::Arc};

use coco_boundary::{FileOperation, LedgerFault};
use coco_wire::{
    Seqno,
    chunk::{ChunkMark, ChunkName, ChunkPhase, HEADER_LEN, encode_header, encode_positions},
};

use super::writer::Calls;
use crate::disk::File;

/// A chunk with the positions of its entries, and bytes that wait to be written to it.
pub(super) struct Chunk {
    pub(super) first: Seqno,
    pub(super) file: Arc<dyn File>,
    pub(super) path: PathBuf,
    pub(super) name: String,
    /// Offset of each entry.
    positions: Vec<u32>,
    /// Where the entries end.
    end: u64,
    /// Appended but not written; it ends at `end`.
    pending: Vec<u8>,
    complete: bool,
    /// Written since the last synchronisation.
    unsynced: bool,
}

impl Chunk {
    /// Creates the file of the chunk that begins with `first`.
    pub(super) fn create(
        first: Seqno,
        directory: &Path,
        reserve: u64,
        calls: &Calls,
    ) -> Result<Self, LedgerFault> {
        let name = ChunkName { first, phase: ChunkPhase::Open, mark: ChunkMark::None }.to_string();
        let path = directory.join(&name);
        let file = calls.run(FileOperation::Create, &name, || calls.disk.create(&path))?;
        calls.run(FileOperation::Resize, &name, || file.reserve(reserve))?;
        let pending = encode_header(0).to_vec();
        let end = HEADER_LEN as u64;
        Ok(Self {
            first,
            file,
            path,
            name,
            positions: vec![],
            end,
            pending,
            complete: false,
            unsynced: false,
        })
    }

    /// The last entry; the one before the first if there is none.
    pub(super) fn last(&self) -> Seqno {
        Seqno(self.first.0 + self.positions.len() as u64 - 1)
    }

    pub(super) fn is_complete(&self) -> bool {
        self.complete
    }

    /// Adds an entry, to be written with the next call of [`Chunk::write`].
    pub(super) fn append(&mut self, seqno: Seqno, entry: &[u8]) -> Result<(), LedgerFault> {
        let position = u32::try_from(self.end).map_err(|_| LedgerFault::ChunkTooLarge { seqno })?;
        self.positions.push(position);
        self.pending.extend_from_slice(entry);
        self.end += entry.len() as u64;
        Ok(())
    }

    pub(super) fn pending_len(&self) -> usize {
        self.pending.len()
    }

    /// Writes what was appended.
    pub(super) fn write(&mut self, calls: &Calls) -> Result<(), LedgerFault> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let offset = self.end - self.pending.len() as u64;
        calls.run(FileOperation::Write, &self.name, || self.file.write_at(&self.pending, offset))?;
        self.pending.clear();
        self.unsynced = true;
        Ok(())
    }

    /// Makes what was written survive; does nothing without need.
    pub(super) fn sync(&mut self, calls: &Calls) -> Result<(), LedgerFault> {
        if self.unsynced {
            calls.sync(&self.name, || self.file.sync_data())?;
            self.unsynced = false;
        }
        Ok(())
    }

    /// Writes the table of positions, and its offset once the entries are safe.
    pub(super) fn complete(&mut self, calls: &Calls) -> Result<(), LedgerFault> {
        let at = self.end;
        let table = encode_positions(&self.positions);
        self.write(calls)?;
        calls.run(FileOperation::Write, &self.name, || self.file.write_at(&table, at))?;
        self.unsynced = true;
        self.sync(calls)?;
        let header = encode_header(at);
        calls.run(FileOperation::Write, &self.name, || self.file.write_at(&header, 0))?;
        let size = at + table.len() as u64;
        calls.run(FileOperation::Resize, &self.name, || self.file.resize(size))?;
        self.unsynced = true;
        self.complete = true;
        Ok(())
    }

    /// Forgets every entry after `last`, one of this chunk, and opens it again. Everything
    /// appended has been written.
    pub(super) fn truncate(&mut self, last: Seqno, calls: &Calls) -> Result<(), LedgerFault> {
        let keep = usize::try_from(last.0 + 1 - self.first.0).expect("no more than the positions in memory");
        let Some(end) = self.positions.get(keep).copied() else {
            return Ok(());
        };
        if self.complete {
            let header = encode_header(0);
            calls.run(FileOperation::Write, &self.name, || self.file.write_at(&header, 0))?;
            self.unsynced = true;
            self.sync(calls)?;
            self.complete = false;
        }
        self.positions.truncate(keep);
        self.end = u64::from(end);
        calls.run(FileOperation::Resize, &self.name, || self.file.resize(self.end))?;
        calls.sync(&self.name, || self.file.sync_all())?;
        self.unsynced = false;
        Ok(())
    }

    /// Gives the committed name to a complete chunk.
    pub(super) fn commit(&mut self, directory: &Path, calls: &Calls) -> Result<(), LedgerFault> {
        self.sync(calls)?;
        let phase = ChunkPhase::Committed { last: self.last() };
        let name = ChunkName { first: self.first, phase, mark: ChunkMark::None }.to_string();
        let path = directory.join(name);
        calls.run(FileOperation::Rename, &self.name, || calls.disk.rename(&self.path, &path))
    }

    /// Frees the space reserved beyond the last entry.
    pub(super) fn close(&mut self, calls: &Calls) -> Result<(), LedgerFault> {
        if self.complete {
            return Ok(());
        }
        calls.run(FileOperation::Resize, &self.name, || self.file.resize(self.end))?;
        self.unsynced = true;
        self.sync(calls)
    }

    /// Offsets of the entries from `from` to `to` and of the end of the last: as many as fit in
    /// `max_bytes`, but at least one entry.
    pub(super) fn offsets(&self, from: Seqno, to: Seqno, max_bytes: u64) -> Vec<u64> {
        let index = |seqno: Seqno| usize::try_from(seqno.0 - self.first.0).unwrap_or(usize::MAX);
        let (from, to) = (index(from), index(to.min(self.last())));
        let offset = |i: usize| self.positions.get(i).map_or(self.end, |at| u64::from(*at));
        let begin = offset(from);
        let mut offsets = vec![begin, offset(from + 1)];
        offsets.extend((from + 1..=to).map(|i| offset(i + 1)).take_while(|end| end - begin <= max_bytes));
        offsets
    }

    /// Removes the file.
    pub(super) fn remove(&self, calls: &Calls) -> Result<(), LedgerFault> {
        calls.run(FileOperation::Remove, &self.name, || calls.disk.remove(&self.path))
    }
}
