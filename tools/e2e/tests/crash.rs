//! Loss of power: whatever of the writes that were not synchronised survives, everything acknowledged as committed is in
//! the ledger, verifies and decrypts to what was acknowledged.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use coco_app::{Method, Request};
use coco_audit::{Coverage, Report, Verifier};
use coco_crypto::Certificate;
use coco_e2e::{
    Consortium, Embedded, LedgerFiles, Random,
    embedded::{Writing, request},
    scale,
};
use coco_host::{
    disk::{Disk, RealDisk},
    record::{Call, ForgetfulDisk, Image, Recorder, Survival},
};
use coco_ledger::{LedgerSecrets, open};
use coco_wire::{
    TxId,
    chunk::{ChunkName, ChunkPhase},
};

/// Threads that write.
const WRITERS: u64 = 3;
/// Batches that each of them writes.
const BATCHES: u64 = 16;
/// Rounds of a long run, each with a service of its own; together they have well over 1,000 points.
const ROUNDS: u64 = 8;

/// A write that was acknowledged as committed.
struct Acknowledged {
    id: TxId,
    table: &'static str,
    key: u64,
    message: String,
}

/// What a round leaves behind.
struct Story {
    calls: Vec<Call>,
    acknowledged: Vec<Acknowledged>,
    secrets: LedgerSecrets,
    service: Certificate,
}

/// One batch of a writer: requests, and what they write.
fn batch(random: &mut Random, writer: u64, number: u64) -> (Vec<Request>, Vec<(&'static str, u64, String)>) {
    (0..=random.below(6))
        .map(|at| {
            let (path, table) = [("/app/log/private", "records"), ("/app/log/public", "public:records")]
                [usize::from(random.below(2) == 0)];
            let key = (writer << 32) + (number << 8) + at;
            let filler = "x".repeat(usize::try_from(random.below(200)).unwrap());
            let message = format!("{writer} wrote {number}.{at} {filler}");
            let body = serde_json::json!({ "id": key, "msg": message }).to_string();
            let mut headers = vec![("content-type", "application/json")];
            if random.below(2) == 0 {
                headers.push(("prefer", "wait=60"));
            }
            (request(Method::Post, path, &headers, body), (table, key, message))
        })
        .unzip()
}

/// Runs a node under load on a recorded disk; `forgetful` leaves out every synchronisation of a file.
fn story(seed: u64, forgetful: bool) -> Story {
    let directory = tempfile::tempdir().unwrap();
    let recorder = Recorder::new(Arc::new(RealDisk));
    let disk: Arc<dyn Disk> = Arc::new(recorder.clone());
    let disk = if forgetful { Arc::new(ForgetfulDisk(disk)) } else { disk };
    let consortium = Consortium::default();
    let writing = Writing { chunk_size: 30_000, ..Writing::default() };
    let node = Embedded::start(&consortium, directory.path(), disk, writing);
    node.open(&consortium);
    let acknowledged = Mutex::new(Vec::new());
    let write = |writer: u64| {
        let mut random = Random((seed << 8) + writer);
        for number in 0..BATCHES {
            let (requests, wrote) = batch(&mut random, writer, number);
            let waited: Vec<bool> =
                requests.iter().map(|request| request.headers.get("prefer").is_some()).collect();
            let answers = node.send(Some(consortium.user()), requests);
            let mut committed = Vec::new();
            for ((answer, (table, key, message)), waited) in answers.into_iter().zip(wrote).zip(waited) {
                assert_eq!(answer.status.0, 200, "{}", String::from_utf8_lossy(&answer.body));
                let id = answer.txid.unwrap();
                let applied = answer.headers.iter().any(|(name, _)| name == "preference-applied");
                assert_eq!(applied, waited, "{id}");
                if !waited {
                    node.wait_for_commit(id);
                }
                committed.push(Acknowledged { id, table, key, message });
            }
            let mut acknowledged = acknowledged.lock().unwrap();
            acknowledged.append(&mut committed);
            recorder.mark(acknowledged.len() as u64);
        }
    };
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            scope.spawn(move || write(writer));
        }
    });
    let (secrets, service) = (node.secrets.clone(), node.service.clone());
    node.stop();
    Story { calls: recorder.calls(), acknowledged: acknowledged.into_inner().unwrap(), secrets, service }
}

