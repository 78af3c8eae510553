use std::ops::{Bound, ControlFlow};

use coco_wire::{Key, TableName, Value};

use super::*;
use crate::{Order, Reader, Singleton, Table, Tx};

fn table() -> TableName {
    TableName::new("records")
}

fn writes(rows: &[(&str, Option<&str>)]) -> Arc<WriteSet> {
    let mut writes = WriteSet::default();
    for (key, value) in rows {
        writes.table_mut(&table()).insert(Key::new(key.as_bytes()), value.map(|v| Value::new(v.as_bytes())));
    }
    Arc::new(writes)
}

/// A store with the rows a, c and e at seqno 1.
fn store() -> Store {
    let mut store = Store::new();
    store.apply(Seqno(1), writes(&[("a", Some("1")), ("c", Some("1")), ("e", Some("1"))]));
    store
}

type Read = fn(&mut Tx);

/// Whether a transaction that reads by `read` conflicts with `change` committed meanwhile.
fn check(read: Read, change: &[(&str, Option<&str>)], expected: Result<(), Conflict>) {
    let mut store = store();
    let mut tx = Tx::new(store.latest());
    read(&mut tx);
    tx.put(&TableName::new("other"), &b"key"[..], &b"value"[..]);
    let executed = tx.finish();
    store.apply(Seqno(2), writes(change));
    assert_eq!(store.commit(Seqno(3), &executed), expected, "{change:?}");
    assert_eq!(store.version().0, if expected.is_ok() { 3 } else { 2 });
}

