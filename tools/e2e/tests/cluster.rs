//! Three processes are one service: writes on any node, reads on all, and another primary when the first fails.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{path::Path, time::Duration};

use coco_client::{Client, StatusCode, client::TxStatus, network};
use coco_e2e::{
    Cluster, Consortium, History, Load, Node, Random, cluster::ELECTION_TIMEOUT, history::Truth, load::Mix,
    python, scale,
};
use coco_wire::{Seqno, TxId, View};
use rustix::process::Signal;
use serde_json::{Value, json};

const NODES: usize = 3;
/// What clients do while the primary fails.
const MIX: Mix = Mix { clients: 4, keys: 1 << 20, reads: 0, waits: 100 };
/// How long writes must go on after the primary failed.
const AFTERWARDS: Duration = Duration::from_secs(2);

async fn open(directory: &tempfile::TempDir, consortium: &Consortium) -> Cluster {
    let sections = json!({ "ledger": { "chunk_size": "20KB" } });
    Cluster::open(consortium, directory.path(), NODES, &sections).await
}

async fn write(client: &mut Client, key: u64, message: &str) -> TxId {
    let answer = client.post("/app/log/public", &json!({ "id": key, "msg": message })).await.unwrap();
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(&answer.body[..], b"true");
    answer.transaction_id().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_node_takes_writes_and_serves_reads() {
    let (consortium, directory) = (Consortium::default(), tempfile::tempdir().unwrap());
    let mut cluster = open(&directory, &consortium).await;
    let everyone: Vec<_> = cluster.numbers().collect();
    assert_eq!(cluster.primary_among(&everyone).await, 0, "the first node leads");

    // The answer of a backup is the primary's.
    let mut last = TxId::default();
    for number in cluster.numbers() {
        let mut client = cluster[number].client(Some(consortium.user()));
        let key = 100 + number as u64;
        let id = write(&mut client, key, "hello").await;
        assert!(id.seqno > last.seqno && id.view.0 == 2, "node {number}: {id} after {last}");
        // Whoever wrote reads what was written, also before it is committed.
        let read: Value = client.get(&format!("/app/log/public?id={key}")).await.unwrap().json().unwrap();
        assert_eq!(read, json!({ "msg": "hello" }), "node {number}");
        refused(&cluster[number], &consortium).await;
        last = id;
    }
    cluster.wait_for_commit(last, &everyone).await;
    for number in cluster.numbers() {
        // A new session: the node itself answers.
        let mut client = cluster[number].client(Some(consortium.user()));
        for key in 100..100 + NODES {
            let read = client.get(&format!("/app/log/public?id={key}")).await.unwrap();
            assert_eq!(read.json::<Value>().unwrap(), json!({ "msg": "hello" }), "node {number}, key {key}");
        }
        let never = TxId { view: View(last.view.0 + 1), ..last };
        let later = TxId { seqno: Seqno(last.seqno.0 + 10_000), ..last };
        let earlier = TxId { view: View(last.view.0 - 1), ..last };
        for (id, expected) in [
            (last, TxStatus::Committed),
            (later, TxStatus::Unknown),
            (never, TxStatus::Invalid),
            (earlier, TxStatus::Invalid),
        ] {
            assert_eq!(client.status(id).await.unwrap(), expected, "node {number}: {id}");
        }
    }
    fill(&cluster, &consortium, 400).await;
    settle(&mut cluster).await;
}

/// What the primary refuses, a backup answers with the primary's refusal.
async fn refused(node: &Node, consortium: &Consortium) {
    let mut anyone = node.client(None);
    let answer = anyone.post("/app/log/public", &json!({ "id": 1, "msg": "x" })).await.unwrap();
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{answer:?}");
    let mut user = node.client(Some(consortium.user()));
    let answer = user.post("/app/log/public", &json!({ "id": 1, "msg": "" })).await.unwrap();
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{answer:?}");
}

/// Writes on all nodes, to end some chunks.
async fn fill(cluster: &Cluster, consortium: &Consortium, writes: u64) {
    for number in cluster.numbers() {
        let mut client = cluster[number].client(Some(consortium.user()));
        for key in 0..writes / NODES as u64 {
            write(&mut client, key, &"filling ".repeat(8)).await;
        }
    }
}

/// Stops what runs once all of it is committed everywhere, and compares what the nodes keep. Returns the last transaction
/// that is on the disk of every node that ran.
async fn settle(cluster: &mut Cluster) -> TxId {
    let running = cluster.running();
    let primary = cluster.primary_among(&running).await;
    let last = network::committed(&mut cluster[primary].client(None)).await.unwrap();
    cluster.wait_for_commit(last, &running).await;
    for number in &running {
        assert!(cluster[*number].stop().success(), "{}", cluster.logs());
    }
    for number in &running {
        cluster.verify_ledger(*number, last);
    }
    let shared = cluster.check_committed_files();
    assert!(shared > 0, "no two nodes have a committed file");
    println!("settled at {last}: {shared} committed files are the same on several nodes");
    last
}

/// What happens to the primary.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    /// SIGKILL.
    Killed,
    /// SIGSTOP, and SIGCONT when another one leads.
    Paused,
}

