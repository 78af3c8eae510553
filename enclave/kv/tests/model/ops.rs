//! Operations of a transaction, on the real one and on the model.

use std::{
    collections::BTreeMap,
    ops::{Bound, ControlFlow},
};

use coco_kv::{Order, Reader, Tx};
use coco_wire::TableName;
use proptest::prelude::*;

pub(crate) const TABLES: [&str; 2] = ["public:a", "b"];

pub(crate) type Rows = BTreeMap<(usize, u8), (u8, u64)>;
/// What a transaction wrote itself.
pub(crate) type Own = BTreeMap<(usize, u8), Option<u8>>;
/// Of a range.
type Bounds = (Bound<u8>, Bound<u8>);
/// What an operation returned: keys, values and versions, whatever they are.
pub(crate) type Observed = Vec<u64>;

#[derive(Clone, Debug)]
pub(crate) enum Op {
    Get(usize, u8),
    Has(usize, u8),
    Version(usize, u8),
    Len(usize),
    /// First rows of a range.
    Range(usize, Bounds, Order, usize),
    /// Rows visited, each removed if the flag says so.
    ForEach(usize, Bounds, Order, usize, bool),
    Put(usize, u8, u8),
    Remove(usize, u8),
    Clear(usize),
}

impl Op {
    /// The table it reads, if any.
    pub(crate) fn read(&self) -> Option<usize> {
        match *self {
            Self::Get(t, _) | Self::Has(t, _) | Self::Version(t, _) | Self::Len(t) => Some(t),
            Self::Range(t, ..) | Self::ForEach(t, ..) | Self::Clear(t) => Some(t),
            Self::Put(..) | Self::Remove(..) => None,
        }
    }
}

pub(crate) fn op() -> impl Strategy<Value = Op> {
    let (table, key) = (0..TABLES.len(), 0..6_u8);
    let bound = || {
        prop_oneof![
            Just(Bound::Unbounded),
            (0..7_u8).prop_map(Bound::Included),
            (0..7_u8).prop_map(Bound::Excluded)
        ]
    };
    let bounds = || (bound(), bound());
    let order = || prop_oneof![Just(Order::Ascending), Just(Order::Descending)];
    prop_oneof![
        4 => (table.clone(), key.clone()).prop_map(|(t, k)| Op::Get(t, k)),
        1 => (table.clone(), key.clone()).prop_map(|(t, k)| Op::Has(t, k)),
        1 => (table.clone(), key.clone()).prop_map(|(t, k)| Op::Version(t, k)),
        1 => table.clone().prop_map(Op::Len),
        2 => (table.clone(), bounds(), order(), 0..8_usize).prop_map(|(t, b, o, n)| Op::Range(t, b, o, n)),
        1 => (table.clone(), bounds(), order(), 1..8_usize, any::<bool>())
            .prop_map(|(t, b, o, n, r)| Op::ForEach(t, b, o, n, r)),
        4 => (table.clone(), key.clone(), 0..3_u8).prop_map(|(t, k, v)| Op::Put(t, k, v)),
        2 => (table.clone(), key).prop_map(|(t, k)| Op::Remove(t, k)),
        1 => table.prop_map(Op::Clear),
    ]
}

pub(crate) fn table(at: usize) -> TableName {
    TableName::new(TABLES[at])
}

