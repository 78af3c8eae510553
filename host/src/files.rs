//! Snapshot files, downloads, and the removal of old files: one thread.
//!
//! A snapshot is written to `snapshot_{seqno}.part`. With its receipt it is synchronised, renamed to its final name and the
//! directory is synchronised, so that a file with a final name is whole whatever happens. A failure loses the
//! snapshot and nothing else.

mod cleanup;
mod queue;
mod snapshots;
mod stored;

use std::{
    io,
    num::NonZeroU64,
    path::PathBuf,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use coco_boundary::{Event, FileEffect, FileEvent, Log, ReadFault, SnapshotFault};

use crate::{
    disk::{Disk, parent},
    ledger::{Durability, EventSink},
};
use queue::{Queue, Work};
use snapshots::Snapshots;
use stored::Stored;

/// Where files are and how long they stay.
#[derive(Clone, Debug)]
pub struct FilesOptions {
    /// Of this node's own snapshots.
    pub snapshots: PathBuf,
    /// Searched for snapshots too.
    pub read_only_snapshots: Option<PathBuf>,
    /// Of this node's own ledger files.
    pub ledger: PathBuf,
    /// Searched for chunks too.
    pub read_only_ledgers: Vec<PathBuf>,
    /// Whether snapshots are synchronised.
    pub durability: Durability,
    /// Which files are removed.
    pub cleanup: Cleanup,
}

/// Which files are removed (CCF 7 `files_cleanup`).
#[derive(Clone, Copy, Debug)]
pub struct Cleanup {
    /// Newest committed snapshots that stay in the node's own directory; none: all.
    pub max_snapshots: Option<NonZeroU64>,
    /// Newest committed chunks that stay in the node's own directory; older ones go if a read-only directory has the
    /// same. None: all.
    pub max_chunks: Option<u64>,
    /// Time between two clean-ups.
    pub interval: Duration,
}

/// A directory of snapshots that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("snapshots directory {}: {error}", .directory.display())]
pub struct FilesError {
    directory: PathBuf,
    error: io::Error,
}

/// Files, with nobody yet who works on them.
pub struct Files {
    queue: Arc<Queue>,
    options: FilesOptions,
    disk: Arc<dyn Disk>,
}

impl Files {
    /// Creates the directory of snapshots if missing, and removes what an earlier process did not finish.
    ///
    /// # Errors
    /// If the directory cannot be used.
    pub fn open(options: FilesOptions, disk: Arc<dyn Disk>) -> Result<Self, FilesError> {
        let directory = &options.snapshots;
        let prepare = || {
            disk.create_directory(directory)?;
            disk.sync_directory(&parent(directory))?;
            let names = disk.list(directory)?;
            let mut unfinished = names.iter().filter(|name| snapshots::is_unfinished(name));
            unfinished.try_for_each(|name| disk.remove(&directory.join(name)))
        };
        match prepare() {
            Ok(()) => Ok(Self { queue: Arc::new(Queue::default()), options, disk }),
            Err(error) => Err(FilesError { directory: directory.clone(), error }),
        }
    }

    /// Where effects go, before the thread runs and while it does.
    #[must_use]
    pub fn queue(&self) -> FilesQueue {
        FilesQueue(Arc::clone(&self.queue))
    }

    /// Starts the thread.
    ///
    /// # Errors
    /// If the system has no more threads.
    pub fn run(self, events: EventSink, log: Log) -> io::Result<FilesThread> {
        let Self { queue, options, disk } = self;
        let work = Arc::clone(&queue);
        let worker = Worker::new(options, disk, events, log);
        let thread = thread::Builder::new().name("files".to_owned()).spawn(move || worker.run(&work))?;
        Ok(FilesThread { queue, thread })
    }
}

/// Passes the enclave's effects on; never waits.
#[derive(Clone)]
pub struct FilesQueue(Arc<Queue>);

impl FilesQueue {
    /// Queues an effect. If too much waits, it is answered with a fault instead.
    pub fn push(&self, effect: FileEffect) {
        self.0.push(effect);
    }
}

/// The running thread.
pub struct FilesThread {
    queue: Arc<Queue>,
    thread: thread::JoinHandle<()>,
}

impl FilesThread {
    /// Takes no more effects, carries out those queued, and ends.
    pub fn close(self) {
        self.queue.close();
        self.thread.join().expect("the thread of files does not panic");
    }
}

/// The thread's state.
struct Worker {
    snapshots: Snapshots,
    stored: Stored,
    cleanup: Cleanup,
    events: EventSink,
    log: Log,
}

impl Worker {
    fn new(options: FilesOptions, disk: Arc<dyn Disk>, events: EventSink, log: Log) -> Self {
        let synchronise = options.durability == Durability::Fsync;
        let snapshots = Snapshots::new(options.snapshots.clone(), Arc::clone(&disk), synchronise);
        let cleanup = options.cleanup;
        Self { snapshots, stored: Stored::new(options, disk), cleanup, events, log }
    }

    fn run(mut self, queue: &Queue) {
        let mut next_cleanup = Instant::now() + self.cleanup.interval;
        loop {
            match queue.take(next_cleanup) {
                Some(Work::Effect(effect)) => self.handle(effect),
                Some(Work::Refused(event)) => (self.events)(Event::Files(event)),
                Some(Work::Idle) => {
                    self.stored.clean_up(self.cleanup, &self.log);
                    next_cleanup = Instant::now() + self.cleanup.interval;
                }
                None => return,
            }
        }
    }

    fn handle(&mut self, effect: FileEffect) {
        let event = match effect {
            FileEffect::WriteSnapshot { seqno, offset, bytes } => {
                let Some(written) = self.snapshots.write(seqno, offset, &bytes) else { return };
                match written {
                    Ok(len) => FileEvent::SnapshotWritten { seqno, len },
                    Err(fault) => FileEvent::SnapshotFailed { seqno, fault },
                }
            }
            FileEffect::CommitSnapshot { seqno, evidence_seqno, receipt } => {
                match self.snapshots.commit(seqno, evidence_seqno, &receipt) {
                    Ok((name, len)) => {
                        self.log.info(format_args!("Committed snapshot {name} ({len} bytes)"));
                        FileEvent::SnapshotCommitted { name, len }
                    }
                    Err(fault) => FileEvent::SnapshotFailed { seqno, fault },
                }
            }
            FileEffect::DropSnapshot { seqno } => return self.snapshots.forget(seqno),
            FileEffect::List { request, kind } => {
                FileEvent::Listed { request, files: self.stored.list(kind) }
            }
            FileEffect::Read { request, file, offset, len } => {
                FileEvent::Part { request, part: self.stored.read(file, offset, len) }
            }
        };
        if let FileEvent::SnapshotFailed { seqno, fault } = &event {
            self.log.fail(format_args!("Snapshot at {seqno} is given up: {fault}"));
        }
        (self.events)(Event::Files(event));
    }
}

/// A failed call on the file called `name`.
fn read_fault(name: &str, error: &io::Error) -> ReadFault {
    match error.raw_os_error() {
        None if error.kind() == io::ErrorKind::UnexpectedEof => ReadFault::Damaged { file: name.to_owned() },
        errno => ReadFault::Io { file: name.to_owned(), errno: errno.unwrap_or(0) },
    }
}

/// What is answered instead of carrying out an effect for which there is no room.
fn refusal(effect: &FileEffect) -> Option<FileEvent> {
    match *effect {
        FileEffect::WriteSnapshot { seqno, .. } | FileEffect::CommitSnapshot { seqno, .. } => {
            Some(FileEvent::SnapshotFailed { seqno, fault: SnapshotFault::Backlog })
        }
        FileEffect::DropSnapshot { .. } => None,
        FileEffect::List { request, .. } => Some(FileEvent::Listed { request, files: Err(ReadFault::Busy) }),
        FileEffect::Read { request, .. } => Some(FileEvent::Part { request, part: Err(ReadFault::Busy) }),
    }
}

#[cfg(test)]
mod tests;
