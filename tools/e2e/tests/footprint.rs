//! What a node takes: memory, ledger bytes, time to start, and throughput with many keys. Release build, long run.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    path::Path,
    time::{Duration, Instant},
};

use coco_client::StatusCode;
use coco_e2e::{Consortium, Figures, Generator, Goal, Node, executable, figures::median};
use serde_json::json;

/// Bytes of a message whose writes count for memory.
const VALUE: u64 = 128;
/// Bytes of a key.
const KEY: u64 = 8;
const FEW: u64 = 10_000;
const MANY: u64 = 1_000_000;
/// Starts of which the median counts.
const STARTS: usize = 20;
/// Starts of which the largest counts.
const IDLE_STARTS: usize = 5;

/// A running service, and the load generator for it.
struct Bench {
    node: Node,
    load: Generator,
}

impl Bench {
    async fn start(coco: &Path, load: &Path, directory: &Path) -> Self {
        let consortium = Consortium::default();
        // A slow disk is no reason to refuse writes here.
        let sections = json!({ "consensus": { "max_uncommitted_tx_count": 0 } });
        let node = Node::start_with(coco, &consortium, directory, &sections);
        node.open(&consortium).await;
        let load = Generator::new(load.to_owned(), &consortium, &node.service, &directory.join("user"));
        Self { node, load }
    }

    /// A run of the load generator; answers a second.
    fn load(&self, arguments: &[&str]) -> f64 {
        self.load.send(&self.node, &[], 100, arguments).per_second
    }

    /// Writes every key once, and tells the memory after that and the throughput of writes to them.
    fn fill(&self, keys: u64) -> (u64, f64) {
        let (keys, value) = (keys.to_string(), VALUE.to_string());
        let filled = ["--keys", &keys, "--value", &value, "--preload", "always"];
        self.load(&[&filled[..], &["--mode", "read", "--duration", "1s", "--warm-up", "0s"]].concat());
        std::thread::sleep(Duration::from_secs(2));
        let memory = self.node.resident();
        let again = ["--keys", &keys, "--value", &value, "--preload", "never", "--duration", "5s"];
        let speeds: Vec<f64> = (0..3).map(|_| self.load(&again)).collect();
        (memory, median(&speeds))
    }
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn ratio(of: u64, to: u64) -> f64 {
    of as f64 / to as f64
}

/// The most that an idle service takes, of several starts: what lies where after one is chance.
async fn idle(coco: &Path, load: &Path) -> u64 {
    let mut most = 0;
    for _ in 0..IDLE_STARTS {
        let directory = tempfile::tempdir().unwrap();
        let bench = Bench::start(coco, load, directory.path()).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        most = most.max(bench.node.resident());
    }
    most
}

/// From the start of the process to its first answer.
async fn cold_start(coco: &Path) -> f64 {
    let consortium = Consortium::default();
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let directory = tempfile::tempdir().unwrap();
        let began = Instant::now();
        let node = Node::start_with(coco, &consortium, directory.path(), &json!({}));
        let mut client = node.client(None);
        while !client.get("/node/state").await.is_ok_and(|answer| answer.status == StatusCode::OK) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        times.push(began.elapsed().as_secs_f64() * 1e3);
    }
    median(&times)
}

/// Ledger bytes for each transaction at peak rate, signatures included.
async fn bytes_per_transaction(coco: &Path, load: &Path) -> f64 {
    let directory = tempfile::tempdir().unwrap();
    let mut bench = Bench::start(coco, load, directory.path()).await;
    let before = bench.node.ledger().verify().unwrap();
    let speed = bench.load(&["--value", "20", "--pipeline", "8", "--duration", "5s", "--preload", "never"]);
    assert!(bench.node.stop().success());
    let after = bench.node.ledger().verify().unwrap();
    println!("  at {speed:.0} writes a second");
    // Only the load's transactions count as transactions: the signatures between them are what they cost.
    let transactions = (after.entries - before.entries) - (after.signatures - before.signatures);
    ratio(after.bytes - before.bytes, transactions)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures a release build for minutes: cargo xtask long footprint"]
async fn a_node_takes_no_more_than_it_may() {
    let (coco, load) = (executable::release("coco"), executable::release("coco-load"));
    let directory = tempfile::tempdir().unwrap();
    let bench = Bench::start(&coco, &load, directory.path()).await;
    let (small, few) = bench.fill(FEW);
    let (large, many) = bench.fill(MANY);
    drop(bench);
    println!("  {few:.0} writes a second with {FEW} keys, {many:.0} with {MANY}");
    println!("  {small} bytes resident with {FEW} keys, {large} with {MANY}");
    let mut figures = Figures::default();
    let mut add =
        |what, unit, must, aim, found| figures.add(what, unit, Some(Goal::AtMost { must, aim }), found);
    add("idle memory", "MB", 60.0, 60.0, ratio(idle(&coco, &load).await, 1_000_000));
    let each = ratio(large.saturating_sub(small), MANY - FEW) - ratio(KEY + VALUE, 1);
    add("memory for a key beyond key and value", "bytes", 200.0, 100.0, each);
    add(
        "ledger for a transaction of 20 bytes",
        "bytes",
        290.0,
        290.0,
        bytes_per_transaction(&coco, &load).await,
    );
    add("start to first answer, median of 20", "ms", 300.0, 80.0, cold_start(&coco).await);
    add("slowdown from 10 K to 1 M keys", "times", 1.0 / 0.7, 1.0 / 0.85, few / many);
    println!("{figures}");
    assert!(figures.missed().is_empty(), "missed: {:?}", figures.missed());
}
