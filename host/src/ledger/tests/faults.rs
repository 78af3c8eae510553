use std::{
    io,
    sync::atomic::{AtomicUsize, Ordering},
};

use super::*;
use crate::disk::File;

const EIO: i32 = 5;

/// Fails one call that changes something, and only that one: whoever retries would succeed.
#[derive(Clone)]
struct FailingDisk {
    calls: Arc<AtomicUsize>,
    fails: usize,
}

impl FailingDisk {
    fn call(&self) -> io::Result<()> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        if call == self.fails { Err(io::Error::from_raw_os_error(EIO)) } else { Ok(()) }
    }
}

impl Disk for FailingDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.call()?;
        Ok(Arc::new(FailingFile { inner: RealDisk.create(path)?, disk: self.clone() }))
    }
    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        RealDisk.open(path)
    }
    fn create_directory(&self, path: &Path) -> io::Result<()> {
        RealDisk.create_directory(path)
    }
    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        RealDisk.list(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call()?;
        RealDisk.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.call()?;
        RealDisk.remove(path)
    }
    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        self.call()?;
        RealDisk.sync_directory(path)
    }
}

struct FailingFile {
    inner: Arc<dyn File>,
    disk: FailingDisk,
}

impl File for FailingFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.inner.read_at(buffer, offset)
    }
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.disk.call()?;
        self.inner.write_at(bytes, offset)
    }
    fn size(&self) -> io::Result<u64> {
        self.inner.size()
    }
    fn resize(&self, size: u64) -> io::Result<()> {
        self.disk.call()?;
        self.inner.resize(size)
    }
    fn reserve(&self, size: u64) -> io::Result<()> {
        self.disk.call()?;
        self.inner.reserve(size)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.disk.call()?;
        self.inner.sync_data()
    }
    fn sync_all(&self) -> io::Result<()> {
        self.disk.call()?;
        self.inner.sync_all()
    }
}

fn script() -> Vec<Effect> {
    vec![
        transaction(1),
        signature(2, AFTER),
        transaction(3),
        signature(4, NONE),
        Effect::Commit { upto: Seqno(2) },
        signature(5, AFTER),
        transaction(6),
        Effect::Truncate { last: Seqno(4) },
        append(3, 5, NONE, 10, EntryKind::Signature),
    ]
}

#[test]
fn the_first_error_is_the_last_call() {
    let run = |fails| {
        let directory = tempfile::tempdir().unwrap();
        let (sender, events) = mpsc::channel();
        let sender = Mutex::new(sender);
        let sink: EventSink = Arc::new(move |event| sender.lock().unwrap().send(event).unwrap());
        let disk = FailingDisk { calls: Arc::new(AtomicUsize::new(0)), fails: usize::MAX };
        let calls = Arc::clone(&disk.calls);
        let path = directory.path().join("ledger");
        let ledger = Ledger::create(options(&path, Durability::Fsync), Arc::new(disk.clone())).unwrap();
        calls.store(0, Ordering::Relaxed);
        let ledger = Ledger { disk: Arc::new(FailingDisk { fails, ..disk }), ..ledger };
        let queue = ledger.queue();
        let threads = ledger.run(sink, Log::discard()).unwrap();
        for effect in script() {
            queue.push([effect]);
            // One effect a batch, so that the calls are always the same.
            queue.nudge();
            while queue.backlog() > 0 {
                thread::yield_now();
            }
        }
        threads.close();
        (calls.load(Ordering::Relaxed), events.try_iter().collect::<Vec<_>>())
    };
    let (calls, good) = run(usize::MAX);
    assert!(!good.iter().any(|event| matches!(event, Event::Fault(_))), "{good:?}");
    assert!(calls > 30, "{calls}");
    for fails in 0..calls {
        let (made, events) = run(fails);
        assert_eq!(made, fails + 1, "nothing is called after call {fails} failed");
        let (last, before) = events.split_last().unwrap();
        assert!(matches!(last, Event::Fault(LedgerFault::Io { errno: EIO, .. })), "{fails}: {last:?}");
        assert!(good.starts_with(before), "{fails}: {before:?}");
    }
}

#[test]
fn wrong_effects_are_faults() {
    let number = |n| Seqno(n);
    let mut malformed = entry(TxId { view: View(2), seqno: Seqno(3) }, NONE, 10);
    malformed.pop();
    let id = TxId { view: View(2), seqno: Seqno(3) };
    let malformed = Effect::Append { id, kind: EntryKind::Transaction, entry: malformed };
    let cases = [
        (transaction(4), LedgerFault::Gap { expected: number(3), found: number(4) }),
        (transaction(2), LedgerFault::Gap { expected: number(3), found: number(2) }),
        (malformed, LedgerFault::Malformed { seqno: number(3) }),
        (
            Effect::Append { id, kind: EntryKind::Transaction, entry: vec![1] },
            LedgerFault::Malformed { seqno: number(3) },
        ),
        (Effect::Commit { upto: number(3) }, LedgerFault::Beyond { seqno: number(3), last: number(2) }),
        (Effect::Truncate { last: number(3) }, LedgerFault::Beyond { seqno: number(3), last: number(2) }),
        (
            Effect::Truncate { last: number(0) },
            LedgerFault::TruncatesCommitted { last: number(0), committed: number(1) },
        ),
    ];
    for (effect, fault) in cases {
        let mut bench = Bench::new(Durability::Fsync, Arc::new(RealDisk));
        bench.handle([signature(1, NONE), transaction(2), Effect::Commit { upto: Seqno(1) }]).unwrap();
        assert_eq!(bench.handle([effect]), Err(fault));
    }
}

#[test]
fn a_queue_that_overflows_is_a_fault() {
    let queue = Queue::default();
    let large = |seqno| append(2, seqno, NONE, 0, EntryKind::Transaction);
    for seqno in 1..=9 {
        let Effect::Append { id, kind, .. } = large(seqno) else { unreachable!() };
        assert!(!queue.overflowed());
        queue.push([Effect::Append { id, kind, entry: vec![0; 64 << 20] }]);
        if queue.overflowed() {
            assert_eq!(seqno, 8);
            assert_eq!(queue.take(&mut vec![]), None);
            return;
        }
    }
    panic!("the queue grows without bound");
}
