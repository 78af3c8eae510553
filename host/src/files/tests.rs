//! Snapshot files through their thread, and what a loss of power leaves of them.

use std::{
    fs,
    path::Path,
    sync::{Mutex, mpsc},
};

use coco_boundary::{FileKind, FileName, FilePart, MAX_PART, RequestId};
use coco_wire::{Seqno, snapshot::SnapshotName};
use tempfile::TempDir;

use super::*;
use crate::{
    disk::RealDisk,
    record::{Call, ForgetfulDisk, Image, Recorder, Survival},
};

const REQUEST: RequestId = RequestId(7);

fn options(root: &Path) -> FilesOptions {
    FilesOptions {
        snapshots: root.join("snapshots"),
        read_only_snapshots: Some(root.join("others")),
        ledger: root.join("ledger"),
        read_only_ledgers: vec![root.join("absent"), root.join("old")],
        durability: Durability::Fsync,
        cleanup: Cleanup { max_snapshots: None, max_chunks: None, interval: Duration::from_secs(3600) },
    }
}

/// Directories with a few committed files.
fn root() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for name in ["snapshots", "others", "ledger", "old"] {
        fs::create_dir(root.path().join(name)).unwrap();
    }
    root
}

struct Bench {
    root: TempDir,
    worker: Worker,
    events: mpsc::Receiver<Event>,
}

impl Bench {
    fn new(disk: Arc<dyn Disk>) -> Self {
        let root = root();
        let (events, sink) = sink();
        let worker = Worker::new(options(root.path()), disk, sink, Log::discard());
        Self { root, worker, events }
    }

    fn ask(&mut self, effect: FileEffect) -> Option<FileEvent> {
        self.worker.handle(effect);
        self.events.try_iter().next().map(|event| match event {
            Event::Files(event) => event,
            other => panic!("{other:?}"),
        })
    }

    fn put(&self, name: &str, content: &[u8]) {
        fs::write(self.root.path().join(name), content).unwrap();
    }

    fn names(&self, directory: &str) -> Vec<String> {
        let mut names = RealDisk.list(&self.root.path().join(directory)).unwrap();
        names.sort();
        names
    }
}

fn sink() -> (mpsc::Receiver<Event>, EventSink) {
    let (sender, events) = mpsc::channel();
    let sender = Mutex::new(sender);
    (events, Arc::new(move |event| sender.lock().unwrap().send(event).unwrap()))
}

fn piece(seqno: u64, offset: u64, bytes: &[u8]) -> FileEffect {
    FileEffect::WriteSnapshot { seqno: Seqno(seqno), offset, bytes: bytes.to_vec() }
}

fn commit(seqno: u64, evidence: u64) -> FileEffect {
    let (seqno, evidence_seqno) = (Seqno(seqno), Seqno(evidence));
    FileEffect::CommitSnapshot { seqno, evidence_seqno, receipt: b"receipt".to_vec() }
}

fn written(seqno: u64, len: u64) -> Option<FileEvent> {
    Some(FileEvent::SnapshotWritten { seqno: Seqno(seqno), len })
}

fn name(text: &str) -> SnapshotName {
    text.parse().unwrap()
}

#[test]
fn a_snapshot_gets_its_name_with_its_receipt() {
    let mut bench = Bench::new(Arc::new(RealDisk));
    assert_eq!(bench.ask(piece(9, 0, b"one ")), written(9, 4));
    assert_eq!(bench.ask(piece(20, 0, b"other")), written(20, 5));
    assert_eq!(bench.ask(piece(9, 4, b"two ")), written(9, 8));
    assert_eq!(bench.names("snapshots"), ["snapshot_20.part", "snapshot_9.part"]);
    let committed = FileEvent::SnapshotCommitted { name: name("snapshot_9_11.committed"), len: 15 };
    assert_eq!(bench.ask(commit(9, 11)), Some(committed));
    assert_eq!(bench.ask(FileEffect::DropSnapshot { seqno: Seqno(20) }), None);
    assert_eq!(bench.names("snapshots"), ["snapshot_9_11.committed"]);
    let content = fs::read(bench.root.path().join("snapshots/snapshot_9_11.committed")).unwrap();
    assert_eq!(content, b"one two receipt");
}

