use coco_wire::{Seqno, TableName};

use crate::{Reader, Store, Tx};

#[test]
fn repeated_reads_take_bounded_memory() {
    let mut store = Store::new();
    let table = TableName::new("records");
    let mut tx = Tx::new(store.latest());
    tx.put(&table, &b"a"[..], &b"1"[..]);
    store.commit(Seqno(1), &tx.finish()).unwrap();

    let tx = Tx::new(store.latest());
    for _ in 0..100_000 {
        assert!(tx.has(&table, b"a"));
        assert!(!tx.has(&table, b"b"));
    }
    assert!(tx.reads.borrow().tables[0].keys.len() < 1_000);
    for _ in 0..100_000 {
        assert_eq!(tx.iter(&table).next().map(|(key, _)| key), Some(&b"a"[..]));
    }
    let reads = &tx.finish().reads.tables[0];
    assert!(reads.ranges.is_empty() && reads.keys.is_empty() && reads.whole);
}

#[test]
fn iterations_may_be_nested_and_dropped_in_any_order() {
    let store = Store::new();
    let table = TableName::new("records");
    let tx = Tx::new(store.latest());
    let (mut first, second, mut third) = (tx.iter(&table), tx.iter(&table), tx.iter(&table));
    assert!(first.next().is_none());
    drop(second);
    drop(first);
    assert!(third.next().is_none());
    drop(third);
    drop(tx.iter(&table));
    assert_eq!(tx.finish().reads.tables[0].ranges.len(), 3);
}
