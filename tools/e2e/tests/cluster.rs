//! Three processes are one service: writes on any node, reads on all, and another primary when the first fails.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use coco_client::{Client, Method, StatusCode, client::TxStatus, network};
use coco_crypto::Certificate;
use coco_e2e::{Cluster, Consortium, Node, Random, cluster::ELECTION_TIMEOUT, ledger::PublicWrite, scale};
use coco_wire::{Seqno, TxId, View};
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::{task::JoinHandle, time::timeout};

const NODES: usize = 3;
/// Clients that write while the primary fails.
const CLIENTS: u64 = 4;
/// How long a client waits for an answer before it goes to another node.
const IMPATIENCE: Duration = Duration::from_secs(5);
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

/// A write that was acknowledged as committed.
struct Acknowledged {
    id: TxId,
    key: u64,
    message: String,
    at: Instant,
}

/// What a writer needs to go from node to node.
struct Writer {
    number: u64,
    addresses: Vec<String>,
    service: Certificate,
    consortium: Arc<Consortium>,
    done: Arc<AtomicBool>,
}

impl Writer {
    /// Writes until told to end, each time with another key; goes to another node when one does not answer.
    async fn run(self) -> Vec<Acknowledged> {
        let mut acknowledged = Vec::new();
        let mut at = usize::try_from(self.number).unwrap() % self.addresses.len();
        let mut client = self.client(at);
        let mut count = 0;
        while !self.done.load(Ordering::SeqCst) {
            count += 1;
            let key = (self.number << 32) + count;
            let message = format!("{} wrote {count}", self.number);
            match timeout(IMPATIENCE, attempt(&mut client, key, &message)).await.ok().flatten() {
                Some(id) => acknowledged.push(Acknowledged { id, key, message, at: Instant::now() }),
                None => {
                    at = (at + 1) % self.addresses.len();
                    client = self.client(at);
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
        }
        acknowledged
    }

    fn client(&self, at: usize) -> Client {
        Client::new(&self.addresses[at], &self.service, Some(self.consortium.user())).unwrap()
    }
}

/// A write that is answered at commit, if it is.
async fn attempt(client: &mut Client, key: u64, message: &str) -> Option<TxId> {
    let headers = [("content-type", "application/json"), ("prefer", "wait=60")];
    let body = json!({ "id": key, "msg": message }).to_string();
    let answer = client.send(Method::POST, "/app/log/public", &headers, body.into()).await.ok()?;
    let is_committed = answer.status == StatusCode::OK && answer.headers.contains_key("preference-applied");
    if is_committed { answer.transaction_id() } else { None }
}

/// Longest time without an acknowledgement after `since`.
fn outage(acknowledged: &[Acknowledged], since: Instant) -> Duration {
    let mut times: Vec<_> = acknowledged.iter().map(|it| it.at).filter(|at| *at > since).collect();
    times.sort_unstable();
    let starts = [since].into_iter().chain(times.iter().copied());
    starts.zip(&times).map(|(start, end)| *end - start).max().unwrap_or(Duration::MAX)
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
async fn round(seed: u64, fault: Fault, consortium: &Arc<Consortium>) -> Duration {
    let directory = tempfile::tempdir().unwrap();
    let mut cluster = open(&directory, consortium).await;
    let everyone: Vec<_> = cluster.numbers().collect();
    let done = Arc::new(AtomicBool::new(false));
    let writers: Vec<JoinHandle<Vec<Acknowledged>>> = (0..CLIENTS)
        .map(|number| {
            let addresses = everyone.iter().map(|node| cluster[*node].address.clone()).collect();
            let (service, done) = (cluster[0].service.clone(), Arc::clone(&done));
            let writer = Writer { number, addresses, service, consortium: Arc::clone(consortium), done };
            tokio::spawn(writer.run())
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(500 + Random(seed).below(1000))).await;
    let struck = cluster.primary_among(&everyone).await;
    match fault {
        Fault::Killed => cluster[struck].kill(),
        Fault::Paused => cluster[struck].signal(Signal::STOP),
    }
    let since = Instant::now();
    let mut left = everyone.clone();
    left.retain(|number| *number != struck);
    let elected = cluster.primary_among(&left).await;
    let election = since.elapsed();
    tokio::time::sleep(AFTERWARDS).await;
    if fault == Fault::Paused {
        cluster[struck].signal(Signal::CONT);
        left = everyone;
    }
    done.store(true, Ordering::SeqCst);
    let mut acknowledged = Vec::new();
    for writer in writers {
        acknowledged.extend(writer.await.unwrap());
    }
    let outage = outage(&acknowledged, since);
    let after = acknowledged.iter().filter(|it| it.at > since).count();
    println!(
        "seed {seed}: node {struck} fails, node {elected} leads after {election:?}; no commit for {outage:?}; \
         {} acknowledged, {after} of them afterwards",
        acknowledged.len(),
    );
    assert!(after > 0, "seed {seed}: no commit within {AFTERWARDS:?}\n{}", cluster.logs());

    check_acknowledged(seed, &cluster, &left, &acknowledged).await;
    let last = settle(&mut cluster).await;
    let newest = acknowledged.iter().map(|it| it.id.seqno).max().unwrap();
    assert!(last.seqno >= newest, "seed {seed}: {newest:?} was acknowledged, {last} is the last");
    for number in left {
        let written = cluster[number].ledger().public_writes("public:records");
        for Acknowledged { id, key, message, .. } in &acknowledged {
            let (key, value) = (key.to_le_bytes().to_vec(), message.clone().into_bytes());
            let expected = vec![PublicWrite { id: *id, key, value }];
            assert_eq!(written.get(&id.seqno), Some(&expected), "seed {seed}: node {number}: {id}");
        }
    }
    outage
}

/// The nodes that are left still say that what was acknowledged is committed.
async fn check_acknowledged(seed: u64, cluster: &Cluster, left: &[usize], acknowledged: &[Acknowledged]) {
    let newest = acknowledged.iter().map(|it| it.id).max_by_key(|id| id.seqno).unwrap();
    cluster.wait_for_commit(newest, left).await;
    for number in left {
        let mut client = cluster[*number].client(None);
        for Acknowledged { id, .. } in acknowledged.iter().step_by(10) {
            let status = client.status(*id).await.unwrap();
            assert_eq!(status, TxStatus::Committed, "seed {seed}: node {number}: {id}");
        }
    }
}

async fn rounds(fault: Fault, small: u64, full: u64) {
    let consortium = Arc::new(Consortium::default());
    let mut outages = Vec::new();
    for seed in scale::rounds(small, full) {
        outages.push(round(seed, fault, &consortium).await);
    }
    outages.sort_unstable();
    let (median, longest) = (outages[outages.len() / 2], outages[outages.len() - 1]);
    let p99 = outages[(outages.len() * 99).div_ceil(100) - 1];
    println!("outages of {} rounds: median {median:?}, p99 {p99:?}, longest {longest:?}", outages.len());
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
