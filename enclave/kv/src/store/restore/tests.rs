use std::sync::Arc;

use coco_wire::{
    Key, WriteSet,
    snapshot::tables::{encode_row, encode_table, row_len},
};
use proptest::prelude::*;

use super::*;
use crate::{Reader as _, Snapshot};

const TABLES: [&str; 4] = ["a", "public:b", "public:c", "z"];

/// A change of one row, by table and key number.
#[derive(Clone, Debug)]
struct Change {
    table: usize,
    key: u8,
    value: Option<Vec<u8>>,
}

/// What happens to a store.
#[derive(Clone, Debug)]
enum Step {
    Commit(Vec<Change>),
    /// Transactions that are rolled back at once.
    Abandon(Vec<Vec<Change>>),
    Compact,
}

fn change() -> impl Strategy<Value = Change> {
    let value = proptest::option::weighted(0.7, proptest::collection::vec(any::<u8>(), 0..400));
    (0..TABLES.len(), 0..40_u8, value).prop_map(|(table, key, value)| Change { table, key, value })
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    proptest::collection::vec(change(), 1..8)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => changes().prop_map(Step::Commit),
        1 => proptest::collection::vec(changes(), 1..3).prop_map(Step::Abandon),
        1 => Just(Step::Compact),
    ]
}

fn writes(changes: &[Change]) -> Arc<WriteSet> {
    let mut writes = WriteSet::default();
    for Change { table, key, value } in changes {
        let key = Key::new(&vec![*key; usize::from(*key % 20)].into_iter().chain([*key]).collect::<Vec<_>>());
        writes.table_mut(&TableName::new(TABLES[*table])).insert(key, value.clone().map(Value::from));
    }
    Arc::new(writes)
}

/// The store after all steps, or only after those that last.
fn run(steps: &[Step], detours: bool) -> Store {
    let mut store = Store::new();
    for step in steps {
        match step {
            Step::Commit(changes) => store.apply(store.version().next(), writes(changes)),
            Step::Abandon(transactions) if detours => {
                let before = store.version();
                for changes in transactions {
                    store.apply(store.version().next(), writes(changes));
                }
                store.rollback(before);
            }
            Step::Compact if detours => drop(store.compact(store.version(), &mut |_, _| ())),
            Step::Abandon(_) | Step::Compact => {}
        }
    }
    store
}

fn dump(snapshot: &Snapshot) -> [Vec<u8>; 2] {
    [Domain::Public, Domain::Private].map(|domain| snapshot.dump(domain).flatten().collect())
}

fn begun(version: Seqno) -> Restore {
    let mut restore = Restore::new();
    restore.begin(version);
    restore
}

fn restore(version: Seqno, [public, private]: &[Vec<u8>; 2], piece: usize) -> Result<Store, RestoreError> {
    let mut restore = begun(version);
    for (domain, bytes) in [(Domain::Public, public), (Domain::Private, private)] {
        bytes.chunks(piece).try_for_each(|piece| restore.push(domain, piece))?;
    }
    restore.finish()
}

/// Table, key, and value with its version.
type Versioned = (TableName, Vec<u8>, Option<(Value, Seqno)>);

fn rows(snapshot: &Snapshot) -> Vec<Versioned> {
    let mut rows = Vec::new();
    for table in snapshot.tables() {
        for (key, _) in snapshot.iter(table) {
            rows.push((table.clone(), key.to_vec(), snapshot.get_versioned(table, key)));
        }
    }
    rows
}

proptest! {
    #[test]
    fn what_was_dumped_is_restored(steps in proptest::collection::vec(step(), 0..30), piece in 1..2000_usize) {
        let store = run(&steps, true);
        let snapshot = store.latest();
        let bytes = dump(&snapshot);
        let mut restored = restore(store.version(), &bytes, piece).unwrap();
        prop_assert_eq!(restored.version(), store.version());
        prop_assert_eq!(rows(&restored.latest()), rows(&snapshot));
        prop_assert_eq!(rows(&restored.committed()), rows(&snapshot));
        prop_assert_eq!(dump(&restored.latest()), bytes);
    }

    #[test]
    fn equal_states_give_equal_bytes(steps in proptest::collection::vec(step(), 0..30), piece in 1..2000_usize, more in changes()) {
        let (mut detour, mut straight) = (run(&steps, true), run(&steps, false));
        let bytes = dump(&straight.latest());
        prop_assert_eq!(&dump(&detour.latest()), &bytes);
        let mut restored = restore(straight.version(), &bytes, piece).unwrap();
        let next = straight.version().next();
        for store in [&mut detour, &mut straight, &mut restored] {
            store.apply(next, writes(&more));
        }
        prop_assert_eq!(&dump(&detour.latest()), &dump(&straight.latest()));
        prop_assert_eq!(dump(&restored.latest()), dump(&straight.latest()));
        restored.rollback(next.previous());
        prop_assert_eq!(dump(&restored.latest()), bytes);
    }
}

fn example() -> (Seqno, [Vec<u8>; 2]) {
    let change = |table, key, value: &[u8]| Change { table, key, value: Some(value.to_vec()) };
    let mut store = Store::new();
    store.apply(Seqno(1), writes(&[change(0, 3, b"private"), change(1, 4, b"public")]));
    store.apply(Seqno(2), writes(&[change(1, 5, b""), change(2, 1, &[7; 300]), change(3, 1, b"z")]));
    (Seqno(2), dump(&store.latest()))
}

#[test]
fn cuts_and_mixed_domains_are_refused() {
    let (version, bytes) = example();
    assert!(restore(version, &bytes, 7).is_ok());
    for domain in 0..2 {
        let refused = (0..bytes[domain].len())
            .filter(|end| {
                let mut cut = bytes.clone();
                cut[domain].truncate(*end);
                restore(version, &cut, 64).is_err()
            })
            .count();
        assert_eq!(refused, bytes[domain].len() - 2, "only before each of two tables");
    }
    let [public, private] = bytes.clone();
    assert!(restore(version, &[private.clone(), public.clone()], 64).is_err());
    let mut late = begun(version);
    late.push(Domain::Private, &private).unwrap();
    assert_eq!(late.push(Domain::Public, &public), Err(RestoreError::DomainOrder));
    assert_eq!(restore(Seqno(1), &bytes, 64).err(), Some(RestoreError::TableVersion));
}

#[test]
fn a_key_occurs_once() {
    let mut bytes = Vec::new();
    encode_table("public:b", Seqno(2), 2 * row_len(1, 1), &mut bytes);
    encode_row(b"k", Seqno(1), b"1", &mut bytes);
    encode_row(b"k", Seqno(2), b"2", &mut bytes);
    assert_eq!(restore(Seqno(2), &[bytes, vec![]], 64).err(), Some(RestoreError::DuplicateKey));
}

#[test]
fn tables_without_rows_are_not_there() {
    let mut bytes = Vec::new();
    encode_table("public:b", Seqno(2), 0, &mut bytes);
    let store = restore(Seqno(2), &[bytes, vec![]], 64).unwrap();
    assert_eq!(store.latest().tables().count(), 0);
}
