//! Carries out the enclave's effects on the ledger files, in order.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use coco_boundary::{Effect, EntryKind, Event, FileOperation, LedgerFault, Level, Log, ReadFault, RequestId};
use coco_wire::{
    Seqno, TxId,
    chunk::{ChunkMark, ChunkName, ChunkPhase},
    entry::{EntryFlags, EntryHeader},
};

use super::{
    Durability, EventSink, LedgerOptions,
    chunk::Chunk,
    io_fault,
    read::{MAX_READ_BYTES, Read, Reads, Source},
};
use crate::disk::Disk;

/// Bytes that may wait in memory before they are written although the batch goes on: 1 MiB.
const WRITE_BYTES: usize = 1 << 20;

/// Owns the ledger's files.
pub(super) struct Writer {
    options: LedgerOptions,
    calls: Calls,
    events: EventSink,
    log: Log,
    reads: Reads,
    /// Not committed, oldest first; all but the last are complete.
    chunks: VecDeque<Chunk>,
    /// First and last entries of committed chunks.
    committed: BTreeMap<Seqno, Seqno>,
    committed_upto: Seqno,
    last: Seqno,
    unreported: Unreported,
    /// Files were created since the directory was synchronised.
    new_files: bool,
    /// What to do with files that were there before is decided.
    started: bool,
}

/// What was appended since the last report.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unreported {
    Nothing,
    /// Up to here, and agreement does not wait.
    Transactions(TxId),
    /// Up to here, with a signature.
    Signature(TxId),
}

impl Writer {
    pub(super) fn new(
        options: LedgerOptions,
        disk: Arc<dyn Disk>,
        reads: Reads,
        events: EventSink,
        log: Log,
    ) -> Self {
        let calls = Calls {
            disk,
            synchronise: options.durability == Durability::Fsync,
            slow: options.slow_io,
            log: log.clone(),
        };
        Self {
            options,
            calls,
            events,
            log,
            reads,
            chunks: VecDeque::new(),
            committed: BTreeMap::new(),
            committed_upto: Seqno::ZERO,
            last: Seqno::ZERO,
            unreported: Unreported::Nothing,
            new_files: false,
            started: false,
        }
    }

    /// Carries out a batch and reports what is persisted. After an error it must not be used again.
    pub(super) fn handle(&mut self, effects: &mut Vec<Effect>) -> Result<(), LedgerFault> {
        for effect in effects.drain(..) {
            match effect {
                Effect::Append { id, kind, entry } => self.append(id, kind, &entry)?,
                Effect::Truncate { last } => self.truncate(last)?,
                Effect::Commit { upto } => self.commit(upto)?,
                Effect::ReadEntries { request, from, to } => self.read(request, from, to)?,
                Effect::ResumeLedger { after } => self.resume(after)?,
                Effect::Files(_) | Effect::Send { .. } | Effect::Quote { .. } | Effect::Stop { .. } => {}
            }
        }
        self.settle()?;
        self.name_committed()
    }

    /// Writes and synchronises everything.
    pub(super) fn close(&mut self) -> Result<(), LedgerFault> {
        if let Unreported::Transactions(upto) = self.unreported {
            self.unreported = Unreported::Signature(upto);
        }
        self.settle()?;
        match self.chunks.back_mut() {
            Some(chunk) => chunk.close(&self.calls),
            None => Ok(()),
        }
    }

    fn append(&mut self, id: TxId, kind: EntryKind, entry: &[u8]) -> Result<(), LedgerFault> {
        if !self.started {
            self.resume(Seqno::ZERO)?;
        }
        let expected = self.last.next();
        if id.seqno != expected {
            return Err(LedgerFault::Gap { expected, found: id.seqno });
        }
        let header = entry.first_chunk().and_then(|header| EntryHeader::decode(*header).ok());
        let flags = match header {
            Some(header) if header.entry_len() == entry.len() as u64 => header.flags(),
            _ => return Err(LedgerFault::Malformed { seqno: id.seqno }),
        };
        if flags.contains(EntryFlags::FORCE_CHUNK_BEFORE) {
            self.complete_chunk()?;
        }
        let chunk = self.open_chunk(id.seqno)?;
        chunk.append(id.seqno, entry)?;
        let full = chunk.pending_len() >= WRITE_BYTES;
        self.last = id.seqno;
        self.unreported = match (kind, self.unreported) {
            (EntryKind::Transaction, Unreported::Nothing | Unreported::Transactions(_)) => {
                Unreported::Transactions(id)
            }
            _ => Unreported::Signature(id),
        };
        if flags.contains(EntryFlags::FORCE_CHUNK_AFTER) {
            self.complete_chunk()?;
        } else if full {
            self.write()?;
        }
        Ok(())
    }

