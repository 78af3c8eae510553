//! All execution threads are busy and nobody else may wait for one: clients are told to come back, and when.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use coco_app::{ErrorCode, Method, Response, Status};
use coco_boundary::{Full, Job, Jobs};
use coco_client::governance::Message;
use coco_e2e::{
    Consortium, Embedded,
    embedded::{Writing, request},
};
use coco_host::{disk::RealDisk, jobs::JobPool};
use serde_json::Value;

/// Execution threads that the test declares busy.
struct Threads {
    pool: JobPool,
    busy: AtomicBool,
}

impl Jobs for Threads {
    fn spawn(&self, job: Job) -> Result<(), Full> {
        if self.busy.load(Ordering::SeqCst) { Err(Full(job)) } else { self.pool.spawn(job) }
    }
}

fn check(response: &Response, case: &str) {
    assert_eq!(response.status, Status::SERVICE_UNAVAILABLE, "{case}: {response:?}");
    let body: Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(body["error"]["code"], format!("{:?}", ErrorCode::TooManyPendingTransactions), "{case}");
    assert_eq!(body["error"]["message"], "Too many calls wait for an execution thread.", "{case}");
    let retry = response.headers.iter().find(|(name, _)| name == "retry-after");
    assert_eq!(retry.map(|(_, value)| &**value), Some("1"), "{case}");
}

#[test]
fn clients_are_told_when_to_come_back() {
    let (consortium, directory) = (Consortium::default(), tempfile::tempdir().unwrap());
    let pool = JobPool::start(1, 1024).unwrap();
    let threads = Arc::new(Threads { pool, busy: AtomicBool::new(false) });
    let (first, second) = (directory.path().join("first"), directory.path().join("second"));
    let disk = Arc::new(RealDisk);
    let primary = Embedded::start_with(&consortium, &first, disk.clone(), Writing::USUAL, threads.clone());
    let backup = primary.join(&second, disk, Writing::USUAL);
    primary.open(&consortium);
    primary.wait_for_commit(primary.driver.view().state().chain.latest);

    let read = |node: &Embedded, prefer: &str| {
        let target = "/app/log/public/historical/range?id=1&to_seqno=1";
        let asked = request(Method::Get, target, &[("prefer", prefer)], Vec::new());
        node.send(Some(consortium.user()), vec![asked]).remove(0)
    };
    let digests = format!("/gov/members/state-digests/{}:update", consortium.signers()[0].id());
    let govern = |node: &Embedded| {
        node.send_signed(&consortium.signers()[0], &digests, Message::StateDigest, &Value::Null)
    };
    for prefer in ["", "consistency=linearizable"] {
        let answer = read(&primary, prefer);
        assert!(answer.status.is_success(), "{prefer}: {answer:?}");
    }
    assert!(govern(&backup).status.is_success());

    threads.busy.store(true, Ordering::SeqCst);
    check(&read(&primary, ""), "a read");
    check(&read(&primary, "consistency=linearizable"), "a linearizable read");
    check(&govern(&primary), "a write");
    check(&govern(&backup), "a write that a backup forwards");
    threads.busy.store(false, Ordering::SeqCst);
    for prefer in ["", "consistency=linearizable"] {
        let answer = read(&primary, prefer);
        assert!(answer.status.is_success(), "{prefer}: {answer:?}");
    }
}
