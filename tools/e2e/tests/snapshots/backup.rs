//! A backup that lacks a snapshot fetches it.

use std::{
    fs,
    time::{Duration, Instant},
};

use coco_client::StatusCode;
use coco_e2e::{Cluster, Consortium, Node};
use serde_json::json;

use crate::{LIMIT, sections, wait_for_snapshot, wait_until_committed};

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_fetches_what_its_disk_did_not_take() {
    let (consortium, directory) = (Consortium::default(), tempfile::tempdir().unwrap());
    let backup_fetch = |interface: &str, max_size: &str| {
        json!({
            "enabled": true,
            "target_rpc_interface": interface,
            "retry_interval": "20ms",
            "max_size": max_size
        })
    };
    let mut sections = sections();
    sections["snapshots"]["backup_fetch"] = backup_fetch("main", "10MB");
    let mut cluster = Cluster::open(&consortium, directory.path(), 2, &sections).await;
    // Others that join the open service: one takes no large file, and one knows no interface of the primary.
    sections["snapshots"]["backup_fetch"] = backup_fetch("main", "1KB");
    let strict = cluster[0].join(&directory.path().join("strict"), &sections);
    cluster.trust_newcomer(&consortium, 0).await;
    sections["snapshots"]["backup_fetch"] = backup_fetch("none", "10MB");
    let astray = cluster[0].join(&directory.path().join("astray"), &sections);
    let last = cluster.trust_newcomer(&consortium, 0).await;
    for node in [&cluster[1], &strict, &astray] {
        wait_until_committed(node, last, &cluster).await;
    }

    let backups = [&cluster[1], &strict, &astray];
    let (directory, elsewhere) = ("snapshots", "elsewhere");
    for node in backups {
        fs::rename(node.directory.join(directory), node.directory.join(elsewhere)).unwrap();
    }
    let asked = cluster[0].client(None).post("/node/snapshot:create", &json!({})).await.unwrap();
    let asked = asked.expect(StatusCode::OK, "a request").unwrap().transaction_id().unwrap();
    let (name, bytes) = wait_for_snapshot(&cluster, &[0], asked.seqno);
    let given_up = format!("Snapshot at {} is given up", name.seqno);
    for node in backups {
        wait_until_said(node, &given_up).await;
        fs::rename(node.directory.join(elsewhere), node.directory.join(directory)).unwrap();
    }
    wait_until_said(&cluster[1], &format!("Fetched snapshot {name}")).await;
    let file = |node: &Node| node.directory.join(directory).join(name.to_string());
    assert!(fs::read(file(&cluster[1])).unwrap() == bytes, "byte for byte");
    let too_large =
        format!("Error during snapshot fetch: the snapshot has {} bytes, more than 1024", bytes.len());
    wait_until_said(&strict, &too_large).await;
    wait_until_said(&strict, "Exceeded maximum snapshot fetch retries (3)").await;
    wait_until_said(&astray, &format!("Snapshot {name} is not fetched: the primary has no interface none"))
        .await;
    assert!(!file(&strict).exists() && !file(&astray).exists());
    // The primary has what it made, and asks nobody.
    assert!(!said(&cluster[0], "Fetching snapshot"), "{}", cluster[0].log());
    assert!(cluster[1].stop().success(), "{}", cluster.logs());
}

fn said(node: &Node, text: &str) -> bool {
    fs::read_to_string(node.directory.join("out")).unwrap().contains(text)
}

async fn wait_until_said(node: &Node, text: &str) {
    let deadline = Instant::now() + LIMIT;
    while !said(node, text) {
        assert!(Instant::now() < deadline, "{text:?} is not said\n{}", node.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
