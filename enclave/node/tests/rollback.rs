//! Store, Merkle tree and ledger files go back together: random histories with rollbacks against plain lists.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{Arc, mpsc},
    time::Duration,
};

use coco_boundary::{Effect, EntryKind, Event, Log};
use coco_crypto::{Curve, EcKey, LedgerSecret, SystemEntropy, hash::sha256_pair};
use coco_host::{
    disk::RealDisk,
    ledger::{Durability, Ledger as Files, LedgerOptions, LedgerQueue},
};
use coco_kv::{Reader as _, Store, Tx};
use coco_ledger::{
    AppendOptions, Ledger, LedgerConfig, LedgerSecrets, NodeSigner, Sealed, ServiceSigner, SignatureMode,
    SignatureRequest, open,
};
use coco_wire::{
    Digest, Seqno, TableName, TxId, View,
    chunk::{Chunk, ChunkName},
};
use proptest::prelude::*;

/// One step of a history.
#[derive(Clone, Debug)]
enum Step {
    /// Some keys are written, or removed.
    Write(Vec<(u8, Option<u8>)>),
    /// A signature is reserved, if none is.
    Reserve,
    /// The reserved signature takes its place.
    Complete,
    /// The last signature is persisted and committed.
    Commit,
    /// A new primary: everything after a signature that is not committed, or after the last committed one, is void.
    Rollback(prop::sample::Index),
}

fn step() -> impl Strategy<Value = Step> {
    let writes = prop::collection::vec((0..6_u8, prop::option::of(any::<u8>())), 1..4);
    prop_oneof![
        6 => writes.prop_map(Step::Write),
        3 => Just(Step::Reserve),
        3 => Just(Step::Complete),
        1 => Just(Step::Commit),
        1 => any::<prop::sample::Index>().prop_map(Step::Rollback),
    ]
}

/// What the histories must lead to: plain lists, copied where the real things share.
#[derive(Clone, Default)]
struct Model {
    /// Rows after each transaction, the first being the empty state.
    states: Vec<BTreeMap<u8, u8>>,
}

struct Bench {
    kv: Store,
    ledger: Ledger,
    files: LedgerQueue,
    events: mpsc::Receiver<Event>,
    secrets: LedgerSecrets,
    key: EcKey,
    view: View,
    reserved: Option<SignatureRequest>,
    /// Entries that left for the disk, in order.
    drained: Vec<Sealed>,
    committed: Seqno,
    model: Model,
    table: TableName,
}

impl Bench {
    fn write(&mut self, writes: &[(u8, Option<u8>)]) {
        let mut tx = Tx::new(self.kv.latest());
        let mut rows = self.model.states.last().expect("the empty state is there").clone();
        for (key, value) in writes {
            match value {
                Some(value) => {
                    tx.put(&self.table, [*key].as_slice(), [*value].as_slice());
                    rows.insert(*key, *value);
                }
                None => {
                    tx.remove(&self.table, [*key].as_slice());
                    rows.remove(key);
                }
            }
        }
        let txid = TxId { view: self.view, seqno: self.kv.version().next() };
        let executed = tx.finish();
        self.kv.commit(txid.seqno, &executed).expect("nothing was read");
        let options = AppendOptions::default();
        self.ledger.append(txid, executed.writes(), Digest::ZERO, options).expect("a small entry");
        self.model.states.push(rows);
    }

    fn reserve(&mut self) {
        if self.reserved.is_some() || self.ledger.unsigned() == 0 {
            return;
        }
        let txid = TxId { view: self.view, seqno: self.kv.reserve() };
        let request = self.ledger.reserve_signature(txid, false);
        self.drain();
        let leaves = self
            .drained
            .iter()
            .map(|sealed| open(&self.secrets, &sealed.bytes).expect("what was sealed opens").leaf);
        assert_eq!(request.root(), naive_root(std::iter::once(Digest::ZERO).chain(leaves).collect()));
        self.reserved = Some(request);
        let rows = self.model.states.last().expect("the empty state is there").clone();
        self.model.states.push(rows);
    }

    fn complete(&mut self) {
        let Some(request) = self.reserved.take() else { return };
        let txid = request.txid();
        let signed = request.sign(
            NodeSigner { key: &self.key, certificate: "" },
            ServiceSigner { key: &self.key, issuer: "", subject: "", issued_at: 0 },
        );
        let writes = self.ledger.complete_signature(signed).expect("its reservation stands");
        self.kv.fill(txid.seqno, Arc::new(writes));
        self.drain();
    }

    fn drain(&mut self) {
        let from = self.drained.len();
        self.ledger.drain(&mut self.drained);
        for sealed in &self.drained[from..] {
            let kind = if sealed.signature { EntryKind::Signature } else { EntryKind::Transaction };
            let entry = sealed.bytes.clone();
            self.files.push([Effect::Append { id: sealed.txid, kind, entry }]);
        }
    }