#[test]
fn pieces_out_of_order_lose_only_themselves() {
    let mut bench = Bench::new(Arc::new(RealDisk));
    assert_eq!(bench.ask(piece(9, 4, b"late")), None);
    let absent = FileEvent::SnapshotFailed { seqno: Seqno(9), fault: SnapshotFault::Absent };
    assert_eq!(bench.ask(commit(9, 11)), Some(absent));
    assert_eq!(bench.ask(piece(9, 0, b"one ")), written(9, 4));
    assert_eq!(bench.ask(piece(9, 5, b"gap")), None);
    assert_eq!(bench.ask(piece(9, 0, b"anew")), written(9, 4));
    assert!(matches!(bench.ask(commit(9, 11)), Some(FileEvent::SnapshotCommitted { .. })));
}

#[test]
fn a_fault_loses_the_snapshot_only() {
    let mut bench = Bench::new(Arc::new(RealDisk));
    bench.put("snapshots/snapshot_9.part", b"somebody else's");
    let failed = bench.ask(piece(9, 0, b"x")).unwrap();
    assert!(
        matches!(failed, FileEvent::SnapshotFailed { fault: SnapshotFault::Io { .. }, .. }),
        "{failed:?}"
    );
    assert_eq!(bench.ask(piece(9, 1, b"x")), None, "what follows a fault is ignored");
    assert_eq!(bench.ask(piece(10, 0, b"x")), written(10, 1));
    fs::create_dir(bench.root.path().join("snapshots/snapshot_10_11.committed")).unwrap();
    let failed = bench.ask(commit(10, 11)).unwrap();
    assert!(
        matches!(failed, FileEvent::SnapshotFailed { fault: SnapshotFault::Io { .. }, .. }),
        "{failed:?}"
    );
    assert_eq!(bench.names("snapshots"), ["snapshot_10_11.committed", "snapshot_9.part"]);
    for seqno in 20..28 {
        assert_eq!(bench.ask(piece(seqno, 0, b"x")), written(seqno, 1));
    }
    let full = FileEvent::SnapshotFailed { seqno: Seqno(28), fault: SnapshotFault::Backlog };
    assert_eq!(bench.ask(piece(28, 0, b"x")), Some(full));
}

