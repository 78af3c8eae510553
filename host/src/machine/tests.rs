use std::{
    path::Path,
    process,
    sync::{Mutex, mpsc as channel},
    thread,
};

use coco_boundary::{EntryKind, EvidenceFormat};
use coco_wire::{
    Seqno, TxId, View,
    entry::{EntryFlags, EntryHeader},
    peer::{AttemptId, Initiate},
};
use rustix::process::{Pid, Signal, kill_process};

use super::*;
use crate::{
    disk::RealDisk,
    ledger::{Durability, LedgerOptions},
};

fn raise(signal: Signal) {
    kill_process(Pid::from_raw(process::id().cast_signed()).unwrap(), signal).unwrap();
}

fn signature() -> Effect {
    let mut entry = EntryHeader::new(EntryFlags::NONE, 36).unwrap().encode().to_vec();
    entry.extend([0; 36]);
    Effect::Append { id: TxId { view: View(2), seqno: Seqno(1) }, kind: EntryKind::Signature, entry }
}

#[test]
fn a_machine_rests_until_there_is_work() {
    let pace = Pace::default();
    for _ in 0..2 {
        assert!((0..QUIET_TICKS).all(|_| !pace.rests()));
        assert!(pace.rests() && pace.rests());
        pace.work();
        pace.work();
        assert!(is_ready(pace.roused.notified()), "it is told once");
        assert!(!is_ready(pace.roused.notified()));
    }
    assert!((0..QUIET_TICKS / 2).all(|_| !pace.rests()));
    pace.work();
    assert!(!is_ready(pace.roused.notified()), "it does not rest");
    assert!((0..QUIET_TICKS).all(|_| !pace.rests()));
}

/// Whether it is there already.
fn is_ready(future: impl Future<Output = ()>) -> bool {
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(Duration::ZERO, future).await.is_ok() })
}

fn ledger(directory: &Path) -> Ledger {
    let options = LedgerOptions {
        directory: directory.to_path_buf(),
        read_only_directories: vec![],
        durability: Durability::Fsync,
        reserve: 4096,
        slow_io: Duration::from_secs(60),
    };
    Ledger::create(options, Arc::new(RealDisk)).unwrap()
}

/// Neither time nor the stop.
#[test]
fn a_platform_that_takes_its_time_delays_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let machine = Machine::new(ledger(directory.path()));
    let host = machine.host();
    let (sender, events) = channel::channel();
    let sender = Mutex::new(sender);
    let sink: EventSink = Arc::new(move |event| {
        let _ = sender.lock().unwrap().send(event);
    });
    let (release, released) = channel::channel::<()>();
    let released = Mutex::new(released);
    let options = MachineOptions {
        clock: Clock::start(),
        tick: Duration::from_millis(2),
        message_timeout: Duration::from_millis(100),
        ignore_first_sigterm: true,
        quote: Arc::new(move |_| {
            let _ = released.lock().unwrap().recv();
            Err(QuoteFault)
        }),
    };
    let question = |number| Effect::Quote { report_data: Digest([number; 32]) };
    host.perform(&mut vec![question(1), question(2), question(3)]);
    let running = thread::spawn(move || machine.run(options, &sink, &Log::discard()).unwrap());
    // The signals of the other test come here, too.
    let next = || loop {
        match events.recv_timeout(Duration::from_secs(10)).unwrap() {
            Event::StopNotice | Event::Stop => {}
            event => return event,
        }
    };
    for number in 1..=2 {
        for _ in 0..10 {
            assert!(matches!(next(), Event::Tick { .. }));
        }
        release.send(()).unwrap();
        let quote = std::iter::repeat_with(next).find(|event| !matches!(event, Event::Tick { .. }));
        let report_data = Digest([number; 32]);
        assert_eq!(quote, Some(Event::Quote { report_data, evidence: Err(QuoteFault) }));
    }
    host.perform(&mut vec![Effect::Stop { reason: StopReason::Asked }]);
    assert_eq!(running.join().unwrap(), StopReason::Asked, "the third question is open");
}

/// One test, as signals reach the whole process.
#[test]
fn a_machine_ticks_quotes_persists_warns_and_stops() {
    let directory = tempfile::tempdir().unwrap();
    let machine = Machine::new(ledger(directory.path()));
    machine.host().perform(&mut vec![Effect::Send { to: "127.0.0.1:1".into(), frame: vec![] }]);
    let peers = PeerNetwork::bind("127.0.0.1:0").unwrap();
    let own = peers.address().to_string();
    let machine = machine.with_peers(peers);
    let host = machine.host();
    let (sender, events) = channel::channel();
    let sender = Mutex::new(sender);
    let sink: EventSink = Arc::new(move |event| {
        let _ = sender.lock().unwrap().send(event);
    });
    let evidence = Evidence {
        format: EvidenceFormat::Virtual,
        quote: b"q".to_vec(),
        endorsements: vec![],
        uvm_endorsements: None,
    };
    let answer = evidence.clone();
    let options = MachineOptions {
        clock: Clock::start(),
        tick: Duration::from_millis(2),
        message_timeout: Duration::from_millis(100),
        ignore_first_sigterm: true,
        quote: Arc::new(move |_| Ok(answer.clone())),
    };
    let frame = Initiate {
        attempt: AttemptId(1),
        share: [2; 32],
        address: "host:1",
        signature: &[4; 96],
        certificate: &[5; 100],
    }
    .encode(&Digest([3; 32]));
    let send = Effect::Send { to: own.as_str().into(), frame: frame.clone() };
    let mut effects = vec![Effect::Quote { report_data: Digest([1; 32]) }, send, signature()];
    host.perform(&mut effects);
    assert!(effects.is_empty() && host.backlog() > 0);
    let running = thread::spawn(move || machine.run(options, &sink, &Log::discard()).unwrap());
    let next = || loop {
        match events.recv_timeout(Duration::from_secs(10)).unwrap() {
            Event::Tick { .. } => {}
            event => return event,
        }
    };
    let mut first = [next(), next(), next()];
    first.sort_by_key(|event| match event {
        Event::Persisted { .. } => 0,
        Event::Quote { .. } => 1,
        _ => 2,
    });
    assert_eq!(first[0], Event::Persisted { upto: TxId { view: View(2), seqno: Seqno(1) } });
    assert_eq!(first[1], Event::Quote { report_data: Digest([1; 32]), evidence: Ok(evidence) });
    assert_eq!(first[2], Event::Frame(frame));

    thread::sleep(Duration::from_millis(400));
    let ticks = events.try_iter().inspect(|event| assert!(matches!(event, Event::Tick { .. }))).count();
    assert!((1..100).contains(&ticks), "{ticks} ticks while there was nothing to do");

    raise(Signal::TERM);
    assert_eq!(next(), Event::StopNotice);
    raise(Signal::TERM);
    assert_eq!(next(), Event::Stop);
    host.perform(&mut vec![Effect::Stop { reason: StopReason::Asked }]);
    assert_eq!(running.join().unwrap(), StopReason::Asked);
    let ticks = events.try_iter().filter(|event| !matches!(event, Event::Tick { .. })).count();
    assert_eq!(ticks, 0, "nothing but ticks came after the stop");
}
