//! Speed of three nodes beside one: writes, time to commit, reads of a backup, catching up, outage, idle time.
//! Both services run at once and are measured in turns; figures are medians of the rounds.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use coco_client::network;
use coco_e2e::{
    Cluster, Consortium, Figures, Generator, Goal, Load, Node,
    cluster::{ELECTION_TIMEOUT, Plan},
    executable,
    generator::busy,
    load::Mix,
    scale,
};
use coco_load::Report;
use rustix::process::Signal;
use serde_json::json;

const NODES: usize = 3;
/// The backup that is read and paused.
const BACKUP: usize = 1;
/// Percent of the machine that anything else may use.
const FOREIGN: u32 = 5;
/// Share of the fastest writes while time to commit is measured.
const SHARE: f64 = 0.6;
/// Rest before idle nodes are watched.
const REST: Duration = Duration::from_secs(2);
/// How long catching up may take.
const LIMIT: Duration = Duration::from_secs(60);
/// Time between two looks at a node that catches up.
const POLL: Duration = Duration::from_millis(2);
/// What clients do while the primary is killed.
const MIX: Mix = Mix { clients: 4, keys: 1 << 20, reads: 0, waits: 100 };

const OF_ONE_NODE: Goal = Goal::AtLeast { must: 0.5, aim: 0.65 };
const OF_PRIMARY: Goal = Goal::AtLeast { must: 0.9, aim: 0.9 };
const OF_WRITES: Goal = Goal::AtLeast { must: 2.0, aim: 2.0 };
const LOADED_MEDIAN: Goal = Goal::AtMost { must: 20.0, aim: 5.0 };
const LOADED_P99: Goal = Goal::AtMost { must: 50.0, aim: 12.0 };
const IDLE_MEDIAN: Goal = Goal::AtMost { must: 5.0, aim: 5.0 };
const OUTAGE: Goal = Goal::AtMost { must: 2.5, aim: 1.0 };
const IDLE_CPU: Goal = Goal::AtMost { must: 1.0, aim: 0.3 };

/// A service of one node and one of three.
struct Bench {
    coco: PathBuf,
    consortium: Consortium,
    one: Node,
    one_load: Generator,
    three: Cluster,
    three_load: Generator,
    figures: Figures,
}

impl Bench {
    async fn open(directory: &Path) -> Self {
        let (coco, load) = if scale::is_full() {
            (executable::release("coco"), executable::release("coco-load"))
        } else {
            (executable::coco().to_path_buf(), executable::alike("coco-load"))
        };
        let consortium = Consortium::default();
        let one = Node::start_with(&coco, &consortium, &directory.join("one"), &json!({}));
        one.open(&consortium).await;
        let three = open_three(&coco, &consortium, &directory.join("three")).await;
        let user = |service: &Node, name: &str| {
            Generator::new(load.clone(), &consortium, &service.service, &directory.join(name))
        };
        let (one_load, three_load) = (user(&one, "user-of-one"), user(&three[0], "user-of-three"));
        Self { coco, consortium, one, one_load, three, three_load, figures: Figures::default() }
    }

    fn three_pids(&self) -> Vec<u32> {
        self.three.numbers().map(|number| self.three[number].pid()).collect()
    }

    /// Sends a load to the service of one node.
    fn one(&self, arguments: &[&str]) -> Report {
        self.one_load.send(&self.one, &[self.one.pid()], foreign(), &timed(arguments))
    }

    /// Sends a load to a node of the three.
    fn three(&self, number: usize, arguments: &[&str]) -> Report {
        self.three_load.send(&self.three[number], &self.three_pids(), foreign(), &timed(arguments))
    }

    fn add(&mut self, what: &str, unit: &'static str, goal: Option<Goal>, found: f64) {
        println!("  {what} {found:.3} {unit}");
        self.figures.add(what, unit, goal, found);
    }