    /// Goes on after an entry: committed chunks up to there stay, all others are set aside.
    fn resume(&mut self, after: Seqno) -> Result<(), LedgerFault> {
        if self.started {
            return Err(LedgerFault::Gap { expected: self.last.next(), found: after.next() });
        }
        self.started = true;
        (self.last, self.committed_upto) = (after, after);
        let directory = self.options.directory.clone();
        let shown = directory.to_string_lossy();
        let names = self.calls.run(FileOperation::Read, &shown, || self.calls.disk.list(&directory))?;
        let mut set_aside = false;
        for name in names {
            let Ok(parsed) = name.parse::<ChunkName>() else { continue };
            match parsed {
                ChunkName { mark: ChunkMark::Ignored, .. } => {}
                ChunkName { first, phase: ChunkPhase::Committed { last }, mark: ChunkMark::None }
                    if last <= after =>
                {
                    self.committed.insert(first, last);
                }
                other => {
                    let aside = ChunkName { mark: ChunkMark::Ignored, ..other }.to_string();
                    let (from, to) = (directory.join(&name), directory.join(aside));
                    self.calls.run(FileOperation::Rename, &name, || self.calls.disk.rename(&from, &to))?;
                    self.log
                        .info(format_args!("Ignoring ledger file {name}: the ledger goes on after {after}"));
                    set_aside = true;
                }
            }
        }
        if set_aside { self.calls.sync_directory(&self.options) } else { Ok(()) }
    }

    /// The chunk for the entry at `next`: the open one or a new one.
    fn open_chunk(&mut self, next: Seqno) -> Result<&mut Chunk, LedgerFault> {
        if self.chunks.back().is_none_or(Chunk::is_complete) {
            self.sync()?;
            let chunk = Chunk::create(next, &self.options.directory, self.options.reserve, &self.calls)?;
            self.log.debug(format_args!("Created ledger file {}", chunk.name));
            self.chunks.push_back(chunk);
            self.new_files = true;
        }
        Ok(self.chunks.back_mut().expect("a chunk is open"))
    }

    fn complete_chunk(&mut self) -> Result<(), LedgerFault> {
        match self.chunks.back_mut() {
            Some(chunk) if !chunk.is_complete() => chunk.complete(&self.calls),
            _ => Ok(()),
        }
    }

    fn write(&mut self) -> Result<(), LedgerFault> {
        match self.chunks.back_mut() {
            Some(chunk) => chunk.write(&self.calls),
            None => Ok(()),
        }
    }

    /// Writes what was appended, synchronises if a signature waits for it, and reports.
    fn settle(&mut self) -> Result<(), LedgerFault> {
        self.write()?;
        let upto = match (self.unreported, self.options.durability) {
            (Unreported::Signature(upto), _) | (Unreported::Transactions(upto), Durability::PageCache) => {
                upto
            }
            _ => return Ok(()),
        };
        self.sync()?;
        self.unreported = Unreported::Nothing;
        (self.events)(Event::Persisted { upto });
        Ok(())
    }

    /// Makes what was written survive. Chunks before the last were synchronised before that was created.
    fn sync(&mut self) -> Result<(), LedgerFault> {
        if let Some(chunk) = self.chunks.back_mut() {
            chunk.sync(&self.calls)?;
        }
        if self.new_files {
            self.calls.sync_directory(&self.options)?;
            self.new_files = false;
        }
        Ok(())
    }

