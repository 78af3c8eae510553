use std::{collections::BTreeMap, ops::Bound};

use proptest::prelude::*;

use super::*;

type Model = BTreeMap<Vec<u8>, (u64, Vec<u8>)>;

type Item = (Vec<u8>, (u64, Vec<u8>));

#[derive(Clone, Debug)]
enum Step {
    Insert(u16, usize, usize),
    Remove(u16),
    /// Removes whatever lies in a range.
    RemoveRange(u16, u16),
    Keep,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..600_u16, 0..4_usize, 0..3_usize).prop_map(|(k, l, v)| Step::Insert(k, l, v)),
        3 => (0..600_u16).prop_map(Step::Remove),
        1 => (0..600_u16, 0..300_u16).prop_map(|(k, n)| Step::RemoveRange(k, n)),
        1 => Just(Step::Keep),
    ]
}

/// Keys with long common prefixes and of many lengths; some are prefixes of others.
fn key(number: u16, length: usize) -> Vec<u8> {
    let mut key = vec![b'k'; [0, 3, 30, 300][length]];
    key.extend_from_slice(&number.to_be_bytes()[..if number.is_multiple_of(7) { 1 } else { 2 }]);
    key
}

fn rows(tree: &Tree, bounds: impl RangeBounds<[u8]>) -> Vec<Item> {
    let row = |(key, row): (&[u8], Stored<'_>)| (key.to_vec(), (row.version.0, row.bytes().to_vec()));
    tree.range(bounds).map(row).collect()
}

fn rows_back(tree: &Tree, bounds: impl RangeBounds<[u8]>) -> Vec<Item> {
    let row = |(key, row): (&[u8], Stored<'_>)| (key.to_vec(), (row.version.0, row.bytes().to_vec()));
    let mut rows: Vec<_> = tree.range_back(bounds).map(row).collect();
    rows.reverse();
    rows
}

fn assert_same(tree: &Tree, model: &Model) {
    let expected: Vec<_> = model.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    assert_eq!(rows(tree, ..), expected);
    assert_eq!(rows_back(tree, ..), expected);
    assert_eq!((tree.len(), tree.is_empty()), (model.len(), model.is_empty()));
}

fn differences(one: &Model, other: &Model) -> Vec<Vec<u8>> {
    let keys: std::collections::BTreeSet<_> = one.keys().chain(other.keys()).collect();
    keys.into_iter().filter(|key| one.get(*key) != other.get(*key)).cloned().collect()
}

fn check(steps: &[Step]) {
    let (mut tree, mut model) = (Tree::default(), Model::new());
    let mut kept = vec![(tree.clone(), model.clone())];
    for (version, step) in steps.iter().enumerate() {
        let version = version as u64;
        match *step {
            Step::Insert(number, length, value) => {
                let value = vec![b'v'; [1, 40, 700][value]];
                let key = key(number, length);
                let row = Row { version: Seqno(version), value: Value::new(&value) };
                let before = tree.insert(&key, &row).map(|row| (row.version.0, row.value.to_vec()));
                assert_eq!(before, model.insert(key, (version, value)));
            }
            Step::Remove(number) => {
                let key = key(number, usize::from(number) % 4);
                let before = tree.remove(&key).map(|row| (row.version.0, row.value.to_vec()));
                assert_eq!(before, model.remove(&key));
            }
            Step::RemoveRange(number, count) => {
                let (from, to) = (key(number, 1), key(number + count, 1));
                let keys: Vec<_> =
                    model.range(from.min(to.clone())..=to).map(|(key, _)| key.clone()).collect();
                for key in keys {
                    assert!(tree.remove(&key).is_some());
                    model.remove(&key);
                }
            }
            Step::Keep => kept.push((tree.clone(), model.clone())),
        }
    }
    kept.push((tree.clone(), model.clone()));
    for (old, old_model) in &kept {
        assert_same(old, old_model);
        let changed = differences(old_model, &model);
        assert_eq!(old.same_where(&tree, |_| true), changed.is_empty());
        assert!(old.same_where(&tree, |key| !changed.iter().any(|other| other == key)));
        for key in changed.iter().take(20) {
            assert!(!old.same_where(&tree, |other| other == key.as_slice()));
            assert!(!tree.same_where(old, |other| other == key.as_slice()));
        }
    }
    for number in (0..600).step_by(37) {
        let (low, high) = (key(number, 1), key(number + 100, usize::from(number) % 3));
        if low < high {
            for bounds in [
                (Bound::Excluded(&low[..]), Bound::Included(&high[..])),
                (Bound::Included(&low[..]), Bound::Excluded(&high[..])),
            ] {
                let expected: Vec<_> =
                    model.range::<[u8], _>(bounds).map(|(k, v)| (k.clone(), v.clone())).collect();
                assert_eq!(rows(&tree, bounds), expected);
                assert_eq!(rows_back(&tree, bounds), expected);
            }
        }
        assert_eq!(tree.get(&low).map(|row| row.version.0), model.get(&low).map(|(version, _)| *version));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn behaves_as_a_map(steps in prop::collection::vec(step(), 1..1500)) {
        check(&steps);
    }
}

#[test]
fn many_rows_in_order_and_back() {
    for order in [1_u64, 7919] {
        let mut tree = Tree::default();
        for number in 0..20_000 {
            let key = (number * order % 20_000).to_be_bytes();
            assert!(tree.insert(&key, &Row { version: Seqno(1), value: Value::new(&key) }).is_none());
        }
        assert!(tree.range(..).map(|(key, _)| key).eq((0..20_000_u64).map(u64::to_be_bytes)));
        assert!(tree.range_back(..).map(|(key, _)| key).eq((0..20_000_u64).rev().map(u64::to_be_bytes)));
        for number in 0..20_000 {
            assert!(tree.remove(&(number * order % 20_000).to_be_bytes()).is_some());
        }
        assert!(tree.is_empty() && tree.range(..).next().is_none());
    }
}
