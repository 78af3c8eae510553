use super::*;

/// Entries 1 to 40 in chunks of ten; the first two committed, the last incomplete.
fn bench() -> Bench {
    let mut bench = Bench::new(Durability::Fsync, Arc::new(RealDisk));
    let mut script: Vec<Effect> = (1..40)
        .map(|seqno| if seqno % 10 == 0 { signature(seqno, AFTER) } else { transaction(seqno) })
        .collect();
    script.push(signature(40, NONE));
    script.push(Effect::Commit { upto: Seqno(25) });
    bench.handle(script).unwrap();
    assert_eq!(bench.files(), ["ledger_1-10.committed", "ledger_11-20.committed", "ledger_21", "ledger_31"]);
    bench
}

fn read(bench: &mut Bench, from: u64, to: u64) -> Result<Vec<Vec<u8>>, ReadFault> {
    let request = RequestId(from * 1000 + to);
    let effect = Effect::ReadEntries { request, from: Seqno(from), to: Seqno(to) };
    bench.writer.handle(&mut vec![effect]).unwrap();
    match bench.events.recv().unwrap() {
        Event::Entries { request: answered, entries } if answered == request => entries,
        other => panic!("{other:?}"),
    }
}

fn expected(seqno: u64) -> Vec<u8> {
    let effect = match seqno {
        40 => signature(seqno, NONE),
        _ if seqno.is_multiple_of(10) => signature(seqno, AFTER),
        _ => transaction(seqno),
    };
    let Effect::Append { entry, .. } = effect else { unreachable!() };
    entry
}

use coco_boundary::ReadFault;

#[test]
fn every_range_is_answered_up_to_the_end_of_a_file() {
    let mut bench = bench();
    let _ = bench.events.try_iter().count();
    for from in 1..=40 {
        for to in [from, from + 1, from + 5, from + 100] {
            let end = to.min((from - 1) / 10 * 10 + 10);
            let want: Vec<_> = (from..=end).map(expected).collect();
            assert_eq!(read(&mut bench, from, to), Ok(want), "{from}..={to}");
        }
    }
    for (from, to) in [(0, 1), (41, 50), (5, 4)] {
        assert_eq!(read(&mut bench, from, to), Err(ReadFault::Absent { seqno: Seqno(from) }));
    }
}

#[test]
fn an_answer_is_bounded_but_never_empty() {
    let mut bench = Bench::new(Durability::Fsync, Arc::new(RealDisk));
    let large = |seqno, len, flags| append(2, seqno, flags, len, EntryKind::Signature);
    let mib = 1 << 20;
    bench.handle([large(1, 9 * mib, NONE), large(2, 9 * mib, NONE), large(3, 20 * mib, AFTER)]).unwrap();
    for phase in ["complete", "committed"] {
        let counts = [1, 2, 3].map(|from| read(&mut bench, from, 3).unwrap().len());
        assert_eq!(counts, [1, 1, 1], "{phase}");
        bench.handle([Effect::Commit { upto: Seqno(3) }]).unwrap();
    }
}

#[test]
fn damaged_files_are_named() {
    type Damage = fn(&mut Vec<u8>);
    let damages: [(&str, Damage); 6] = [
        ("cut inside the table", |bytes| bytes.truncate(bytes.len() - 1)),
        ("cut inside the entries", |bytes| bytes.truncate(100)),
        ("empty", Vec::clear),
        ("header zero", |bytes| bytes[..8].fill(0)),
        ("header huge", |bytes| bytes[..8].fill(0xff)),
        ("positions wild", |bytes| {
            let len = bytes.len();
            bytes[len - 40..].fill(0xee);
        }),
    ];
    let mut bench = bench();
    let _ = bench.events.try_iter().count();
    let name = "ledger_1-10.committed";
    let path = bench.directory.path().join(name);
    let good = fs::read(&path).unwrap();
    for (what, damage) in damages {
        let mut bytes = good.clone();
        damage(&mut bytes);
        fs::write(&path, &bytes).unwrap();
        assert_eq!(read(&mut bench, 3, 7), Err(ReadFault::Damaged { file: name.to_owned() }), "{what}");
    }
    fs::remove_file(&path).unwrap();
    assert_eq!(read(&mut bench, 3, 7), Err(ReadFault::Io { file: name.to_owned(), errno: 2 }));
}