    fn commit(&mut self, upto: Seqno) -> Result<(), LedgerFault> {
        if upto > self.last {
            return Err(LedgerFault::Beyond { seqno: upto, last: self.last });
        }
        self.committed_upto = self.committed_upto.max(upto);
        Ok(())
    }

    /// Renames complete chunks whose entries are all committed.
    fn name_committed(&mut self) -> Result<(), LedgerFault> {
        while let Some(chunk) = self.chunks.front_mut() {
            if !chunk.is_complete() || chunk.last() > self.committed_upto {
                break;
            }
            chunk.commit(&self.options.directory, &self.calls)?;
            self.calls.sync_directory(&self.options)?;
            self.new_files = false;
            self.log.debug(format_args!("Ledger file {} is committed up to {}", chunk.name, chunk.last()));
            self.committed.insert(chunk.first, chunk.last());
            self.chunks.pop_front();
        }
        Ok(())
    }

    fn truncate(&mut self, last: Seqno) -> Result<(), LedgerFault> {
        if last > self.last {
            return Err(LedgerFault::Beyond { seqno: last, last: self.last });
        }
        let committed = self.committed_upto;
        if last < committed {
            return Err(LedgerFault::TruncatesCommitted { last, committed });
        }
        // A signature before the cut still has to be reported.
        self.settle()?;
        self.unreported = Unreported::Nothing;
        self.last = last;
        while let Some(chunk) = self.chunks.pop_back_if(|chunk| chunk.first > last) {
            chunk.remove(&self.calls)?;
            self.calls.sync_directory(&self.options)?;
            self.new_files = false;
        }
        match self.chunks.back_mut() {
            Some(chunk) => chunk.truncate(last, &self.calls),
            None => Ok(()),
        }
    }

    fn read(&mut self, request: RequestId, from: Seqno, to: Seqno) -> Result<(), LedgerFault> {
        self.write()?;
        let answer = |fault| Event::Entries { request, entries: Err(fault) };
        if from == Seqno::ZERO || to < from || from > self.last {
            (self.events)(answer(ReadFault::Absent { seqno: from }));
            return Ok(());
        }
        let own = self.chunks.iter().find(|chunk| (chunk.first..=chunk.last()).contains(&from));
        let source = match own {
            Some(chunk) => Source::Uncommitted {
                file: Arc::clone(&chunk.file),
                name: chunk.name.clone(),
                offsets: chunk.offsets(from, to, MAX_READ_BYTES),
            },
            None => match self.committed.range(..=from).next_back() {
                Some((first, last)) if from <= *last => Source::Committed { first: *first, last: *last },
                _ => Source::ReadOnly,
            },
        };
        if !self.reads.start(Read { request, from, to, source }) {
            (self.events)(answer(ReadFault::Busy));
        }
        Ok(())
    }
}

/// Calls to the disk, with the time they take and their errors.
pub(super) struct Calls {
    pub(super) disk: Arc<dyn Disk>,
    synchronise: bool,
    slow: Duration,
    log: Log,
}

impl Calls {
    /// Makes one call on the file called `name`.
    pub(super) fn run<T>(
        &self,
        operation: FileOperation,
        name: &str,
        call: impl FnOnce() -> io::Result<T>,
    ) -> Result<T, LedgerFault> {
        let start = Instant::now();
        let result = call().map_err(|error| io_fault(operation, name, &error));
        let taken = start.elapsed();
        if taken > self.slow {
            let level = if taken > self.slow * 100 { Level::Fail } else { Level::Info };
            self.log.log(level, format_args!("Operation took too long ({taken:.3?}): {operation} of {name}"));
        }
        result
    }

    /// Makes one synchronising call, if so configured.
    pub(super) fn sync(&self, name: &str, call: impl FnOnce() -> io::Result<()>) -> Result<(), LedgerFault> {
        if self.synchronise { self.run(FileOperation::Sync, name, call) } else { Ok(()) }
    }

    fn sync_directory(&self, options: &LedgerOptions) -> Result<(), LedgerFault> {
        let directory = &options.directory;
        self.sync(&directory.to_string_lossy(), || self.disk.sync_directory(directory))
    }
}
