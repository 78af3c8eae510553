//! Ledgers that go on after a snapshot, in directories with and without files.

use super::*;

fn resume(after: u64) -> Effect {
    Effect::ResumeLedger { after: Seqno(after) }
}

#[test]
fn the_first_chunk_follows_the_snapshot() {
    let mut bench = Bench::new(Durability::Fsync, Arc::new(RealDisk));
    bench.handle([resume(41)]).unwrap();
    assert_eq!(bench.files(), Vec::<String>::new());
    bench.handle([transaction(42), signature(43, AFTER), Effect::Commit { upto: Seqno(43) }]).unwrap();
    assert_eq!(bench.files(), ["ledger_42-43.committed"]);
    let error = bench.handle([Effect::Truncate { last: Seqno(41) }]).unwrap_err();
    assert!(matches!(error, LedgerFault::TruncatesCommitted { .. }));
}

#[test]
fn what_is_in_the_snapshot_is_never_truncated_or_skipped() {
    for (effects, fault) in [
        (vec![resume(41), transaction(41)], LedgerFault::Gap { expected: Seqno(42), found: Seqno(41) }),
        (vec![resume(41), transaction(43)], LedgerFault::Gap { expected: Seqno(42), found: Seqno(43) }),
        (vec![transaction(1), resume(41)], LedgerFault::Gap { expected: Seqno(2), found: Seqno(42) }),
        (
            vec![resume(41), Effect::Truncate { last: Seqno(40) }],
            LedgerFault::TruncatesCommitted { last: Seqno(40), committed: Seqno(41) },
        ),
    ] {
        let mut bench = Bench::new(Durability::Fsync, Arc::new(RealDisk));
        assert_eq!(bench.handle(effects).unwrap_err(), fault);
    }
}

/// Writes entries 1 to 12 in three chunks, the last of them open, and a torn one.
fn earlier(bench: &mut Bench) {
    for base in [0, 4] {
        bench.handle([transaction(base + 1), signature(base + 4 - 2, NONE)]).unwrap();
        bench.handle([transaction(base + 3), signature(base + 4, AFTER)]).unwrap();
    }
    bench.handle([Effect::Commit { upto: Seqno(8) }, transaction(9), signature(10, NONE)]).unwrap();
    bench.writer.close().unwrap();
    while bench.events.try_recv().is_ok() {}
}

#[test]
fn files_that_were_there_are_kept_or_set_aside() {
    for (after, kept) in [
        (0, vec![]),
        (3, vec![]),
        (4, vec!["ledger_1-4.committed"]),
        (7, vec!["ledger_1-4.committed"]),
        (8, vec!["ledger_1-4.committed", "ledger_5-8.committed"]),
        (9, vec!["ledger_1-4.committed", "ledger_5-8.committed"]),
    ] {
        let mut bench = Bench::new(Durability::Fsync, Arc::new(RealDisk));
        earlier(&mut bench);
        fs::write(bench.directory.path().join("ledger_77"), b"torn").unwrap();
        fs::write(bench.directory.path().join("unrelated"), b"").unwrap();
        let (sender, events) = mpsc::channel();
        let sender = Mutex::new(sender);
        let sink: EventSink = Arc::new(move |event| sender.lock().unwrap().send(event).unwrap());
        bench.events = events;
        bench.writer = writer(bench.directory.path(), Durability::Fsync, Arc::new(RealDisk), sink);
        if after > 0 {
            bench.handle([resume(after)]).unwrap();
        }
        assert_eq!(bench.handle([signature(after + 1, NONE)]).unwrap(), [persisted(2, after + 1)]);
        let files = bench.files();
        let ours: Vec<_> = files.iter().filter(|name| !name.ends_with(".ignored")).collect();
        let mut expected: Vec<String> = kept.iter().map(ToString::to_string).collect();
        expected.extend([format!("ledger_{}", after + 1), "unrelated".to_owned()]);
        expected.sort();
        assert_eq!(ours, expected.iter().collect::<Vec<_>>(), "after {after}");
        assert_eq!(files.len() - ours.len(), 4 - kept.len(), "after {after}");

        let read = Effect::ReadEntries { request: RequestId(1), from: Seqno(2), to: Seqno(3) };
        bench.writer.handle(&mut vec![read]).unwrap();
        let Event::Entries { entries, .. } = bench.events.recv_timeout(Duration::from_secs(20)).unwrap()
        else {
            panic!("an answer")
        };
        match entries {
            Ok(entries) => assert_eq!((entries.len(), kept.is_empty()), (2, false)),
            Err(ReadFault::Absent { .. }) => assert!(kept.is_empty()),
            Err(fault) => panic!("{fault}"),
        }
    }
}

#[test]
fn chunks_that_were_cleaned_up_are_read_elsewhere() {
    let mut bench = Bench::new(Durability::Fsync, Arc::new(RealDisk));
    let other = tempfile::tempdir().unwrap();
    let (sender, events) = mpsc::channel();
    let sender = Mutex::new(sender);
    let sink: EventSink = Arc::new(move |event| sender.lock().unwrap().send(event).unwrap());
    let mut options = options(bench.directory.path(), Durability::Fsync);
    options.read_only_directories = vec![other.path().to_path_buf()];
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let reads = read::start(Arc::clone(&disk), options.clone(), Arc::clone(&sink)).unwrap();
    bench.writer = Writer::new(options, disk, reads, sink, Log::discard());
    bench.events = events;
    bench.handle([transaction(1), signature(2, AFTER), Effect::Commit { upto: Seqno(2) }]).unwrap();
    let name = "ledger_1-2.committed";
    fs::copy(bench.directory.path().join(name), other.path().join(name)).unwrap();
    fs::remove_file(bench.directory.path().join(name)).unwrap();
    let read = Effect::ReadEntries { request: RequestId(1), from: Seqno(1), to: Seqno(2) };
    bench.writer.handle(&mut vec![read]).unwrap();
    let Event::Entries { entries, .. } = bench.events.recv_timeout(Duration::from_secs(20)).unwrap() else {
        panic!("an answer")
    };
    assert_eq!(entries.unwrap().len(), 2);
}

#[test]
fn an_existing_directory_can_be_opened() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("ledger_1"), b"torn").unwrap();
    assert!(Ledger::create(options(directory.path(), Durability::Fsync), Arc::new(RealDisk)).is_err());
    assert!(Ledger::open(options(directory.path(), Durability::Fsync), Arc::new(RealDisk)).is_ok());
}
