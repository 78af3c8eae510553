//! Real ledgers of CCF, written again: the files must be the same to the byte.

use std::env;

use super::*;

/// Whether the chunk was compared: some old ones end without a flag that says so.
fn replay(original: &[u8]) -> bool {
    let chunk = Chunk::decode(original).unwrap();
    let entries: Vec<_> = chunk.entries().map(|entry| entry.unwrap().1).collect();
    if !chunk.is_complete() || !entries.last().unwrap().header().flags().contains(AFTER) {
        return false;
    }
    let mut bench = Bench::new(Durability::PageCache, Arc::new(RealDisk));
    let mut last = Seqno::ZERO;
    let mut append = |entry: &[u8]| {
        last = last.next();
        let id = TxId { view: View(2), seqno: last };
        Effect::Append { id, kind: EntryKind::Transaction, entry: entry.to_vec() }
    };
    let mut effects: Vec<_> = entries.iter().map(|entry| append(entry.bytes())).collect();
    effects.push(Effect::Commit { upto: last });
    bench.handle(effects).unwrap();
    let name = format!("ledger_1-{last}.committed");
    assert_eq!(bench.files(), [name.as_str()]);
    assert!(fs::read(bench.directory.path().join(name)).unwrap() == original, "differs");
    true
}

#[test]
fn ledgers_of_ccf_come_out_the_same() {
    let Some(ccf) = env::var_os("COCO_CCF") else {
        eprintln!("SKIPPED: set COCO_CCF to a checkout of CCF to replay its ledgers");
        return;
    };
    let (mut same, mut all) = (0, 0);
    for service in fs::read_dir(Path::new(&ccf).join("tests/testdata")).unwrap() {
        for file in fs::read_dir(service.unwrap().path().join("ledger")).unwrap() {
            same += usize::from(replay(&fs::read(file.unwrap().path()).unwrap()));
            all += 1;
        }
    }
    eprintln!("{same} of {all} chunks are the same, the others end without a flag");
    assert!(same >= 70, "{same} of {all}");
}
