//! A node joins a service that has many entries, from the first one and from a snapshot, while clients write.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use coco_client::{
    StatusCode, governance,
    network::{self, NodeStatus},
};
use coco_e2e::{Cluster, Consortium, Figures, Generator, Goal, cluster::Plan, executable, scale};
use coco_wire::{Seqno, snapshot::SnapshotName};
use serde_json::{Value, json};

const NODES: usize = 3;
/// Share of the fastest writes that clients send while the node joins.
const SHARE: f64 = 0.3;
/// Longer than any join takes.
const LOAD_TIME: &str = "590s";
/// How long the newcomer may take.
const LIMIT: Duration = Duration::from_secs(500);
/// Time between two looks.
const POLL: Duration = Duration::from_millis(10);
/// How long a snapshot may take.
const SNAPSHOT_LIMIT: Duration = Duration::from_secs(120);
/// For how long the newcomer follows the load before its memory is compared.
const FOLLOWING: Duration = Duration::from_secs(3);

/// Where the newcomer begins.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    /// It is given no snapshot.
    Genesis,
    /// It fetches one.
    Snapshot,
}

/// An open service that has all its entries.
struct Service {
    consortium: Consortium,
    cluster: Cluster,
    load: Generator,
    keys: String,
    /// Writes a second that clients send while the node joins.
    rate: f64,
}

/// What was seen of a join.
struct Joined {
    /// Number of the newcomer.
    number: usize,
    /// Entries that it had from its snapshot.
    began: Seqno,
    /// Entries that it had in the end.
    reached: Seqno,
    /// From its start to the members' decision, and to the moment when it had everything.
    trusted: Duration,
    caught_up: Duration,
    /// Entries that the service committed a second meanwhile.
    committing: f64,
}

fn sections() -> Value {
    json!({
        "snapshots": { "tx_count": scale::of(1_000, 10_000) },
        "network": {
            "node_to_node_interface": { "bind_address": "127.0.0.1:0" },
            "rpc_interfaces": {
                "main": { "bind_address": "127.0.0.1:0", "enabled_operator_features": ["SnapshotRead"] }
            }
        }
    })
}

fn executables() -> (std::path::PathBuf, std::path::PathBuf) {
    if scale::is_full() {
        return (executable::release("coco"), executable::release("coco-load"));
    }
    (executable::coco().to_path_buf(), executable::alike("coco-load"))
}

impl Service {
    async fn open(directory: &Path) -> Self {
        let (coco, load) = executables();
        let consortium = Consortium::default();
        let plan = Plan { executable: coco, ..Plan::new(&sections()) };
        let cluster = Cluster::open_as(&consortium, directory, NODES, plan).await;
        let load = Generator::new(load, &consortium, &cluster[0].service, &directory.join("user"));
        let keys = scale::of(3_000, 1_000_000).to_string();
        let mut service = Self { consortium, cluster, load, keys, rate: 0.0 };
        service.send(&["--mode", "read", "--preload", "always", "--duration", "100ms", "--warm-up", "0s"]);
        let seconds = scale::of("200ms", "4s");
        let peak = service.send(&["--duration", seconds, "--preload", "never"]);
        service.rate = (peak * SHARE).round();
        println!(
            "{} keys, {peak:.0} writes a second at most, {} while a node joins",
            service.keys, service.rate
        );
        service
    }

    /// Sends a load to the primary to its end; answers a second.
    fn send(&self, arguments: &[&str]) -> f64 {
        let arguments = [&["--keys", self.keys.as_str()], arguments].concat();
        self.load.send(&self.cluster[0], &[], 100, &arguments).per_second
    }

    /// Has a snapshot made of everything: those that nodes make by themselves may be of much less.
    async fn make_snapshot(&self) {
        let (start, mut client) = (Instant::now(), self.cluster[0].client(None));
        let actions = json!([{ "name": "trigger_snapshot", "args": {} }]);
        let decided = governance::decide(&mut client, &self.consortium.signers(), &actions).await.unwrap();
        let filled = decided.transaction_id.unwrap().seqno;
        loop {
            let newest = snapshots(&self.cluster[0].directory).map(|(name, _)| name.seqno).max();
            if newest.is_some_and(|seqno| seqno >= filled) {
                println!("a snapshot of everything after {:.1} s", start.elapsed().as_secs_f64());
                return;
            }
            assert!(start.elapsed() < SNAPSHOT_LIMIT, "{newest:?} of {filled}\n{}", self.cluster.logs());
            tokio::time::sleep(POLL).await;
        }
    }

    /// Lets a fourth node join under load.
    async fn join(&mut self, way: Way) -> Joined {
        let rate = self.rate.to_string();
        let steady = ["--keys", &self.keys, "--rate", &rate, "--preload", "never", "--duration", LOAD_TIME];
        let mut load = self.load.start(&self.cluster[0], &steady);
        tokio::time::sleep(Duration::from_secs(1)).await;
        let mut primary = self.cluster[0].client(None);
        let (start, before) = (Instant::now(), network::committed(&mut primary).await.unwrap().seqno);

        let join = json!({ "fetch_recent_snapshot": way == Way::Snapshot });
        let number = self.cluster.add_joining(0, &join);
        let decided = self.cluster.trust_newcomer(&self.consortium, 0).await;
        let trusted = start.elapsed();
        let reached = self.catch_up(number, decided.seqno).await;
        let caught_up = start.elapsed();
        let after = network::committed(&mut primary).await.unwrap().seqno;
        assert!(load.goes_on(), "the load ended before the node had caught up");
        tokio::time::sleep(scale::of(Duration::ZERO, FOLLOWING)).await;
        Joined {
            number,
            began: self.began(number).await,
            reached,
            trusted,
            caught_up,
            committing: count(after.0 - before.0) / caught_up.as_secs_f64(),
        }
    }

