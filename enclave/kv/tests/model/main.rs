//! Random interleavings checked against a store that keeps every version in full.
//!
//! The model executes an accepted transaction again, alone, on the state it is committed to: it must
//! read the same. That is serialisability in commit order.

mod ops;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use coco_kv::{Executed, Reader, Snapshot, Store, Tx};
use coco_wire::{Key, Seqno, TableName, Value, WriteSet};
use proptest::{prelude::*, sample::Index};

use ops::{Observed, Op, Own, Rows, TABLES, execute, op, simulate, table};

const SIGNATURES: &str = "public:ccf.internal.signatures";
const OPEN: usize = 4;

#[derive(Clone, Debug)]
enum Step {
    Execute(usize, Op),
    Commit(usize),
    Reopen(usize),
    /// On the committed state.
    ReopenCommitted(usize),
    Apply(Vec<(usize, u8, Option<u8>)>),
    Reserve,
    Fill(u8),
    Mark,
    Rollback(Index),
    Compact(Index),
}

#[derive(Clone, Default)]
struct Model {
    rows: Rows,
    signature: Option<(u8, u64)>,
}

struct Open {
    tx: Tx,
    model: Model,
    own: Own,
    ops: Vec<(Op, Observed)>,
    /// How many had happened.
    rollbacks: usize,
}

struct World {
    store: Store,
    /// By seqno, from zero.
    states: Vec<Model>,
    holes: BTreeSet<usize>,
    committed: usize,
    open: Vec<Open>,
    /// Snapshots that must never change.
    held: Vec<(Snapshot, Model)>,
    hooked: Vec<u64>,
    rollbacks: usize,
}

fn step() -> impl Strategy<Value = Step> {
    let write = (0..TABLES.len(), 0..6_u8, proptest::option::of(0..3_u8));
    prop_oneof![
        12 => (0..OPEN, op()).prop_map(|(tx, op)| Step::Execute(tx, op)),
        5 => (0..OPEN).prop_map(Step::Commit),
        1 => (0..OPEN).prop_map(Step::Reopen),
        1 => (0..OPEN).prop_map(Step::ReopenCommitted),
        1 => prop::collection::vec(write, 0..4).prop_map(Step::Apply),
        1 => Just(Step::Reserve),
        1 => any::<u8>().prop_map(Step::Fill),
        1 => Just(Step::Mark),
        1 => any::<Index>().prop_map(Step::Rollback),
        1 => any::<Index>().prop_map(Step::Compact),
    ]
}

fn signature(value: u8) -> Arc<WriteSet> {
    let mut writes = WriteSet::default();
    writes.table_mut(&TableName::new(SIGNATURES)).insert(Key::new(&[0; 8]), Some(Value::new(&[value])));
    Arc::new(writes)
}

impl World {
    fn new() -> Self {
        let mut store = Store::new();
        store.keep_committed(3);
        let open = (0..OPEN).map(|_| Open::new(store.latest(), Model::default(), 0)).collect();
        Self {
            store,
            states: vec![Model::default()],
            holes: BTreeSet::new(),
            committed: 0,
            open,
            held: Vec::new(),
            hooked: Vec::new(),
            rollbacks: 0,
        }
    }

    fn latest(&self) -> &Model {
        self.states.last().expect("state zero exists")
    }

    fn reopen(&self) -> Open {
        Open::new(self.store.latest(), self.latest().clone(), self.rollbacks)
    }

