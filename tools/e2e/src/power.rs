//! Loss of power: nodes under load on disks that remember every call, and what may be left of these.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use coco_app::{Method, Request};
use coco_audit::{Coverage, Report, Verifier};
use coco_crypto::Certificate;
use coco_host::{
    disk::{Disk, RealDisk},
    record::{Call, ForgetfulDisk, Image, Recorder, Survival},
};
use coco_ledger::{LedgerSecrets, open};
use coco_wire::{
    TxId, WriteSet,
    chunk::{ChunkName, ChunkPhase},
};
use serde_json::json;

use crate::{
    Consortium, Embedded, LedgerFiles, Random,
    embedded::{Writing, request},
};

/// Threads that write.
const WRITERS: u64 = 3;

/// A write that was acknowledged as committed.
pub struct Promise {
    /// Its transaction.
    pub id: TxId,
    table: &'static str,
    key: u64,
    message: String,
}

/// What nodes of one service leave behind.
pub struct Story {
    /// Calls of the disk of each node. A mark in them says how many promises had been made.
    pub disks: Vec<Vec<Call>>,
    /// In the order in which they were made.
    pub promises: Vec<Promise>,
    secrets: LedgerSecrets,
    service: Certificate,
}

/// What is left of a disk.
pub struct Kept {
    report: Report,
    written: BTreeMap<TxId, WriteSet>,
}

/// Runs nodes under load, each on a disk of its own, while each of three clients writes so many batches. `forgetful` leaves
/// out every synchronisation of a file.
///
/// # Panics
/// If something goes wrong before power is lost.
#[must_use]
pub fn story(seed: u64, nodes: usize, batches: u64, forgetful: bool) -> Story {
    let directory = tempfile::tempdir().expect("a directory for the nodes");
    let recorders: Vec<Recorder> = (0..nodes).map(|_| Recorder::new(Arc::new(RealDisk))).collect();
    let mut disks = recorders.iter().map(|recorder| {
        let disk: Arc<dyn Disk> = Arc::new(recorder.clone());
        if forgetful { Arc::new(ForgetfulDisk(disk)) } else { disk }
    });
    let consortium = Consortium::default();
    let primary = begin(&consortium, directory.path(), disks.next().expect("at least one node"));
    let others: Vec<Embedded> = disks
        .enumerate()
        .map(|(number, disk)| {
            primary.join(&directory.path().join(format!("node{}", number + 1)), disk, WRITING)
        })
        .collect();
    primary.open(&consortium);
    let promises = Mutex::new(Vec::new());
    let promised = |mut made: Vec<Promise>| {
        let mut promises = promises.lock().expect("no writer panics with the lock");
        promises.append(&mut made);
        recorders.iter().for_each(|recorder| recorder.mark(promises.len() as u64));
    };
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (primary, consortium, promised) = (&primary, &consortium, &promised);
            scope.spawn(move || {
                let mut random = Random((seed << 8) + writer);
                (0..batches)
                    .for_each(|number| promised(batch(primary, consortium, &mut random, writer, number)));
            });
        }
    });
    let (secrets, service) = (primary.secrets.clone(), primary.service.clone());
    others.into_iter().for_each(Embedded::stop);
    primary.stop();
    let promises = promises.into_inner().expect("no writer panicked");
    Story { disks: recorders.iter().map(Recorder::calls).collect(), promises, secrets, service }
}

/// Chunks end often.
const WRITING: Writing = Writing { chunk_size: 30_000, ..Writing::USUAL };

fn begin(consortium: &Consortium, directory: &Path, disk: Arc<dyn Disk>) -> Embedded {
    Embedded::start(consortium, &directory.join("node0"), disk, WRITING)
}

/// Sends a batch of writes, and waits until they are committed.
fn batch(
    node: &Embedded,
    consortium: &Consortium,
    random: &mut Random,
    writer: u64,
    number: u64,
) -> Vec<Promise> {
    let (requests, wrote): (Vec<_>, Vec<_>) =
        (0..=random.below(6)).map(|at| draw(random, writer, number, at)).unzip();
    let waited: Vec<bool> = requests.iter().map(|request| request.headers.get("prefer").is_some()).collect();
    let answers = node.send(Some(consortium.user()), requests);
    let mut promises = Vec::new();
    for ((answer, (table, key, message)), waited) in answers.into_iter().zip(wrote).zip(waited) {
        assert_eq!(answer.status.0, 200, "{}", String::from_utf8_lossy(&answer.body));
        let id = answer.txid.expect("a write has its place");
        let applied = answer.headers.iter().any(|(name, _)| name == "preference-applied");
        assert_eq!(applied, waited, "{id}");
        if !waited {
            node.wait_for_commit(id);
        }
        promises.push(Promise { id, table, key, message });
    }
    promises
}