    /// Waits until a node knows of everything that the primary knew to be committed when it was asked, and of `decided`.
    async fn catch_up(&self, number: usize, decided: Seqno) -> Seqno {
        let (mut primary, mut newcomer) = (self.cluster[0].client(None), self.cluster[number].client(None));
        let start = Instant::now();
        loop {
            let goal = network::committed(&mut primary).await.unwrap().seqno.max(decided);
            // A node that still catches up may close sessions.
            let own = network::committed(&mut newcomer).await.map_or(Seqno::ZERO, |id| id.seqno);
            if own >= goal {
                return own;
            }
            assert!(start.elapsed() < LIMIT, "{own} of {goal}\n{}", self.cluster.logs());
            tokio::time::sleep(POLL).await;
        }
    }

    async fn began(&self, number: usize) -> Seqno {
        let state = self.cluster[number].client(None).get("/node/state").await.unwrap();
        Seqno(state.json::<Value>().unwrap()["startup_seqno"].as_u64().unwrap())
    }

    /// The newcomer is one of the nodes and has what was written.
    async fn check(&self, joined: &Joined) {
        let nodes = network::nodes(&mut self.cluster[joined.number].client(None)).await.unwrap();
        let trusted = nodes.iter().filter(|node| node.status == NodeStatus::Trusted).count();
        assert_eq!(trusted, NODES + 1);
        let mut reader = self.cluster[joined.number].client(Some(self.consortium.user()));
        for key in [0, self.keys.parse::<u64>().unwrap() - 1] {
            let answer = reader.get(&format!("/app/log/private?id={key}")).await.unwrap();
            assert_eq!(answer.status, StatusCode::OK, "key {key}: {answer:?}");
        }
    }

    /// What must not be held in memory beside the state: the whole ledger, or the newest snapshot.
    fn whole(&self, way: Way) -> u64 {
        let directory = &self.cluster[0].directory;
        match way {
            Way::Genesis => files(&directory.join("ledger")).map(|(_, bytes)| bytes).sum(),
            Way::Snapshot => snapshots(directory).map(|(_, bytes)| bytes).max().unwrap(),
        }
    }
}

/// Committed snapshots of the node in a directory, and their bytes.
fn snapshots(directory: &Path) -> impl Iterator<Item = (SnapshotName, u64)> + use<> {
    let committed = files(&directory.join("snapshots")).filter(|(name, _)| name.ends_with(".committed"));
    committed.map(|(name, bytes)| (name.parse().unwrap(), bytes))
}

/// Names and sizes of files; those that were renamed meanwhile are left out.
fn files(directory: &Path) -> impl Iterator<Item = (String, u64)> + use<> {
    fs::read_dir(directory).unwrap().filter_map(|file| {
        let file = file.unwrap();
        Some((file.file_name().into_string().unwrap(), file.metadata().ok()?.len()))
    })
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn count(number: u64) -> f64 {
    number as f64
}

fn megabytes(bytes: u64) -> f64 {
    count(bytes) / 1e6
}

/// Prints what was seen, and tells what is not as it must be.
fn judge(way: Way, service: &Service, joined: &Joined) -> Vec<String> {
    let (newcomer, backup) = (&service.cluster[joined.number], &service.cluster[1]);
    let (peak, whole) = (newcomer.peak_resident(), service.whole(way));
    let entries = joined.reached.0 - joined.began.0;
    let replicating = (joined.caught_up - joined.trusted).as_secs_f64();
    let mut figures = Figures::default();
    let mut tell = |what: &str, unit, found| figures.add(&format!("{way:?}: {what}"), unit, None, found);
    tell("start to caught up", "s", joined.caught_up.as_secs_f64());
    tell("start to trusted", "s", joined.trusted.as_secs_f64());
    tell("entries in its snapshot", "", count(joined.began.0));
    tell("entries replicated", "", count(entries));
    tell("entries replicated a second", "/s", count(entries) / replicating);
    tell("writes that clients send", "/s", service.rate);
    tell("entries committed meanwhile", "/s", joined.committing);
    tell("whole ledger or snapshot", "MB", megabytes(whole));
    tell("memory of a backup", "MB", megabytes(backup.resident()));
    tell("peak memory of a backup", "MB", megabytes(backup.peak_resident()));
    tell("memory of the newcomer", "MB", megabytes(newcomer.resident()));
    tell("peak memory of the newcomer", "MB", megabytes(peak));
    let beyond = count(peak.saturating_sub(backup.resident())) / count(whole.max(1));
    let goal = Goal::AtMost { must: 0.5, aim: 0.1 };
    figures.add(&format!("{way:?}: peak beyond a backup, of whole"), "", Some(goal), beyond);
    println!("{figures}");
    figures.missed().into_iter().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_joins_a_service_with_many_entries() {
    let mut missed = Vec::new();
    for way in [Way::Genesis, Way::Snapshot] {
        let directory = tempfile::tempdir().unwrap();
        let mut service = Service::open(directory.path()).await;
        if way == Way::Snapshot {
            service.make_snapshot().await;
        }
        let joined = service.join(way).await;
        assert_eq!(joined.began > Seqno::ZERO, way == Way::Snapshot, "it begins with entry {}", joined.began);
        service.check(&joined).await;
        missed.extend(judge(way, &service, &joined));
    }
    // A service with few entries shows nothing of this.
    assert!(missed.is_empty() || !scale::is_full(), "missed: {missed:?}");
}