/// The operation on the real transaction.
pub(crate) fn execute(tx: &mut Tx, op: &Op) -> Observed {
    let row = |(key, value): (&[u8], &[u8])| [u64::from(key[0]), u64::from(value[0])];
    match *op {
        Op::Get(t, k) => tx.get(&table(t), &[k]).iter().map(|value| u64::from(value[0])).collect(),
        Op::Has(t, k) => vec![u64::from(tx.has(&table(t), &[k]))],
        Op::Version(t, k) => {
            tx.version_of_previous_write(&table(t), &[k]).iter().map(|seqno| seqno.0).collect()
        }
        Op::Len(t) => vec![tx.len(&table(t)) as u64],
        Op::Range(t, bounds, order, count) => {
            let (from, to) = (bounds.0.map(|k| [k]), bounds.1.map(|k| [k]));
            let bounds = (from.as_ref().map(|k| &k[..]), to.as_ref().map(|k| &k[..]));
            tx.range_in(&table(t), bounds, order).take(count).flat_map(row).collect()
        }
        Op::ForEach(t, bounds, order, count, remove) => {
            let (from, to) = (bounds.0.map(|k| [k]), bounds.1.map(|k| [k]));
            let bounds = (from.as_ref().map(|k| &k[..]), to.as_ref().map(|k| &k[..]));
            let mut seen = Vec::new();
            tx.for_each(&table(t), bounds, order, |tx, key, value| {
                seen.extend(row((key, value)));
                if remove {
                    tx.remove(&table(t), key);
                }
                if seen.len() == 2 * count { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            seen
        }
        Op::Put(t, k, v) => {
            tx.put(&table(t), &[k][..], &[v][..]);
            vec![]
        }
        Op::Remove(t, k) => {
            tx.remove(&table(t), &[k][..]);
            vec![]
        }
        Op::Clear(t) => {
            tx.clear(&table(t));
            vec![]
        }
    }
}

/// The operation on the model.
pub(crate) fn simulate(state: &Rows, own: &mut Own, op: &Op) -> Observed {
    let merged = |own: &Own, t: usize| -> Vec<(u8, u8)> {
        let mut rows: BTreeMap<u8, u8> =
            state.iter().filter(|((table, _), _)| *table == t).map(|((_, k), (v, _))| (*k, *v)).collect();
        for ((_, k), v) in own.iter().filter(|((table, _), _)| *table == t) {
            match v {
                Some(v) => rows.insert(*k, *v),
                None => rows.remove(k),
            };
        }
        rows.into_iter().collect()
    };
    let flat =
        |rows: Vec<(u8, u8)>| rows.into_iter().flat_map(|(k, v)| [u64::from(k), u64::from(v)]).collect();
    match *op {
        Op::Get(t, k) => {
            let value = merged(own, t).into_iter().find(|(key, _)| *key == k);
            value.iter().map(|(_, v)| u64::from(*v)).collect()
        }
        Op::Has(t, k) => vec![u64::from(merged(own, t).iter().any(|(key, _)| *key == k))],
        Op::Version(t, k) => state.get(&(t, k)).iter().map(|(_, version)| *version).collect(),
        Op::Len(t) => vec![merged(own, t).len() as u64],
        Op::Range(t, bounds, order, count) => {
            let rows = within(merged(own, t), bounds, order);
            flat(rows.into_iter().take(count).collect())
        }
        Op::ForEach(t, bounds, order, count, remove) => {
            let rows: Vec<_> = within(merged(own, t), bounds, order).into_iter().take(count).collect();
            if remove {
                own.extend(rows.iter().map(|(k, _)| ((t, *k), None)));
            }
            flat(rows)
        }
        Op::Put(t, k, v) => {
            own.insert((t, k), Some(v));
            vec![]
        }
        Op::Remove(t, k) => {
            own.insert((t, k), None);
            vec![]
        }
        Op::Clear(t) => {
            for (k, _) in merged(own, t) {
                own.insert((t, k), None);
            }
            vec![]
        }
    }
}

/// Those of ascending rows whose keys lie within bounds, in an order.
fn within(mut rows: Vec<(u8, u8)>, (from, to): Bounds, order: Order) -> Vec<(u8, u8)> {
    rows.retain(|(key, _)| {
        let is_after = match from {
            Bound::Unbounded => true,
            Bound::Included(from) => *key >= from,
            Bound::Excluded(from) => *key > from,
        };
        let is_before = match to {
            Bound::Unbounded => true,
            Bound::Included(to) => *key <= to,
            Bound::Excluded(to) => *key < to,
        };
        is_after && is_before
    });
    if order == Order::Descending {
        rows.reverse();
    }
    rows
}