    /// Writes of one node and of three; the latter, one and eight in flight on a connection.
    fn writes(&mut self) -> (f64, f64) {
        let (one, three) = (self.one(&["--preload", "never"]), self.three(0, &["--preload", "never"]));
        let deep = ["--preload", "never", "--pipeline", "8"];
        let (one_deep, three_deep) = (self.one(&deep), self.three(0, &deep));
        self.add("writes, one node", "/s", None, one.per_second);
        self.add("writes, three nodes", "/s", None, three.per_second);
        self.add("writes, three of one", "", Some(OF_ONE_NODE), three.per_second / one.per_second);
        self.add("writes pipelined, one node", "/s", None, one_deep.per_second);
        self.add("writes pipelined, three nodes", "/s", None, three_deep.per_second);
        let ratio = three_deep.per_second / one_deep.per_second;
        self.add("writes pipelined, three of one", "", None, ratio);
        self.add("writes pipelined that three nodes refuse", "%", None, refused(&three_deep));
        self.add("CPU of all nodes for a write", "µs", None, three.server_cpu_us.unwrap_or(f64::NAN));
        (three.per_second, three_deep.per_second)
    }

    /// Reads of the primary and of a backup.
    fn reads(&mut self, preload: &str) {
        let primary = self.three(0, &["--mode", "read", "--preload", preload]);
        let backup = self.three(BACKUP, &["--mode", "read", "--preload", "never"]);
        self.add("reads, primary", "/s", None, primary.per_second);
        self.add("reads, backup", "/s", None, backup.per_second);
        self.add("reads, backup of primary", "", Some(OF_PRIMARY), backup.per_second / primary.per_second);
    }

    /// Time to commit: alone, and beside writes at a share of the fastest.
    fn commits(&mut self, peak: f64) {
        let wait = ["--mode", "commit", "--preload", "never"];
        let idle = self.three(0, &[&wait[..], &["--connections", "1", "--rate", "20"]].concat());
        self.add("commit when idle, p50", "ms", Some(IDLE_MEDIAN), idle.latency_us.p50 / 1e3);
        self.add("commit when idle, p99", "ms", None, idle.latency_us.p99 / 1e3);

        let rate = (peak * SHARE).round().to_string();
        let around = ["--preload", "never", "--rate", &rate, "--duration", scale::of("1500ms", "9s")];
        let load = self.three_load.start(&self.three[0], &around);
        std::thread::sleep(Duration::from_secs_f64(scale::of(0.3, 2.0)));
        let known = [self.three_pids(), vec![load.pid()]].concat();
        let probe = [&wait[..], &["--connections", "16", "--rate", "400"]].concat();
        let probe = self.three_load.send(&self.three[0], &known, foreign(), &timed(&probe));
        let load = load.end();
        self.add("commit at 60 % of peak, p50", "ms", Some(LOADED_MEDIAN), probe.latency_us.p50 / 1e3);
        self.add("commit at 60 % of peak, p99", "ms", Some(LOADED_P99), probe.latency_us.p99 / 1e3);
        self.add("writes beside that", "/s", None, load.per_second);
        self.add("writes beside that refused", "%", None, refused(&load));
    }

    /// How fast a backup that was paused gets what was written meanwhile.
    async fn catch_up(&mut self, peak: f64, deep_peak: f64) {
        let before = self.settled().await;
        self.three[BACKUP].signal(Signal::STOP);
        let written = self.three(0, &["--preload", "never", "--pipeline", "8"]);
        let goal = self.settled().await;
        self.three[BACKUP].signal(Signal::CONT);
        let start = Instant::now();
        let mut backup = self.three[BACKUP].client(None);
        while network::committed(&mut backup).await.map_or(0, |id| id.seqno.0) < goal {
            if start.elapsed() > LIMIT {
                let standing = self.three.standing().await;
                panic!("no catching up to {goal}\n{standing}{}{}", self.figures, self.three.logs());
            }
            tokio::time::sleep(POLL).await;
        }
        let rate = f64::from(u32::try_from(goal - before).unwrap()) / start.elapsed().as_secs_f64();
        self.add("writes while a backup is paused", "/s", None, written.per_second);
        self.add("catching up", "/s", None, rate);
        self.add("catching up, of writes", "", Some(OF_WRITES), rate / peak);
        self.add("catching up, of writes pipelined", "", None, rate / deep_peak);
    }