/// Looks for everything that was acknowledged before power failed after `point` calls.
fn check(story: &Story, point: usize, survival: Survival) -> Result<(), String> {
    let calls = &story.calls[..point];
    let promised = calls.iter().rev().find_map(|call| match call {
        Call::Mark { label } => Some(usize::try_from(*label).unwrap()),
        _ => None,
    });
    let promised = &story.acknowledged[..promised.unwrap_or(0)];
    let files = LedgerFiles::of_image(&Image::after(calls, survival));
    let report = verify(&files, survival)?;
    if promised.is_empty() {
        return Ok(());
    }
    if report.services.last().map(|epoch| epoch.identity) != Some(story.service.public_key().id()) {
        return Err("another service".to_owned());
    }
    // What no signature covers may be anything.
    let verified = usize::try_from(report.last_verified.seqno.0).unwrap();
    let mut written = BTreeMap::new();
    for entry in files.entries().into_iter().take(verified) {
        let opened = open(&story.secrets, entry.bytes()).map_err(|error| error.to_string())?;
        written.insert(opened.txid, opened.writes);
    }
    for Acknowledged { id, table, key, message } in promised {
        if report.coverage(*id) != Coverage::Verified {
            return Err(format!("{id} is not verified, but up to {}", report.last_verified));
        }
        let value = written
            .get(id)
            .and_then(|writes| writes.table(table)?.get(key.to_le_bytes().as_slice())?.clone());
        if value.as_deref() != Some(message.as_bytes()) {
            return Err(format!("{id} does not write {key} to {table} as acknowledged"));
        }
    }
    Ok(())
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

/// Checks images after every `stride`th call, on both cores. Number of images, and what was wrong.
fn check_all(story: &Story, seed: u64, stride: usize) -> (usize, Vec<String>) {
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let images = AtomicUsize::new(0);
    let work = || loop {
        let point = next.fetch_add(stride, Ordering::Relaxed);
        if point > story.calls.len() {
            return;
        }
        let chance = (seed << 20) + point as u64;
        let survivals = [
            Survival::Nothing,
            Survival::RandomPrefix { seed: chance },
            Survival::RandomSubset { seed: chance },
        ];
        for survival in survivals {
            images.fetch_add(1, Ordering::Relaxed);
            if let Err(why) = check(story, point, survival) {
                let text = format!("seed {seed}, power lost after call {point}, {survival:?}: {why}");
                wrong.lock().unwrap().push(text);
            }
        }
    };
    thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
    (images.into_inner(), wrong.into_inner().unwrap())
}

#[test]
fn no_loss_of_power_loses_what_was_committed() {
    let mut points = 0;
    for seed in scale::rounds(1, ROUNDS) {
        let story = story(seed, false);
        let (images, wrong) = check_all(&story, seed, 1);
        points += story.calls.len() + 1;
        println!(
            "seed {seed}: {} calls, {} acknowledged, {images} images; {points} points so far",
            story.calls.len(),
            story.acknowledged.len()
        );
        assert!(wrong.is_empty(), "{} of {images} images:\n{}", wrong.len(), wrong.join("\n"));
    }
    assert!(points >= scale::of(100, 1000) || scale::from() > 0, "{points} points");
}

#[test]
fn without_synchronisation_the_loss_is_noticed() {
    let story = story(1, true);
    let (images, wrong) = check_all(&story, 1, story.calls.len().div_ceil(10));
    assert!(wrong.len() * 2 > images, "only {} of {images} images are wrong", wrong.len());
}
