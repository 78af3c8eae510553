mod crash;
mod faults;
mod reading;
mod replay;
mod resume;

use std::{
    fs,
    path::Path,
    sync::{Mutex, mpsc},
};

use coco_boundary::{EntryKind, ReadFault, RequestId};
use coco_wire::{
    Seqno, TxId, View,
    chunk::{Chunk, ChunkMark, ChunkName, ChunkPhase},
    entry::{EntryFlags, EntryHeader},
};
use tempfile::TempDir;

use super::*;
use crate::disk::RealDisk;

const NONE: EntryFlags = EntryFlags::NONE;
const AFTER: EntryFlags = EntryFlags::FORCE_CHUNK_AFTER;
const BEFORE: EntryFlags = EntryFlags::FORCE_CHUNK_BEFORE;

/// A frame like that of a real entry, with `len` bytes of content.
fn entry(id: TxId, flags: EntryFlags, len: usize) -> Vec<u8> {
    let size = 36 + len as u64;
    let mut bytes = EntryHeader::new(flags, size).unwrap().encode().to_vec();
    bytes.extend([7; 16]);
    bytes.extend(id.seqno.0.to_le_bytes());
    bytes.extend(u32::try_from(id.view.0).unwrap().to_le_bytes());
    bytes.extend(0_u64.to_le_bytes());
    let content = (id.seqno.0 * 31 + id.view.0 * 7).to_le_bytes();
    bytes.extend(content.iter().cycle().take(len));
    bytes
}

fn append(view: u64, seqno: u64, flags: EntryFlags, len: usize, kind: EntryKind) -> Effect {
    let id = TxId { view: View(view), seqno: Seqno(seqno) };
    Effect::Append { id, kind, entry: entry(id, flags, len) }
}

fn transaction(seqno: u64) -> Effect {
    append(2, seqno, NONE, 40, EntryKind::Transaction)
}

fn signature(seqno: u64, flags: EntryFlags) -> Effect {
    append(2, seqno, flags, 100, EntryKind::Signature)
}

fn persisted(view: u64, seqno: u64) -> Event {
    Event::Persisted { upto: TxId { view: View(view), seqno: Seqno(seqno) } }
}

/// A writer without its thread, on a disk, in a directory of its own.
struct Bench {
    directory: TempDir,
    writer: Writer,
    events: mpsc::Receiver<Event>,
}

impl Bench {
    fn new(durability: Durability, disk: Arc<dyn Disk>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (sender, events) = mpsc::channel();
        let sender = Mutex::new(sender);
        let sink: EventSink = Arc::new(move |event| sender.lock().unwrap().send(event).unwrap());
        let writer = writer(directory.path(), durability, disk, sink);
        Self { directory, writer, events }
    }

    fn handle(&mut self, effects: impl Into<Vec<Effect>>) -> Result<Vec<Event>, LedgerFault> {
        self.writer.handle(&mut effects.into())?;
        Ok(self.events.try_iter().collect())
    }

    fn files(&self) -> Vec<String> {
        let mut names = RealDisk.list(self.directory.path()).unwrap();
        names.sort();
        names
    }

    /// Number of entries and completeness of a file.
    fn chunk(&self, name: &str) -> (usize, bool) {
        let bytes = fs::read(self.directory.path().join(name)).unwrap();
        let chunk = Chunk::decode(&bytes).unwrap();
        let entries: Result<Vec<_>, _> = chunk.entries().collect();
        (entries.unwrap().len(), chunk.is_complete())
    }
}

fn options(directory: &Path, durability: Durability) -> LedgerOptions {
    LedgerOptions {
        directory: directory.to_path_buf(),
        read_only_directories: vec![],
        durability,
        reserve: 1 << 16,
        slow_io: Duration::from_secs(60),
    }
}

fn writer(directory: &Path, durability: Durability, disk: Arc<dyn Disk>, events: EventSink) -> Writer {
    let options = options(directory, durability);
    let reads = read::start(Arc::clone(&disk), options.clone(), Arc::clone(&events)).unwrap();
    Writer::new(options, disk, reads, events, Log::discard())
}

#[test]
fn signatures_are_reported_and_chunks_roll_and_commit() {
    let mut bench = Bench::new(Durability::Fsync, Arc::new(RealDisk));
    assert_eq!(bench.handle([transaction(1)]).unwrap(), []);
    assert_eq!(bench.chunk("ledger_1"), (1, false), "an open chunk has its real size");
    assert_eq!(bench.handle([signature(2, NONE), transaction(3)]).unwrap(), [persisted(2, 3)]);
    assert_eq!(bench.handle([signature(4, AFTER), transaction(5)]).unwrap(), [persisted(2, 5)]);
    assert_eq!(bench.files(), ["ledger_1", "ledger_5"]);
    assert_eq!(bench.chunk("ledger_1"), (4, true));
    bench.handle([Effect::Commit { upto: Seqno(3) }]).unwrap();
    assert_eq!(bench.files(), ["ledger_1", "ledger_5"]);
    bench.handle([Effect::Commit { upto: Seqno(4) }]).unwrap();
    assert_eq!(bench.files(), ["ledger_1-4.committed", "ledger_5"]);
    bench.handle([append(2, 6, BEFORE, 9, EntryKind::Transaction), signature(7, NONE)]).unwrap();
    assert_eq!(bench.files(), ["ledger_1-4.committed", "ledger_5", "ledger_6"]);
    assert_eq!((bench.chunk("ledger_5"), bench.chunk("ledger_6")), ((1, true), (2, false)));
    bench.handle([transaction(8)]).unwrap();
    bench.writer.close().unwrap();
    assert_eq!(bench.events.try_iter().collect::<Vec<_>>(), [persisted(2, 8)]);
}