/// Lets a fault befall the primary under load after a time that the seed decides; the outage.
async fn round(seed: u64, fault: Fault, consortium: &Consortium, python: Option<&Path>) -> Duration {
    let directory = tempfile::tempdir().unwrap();
    let mut cluster = open(&directory, consortium).await;
    let everyone: Vec<_> = cluster.numbers().collect();
    let load = Load::start(&cluster, consortium.user(), seed, MIX);
    tokio::time::sleep(Duration::from_millis(500 + Random(seed).below(1000))).await;
    let struck = cluster.primary_among(&everyone).await;
    match fault {
        Fault::Killed => cluster[struck].kill(),
        Fault::Paused => cluster[struck].signal(Signal::STOP),
    }
    let since = load.now();
    let mut left = everyone.clone();
    left.retain(|number| *number != struck);
    let elected = cluster.primary_among(&left).await;
    let election = Duration::from_nanos(load.now() - since);
    tokio::time::sleep(AFTERWARDS).await;
    if fault == Fault::Paused {
        cluster[struck].signal(Signal::CONT);
        left = everyone;
    }
    let history = load.end().await;
    let outage = history.outage(since).map(Duration::from_nanos);
    let outage = outage.unwrap_or_else(|| panic!("seed {seed}: no commit any more\n{}", cluster.logs()));
    println!(
        "seed {seed}: node {struck} fails, node {elected} leads after {election:?}; no commit for {outage:?}; \
         {} acknowledged, {} of them afterwards",
        history.acknowledged().count(),
        history.acknowledged_after(since),
    );
    check_acknowledged(seed, &cluster, &left, &history).await;
    let last = settle(&mut cluster).await;
    for number in left {
        let checked = history.check(&Truth::upto(&cluster[number].ledger(), last.seqno));
        checked.unwrap_or_else(|violation| panic!("seed {seed}: node {number}: {violation:?}"));
        if let Some(python) = python {
            let (service, receipts) = (cluster[number].directory.join("service_cert.pem"), directory.path());
            let seen =
                python::verify(python, &cluster[number].ledger_directory(), &service, &receipts.join("none"));
            assert!(seen["transactions"].as_u64() >= Some(last.seqno.0), "seed {seed}: {seen}");
        }
    }
    outage
}

/// The nodes that are left still say that what was acknowledged is committed.
async fn check_acknowledged(seed: u64, cluster: &Cluster, left: &[usize], history: &History) {
    let newest = history.acknowledged().map(|(id, ..)| id).max_by_key(|id| id.seqno).unwrap();
    cluster.wait_for_commit(newest, left).await;
    for number in left {
        let mut client = cluster[*number].client(None);
        for (id, ..) in history.acknowledged().step_by(10) {
            let status = client.status(id).await.unwrap();
            assert_eq!(status, TxStatus::Committed, "seed {seed}: node {number}: {id}");
        }
    }
}

async fn rounds(fault: Fault, small: u64, full: u64) {
    let (consortium, python) = (Consortium::default(), python::with_ccf());
    let mut outages = Vec::new();
    for seed in scale::rounds(small, full) {
        outages.push(round(seed, fault, &consortium, python.as_deref()).await);
    }
    outages.sort_unstable();
    let of = |percent: usize| outages[(outages.len() * percent).div_ceil(100) - 1];
    let (p50, p99, longest) = (of(50), of(99), of(100));
    let tell = |name: &str, time: Duration| {
        let timeouts = time.as_secs_f64() / ELECTION_TIMEOUT.as_secs_f64();
        println!(
            "outages of {} rounds: {name} {} ms, {timeouts:.2} election timeouts",
            outages.len(),
            time.as_millis()
        );
    };
    tell("p50", p50);
    tell("p99", p99);
    tell("max", longest);
    assert!(p99 <= ELECTION_TIMEOUT * 3, "commits resumed only after {p99:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_node_leads_when_the_primary_is_killed() {
    rounds(Fault::Killed, 2, 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_was_paused_follows() {
    rounds(Fault::Paused, 1, 50).await;
}
