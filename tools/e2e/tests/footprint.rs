//! What a node takes: memory, ledger bytes, time to start, and throughput with many keys. Release build, long run.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use coco_client::StatusCode;
use coco_e2e::{Consortium, Node, executable};
use serde_json::{Value, json};

/// Bytes of a message whose writes count for memory.
const VALUE: u64 = 128;
/// Bytes of a key.
const KEY: u64 = 8;
const FEW: u64 = 10_000;
const MANY: u64 = 1_000_000;
/// Starts of which the median counts.
const STARTS: usize = 20;

/// What a figure must not exceed, and what it should not.
struct Goal {
    what: &'static str,
    unit: &'static str,
    found: f64,
    must: f64,
    aim: f64,
}

impl Goal {
    fn line(&self) -> String {
        let Self { what, unit, found, must, aim } = self;
        let verdict = match () {
            () if found <= aim => "aim reached",
            () if found <= must => "ok",
            () => "MISSED",
        };
        format!("{what:44} {found:10.2} {unit:8} must {must:7.2}  aim {aim:7.2}  {verdict}")
    }
}

/// Resident memory of a process in bytes.
fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib * 1024
}

/// A running service, and the load generator for it.
struct Bench {
    consortium: Consortium,
    node: Node,
    load: std::path::PathBuf,
}

impl Bench {
    async fn start(coco: &Path, load: &Path, directory: &Path) -> Self {
        let consortium = Consortium::default();
        // A slow disk is no reason to refuse writes here.
        let sections = json!({ "consensus": { "max_uncommitted_tx_count": 0 } });
        let node = Node::start_with(coco, &consortium, directory, &sections);
        node.open(&consortium).await;
        Self { consortium, node, load: load.to_owned() }
    }

    /// A run of the load generator; its report.
    fn load(&self, arguments: &[&str]) -> Value {
        let (certificate, key) = self.consortium.users[0].write(&self.node.directory);
        let output = Command::new(&self.load)
            .args(["run", "--json", "--max-foreign", "100"])
            .args(["--url", &format!("https://{}", self.node.address)])
            .arg("--ca")
            .arg(self.node.directory.join("service_cert.pem"))
            .arg("--cert")
            .arg(certificate)
            .arg("--key")
            .arg(key)
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Writes every key once, and tells the memory after that and the throughput of writes to them.
    fn fill(&self, keys: u64) -> (u64, f64) {
        let (keys, value) = (keys.to_string(), VALUE.to_string());
        let filled = ["--keys", &keys, "--value", &value, "--preload", "always"];
        self.load(&[&filled[..], &["--mode", "read", "--duration", "1s", "--warm-up", "0s"]].concat());
        std::thread::sleep(Duration::from_secs(2));
        let memory = resident(self.node.pid());
        let again = ["--keys", &keys, "--value", &value, "--preload", "never", "--duration", "5s"];
        let median = median((0..3).map(|_| self.load(&again)["per_second"].as_f64().unwrap()).collect());
        (memory, median)
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn ratio(of: u64, to: u64) -> f64 {
    of as f64 / to as f64
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
    median(times)
}

/// Ledger bytes for each transaction at peak rate, signatures included.
async fn bytes_per_transaction(coco: &Path, load: &Path) -> f64 {
    let directory = tempfile::tempdir().unwrap();
    let mut bench = Bench::start(coco, load, directory.path()).await;
    let before = bench.node.ledger().verify().unwrap();
    let report = bench.load(&["--value", "20", "--pipeline", "8", "--duration", "5s", "--preload", "never"]);
    assert!(bench.node.stop().success());
    let after = bench.node.ledger().verify().unwrap();
    println!("  at {} writes a second", report["per_second"]);
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
    tokio::time::sleep(Duration::from_secs(5)).await;
    let idle = resident(bench.node.pid());
    let (small, few) = bench.fill(FEW);
    let (large, many) = bench.fill(MANY);
    drop(bench);
    println!("  {few:.0} writes a second with {FEW} keys, {many:.0} with {MANY}");
    println!("  {small} bytes resident with {FEW} keys, {large} with {MANY}");
    let goals = [
        Goal { what: "idle memory", unit: "MB", found: ratio(idle, 1_000_000), must: 60.0, aim: 60.0 },
        Goal {
            what: "memory for a key beyond key and value",
            unit: "bytes",
            found: ratio(large.saturating_sub(small), MANY - FEW) - ratio(KEY + VALUE, 1),
            must: 200.0,
            aim: 100.0,
        },
        Goal {
            what: "ledger for a transaction of 20 bytes",
            unit: "bytes",
            found: bytes_per_transaction(&coco, &load).await,
            must: 290.0,
            aim: 290.0,
        },
        Goal {
            what: "start to first answer, median of 20",
            unit: "ms",
            found: cold_start(&coco).await,
            must: 300.0,
            aim: 80.0,
        },
        Goal {
            what: "slowdown from 10 K to 1 M keys",
            unit: "times",
            found: few / many,
            must: 1.0 / 0.7,
            aim: 1.0 / 0.85,
        },
    ];
    for goal in &goals {
        println!("{}", goal.line());
    }
    let missed: Vec<_> = goals.iter().filter(|goal| goal.found > goal.must).map(Goal::line).collect();
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}