#[test]
fn the_page_cache_is_enough_if_so_configured() {
    let mut bench = Bench::new(Durability::PageCache, Arc::new(RealDisk));
    assert_eq!(bench.handle([transaction(1)]).unwrap(), [persisted(2, 1)]);
    assert_eq!(
        bench.handle([signature(2, AFTER), Effect::Commit { upto: Seqno(2) }]).unwrap(),
        [persisted(2, 2)]
    );
    assert_eq!(bench.files(), ["ledger_1-2.committed"]);
}

#[test]
fn truncation_inside_and_across_chunks() {
    let mut bench = Bench::new(Durability::Fsync, Arc::new(RealDisk));
    let mut script = vec![];
    for base in [0, 4, 8] {
        script.extend((1..4).map(|i| transaction(base + i)));
        script.push(signature(base + 4, AFTER));
    }
    script.push(transaction(13));
    bench.handle(script).unwrap();
    let truncate = |last| Effect::Truncate { last: Seqno(last) };
    bench.handle([truncate(13)]).unwrap();
    assert_eq!(bench.files(), ["ledger_1", "ledger_13", "ledger_5", "ledger_9"]);
    bench.handle([truncate(12)]).unwrap();
    assert_eq!(bench.files(), ["ledger_1", "ledger_5", "ledger_9"]);
    assert_eq!(bench.chunk("ledger_9"), (4, true), "it ends where it did");
    bench.handle([truncate(10)]).unwrap();
    assert_eq!(bench.chunk("ledger_9"), (2, false), "a complete chunk opens again");
    bench.handle([truncate(5)]).unwrap();
    assert_eq!(
        (bench.files(), bench.chunk("ledger_5")),
        (vec!["ledger_1".into(), "ledger_5".into()], (1, false))
    );
    let events = bench.handle([append(3, 6, AFTER, 5, EntryKind::Signature)]).unwrap();
    assert_eq!(events, [persisted(3, 6)]);
    assert_eq!(bench.chunk("ledger_5"), (2, true));
    let events = bench.handle([append(3, 7, NONE, 5, EntryKind::Signature), truncate(6)]).unwrap();
    assert_eq!(events, [persisted(3, 7)], "a signature before the cut is reported");
    bench.handle([truncate(4), Effect::Commit { upto: Seqno(4) }]).unwrap();
    assert_eq!(bench.files(), ["ledger_1-4.committed"]);
    assert_eq!(bench.handle([truncate(4)]).unwrap(), []);
}

#[test]
fn a_directory_with_files_is_refused_and_untouched() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger");
    let create = || Ledger::create(options(&path, Durability::Fsync), Arc::new(RealDisk));
    assert!(create().is_ok(), "made if missing");
    assert!(create().is_ok(), "empty");
    fs::write(path.join("ledger_1"), b"torn").unwrap();
    let error = create().err().unwrap().to_string();
    let expected = format!("On start, ledger directory should not exist or be empty ({})", path.display());
    assert_eq!(error, expected);
    assert_eq!(fs::read(path.join("ledger_1")).unwrap(), b"torn");
}

#[test]
fn the_thread_sleeps_until_a_signature_a_nudge_or_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let (sender, events) = mpsc::channel();
    let sender = Mutex::new(sender);
    let sink: EventSink = Arc::new(move |event| sender.lock().unwrap().send(event).unwrap());
    let options = options(&directory.path().join("a/b"), Durability::Fsync);
    let ledger = Ledger::create(options, Arc::new(RealDisk)).unwrap();
    let queue = ledger.queue();
    queue.push([transaction(1)]);
    let threads = ledger.run(sink, Log::discard()).unwrap();
    let wait = Duration::from_millis(100);
    thread::sleep(wait);
    assert!(queue.backlog() > 0);
    queue.nudge();
    while queue.backlog() > 0 {
        thread::yield_now();
    }
    assert!(events.recv_timeout(wait).is_err(), "no signature, no report");
    queue.push([signature(2, NONE)]);
    assert_eq!(events.recv().unwrap(), persisted(2, 2));
    queue.push([transaction(3)]);
    threads.close();
    assert_eq!(events.recv().unwrap(), persisted(2, 3));
    queue.push([transaction(4)]);
    assert_eq!(queue.backlog(), 0, "closed");
}
