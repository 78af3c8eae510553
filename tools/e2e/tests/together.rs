//! All nodes end at the same moment, or one has no room left: what was acknowledged as committed is on a majority of disks.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use coco_client::network;
use coco_e2e::{
    Cluster, Consortium, Load, Random,
    cluster::Plan,
    executable,
    history::{History, Truth},
    load::Mix,
    scale,
};
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, prlimit};
use serde_json::json;

const NODES: usize = 3;
const MIX: Mix = Mix { clients: 6, keys: 1000, reads: 0, waits: 70 };
/// How long clients go on when the primary failed.
const AFTERWARDS: Duration = Duration::from_secs(3);

async fn open(directory: &Path, consortium: &Consortium) -> Cluster {
    let sections = json!({ "ledger": { "chunk_size": "40KB" } });
    let executable = patient(directory);
    let plan = Plan { executable, ..Plan::new(&sections) };
    Cluster::open_as(consortium, directory, NODES, plan).await
}

/// Our executable, which a file that grows too large does not kill: it is told, as by a full disk.
fn patient(directory: &Path) -> PathBuf {
    let script = directory.join("coco");
    let text = format!("#!/bin/sh\ntrap '' XFSZ\nexec '{}' \"$@\"\n", executable::coco().display());
    fs::write(&script, text).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    script
}

/// How many of the writes that were acknowledged as committed are on fewer than two disks.
fn lost(history: &History, truths: &[Truth]) -> Vec<String> {
    let holders = |id, key, value| truths.iter().filter(|truth| truth.has_write(id, key, value)).count();
    let acknowledged = history.acknowledged().map(|(id, key, value)| (id, holders(id, key, value)));
    let lost = acknowledged.filter(|(_, holders)| 2 * holders <= NODES);
    lost.map(|(id, holders)| format!("{id} is on {holders} disks")).collect()
}

/// Kills all nodes under load after a time that the seed decides; how much was acknowledged.
async fn round(seed: u64, consortium: &Consortium) -> usize {
    let directory = tempfile::tempdir().unwrap();
    let mut cluster = open(directory.path(), consortium).await;
    let load = Load::start(&cluster, consortium.user(), seed, MIX);
    tokio::time::sleep(Duration::from_millis(200 + Random(seed).below(1500))).await;
    for number in cluster.numbers() {
        cluster[number].signal(Signal::KILL);
    }
    for number in cluster.numbers() {
        cluster[number].kill();
    }
    let history = load.end().await;
    let truths: Vec<Truth> = cluster.numbers().map(|number| Truth::read(&cluster[number].ledger())).collect();
    let lost = lost(&history, &truths);
    assert!(lost.is_empty(), "seed {seed}: {}", lost.join("\n"));
    // Whoever got farthest has everything, and nothing else than what clients asked for.
    let farthest = truths.iter().max_by_key(|truth| truth.ids.last().copied()).unwrap();
    let checked = history.check(farthest).unwrap_or_else(|violation| panic!("seed {seed}: {violation:?}"));
    let lengths: Vec<usize> = truths.iter().map(|truth| truth.ids.len()).collect();
    println!("seed {seed}: {checked:?}, verified up to {lengths:?}");
    checked.committed
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_committed_survives_all_processes() {
    let consortium = Consortium::default();
    let mut acknowledged = 0;
    for seed in scale::rounds(2, 50) {
        acknowledged += round(seed, &consortium).await;
    }
    assert!(acknowledged > 0, "nothing was acknowledged");
}

/// Lets a node write no file beyond what its open one has.
fn fill_disk(cluster: &Cluster, number: usize) {
    let sizes = fs::read_dir(cluster[number].ledger_directory()).unwrap();
    let largest = sizes.map(|file| file.unwrap().metadata().unwrap().len()).max().unwrap();
    let pid = i32::try_from(cluster[number].pid()).ok().and_then(Pid::from_raw);
    let hard = getrlimit(Resource::Fsize).maximum;
    // Also below what is reserved for the open file.
    let limit = Rlimit { current: Some(largest / 4), maximum: hard };
    prlimit(pid, Resource::Fsize, limit).unwrap();
}

/// A node without room stops, whoever it is; the others go on, and nothing is lost.
async fn full_disk(seed: u64, primary_fails: bool, consortium: &Consortium) {
    let directory = tempfile::tempdir().unwrap();
    let mut cluster = open(directory.path(), consortium).await;
    let load = Load::start(&cluster, consortium.user(), seed, MIX);
    tokio::time::sleep(Duration::from_millis(300 + Random(seed).below(700))).await;
    let everyone: Vec<usize> = cluster.numbers().collect();
    let primary = cluster.primary_among(&everyone).await;
    let full = if primary_fails { primary } else { (primary + 1) % NODES };
    fill_disk(&cluster, full);
    let since = load.now();
    tokio::time::sleep(AFTERWARDS).await;
    let status = cluster[full].ended().and_then(|status| status.code());
    assert_eq!(status, Some(1), "seed {seed}: node {full} has no room\n{}", cluster[full].log());
    let left: Vec<usize> = everyone.into_iter().filter(|number| *number != full).collect();
    let history = load.end().await;
    let after = history.acknowledged_after(since);
    assert!(after > 0, "seed {seed}: the others do not go on\n{}", cluster.logs());

    let primary = cluster.primary_among(&left).await;
    let last = network::committed(&mut cluster[primary].client(None)).await.unwrap();
    cluster.wait_for_commit(last, &left).await;
    for number in &left {
        assert!(cluster[*number].stop().success(), "{}", cluster.logs());
        let truth = Truth::upto(&cluster[*number].ledger(), last.seqno);
        let checked = history.check(&truth).unwrap_or_else(|it| panic!("seed {seed}: node {number}: {it:?}"));
        println!(
            "seed {seed}: node {full} is full, node {number} has {checked:?}, {after} of them afterwards"
        );
    }
    // What the full one kept is a ledger, with the open file torn perhaps.
    let _ = Truth::read(&cluster[full].ledger());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_room_stops() {
    let consortium = Consortium::default();
    for seed in scale::rounds(2, 20) {
        full_disk(seed, seed % 2 == 0, &consortium).await;
    }
}