#[test]
fn what_was_read_must_still_be_so() {
    let get: Read = |tx| drop(tx.get(&table(), b"c"));
    let absent: Read = |tx| assert!(!tx.has(&table(), b"d"));
    let len: Read = |tx| assert_eq!(tx.len(&table()), 3);
    let len_with_own: Read = |tx| {
        tx.put(&table(), &b"b"[..], &b"2"[..]);
        tx.remove(&table(), &b"e"[..]);
        assert_eq!(tx.len(&table()), 3);
    };
    let range: Read = |tx| {
        let bounds = (Bound::Excluded(&b"a"[..]), Bound::Excluded(&b"e"[..]));
        assert_eq!(tx.range(&table(), bounds).count(), 1);
    };
    let first: Read = |tx| assert!(tx.iter(&table()).next().is_some());
    let all: Read = |tx| assert_eq!(tx.iter(&table()).count(), 3);
    let visit_two: Read = |tx| {
        let mut left = 2;
        tx.for_each(&table(), .., Order::Ascending, |_, _, _| {
            left -= 1;
            if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
    };
    let many: Read = |tx| {
        for at in 0..200_u8 {
            let bounds = (Bound::Included(&[at][..]), Bound::Included(&[at][..]));
            assert!(tx.range(&table(), bounds).count() <= 1);
        }
    };
    let clear: Read = |tx| tx.clear(&table());
    let own: Read = |tx| {
        tx.put(&table(), &b"c"[..], &b"2"[..]);
        assert!(tx.has(&table(), b"c"));
    };
    let previous: Read = |tx| {
        tx.put(&table(), &b"c"[..], &b"2"[..]);
        assert_eq!(tx.version_of_previous_write(&table(), b"c"), Some(Seqno(1)));
    };
    let blind: Read = |tx| {
        tx.put(&table(), &b"c"[..], &b"2"[..]);
        tx.remove(&table(), &b"d"[..]);
    };
    let empty: Read = |tx| {
        let bounds = (Bound::Included(&b"e"[..]), Bound::Excluded(&b"a"[..]));
        assert_eq!(tx.range(&table(), bounds).count(), 0);
    };
    let (changed, added, removed, last) = (("c", Some("1")), ("d", Some("2")), ("c", None), ("e", Some("2")));
    let (yes, no) = (Ok(()), Err(Conflict));
    #[rustfmt::skip]
    let cases = [
        (get, changed, no), (get, removed, no), (get, added, yes), (get, last, yes),
        (absent, added, no), (absent, changed, yes), (absent, ("d", None), yes),
        (len, added, no), (len, removed, no), (len, changed, yes),
        (len_with_own, ("b", Some("3")), no), (len_with_own, changed, yes), (len_with_own, ("e", None), no),
        (range, changed, no), (range, added, no), (range, removed, no), (range, last, yes),
        (range, ("a", None), yes),
        (first, ("a", Some("1")), no), (first, ("A", Some("1")), no), (first, ("b", Some("1")), yes),
        (all, added, no), (all, ("z", Some("1")), no), (all, ("z", None), yes),
        (visit_two, ("b", Some("1")), no), (visit_two, added, yes),
        (many, ("zz", Some("1")), no),
        (clear, added, no),
        (own, changed, yes), (own, removed, yes), (previous, changed, no), (blind, changed, yes),
        (blind, added, yes), (empty, changed, yes),
    ];
    for (read, change, expected) in cases {
        check(read, &[change], expected);
    }
}

#[test]
fn what_was_read_backwards_must_still_be_so() {
    let last: Read = |tx| {
        let mut rows = tx.range_in(&table(), .., Order::Descending);
        assert_eq!(rows.next().map(|(key, _)| key), Some(&b"e"[..]));
    };
    let visit_one_before_e: Read = |tx| {
        let bounds = (Bound::Unbounded, Bound::Excluded(&b"e"[..]));
        tx.for_each(&table(), bounds, Order::Descending, |_, key, _| {
            assert_eq!(key, b"c");
            ControlFlow::Break(())
        });
    };
    let last_but_own: Read = |tx| {
        tx.remove(&table(), &b"e"[..]);
        tx.put(&table(), &b"d"[..], &b"own"[..]);
        let mut rows = tx.range_in(&table(), .., Order::Descending);
        assert_eq!(rows.next(), Some((&b"d"[..], &b"own"[..])));
    };
    let nothing_before_a: Read = |tx| {
        let bounds = (Bound::Unbounded, Bound::Excluded(&b"a"[..]));
        assert_eq!(tx.range_in(&table(), bounds, Order::Descending).count(), 0);
    };
    let (yes, no) = (Ok(()), Err(Conflict));
    for (read, change, expected) in [
        (last, ("e", Some("2")), no),
        (last, ("e", None), no),
        (last, ("f", Some("2")), no),
        (last, ("d", Some("2")), yes),
        (last, ("c", None), yes),
        (visit_one_before_e, ("c", Some("2")), no),
        (visit_one_before_e, ("d", Some("2")), no),
        (visit_one_before_e, ("e", Some("2")), yes),
        (visit_one_before_e, ("b", Some("2")), yes),
        (last_but_own, ("dd", Some("2")), no),
        (last_but_own, ("c", None), yes),
        (nothing_before_a, ("A", Some("2")), no),
        (nothing_before_a, ("a", None), yes),
    ] {
        check(read, &[change], expected);
    }
}

#[test]
fn versions_used_again_after_a_rollback_are_noticed() {
    let reads: [Read; 3] = [
        |tx| assert_eq!(tx.get(&table(), b"a"), Some(Value::new(b"2"))),
        |tx| assert_eq!(tx.iter(&table()).count(), 3),
        |tx| assert_eq!(tx.len(&table()), 3),
    ];
    for read in reads {
        let mut store = store();
        store.apply(Seqno(2), writes(&[("a", Some("2"))]));
        let mut tx = Tx::new(store.latest());
        read(&mut tx);
        tx.put(&TableName::new("other"), &b"key"[..], &b"value"[..]);
        let executed = tx.finish();
        store.rollback(Seqno(1));
        store.apply(Seqno(2), writes(&[("a", Some("3"))]));
        assert_eq!(store.commit(Seqno(3), &executed), Err(Conflict));
    }
}

#[test]
fn a_rollback_elsewhere_does_not_conflict() {
    let mut store = store();
    let mut tx = Tx::new(store.latest());
    assert!(tx.has(&table(), b"a"));
    tx.put(&table(), &b"a"[..], &b"2"[..]);
    let executed = tx.finish();
    let mut elsewhere = WriteSet::default();
    elsewhere.table_mut(&TableName::new("other")).insert(Key::new(b"k"), Some(Value::new(b"v")));
    store.apply(Seqno(2), Arc::new(elsewhere));
    store.rollback(Seqno(1));
    assert_eq!(store.commit(Seqno(2), &executed), Ok(()));
}

#[test]
fn the_committed_state_is_usable_after_a_rollback() {
    let mut store = store();
    store.compact(Seqno(1), &mut |_, _| ());
    store.apply(Seqno(2), writes(&[("c", Some("2"))]));
    store.rollback(Seqno(1));
    store.apply(Seqno(2), writes(&[("e", Some("2"))]));
    let mut tx = Tx::new(store.committed());
    assert!(tx.has(&table(), b"a"));
    tx.put(&table(), &b"a"[..], &b"2"[..]);
    assert_eq!(store.commit(Seqno(3), &tx.finish()), Ok(()));
}

#[test]
fn committed_states_are_kept_on_request() {
    let mut store = store();
    store.compact(Seqno(1), &mut |_, _| ());
    assert!(store.at(Seqno(1)).is_none());
    store.keep_committed(1_000);
    for seqno in 2..=300 {
        store.apply(Seqno(seqno), writes(&[("a", Some(&seqno.to_string()))]));
        store.compact(Seqno(seqno), &mut |at, _| assert_eq!(at, Seqno(seqno)));
    }
    assert_eq!((2..=300).filter(|&at| store.at(Seqno(at)).is_some()).count(), 128);
    let old = store.at(Seqno(173)).unwrap();
    assert_eq!(old.get_versioned(&table(), b"a"), Some((Value::new(b"173"), Seqno(173))));
    store.keep_committed(0);
    assert!(store.at(Seqno(300)).is_none());
    assert!(old.has(&table(), b"a"));
}

#[test]
fn misuse_is_stopped() {
    let misuses: [fn(&mut Store); 8] = [
        |store| store.apply(Seqno(1), writes(&[])),
        |store| store.apply(Seqno(3), writes(&[])),
        |store| store.rollback(Seqno(2)),
        |store| drop(store.compact(Seqno(2), &mut |_, _| ())),
        |store| store.fill(Seqno(1), writes(&[])),
        |store| {
            store.reserve();
            store.compact(Seqno(2), &mut |_, _| ());
        },
        |store| {
            store.reserve();
            let second = store.reserve();
            store.fill(second, writes(&[]));
        },
        |store| {
            let hole = store.reserve();
            store.apply(Seqno(3), writes(&[("a", None), ("c", Some("2"))]));
            store.fill(hole, writes(&[("c", Some("1"))]));
        },
    ];
    for (at, misuse) in misuses.into_iter().enumerate() {
        let stopped = std::panic::catch_unwind(|| misuse(&mut store())).is_err();
        assert!(stopped, "misuse {at}");
    }
}

#[test]
fn typed_handles_read_and_write() {
    let (ages, current) = (Table::<String, u64>::new("ages"), Singleton::<String>::new("current"));
    let mut tx = Tx::new(store().latest());
    assert_eq!((ages.get(&tx, "ann"), current.get(&tx)), (Ok(None), Ok(None)));
    ages.put(&mut tx, "bob", &7);
    ages.put(&mut tx, "ann", &5);
    current.put(&mut tx, &"ann".to_owned());
    assert_eq!(ages.get(&tx, "ann"), Ok(Some(5)));
    assert_eq!(
        ages.iter(&tx).collect::<Result<Vec<_>, _>>().unwrap(),
        [("ann".into(), 5), ("bob".into(), 7)]
    );
    assert!(ages.has(&tx, "bob") && ages.len(&tx) == 2 && !ages.is_empty(&tx) && current.has(&tx));
    ages.remove(&mut tx, "bob");
    let executed = tx.finish();
    let value = executed.writes().table("current").unwrap().get(&[0; 8][..]).unwrap();
    assert_eq!(value.as_deref(), Some(&b"ann"[..]));

    let mut store = Store::new();
    store.commit(Seqno(1), &executed).unwrap();
    let snapshot = store.latest();
    assert_eq!(ages.version_of_previous_write(&snapshot, "ann"), Some(Seqno(1)));
    assert_eq!(current.version_of_previous_write(&snapshot), Some(Seqno(1)));
    let mut tx = Tx::new(snapshot);
    tx.put(ages.name(), &b"ann"[..], &b"five"[..]);
    tx.put(current.name(), &[0; 8][..], &[0xff][..]);
    assert!(
        ages.get(&tx, "ann").is_err() && current.get(&tx).is_err() && ages.iter(&tx).any(|row| row.is_err())
    );
    ages.clear(&mut tx);
    current.remove(&mut tx);
    assert!(ages.is_empty(&tx) && !current.has(&tx));
}
