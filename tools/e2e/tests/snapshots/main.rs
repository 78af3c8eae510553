//! Snapshots of real processes: all nodes make the same, clients download them, nodes begin with them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod backup;
mod downloads;

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use coco_client::{Client, StatusCode};
use coco_e2e::{Cluster, Consortium, Node};
use coco_wire::{Seqno, TxId, snapshot::SnapshotName};
use serde_json::{Value, json};

const NODES: usize = 3;
/// Entries between two snapshots.
const TX_COUNT: u64 = 40;
/// How long snapshots may take to appear.
const LIMIT: Duration = Duration::from_secs(60);

fn sections() -> Value {
    json!({
        "ledger": { "chunk_size": "20KB" },
        "snapshots": { "tx_count": TX_COUNT },
        "network": {
            "node_to_node_interface": { "bind_address": "127.0.0.1:0" },
            "rpc_interfaces": {
                "main": {
                    "bind_address": "127.0.0.1:0",
                    "enabled_operator_features": ["SnapshotRead", "LedgerChunkRead", "SnapshotCreate"]
                },
                "closed": { "bind_address": "127.0.0.1:0" }
            }
        }
    })
}

async fn write(client: &mut Client, keys: std::ops::Range<u64>) -> TxId {
    let mut last = TxId::default();
    for key in keys {
        let answer = client.post("/app/log/private", &json!({ "id": key, "msg": format!("{key}") })).await;
        last = answer.unwrap().expect(StatusCode::OK, "a write").unwrap().transaction_id().unwrap();
    }
    last
}

/// Committed snapshots of a node by name.
fn snapshots(directory: &Path) -> BTreeMap<SnapshotName, Vec<u8>> {
    let files = fs::read_dir(directory.join("snapshots")).unwrap();
    let files = files.filter_map(|file| {
        let path = file.unwrap().path();
        path.extension().is_some_and(|it| it == "committed").then(|| {
            (
                path.file_name().unwrap().to_str().unwrap().parse().unwrap(),
                fs::read(&path).unwrap_or_default(),
            )
        })
    });
    files.collect()
}

/// There is a snapshot after this, if there is an entry `last`.
fn before(last: TxId) -> Seqno {
    Seqno(last.seqno.0 - 2 * TX_COUNT)
}

/// Waits until these nodes have the same newest snapshot, after an entry, and yields it.
fn wait_for_snapshot(cluster: &Cluster, numbers: &[usize], after: Seqno) -> (SnapshotName, Vec<u8>) {
    let deadline = Instant::now() + LIMIT;
    loop {
        let all: Vec<_> = numbers.iter().map(|number| snapshots(&cluster[*number].directory)).collect();
        let newest = all[0].iter().next_back().filter(|(name, _)| name.seqno >= after);
        if let Some((name, bytes)) = newest
            && all.iter().all(|of_node| of_node.contains_key(name))
        {
            for of_node in &all {
                for (name, bytes) in of_node {
                    assert!(all[0].get(name).is_none_or(|first| first == bytes), "{name} differs");
                }
            }
            return (*name, bytes.clone());
        }
        assert!(Instant::now() < deadline, "no snapshot after {after} on all nodes\n{}", cluster.logs());
        std::thread::sleep(Duration::from_millis(20));
    }
}

async fn startup_seqno(node: &Node) -> u64 {
    let state: Value = node.client(None).get("/node/state").await.unwrap().json().unwrap();
    state["startup_seqno"].as_u64().unwrap()
}

