//! The ledger's files: one thread writes them, another reads old entries back.
//!
//! # What survives
//!
//! With [`Durability::Fsync`], `Persisted { upto }` means that every entry up to there survives a
//! loss of power. Calls are ordered so that whatever subset of the calls not yet synchronised
//! reaches the disk, the directory holds a readable ledger:
//!
//! 1. Entries are written and synchronised, and so is the directory if the chunk is new, before
//!    they are reported. Several signatures that wait together share one synchronisation.
//! 2. A chunk is completed by writing the table of positions behind its synchronised entries and
//!    then the table's offset into the header. Readers ignore what follows the last entry while
//!    the header is 0.
//! 3. The next chunk is created only after the completed one and its name are synchronised, so
//!    every chunk but the last is complete.
//! 4. A complete chunk is renamed to `.committed` once its last entry is committed; then the
//!    directory is synchronised.
//! 5. Truncation undoes this backwards: later chunks are removed from the last on, each removal
//!    synchronised; a completed chunk gets its header back to 0, synchronised, before it is cut.
//!
//! With [`Durability::PageCache`] nothing is synchronised: entries survive the death of the process only.
//!
//! # Faults
//!
//! After the first error nothing more is written or reported, and nothing is retried: the pages
//! that a failed `fdatasync` gave up may be gone although the next one succeeds.

mod chunk;
mod queue;
mod read;
mod writer;

use std::{io, path::PathBuf, sync::Arc, thread, time::Duration};

use coco_boundary::{Effect, Event, FileOperation, LedgerFault, Log};

use crate::disk::{Disk, parent};
use queue::Queue;
use writer::Writer;

/// Takes events; may be called from several threads.
pub type EventSink = Arc<dyn Fn(Event) + Send + Sync>;

/// Where the ledger is and how it is written.
#[derive(Clone, Debug)]
pub struct LedgerOptions {
    /// Of this node's own files.
    pub directory: PathBuf,
    /// Searched for committed chunks when entries are read.
    pub read_only_directories: Vec<PathBuf>,
    /// What `Persisted` means.
    pub durability: Durability,
    /// Bytes reserved for each new chunk; somewhat above the usual size of a chunk.
    pub reserve: u64,
    /// Calls that take longer are logged.
    pub slow_io: Duration,
}

/// What an entry must survive before it counts as persisted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// A loss of power: synchronised with `fdatasync`.
    Fsync,
    /// The end of the process: handed to the operating system.
    PageCache,
}

/// A ledger that cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There are files already. The text is CCF's.
    #[error("On start, ledger directory should not exist or be empty ({})", .0.display())]
    NotEmpty(PathBuf),
    /// The directory cannot be made or read.
    #[error("ledger directory {}: {error}", .directory.display())]
    Directory {
        /// The directory.
        directory: PathBuf,
        /// What the system says.
        error: io::Error,
    },
}

/// A new ledger, not yet running.
pub struct Ledger {
    queue: Arc<Queue>,
    options: LedgerOptions,
    disk: Arc<dyn Disk>,
}

impl Ledger {
    /// A ledger without entries. Creates its directory if missing, and writes no file yet.
    ///
    /// # Errors
    /// If the directory holds anything, or cannot be used.
    pub fn create(options: LedgerOptions, disk: Arc<dyn Disk>) -> Result<Self, StartError> {
        let ledger = Self::open(options, disk)?;
        let directory = &ledger.options.directory;
        let names = ledger.disk.list(directory);
        match names {
            Ok(names) if names.is_empty() => Ok(ledger),
            Ok(_) => Err(StartError::NotEmpty(directory.clone())),
            Err(error) => Err(StartError::Directory { directory: directory.clone(), error }),
        }
    }

    /// A ledger in a directory that may hold files already. Committed chunks of entries that are not appended again
    /// can be read; all other files are set aside with the first entry, under names that end with `.ignored`.
    ///
    /// # Errors
    /// If the directory cannot be used.
    pub fn open(options: LedgerOptions, disk: Arc<dyn Disk>) -> Result<Self, StartError> {
        let directory = &options.directory;
        disk.create_directory(directory)
            .and_then(|()| disk.sync_directory(&parent(directory)))
            .map_err(|error| StartError::Directory { directory: directory.clone(), error })?;
        Ok(Self { queue: Arc::new(Queue::default()), options, disk })
    }

    /// Where its effects go, before it runs and while it does.
    #[must_use]
    pub fn queue(&self) -> LedgerQueue {
        LedgerQueue(Arc::clone(&self.queue))
    }

    /// Starts both threads.
    ///
    /// # Errors
    /// If the system has no more threads.
    pub fn run(self, events: EventSink, log: Log) -> io::Result<LedgerThreads> {
        let Self { queue, options, disk } = self;
        let reads = read::start(Arc::clone(&disk), options.clone(), Arc::clone(&events))?;
        let writer = Writer::new(options, disk, reads, Arc::clone(&events), log);
        let work = Arc::clone(&queue);
        let writer = thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(move || write_until_closed(&work, writer, &events))?;
        Ok(LedgerThreads { queue, writer })
    }
}

fn write_until_closed(queue: &Queue, mut writer: Writer, events: &EventSink) {
    let mut effects = Vec::new();
    while let Some(bytes) = queue.take(&mut effects) {
        if let Err(fault) = writer.handle(&mut effects) {
            queue.fail();
            events(Event::Fault(fault));
            return;
        }
        queue.done(bytes);
    }
    if queue.overflowed() {
        events(Event::Fault(LedgerFault::Backlog));
    } else if let Err(fault) = writer.close() {
        events(Event::Fault(fault));
    }
}

/// Passes the enclave's effects to the ledger thread; never waits.
#[derive(Clone)]
pub struct LedgerQueue(Arc<Queue>);

impl LedgerQueue {
    /// Queues effects. The thread wakes up for signatures, truncations, reads and much data;
    /// other work waits for one of these or for [`LedgerQueue::nudge`].
    pub fn push(&self, effects: impl IntoIterator<Item = Effect>) {
        self.0.push(effects);
    }

    /// Has what waits be written. To be called every few milliseconds.
    pub fn nudge(&self) {
        self.0.nudge();
    }

    /// Bytes that wait to be written.
    #[must_use]
    pub fn backlog(&self) -> usize {
        self.0.backlog()
    }
}

/// A running ledger.
pub struct LedgerThreads {
    queue: Arc<Queue>,
    writer: thread::JoinHandle<()>,
}

impl LedgerThreads {
    /// Takes no more effects, writes and synchronises those queued, and ends.
    pub fn close(self) {
        self.queue.close();
        self.writer.join().expect("the ledger thread does not panic");
    }
}

/// A failed call on the file called `name`.
fn io_fault(operation: FileOperation, name: &str, error: &io::Error) -> LedgerFault {
    LedgerFault::Io { operation, file: name.to_owned(), errno: error.raw_os_error().unwrap_or(0) }
}

#[cfg(test)]
mod tests;
