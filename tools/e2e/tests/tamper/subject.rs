//! A ledger written by a node, and what the verifier says of changes to it.

use std::{sync::Arc, thread::sleep, time::Duration};

use coco_app::Method;
use coco_audit::{Damage, Report, Tail, Verifier};
use coco_e2e::{
    Consortium, Embedded, LedgerFiles,
    embedded::{Writing, request},
};
use coco_host::disk::RealDisk;
use coco_ledger::{SigningPolicy, Timing};
use coco_wire::{
    TxId,
    chunk::{Chunk, ChunkName, ChunkPhase},
};

/// Size of a chunk, in bytes.
const CHUNK: u64 = 12_000;
/// Files that are wanted, the open one included.
const FILES: usize = 4;
/// Bytes in committed files that are wanted.
const SIZE: usize = 64 << 10;

/// What the verifier says; of `coco ledger verify` the exit statuses 1, 3 and 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Damaged,
    /// Verified up to here, something follows.
    Tail(TxId),
    /// Verified up to here, its end.
    Verified(TxId),
}

/// Where the last signature entry is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) file: usize,
    /// Its first byte.
    pub(crate) from: usize,
    /// The byte after its last.
    pub(crate) to: usize,
}

/// A ledger.
pub(crate) struct Subject {
    pub(crate) files: LedgerFiles,
    pub(crate) signature: Place,
    /// What a verifier knows before each file.
    before: Vec<Verifier>,
}

impl Subject {
    fn new(files: LedgerFiles) -> Self {
        let mut before = Vec::new();
        let mut verifier = Verifier::new();
        for (name, bytes) in &files.0 {
            before.push(verifier.clone());
            verifier.chunk(name, bytes).unwrap_or_else(|damage| panic!("{damage}"));
        }
        let last = verifier.finish().expect("an unchanged ledger is sound").last_verified;
        let signature = place_of(&files, last);
        Self { files, signature, before }
    }

    /// The same without what follows the last signature.
    pub(crate) fn up_to_last_signature(&self) -> Self {
        let Place { file, to, .. } = self.signature;
        let mut files = self.files.clone();
        files.0.truncate(file + 1);
        files.0[file].1.truncate(to);
        Self::new(files)
    }

    /// The committed files alone.
    pub(crate) fn without_open_file(&self) -> Self {
        let mut files = self.files.clone();
        files.0.retain(|(name, _)| {
            name.parse::<ChunkName>().is_ok_and(|name| matches!(name.phase, ChunkPhase::Committed { .. }))
        });
        Self::new(files)
    }

    pub(crate) fn last_entry(&self) -> TxId {
        self.files.entries().last().expect("a ledger has entries").iv().tx_id()
    }

    /// Of the ledger as it is.
    pub(crate) fn verdict(&self) -> Verdict {
        self.judge(0, &self.files.0[0].1)
    }

    /// With other bytes in a file.
    pub(crate) fn judge(&self, file: usize, bytes: &[u8]) -> Verdict {
        match self.verify(file, bytes) {
            Err(_) => Verdict::Damaged,
            Ok(Report { tail: Tail::None, last_verified, .. }) => Verdict::Verified(last_verified),
            Ok(Report { last_verified, .. }) => Verdict::Tail(last_verified),
        }
    }

    fn verify(&self, file: usize, bytes: &[u8]) -> Result<Report, Damage> {
        let mut verifier = self.before[file].clone();
        verifier.chunk(&self.files.0[file].0, bytes)?;
        for (name, bytes) in &self.files.0[file + 1..] {
            verifier.chunk(name, bytes)?;
        }
        verifier.finish()
    }
}

fn place_of(files: &LedgerFiles, id: TxId) -> Place {
    for (file, (_, bytes)) in files.0.iter().enumerate() {
        for (offset, entry) in Chunk::decode(bytes).expect("a chunk").entries().map_while(Result::ok) {
            if entry.iv().tx_id() == id {
                let from = usize::try_from(offset).expect("files are small");
                return Place { file, from, to: from + entry.bytes().len() };
            }
        }
    }
    panic!("{id} is in none of the files");
}

/// Several committed chunks, an open one with a signature inside, and entries without a signature behind it. Few
/// signatures, as each that is verified costs time.
pub(crate) fn make_ledger() -> Subject {
    let directory = tempfile::tempdir().expect("a directory");
    let consortium = Consortium::default();
    let signing = SigningPolicy { timing: Timing::Fixed, tx_count: 20, delay_ms: 300 };
    let writing = Writing { chunk_size: CHUNK, signing, ..Writing::USUAL };
    let node = Embedded::start(&consortium, directory.path(), Arc::new(RealDisk), writing);
    node.open(&consortium);
    let write = |count: u64| {
        let requests = (0..count).map(|number| {
            let (path, claims) = [("/app/log/private", false), ("/app/log/public", true)][usize::from(number % 2 == 0)];
            let body = serde_json::json!({ "id": number, "msg": format!("message {number}"), "record_claim": claims });
            request(Method::Post, path, &[("content-type", "application/json")], body.to_string())
        });
        let answers = node.send(Some(consortium.user()), requests.collect());
        answers.last().and_then(|answer| answer.txid).expect("a write has its place")
    };
    let read = || LedgerFiles::read(&directory.path().join("ledger"));
    let is_enough = |files: &LedgerFiles| {
        let committed = files.0.iter().filter(|(name, _)| name.ends_with(".committed"));
        files.0.len() >= FILES && committed.map(|(_, bytes)| bytes.len()).sum::<usize>() >= SIZE
    };
    while !is_enough(&read()) {
        node.wait_for_commit(write(20));
    }
    loop {
        node.wait_for_commit(write(5));
        write(3);
        // Longer than a tick, which has these entries written; shorter than the time to the next signature.
        sleep(Duration::from_millis(100));
        let subject = Subject::new(read());
        // The signature may have been the one that completes its chunk.
        if !subject.files.0[subject.signature.file].0.ends_with(".committed") {
            node.stop();
            return subject;
        }
    }
}