async fn wait_until_committed(node: &Node, id: TxId, cluster: &Cluster) {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Ok(answer) = node.client(None).get(&format!("/node/tx?transaction_id={id}")).await
            && answer.json::<Value>().is_ok_and(|status| status["status"] == "Committed")
        {
            return;
        }
        assert!(Instant::now() < deadline, "{id} on {}\n{}", node.log(), cluster.logs());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Section `command` of a node that joins without fetching.
fn without_fetching(target: &Node) -> Value {
    json!({
        "type": "Join",
        "service_certificate_file": "service_cert.pem",
        "join": {
            "target_rpc_address": target.address,
            "retry_timeout": "50ms",
            "fetch_recent_snapshot": false
        }
    })
}

async fn receipt(node: &Node, id: TxId) -> Value {
    let deadline = Instant::now() + LIMIT;
    loop {
        let answer = node.client(None).get(&format!("/app/receipt?transaction_id={id}")).await.unwrap();
        if answer.status == StatusCode::OK {
            return answer.json().unwrap();
        }
        assert!(Instant::now() < deadline, "{answer:?}\n{}", node.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Transactions up to an entry that wrote the public record 7.
async fn indexed(node: &Node, consortium: &Consortium, upto: Seqno) -> Value {
    let mut reader = node.client(Some(consortium.user()));
    let deadline = Instant::now() + LIMIT;
    let path = format!("/app/log/public/historical/range?id=7&to_seqno={upto}");
    loop {
        let answer = reader.get(&path).await.unwrap();
        if answer.status == StatusCode::OK {
            return answer.json().unwrap();
        }
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
        assert!(Instant::now() < deadline, "{answer:?}\n{}", node.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A node joins from a copied file; others in the same directory are damaged.
async fn join_past_damaged_files(
    cluster: &Cluster,
    consortium: &Consortium,
    directory: &Path,
    (name, bytes): (SnapshotName, &[u8]),
) -> Node {
    let home = directory.join("copied");
    fs::create_dir_all(home.join("snapshots")).unwrap();
    let torn = SnapshotName { seqno: Seqno(1_000_000), evidence_seqno: Seqno(1_000_001), ..name };
    fs::write(home.join("snapshots").join(torn.to_string()), &bytes[..bytes.len() / 2]).unwrap();
    let empty = SnapshotName { seqno: Seqno(2_000_000), evidence_seqno: Seqno(2_000_001), ..name };
    fs::write(home.join("snapshots").join(empty.to_string()), b"").unwrap();
    fs::write(home.join("snapshots").join(name.to_string()), bytes).unwrap();
    let mut own = sections();
    own["command"] = without_fetching(&cluster[0]);
    let copied = cluster[0].join(&home, &own);
    cluster.trust_newcomer(consortium, 0).await;
    let mut client = cluster[1].client(Some(consortium.user()));
    let trusted = write(&mut client, 169..170).await;
    wait_until_committed(&copied, trusted, cluster).await;
    assert_eq!(startup_seqno(&copied).await, name.seqno.0, "{}", copied.log());
    let out = fs::read_to_string(copied.directory.join("out")).unwrap();
    assert!(out.contains(&format!("Ignoring empty snapshot file {empty}")), "{out}");
    assert!(out.contains(&format!("Ignoring snapshot file {torn}")), "{out}");
    copied
}

/// An index of the application that begins now needs nothing of what was before the snapshot of its node.
async fn index_from_now(node: &Node, client: &mut Client, consortium: &Consortium) {
    let mut reader = node.client(Some(consortium.user()));
    let installed = reader.post("/app/log/private/install_committed_index", &json!({})).await.unwrap();
    assert_eq!(installed.status, StatusCode::OK, "{installed:?}");
    write(client, 168..169).await;
    let deadline = Instant::now() + LIMIT;
    loop {
        let answer = reader.get("/app/log/private/committed?id=168").await.unwrap();
        if answer.status == StatusCode::OK {
            return;
        }
        assert!(Instant::now() < deadline, "{answer:?}\n{}", node.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Who was let in since the snapshot that a node began with, by its files alone.
fn audit_behind(node: &Node, (name, bytes): (SnapshotName, &[u8])) -> String {
    let copy = tempfile::tempdir().unwrap();
    fs::create_dir(copy.path().join("ledger")).unwrap();
    for (file, bytes) in &node.ledger().0 {
        fs::write(copy.path().join("ledger").join(file), bytes).unwrap();
    }
    fs::write(copy.path().join(name.to_string()), bytes).unwrap();
    fs::write(copy.path().join("service_cert.pem"), node.service.to_pem()).unwrap();
    let output = std::process::Command::new(coco_e2e::executable::coco())
        .args(["attest", "audit", "ledger", "--service-cert", "service_cert.pem", "--snapshot"])
        .arg(name.to_string())
        .current_dir(copy.path())
        .output()
        .unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_make_the_same_snapshots_and_begin_with_them() {
    let (consortium, directory) = (Consortium::default(), tempfile::tempdir().unwrap());
    let cluster = Cluster::open(&consortium, directory.path(), NODES, &sections()).await;
    let everyone: Vec<_> = cluster.numbers().collect();
    let mut client = cluster[1].client(Some(consortium.user()));
    let public = client.post("/app/log/public", &json!({ "id": 7, "msg": "in public" })).await.unwrap();
    let public = public.transaction_id().unwrap();
    let early = write(&mut client, 0..10).await;
    let last = write(&mut client, 10..150).await;
    let (name, bytes) = wait_for_snapshot(&cluster, &everyone, before(last));
    let proven = coco_audit::snapshot::verify(&bytes, &cluster[0].service).unwrap();
    assert_eq!((proven.seqno, proven.evidence.seqno), (name.seqno, name.evidence_seqno));
    assert!(!bytes.windows(8).any(|window| window == b"\"msg\":\"1"), "private rows in clear");
    write(&mut client, 150..170).await;

    // It fetches the snapshot of the primary, by way of a backup, and has the ledger from another directory.
    let mut own = sections();
    own["ledger"]["read_only_directories"] = json!([cluster[0].ledger_directory()]);
    let fetching = cluster[2].join(&directory.path().join("fetching"), &own);
    cluster.trust_newcomer(&consortium, 0).await;
    let trusted = write(&mut client, 169..170).await;
    wait_until_committed(&fetching, trusted, &cluster).await;
    let began = startup_seqno(&fetching).await;
    assert!(began >= name.seqno.0, "{began}\n{}", fetching.log());
    let first = snapshots(&fetching.directory).into_iter().next().unwrap();
    assert_eq!(first.0.seqno.0, began);
    assert_eq!(snapshots(&cluster[0].directory)[&first.0], first.1, "byte for byte");
    let ledger = fetching.ledger();
    assert!(ledger.0[0].0.starts_with(&format!("ledger_{}", began + 1)), "{}", ledger.0[0].0);
    let mut reader = fetching.client(Some(consortium.user()));
    for key in [0, 149, 169] {
        let read: Value = reader.get(&format!("/app/log/private?id={key}")).await.unwrap().json().unwrap();
        assert_eq!(read, json!({ "msg": format!("{key}") }));
    }
    // Receipts of what was before its snapshot.
    assert!(early.seqno.0 < began);
    assert_eq!(receipt(&fetching, early).await, receipt(&cluster[0], early).await);
    // Its index is completed from the same files.
    let found = indexed(&fetching, &consortium, early.seqno).await;
    let strategies: Value = reader.get("/node/index/strategies").await.unwrap().json().unwrap();
    assert!(strategies[0]["next_requested_seqno"].as_u64().unwrap() > began, "{strategies}");
    assert_eq!(found["entries"][0]["seqno"], public.seqno.0, "{found}");

    let copied = join_past_damaged_files(&cluster, &consortium, directory.path(), (name, &bytes)).await;
    index_from_now(&copied, &mut client, &consortium).await;

    // All of them make the next ones.
    let later = write(&mut client, 170..260).await;
    let (next, bytes) = wait_for_snapshot(&cluster, &everyone, before(later));
    let deadline = Instant::now() + LIMIT;
    for node in [&fetching, &copied] {
        while snapshots(&node.directory).get(&next).is_none_or(|of_node| *of_node != bytes) {
            assert!(Instant::now() < deadline, "{next}\n{}", node.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    assert!(cluster.check_committed_files() > 3);
    let audit = audit_behind(&fetching, (first.0, &first.1));
    assert_eq!(audit.matches(" joined, Pending, on Virtual: welcome").count(), 2, "{audit}");
    assert_eq!(audit.matches(" becomes Trusted by proposal ").count(), 2, "{audit}");
    assert_eq!(audit.matches(": not judged, ").count(), NODES, "{audit}");
}