    fn signatures(&self) -> Vec<Seqno> {
        let signatures = self.drained.iter().filter(|sealed| sealed.signature);
        signatures.map(|sealed| sealed.txid.seqno).collect()
    }

    fn commit(&mut self) {
        let Some(&last) = self.signatures().last().filter(|last| **last > self.committed) else { return };
        let id = self.drained[usize::try_from(last.0).expect("few entries") - 1].txid;
        loop {
            match self.events.recv_timeout(Duration::from_secs(30)).expect("the disk answers") {
                Event::Persisted { upto } if upto.seqno >= id.seqno && upto.view >= id.view => break,
                Event::Persisted { .. } => {}
                event => panic!("{event:?}"),
            }
        }
        self.kv.compact(last, &mut |_, _| {});
        self.ledger.compact(last);
        self.files.push([Effect::Commit { upto: last }]);
        self.committed = last;
    }

    fn rollback(&mut self, which: prop::sample::Index) {
        let mut targets = self.signatures();
        targets.retain(|target| *target >= self.committed);
        targets.push(self.committed);
        let to = targets[which.index(targets.len())];
        let kept = usize::try_from(to.0).expect("few entries");
        self.kv.rollback(to);
        self.ledger.rollback(to);
        self.files.push([Effect::Truncate { last: to }]);
        self.reserved = None;
        self.drained.truncate(kept);
        self.model.states.truncate(kept + 1);
        self.view.0 += 1;
    }

    fn check(&mut self) {
        let rows: BTreeMap<u8, u8> =
            self.kv.latest().iter(&self.table).map(|(key, value)| (key[0], value[0])).collect();
        assert_eq!(Some(&rows), self.model.states.last());
        let at_commit = usize::try_from(self.committed.0).expect("few entries");
        let rows: BTreeMap<u8, u8> =
            self.kv.committed().iter(&self.table).map(|(key, value)| (key[0], value[0])).collect();
        assert_eq!(rows, self.model.states[at_commit]);
    }
}

/// Root of a tree in which the odd last node of a level is promoted as it is.
fn naive_root(mut level: Vec<Digest>) -> Digest {
    while level.len() > 1 {
        level = level
            .chunks(2)
            .map(|pair| match pair {
                [left, right] => sha256_pair(left, right),
                _ => pair[0],
            })
            .collect();
    }
    level[0]
}

/// All entries in the files of a directory, in order.
fn entries_on_disk(directory: &Path) -> Vec<Vec<u8>> {
    let mut files: Vec<(ChunkName, Vec<u8>)> = fs::read_dir(directory)
        .expect("the ledger directory is there")
        .map(|file| {
            let file = file.expect("a directory entry");
            let name = file.file_name().to_string_lossy().parse().expect("the name of a chunk");
            (name, fs::read(file.path()).expect("a chunk can be read"))
        })
        .collect();
    files.sort_by_key(|(name, _)| name.first);
    let mut entries = Vec::new();
    for (_, bytes) in &files {
        let chunk = Chunk::decode(bytes).expect("a whole chunk");
        entries.extend(chunk.entries().map(|entry| entry.expect("a whole entry").1.bytes().to_vec()));
    }
    entries
}

fn run(steps: Vec<Step>) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let options = LedgerOptions {
        directory: directory.path().join("ledger"),
        read_only_directories: Vec::new(),
        durability: Durability::Fsync,
        reserve: 4096,
        slow_io: Duration::from_secs(60),
    };
    let files = Files::create(options, Arc::new(RealDisk)).expect("an empty directory");
    let (sender, events) = mpsc::channel();
    let queue = files.queue();
    let sink = Arc::new(move |event| drop(sender.send(event)));
    let threads = files.run(sink, Log::discard()).expect("threads");
    let secrets = LedgerSecrets::new(Seqno(1), LedgerSecret::generate(&SystemEntropy));
    let config = LedgerConfig { chunk_size: 1500, signatures: SignatureMode::Dual };
    let mut bench = Bench {
        kv: Store::new(),
        ledger: Ledger::new(secrets.clone(), config),
        files: queue,
        events,
        secrets,
        key: EcKey::generate(Curve::P256, &SystemEntropy),
        view: View(2),
        reserved: None,
        drained: Vec::new(),
        committed: Seqno::ZERO,
        model: Model { states: vec![BTreeMap::new()] },
        table: TableName::new("items"),
    };
    for step in steps {
        match step {
            Step::Write(writes) => bench.write(&writes),
            Step::Reserve => bench.reserve(),
            Step::Complete => bench.complete(),
            Step::Commit => bench.commit(),
            Step::Rollback(which) => bench.rollback(which),
        }
        bench.check();
    }
    bench.complete();
    bench.drain();
    let expected: Vec<_> = bench.drained.iter().map(|sealed| sealed.bytes.clone()).collect();
    drop(bench);
    threads.close();
    assert_eq!(entries_on_disk(&directory.path().join("ledger")), expected);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn store_tree_and_files_agree_after_any_history(steps in prop::collection::vec(step(), 1..120)) {
        run(steps);
    }
}
