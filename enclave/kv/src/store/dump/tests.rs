use std::sync::Arc;

use coco_wire::{Key, Value, WriteSet};

use super::*;
use crate::Store;

/// Rows `from..to` of one table, in one transaction.
fn store(rows: impl Iterator<Item = u32>, len: usize) -> Store {
    let mut writes = WriteSet::default();
    let table = writes.table_mut(&TableName::new("public:t"));
    for row in rows {
        table.insert(Key::new(&row.to_le_bytes()), Some(Value::from(vec![7; len])));
    }
    let mut store = Store::new();
    store.apply(Seqno(1), Arc::new(writes));
    store
}

#[test]
fn chunks_are_bounded_and_complete() {
    let snapshot = store(0..5000, 500).latest();
    let chunks: Vec<Vec<u8>> = snapshot.dump(Domain::Public).collect();
    assert!(chunks.len() > 5);
    assert!(chunks.iter().all(|chunk| chunk.len() < CHUNK_BYTES + 1000));
    let head = 24 + "public:t".len() as u64;
    let total: usize = chunks.iter().map(Vec::len).sum();
    assert_eq!(total as u64, head + 5000 * row_len(4, 500));
    assert_eq!(snapshot.dump(Domain::Private).next(), None);
    assert_eq!(snapshot.dump(Domain::Public).nth(2), Some(chunks[2].clone()), "a dump repeats");
}

#[test]
fn slices_join_to_one_order() {
    let state = store(0..2000, 1).latest().state;
    let whole = Slice::new(&state, "public:t", 0, 1);
    let mut keys = Vec::new();
    for number in 0..7 {
        keys.extend(Slice::new(&state, "public:t", number, 7).index.iter().map(|(order, ..)| *order));
    }
    assert_eq!(keys, whole.index.iter().map(|(order, ..)| *order).collect::<Vec<_>>());
    assert_eq!(keys.len(), 2000);
}

#[test]
fn rows_with_equal_hashes_are_in_the_order_of_their_keys() {
    // Two of these keys have the same order: by the birthday bound, 2^17 keys have about two such pairs.
    let state = store(0..1 << 17, 0).latest().state;
    let slice = Slice::new(&state, "public:t", 0, 1);
    let key = |(_, begin, _): (u32, usize, usize)| &slice.rows[begin + 8..begin + 12];
    let equal: Vec<_> = slice.index.windows(2).filter(|pair| pair[0].0 == pair[1].0).collect();
    assert!(!equal.is_empty());
    assert!(equal.iter().all(|pair| key(pair[0]) < key(pair[1])));
}
