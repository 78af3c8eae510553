//! Time and memory of the hot path; run with
//! `cargo test --release -p coco-kv --test speed -- --ignored --nocapture`.

use std::time::Instant;

use coco_kv::{Executed, Reader, Snapshot, Store, Tx};
use coco_wire::{Key, Seqno, TableName, Value};

/// Tables beside the one written, as a service has them.
const OTHER_TABLES: u64 = 60;
const BATCHES: u64 = 3000;
const BATCH: u64 = 100;

fn fill(rows: u64) -> (Store, TableName) {
    let mut store = Store::new();
    let mut tx = Tx::new(store.latest());
    for at in 0..OTHER_TABLES {
        tx.put(&TableName::new(&format!("public:ccf.gov.table{at}")), Key::new(&[0; 8]), Value::new(b"row"));
    }
    store.apply(Seqno(1), tx.finish().writes().clone());
    let table = TableName::new("records");
    for row in 0..rows {
        let mut tx = Tx::new(store.latest());
        tx.put(&table, Key::new(&key(row, rows)), Value::new(&[7; 20]));
        let seqno = store.version().next();
        store.apply(seqno, tx.finish().writes().clone());
        store.compact(seqno, &mut |_, _| ());
    }
    (store, table)
}

fn key(row: u64, rows: u64) -> [u8; 8] {
    (row * 611_953 % rows).to_be_bytes()
}

fn execute(snapshot: Snapshot, table: &TableName, key: &[u8]) -> Executed {
    let mut tx = Tx::new(snapshot);
    let length = tx.get(table, key).map_or(0, |value| value.len());
    tx.put(table, Key::new(key), Value::new(&[8; 20][..length]));
    tx.finish()
}

#[test]
#[ignore = "a measurement, not a check"]
fn one_get_and_one_put_for_each_transaction() {
    for rows in [10_000, 1_000_000] {
        let before = resident();
        let (mut store, table) = fill(rows);
        println!("{rows} rows: {} bytes a row of 28", (resident() - before) / rows);

        let each = quickest(|round| drop(execute(store.latest(), &table, &key(round * 7919, rows))));
        println!("{rows} rows, execute: {each} ns");

        for publish in [false, true] {
            let mut published = publish.then(|| store.latest());
            let each = quickest(|round| {
                let executed = execute(store.latest(), &table, &key(round * 7919, rows));
                let seqno = store.version().next();
                store.commit(seqno, &executed).unwrap();
                if publish {
                    published = Some(store.latest());
                }
                if seqno.0.is_multiple_of(500) {
                    store.compact(seqno, &mut |_, _| ());
                }
            });
            drop(published);
            println!("{rows} rows, execute and commit, snapshot held: {publish}: {each} ns");
        }
    }
}

/// Nanoseconds of one round in the quickest tenth of all batches, so that other load on the
/// machine matters little.
fn quickest(mut round: impl FnMut(u64)) -> u128 {
    let batch = |at: u64| {
        let start = Instant::now();
        (at * BATCH..(at + 1) * BATCH).for_each(&mut round);
        start.elapsed().as_nanos() / u128::from(BATCH)
    };
    let mut times: Vec<_> = (0..BATCHES).map(batch).collect();
    times.sort_unstable();
    times[times.len() / 10]
}

fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    pages.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).expect("second field") * 4096
}