#[test]
fn committed_files_are_listed_and_read_in_ranges() {
    let mut bench = Bench::new(Arc::new(RealDisk));
    bench.put("snapshots/snapshot_9_11.committed", b"own");
    bench.put("snapshots/snapshot_10_11", b"not committed");
    bench.put("snapshots/unrelated", b"");
    bench.put("others/snapshot_9_11.committed", b"another copy");
    bench.put("others/snapshot_5_6.committed", b"0123456789");
    bench.put("ledger/ledger_3-4.committed", b"own");
    bench.put("ledger/ledger_5", b"open");
    bench.put("ledger/ledger_7.recovery", b"of another kind");
    bench.put("old/ledger_9", b"of another node");
    bench.put("ledger/ledger_1-2.committed.ignored", b"");
    bench.put("old/ledger_1-2.committed", b"old one");
    let list = |kind| FileEffect::List { request: REQUEST, kind };
    let snapshots =
        ["snapshot_5_6.committed", "snapshot_9_11.committed"].map(|it| FileName::Snapshot(name(it)));
    let chunks =
        ["ledger_1-2.committed", "ledger_3-4.committed"].map(|it| FileName::Chunk(it.parse().unwrap()));
    let open = FileName::Chunk("ledger_5".parse().unwrap());
    for (kind, files) in [
        (FileKind::Snapshots, vec![(snapshots[0], 10), (snapshots[1], 3)]),
        (FileKind::Chunks, vec![(chunks[0], 7), (chunks[1], 3)]),
        (FileKind::OpenChunks, vec![(open, 4)]),
    ] {
        assert_eq!(bench.ask(list(kind)), Some(FileEvent::Listed { request: REQUEST, files: Ok(files) }));
    }
    let mut read = |file, offset, len| {
        let answer = bench.ask(FileEffect::Read { request: REQUEST, file, offset, len });
        match answer {
            Some(FileEvent::Part { request: REQUEST, part }) => part,
            other => panic!("{other:?}"),
        }
    };
    let part = |bytes: &[u8], file_len| Ok(FilePart { bytes: bytes.to_vec(), file_len });
    assert_eq!(read(snapshots[1], 0, 100), part(b"own", 3));
    assert_eq!(read(snapshots[0], 3, 4), part(b"3456", 10));
    assert_eq!(read(snapshots[0], 8, u64::MAX), part(b"89", 10));
    assert_eq!(read(snapshots[0], 11, 1), part(b"", 10));
    assert_eq!(read(chunks[0], 4, MAX_PART), part(b"one", 7));
    assert_eq!(read(open, 1, 2), part(b"pe", 4));
    for absent in [
        FileName::Snapshot(name("snapshot_10_11")),
        FileName::Snapshot(name("snapshot_1_2.committed")),
        FileName::Chunk("ledger_7".parse().unwrap()),
        FileName::Chunk("ledger_9".parse().unwrap()),
        FileName::Chunk("ledger_1-2.committed.ignored".parse().unwrap()),
    ] {
        assert!(matches!(read(absent, 0, 1), Err(ReadFault::Io { .. })), "{absent}");
    }
}

#[test]
fn old_files_are_removed() {
    let bench = Bench::new(Arc::new(RealDisk));
    for seqno in [1, 5, 9, 20] {
        bench.put(&format!("snapshots/snapshot_{seqno}_{}.committed", seqno + 1), b"");
    }
    bench.put("snapshots/snapshot_30.part", b"");
    for (name, content, old) in [
        ("ledger_1-2.committed", "same", Some("same")),
        ("ledger_3-4.committed", "one", Some("two")),
        ("ledger_5-6.committed", "one", None),
        ("ledger_7-8.committed", "same", Some("same")),
        ("ledger_9-10.committed", "same", Some("same")),
        ("ledger_11", "same", Some("same")),
    ] {
        bench.put(&format!("ledger/{name}"), content.as_bytes());
        old.into_iter().for_each(|old| bench.put(&format!("old/{name}"), old.as_bytes()));
    }
    let limits = |snapshots, chunks| Cleanup {
        max_snapshots: snapshots,
        max_chunks: chunks,
        interval: Duration::ZERO,
    };
    let stored = &bench.worker.stored;
    stored.clean_up(limits(None, None), &Log::discard());
    assert_eq!((bench.names("snapshots").len(), bench.names("ledger").len()), (5, 6));
    stored.clean_up(limits(NonZeroU64::new(2), Some(1)), &Log::discard());
    assert_eq!(
        bench.names("snapshots"),
        ["snapshot_20_21.committed", "snapshot_30.part", "snapshot_9_10.committed"]
    );
    assert_eq!(
        bench.names("ledger"),
        ["ledger_11", "ledger_3-4.committed", "ledger_5-6.committed", "ledger_9-10.committed"]
    );
    assert_eq!(bench.names("old").len(), 5, "read-only directories are not touched");
}