/// A request, and what it writes.
fn draw(random: &mut Random, writer: u64, number: u64, at: u64) -> (Request, (&'static str, u64, String)) {
    let private = random.below(2) == 1;
    let (path, table) =
        if private { ("/app/log/private", "records") } else { ("/app/log/public", "public:records") };
    let key = (writer << 32) + (number << 8) + at;
    let filler = "x".repeat(usize::try_from(random.below(200)).expect("a short text"));
    let message = format!("{writer} wrote {number}.{at} {filler}");
    let body = json!({ "id": key, "msg": message }).to_string();
    let headers = [("content-type", "application/json"), ("prefer", "wait=60")];
    let headers = if random.below(2) == 0 { &headers[..] } else { &headers[..1] };
    (request(Method::Post, path, headers, body), (table, key, message))
}

impl Story {
    /// The promises that had been made before power failed after so many calls of the disk of a node.
    #[must_use]
    pub fn promised(&self, node: usize, point: usize) -> &[Promise] {
        let label = self.disks[node][..point].iter().rev().find_map(|call| match call {
            Call::Mark { label } => Some(*label),
            _ => None,
        });
        &self.promises[..usize::try_from(label.unwrap_or(0)).expect("not so many")]
    }

    /// What is left of the disk of a node when power fails after so many calls.
    ///
    /// # Errors
    /// If that is not what the node wrote.
    pub fn left(&self, node: usize, point: usize, survival: Survival) -> Result<Kept, String> {
        let files = LedgerFiles::of_image(&Image::after(&self.disks[node][..point], survival));
        let report = verify(&files, survival)?;
        let identity = report.services.last().map(|epoch| epoch.identity);
        if identity.is_some_and(|identity| identity != self.service.public_key().id()) {
            return Err("another service".to_owned());
        }
        // What no signature covers may be anything.
        let verified = usize::try_from(report.last_verified.seqno.0).expect("not so many");
        let mut written = BTreeMap::new();
        for entry in files.entries().into_iter().take(verified) {
            let opened = open(&self.secrets, entry.bytes()).map_err(|error| error.to_string())?;
            written.insert(opened.txid, opened.writes);
        }
        Ok(Kept { report, written })
    }
}

impl Kept {
    /// Looks for a write.
    ///
    /// # Errors
    /// If it is not there, or something else is.
    pub fn check(&self, Promise { id, table, key, message }: &Promise) -> Result<(), String> {
        if self.report.coverage(*id) != Coverage::Verified {
            return Err(format!("{id} is not verified, but up to {}", self.report.last_verified));
        }
        let writes = self.written.get(id);
        let value = writes.and_then(|writes| writes.table(table)?.get(key.to_le_bytes().as_slice())?.clone());
        if value.as_deref() != Some(message.as_bytes()) {
            return Err(format!("{id} does not write {key} to {table} as acknowledged"));
        }
        Ok(())
    }
}

/// Verifies what is left. Where sectors of a write are lost in the middle, what follows may look like tampering: nobody can
/// tell these apart, so that it suffices if the damage is in the open file, behind everything that was promised.
fn verify(files: &LedgerFiles, survival: Survival) -> Result<Report, String> {
    let mut verifier = Verifier::new();
    for (name, bytes) in &files.0 {
        let is_open = name.parse().is_ok_and(|name: ChunkName| name.phase == ChunkPhase::Open);
        match verifier.chunk(name, bytes) {
            Err(_) if is_open && matches!(survival, Survival::RandomSubset { .. }) => {
                return Ok(verifier.progress().clone());
            }
            read => read.map_err(|damage| damage.to_string())?,
        }
    }
    verifier.finish().map_err(|damage| damage.to_string())
}

/// Does so many checks on both cores; what was wrong.
///
/// # Panics
/// If a check does.
pub fn check_all(number: usize, check: impl Fn(usize) -> Result<(), String> + Sync) -> Vec<String> {
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= number {
                return;
            }
            if let Err(why) = check(at) {
                wrong.lock().expect("no check panics with the lock").push(why);
            }
        }
    };
    thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
    wrong.into_inner().expect("no check panicked")
}