    /// The last entry, once the primary commits no more.
    async fn settled(&self) -> u64 {
        let mut primary = self.three[0].client(None);
        let mut last = 0;
        loop {
            let now = network::committed(&mut primary).await.unwrap().seqno.0;
            if now == last {
                return now;
            }
            last = now;
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }

    /// CPU time of the busiest of three idle nodes.
    async fn idle(&mut self) {
        tokio::time::sleep(scale::of(Duration::ZERO, REST)).await;
        let used =
            |three: &Cluster| three.numbers().map(|number| three[number].cpu_time()).collect::<Vec<_>>();
        let (before, start) = (used(&self.three), Instant::now());
        tokio::time::sleep(scale::of(Duration::from_millis(500), Duration::from_secs(12))).await;
        let elapsed = start.elapsed().as_secs_f64();
        let shares = used(&self.three).into_iter().zip(before).map(|(after, before)| after - before);
        let most = shares.max().unwrap().as_secs_f64() / elapsed * 100.0;
        self.add("idle CPU of the busiest node", "% core", Some(IDLE_CPU), most);
    }

    /// How long no write is committed after the primary of another service of three is killed.
    async fn outage(&mut self, round: u64, directory: &Path) {
        let mut cluster = open_three(&self.coco, &self.consortium, directory).await;
        let load = Load::start(&cluster, self.consortium.user(), round, MIX);
        tokio::time::sleep(Duration::from_secs(1)).await;
        cluster[0].kill();
        let since = load.now();
        let _elected = cluster.primary_among(&[1, 2]).await;
        tokio::time::sleep(REST).await;
        let outage = Duration::from_nanos(load.end().await.outage(since).unwrap()).as_secs_f64();
        self.add("outage after a kill of the primary", "s", Some(OUTAGE), outage);
        let timeouts = outage / ELECTION_TIMEOUT.as_secs_f64();
        self.add("outage in election timeouts", "", None, timeouts);
    }
}

async fn open_three(coco: &Path, consortium: &Consortium, directory: &Path) -> Cluster {
    let plan = Plan { executable: coco.to_owned(), ..Plan::new(&json!({})) };
    Cluster::open_as(consortium, directory, NODES, plan).await
}

/// Percent of the requests that the service refused because too many writes waited for commit.
fn refused(report: &Report) -> f64 {
    let count = |number: u64| f64::from(u32::try_from(number).unwrap());
    count(busy(report)) / count(busy(report) + report.requests).max(1.0) * 100.0
}

/// Others may use the machine while only the test itself is tested.
fn foreign() -> u32 {
    scale::of(100, FOREIGN)
}

/// A load of the usual length.
fn timed<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    let (warm_up, duration) = scale::of(("100ms", "300ms"), ("1s", "4s"));
    [&["--warm-up", warm_up, "--duration", duration], arguments].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn three_nodes_beside_one() {
    let directory = tempfile::tempdir().unwrap();
    let mut bench = Bench::open(directory.path()).await;
    for round in 0..scale::of(1, 5) {
        println!("round {round}");
        bench.idle().await;
        let (peak, deep_peak) = bench.writes();
        bench.reads(if round == 0 { "always" } else { "never" });
        bench.commits(peak);
        bench.catch_up(peak, deep_peak).await;
        if scale::is_full() {
            bench.outage(round, &directory.path().join(format!("killed{round}"))).await;
        }
    }
    println!("{}", bench.figures);
    let missed = bench.figures.missed();
    // Whether the figures are good is told by a release build alone on the machine.
    assert!(missed.is_empty() || !scale::is_full(), "missed: {missed:?}");
}