    fn next(&self) -> Seqno {
        Seqno(self.states.len() as u64)
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Execute(at, op) => self.open[*at].execute(op),
            Step::Commit(at) => self.commit(*at),
            Step::Reopen(at) => self.open[*at] = self.reopen(),
            Step::ReopenCommitted(at) => {
                let committed = self.states[self.committed].clone();
                self.open[*at] = Open::new(self.store.committed(), committed, self.rollbacks);
            }
            Step::Apply(changes) => {
                let mut writes = WriteSet::default();
                let mut own = BTreeMap::new();
                for (t, k, v) in changes {
                    writes.table_mut(&table(*t)).insert(Key::new(&[*k]), v.map(|v| Value::new(&[v])));
                    own.insert((*t, *k), *v);
                }
                self.store.apply(self.next(), Arc::new(writes));
                self.push(&own);
            }
            Step::Reserve => {
                let seqno = self.store.reserve();
                assert_eq!(seqno, self.next());
                self.holes.insert(self.states.len());
                self.push(&BTreeMap::new());
            }
            Step::Fill(value) => {
                if let Some(hole) = self.holes.pop_first() {
                    self.store.fill(Seqno(hole as u64), signature(*value));
                    for state in &mut self.states[hole..] {
                        state.signature = Some((*value, hole as u64));
                    }
                }
            }
            Step::Mark => self.store.mark(),
            Step::Rollback(to) => {
                let to = self.committed + to.index(self.states.len() - self.committed);
                self.store.rollback(Seqno(to as u64));
                self.rollbacks += usize::from(to + 1 < self.states.len());
                self.states.truncate(to + 1);
                self.holes.retain(|hole| *hole <= to);
            }
            Step::Compact(to) => self.compact(to),
        }
        self.check();
    }

    fn push(&mut self, own: &Own) {
        let version = self.states.len() as u64;
        let mut state = self.latest().clone();
        for (at, value) in own {
            match value {
                Some(value) => state.rows.insert(*at, (*value, version)),
                None => state.rows.remove(at),
            };
        }
        self.states.push(state);
    }

    fn commit(&mut self, at: usize) {
        let fresh = self.reopen();
        let done = std::mem::replace(&mut self.open[at], fresh);
        let executed: Executed = done.tx.finish();
        let mut own = BTreeMap::new();
        let again: Vec<_> =
            done.ops.iter().map(|(op, _)| simulate(&self.latest().rows, &mut own, op)).collect();
        let same = again.iter().eq(done.ops.iter().map(|(_, observed)| observed));
        match self.store.commit(self.next(), &executed) {
            Ok(()) => {
                assert!(same, "accepted though it would have read otherwise: {:?}", done.ops);
                assert_eq!(own, done.own);
                self.push(&own);
            }
            Err(conflict) => {
                let read = done.ops.iter().filter_map(|(op, _)| op.read()).collect::<BTreeSet<_>>();
                assert!(!read.is_empty(), "writing alone never conflicts");
                let seen = |rows: &Rows| -> Rows {
                    rows.iter()
                        .filter(|((t, _), _)| read.contains(t))
                        .map(|(key, row)| (*key, *row))
                        .collect()
                };
                // Clearing counts changes that were taken back, and a rollback counts for everybody.
                let coarse = done.ops.iter().any(|(op, _)| matches!(op, Op::Clear(_)));
                let changed = seen(&done.model.rows) != seen(&self.latest().rows);
                assert!(changed || coarse || done.rollbacks < self.rollbacks, "{conflict:?} for nothing");
            }
        }
    }

    fn compact(&mut self, to: &Index) {
        let limit = self.holes.first().copied().unwrap_or(self.states.len());
        let to = self.committed + to.index(limit - self.committed);
        let hooked = &mut self.hooked;
        self.store.compact(Seqno(to as u64), &mut |seqno, _| hooked.push(seqno.0));
        self.committed = to;
        assert!(self.hooked.iter().copied().eq(1..=to as u64), "each committed once, in order");
        assert_same(
            &self.store.at(Seqno(to as u64)).unwrap_or_else(|| self.store.committed()),
            &self.states[to],
        );
    }

    fn check(&mut self) {
        assert_eq!(self.store.version().next(), self.next());
        assert_eq!(self.store.committed().version().0, self.committed as u64);
        assert_same(&self.store.latest(), self.latest());
        assert_same(&self.store.committed(), &self.states[self.committed]);
        if self.held.len() < 8 {
            self.held.push((self.store.latest(), self.latest().clone()));
        }
        for (snapshot, model) in &self.held {
            assert_same(snapshot, model);
        }
    }
}

impl Open {
    fn new(snapshot: Snapshot, model: Model, rollbacks: usize) -> Self {
        Self { tx: Tx::new(snapshot), model, own: BTreeMap::new(), ops: Vec::new(), rollbacks }
    }

    fn execute(&mut self, op: &Op) {
        let observed = execute(&mut self.tx, op);
        assert_eq!(observed, simulate(&self.model.rows, &mut self.own, op), "{op:?} in {:?}", self.ops);
        assert_eq!(self.tx.is_read_only(), self.own.is_empty());
        self.ops.push((op.clone(), observed));
    }
}

fn assert_same(snapshot: &Snapshot, model: &Model) {
    let mut names = BTreeSet::new();
    for (at, name) in TABLES.iter().enumerate() {
        let rows = snapshot.iter(&table(at)).map(|(key, value)| {
            let (again, version) = snapshot.get_versioned(&table(at), key).expect("iterated");
            assert_eq!(&*again, value);
            ((at, key[0]), (value[0], version.0))
        });
        let rows: Rows = rows.collect();
        let expected: Rows =
            model.rows.iter().filter(|((t, _), _)| *t == at).map(|(key, row)| (*key, *row)).collect();
        assert_eq!(rows, expected);
        assert_eq!(Reader::len(snapshot, &table(at)), expected.len());
        if !expected.is_empty() {
            names.insert(*name);
        }
    }
    let signature = snapshot.get_versioned(&TableName::new(SIGNATURES), &[0; 8]);
    assert_eq!(signature.map(|(value, seqno)| (value[0], seqno.0)), model.signature);
    if model.signature.is_some() {
        names.insert(SIGNATURES);
    }
    assert_eq!(snapshot.tables().map(TableName::as_str).collect::<BTreeSet<_>>(), names);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn every_interleaving_is_serialisable(steps in prop::collection::vec(step(), 1..120)) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
        }
    }
}