#[test]
fn the_thread_answers_refuses_and_cleans_up() {
    let root = root();
    fs::write(root.path().join("snapshots/snapshot_3.part"), b"unfinished").unwrap();
    fs::write(root.path().join("snapshots/snapshot_3_4.committed"), b"").unwrap();
    let mut options = options(root.path());
    options.cleanup =
        Cleanup { max_snapshots: NonZeroU64::new(1), max_chunks: None, interval: Duration::from_millis(20) };
    let files = Files::open(options, Arc::new(RealDisk)).unwrap();
    assert_eq!(RealDisk.list(&root.path().join("snapshots")).unwrap(), ["snapshot_3_4.committed"]);
    let queue = files.queue();
    queue.push(piece(9, 0, b"first"));
    queue.push(piece(10, 0, &vec![0; 17 << 20]));
    let (events, sink) = sink();
    let thread = files.run(sink, Log::discard()).unwrap();
    let next = || events.recv_timeout(Duration::from_secs(20)).unwrap();
    let backlog = FileEvent::SnapshotFailed { seqno: Seqno(10), fault: SnapshotFault::Backlog };
    assert_eq!([next(), next()], [written(9, 5).map(Event::Files).unwrap(), Event::Files(backlog)]);
    queue.push(commit(9, 10));
    assert!(matches!(next(), Event::Files(FileEvent::SnapshotCommitted { .. })));
    let older = root.path().join("snapshots/snapshot_3_4.committed");
    let start = Instant::now();
    while older.exists() {
        assert!(start.elapsed() < Duration::from_secs(20), "not cleaned up");
        thread::sleep(Duration::from_millis(5));
    }
    queue.push(piece(11, 0, b"last"));
    thread.close();
    assert_eq!(events.try_iter().count(), 1, "what was queued is carried out");
    queue.push(piece(12, 0, b"too late"));
}

/// Commits two snapshots; yields calls, marks being the number of snapshots reported as committed.
fn recorded(forgetful: bool) -> (TempDir, Vec<Call>) {
    let recorder = Recorder::new(Arc::new(RealDisk));
    let disk: Arc<dyn Disk> = Arc::new(recorder.clone());
    let disk = if forgetful { Arc::new(ForgetfulDisk(disk)) } else { disk };
    let mut bench = Bench::new(disk);
    for (count, seqno) in [9, 20].into_iter().enumerate() {
        for number in 0..5 {
            bench.ask(piece(seqno, number * 3000, &[u8::try_from(number + seqno).unwrap(); 3000]));
        }
        bench.ask(commit(seqno, seqno + 1));
        recorder.mark(count as u64 + 1);
    }
    (bench.root, recorder.calls())
}

/// What is wrong with any image of any prefix of the calls.
fn check(calls: &[Call], directory: &Path) -> Vec<String> {
    let mut wrong = vec![];
    for point in 0..=calls.len() {
        let promised = calls[..point]
            .iter()
            .filter_map(|call| if let Call::Mark { label } = call { Some(*label) } else { None })
            .max()
            .unwrap_or(0);
        for seed in 0..8 {
            for survival in
                [Survival::Nothing, Survival::RandomPrefix { seed }, Survival::RandomSubset { seed }]
            {
                let image = Image::after(&calls[..point], survival);
                let mut committed = 0;
                for (path, content) in image.files() {
                    let Ok(name) = path.file_name().unwrap().to_str().unwrap().parse::<SnapshotName>() else {
                        continue;
                    };
                    let pieces = (0..5).flat_map(|n| vec![u8::try_from(n + name.seqno.0).unwrap(); 3000]);
                    let whole: Vec<u8> = pieces.chain(*b"receipt").collect();
                    if *content != whole {
                        wrong.push(format!("{name} is damaged after call {point}, {survival:?}"));
                    }
                    committed += 1;
                }
                if committed < promised {
                    wrong.push(format!("a snapshot is missing after call {point}, {survival:?}"));
                }
            }
        }
    }
    assert!(!calls.is_empty() && directory.exists());
    wrong
}

#[test]
fn after_a_loss_of_power_committed_snapshots_are_whole() {
    let (root, calls) = recorded(false);
    assert_eq!(check(&calls, root.path()), Vec::<String>::new());
    let (root, calls) = recorded(true);
    assert!(!check(&calls, root.path()).is_empty(), "without synchronisation the test must fail");
}
