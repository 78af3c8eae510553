//! Snapshots of real processes: all nodes make the same, clients download them, nodes begin with them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use bytes::Bytes;
use coco_client::{Answer, Client, Method, StatusCode};
use coco_crypto::hash::sha256;
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
}

/// Follows redirects to this node.
async fn follow(node: &Node, path: &str, headers: &[(&str, &str)]) -> (String, Answer) {
    let mut client = node.client(None);
    let answer = client.send(Method::GET, path, headers, Bytes::new()).await.unwrap();
    assert_eq!(answer.status, StatusCode::PERMANENT_REDIRECT, "{answer:?}");
    let location = answer.headers["location"].to_str().unwrap();
    let path = location.strip_prefix(&format!("https://{}", node.address)).unwrap().to_owned();
    let answer = client.send(Method::GET, &path, headers, Bytes::new()).await.unwrap();
    (path, answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn snapshots_and_chunks_are_downloaded_in_ranges() {
    let (consortium, directory) = (Consortium::default(), tempfile::tempdir().unwrap());
    let cluster = Cluster::open(&consortium, directory.path(), 2, &sections()).await;
    let node = &cluster[0];
    let mut client = node.client(Some(consortium.user()));
    let last = write(&mut client, 0..100).await;
    let (name, bytes) = wait_for_snapshot(&cluster, &[0], before(last));

    let (path, whole) = follow(node, "/node/snapshot", &[]).await;
    assert_eq!(path, format!("/node/snapshot/{name}"));
    assert_eq!(whole.status, StatusCode::OK);
    assert!(whole.body == bytes);
    assert_eq!(whole.headers["x-ms-ccf-snapshot-name"], name.to_string().as_str());
    let linearizable = [("prefer", "consistency=linearizable")];
    assert!(follow(node, "/node/snapshot", &linearizable).await.1.body == bytes, "files have no consistency");
    let len = bytes.len();
    let wanted = [("want-repr-digest", "sha-256=1")];
    let head = client.send(Method::HEAD, &path, &wanted, Bytes::new()).await.unwrap();
    assert_eq!(head.headers["content-length"], len.to_string().as_str());
    let digest = head.headers["repr-digest"].to_str().unwrap().to_owned();
    for (range, expected) in [
        ("bytes=0-0".to_owned(), 0..1),
        ("bytes=10-".to_owned(), 10..len),
        ("bytes=-7".to_owned(), len - 7..len),
        (format!("bytes=5-{}", 10 * len), 5..len),
        (format!("bytes=-{}", 10 * len), 0..len),
    ] {
        let headers = [("range", range.as_str()), ("want-repr-digest", "sha-256")];
        let part = client.send(Method::GET, &path, &headers, Bytes::new()).await.unwrap();
        assert_eq!(part.status, StatusCode::PARTIAL_CONTENT, "{range}");
        let described = format!("bytes {}-{}/{len}", expected.start, expected.end - 1);
        assert_eq!(part.headers["content-range"], described.as_str());
        assert_eq!(part.headers["repr-digest"], digest.as_str(), "of the whole");
        assert!(part.body == bytes[expected], "{range}");
    }
    for range in
        ["lines=0-1", "bytes=0-1,3-4", "bytes=-", "bytes=2-1", "bytes=a-b", "bytes=9999999-", "bytes=1-2-3"]
    {
        let part = client.send(Method::GET, &path, &[("range", range)], Bytes::new()).await.unwrap();
        assert_eq!(part.status, StatusCode::BAD_REQUEST, "{range}");
    }
    for (path, status) in [
        ("/node/snapshot?since=100000", StatusCode::NOT_FOUND),
        ("/node/snapshot?since=a", StatusCode::BAD_REQUEST),
        ("/node/snapshot/snapshot_1_2.committed", StatusCode::NOT_FOUND),
        ("/node/snapshot/config.json", StatusCode::NOT_FOUND),
        ("/node/snapshot/..%2Fconfig.json", StatusCode::NOT_FOUND),
        ("/node/ledger-chunk", StatusCode::BAD_REQUEST),
        ("/node/ledger-chunk?since=100000", StatusCode::NOT_FOUND),
        ("/node/ledger-chunk/ledger_1", StatusCode::NOT_FOUND),
    ] {
        assert_eq!(client.get(path).await.unwrap().status, status, "{path}");
    }

    let (path, chunk) = follow(node, "/node/ledger-chunk?since=1", &[]).await;
    let file = path.rsplit('/').next().unwrap();
    assert!(chunk.body == fs::read(node.ledger_directory().join(file)).unwrap());
    let tag = format!("\"sha-256:{}\"", sha256(&chunk.body));
    assert_eq!(chunk.headers["etag"], tag.as_str());
    let headers = [("if-none-match", tag.as_str())];
    let known = client.send(Method::GET, &path, &headers, Bytes::new()).await.unwrap();
    assert_eq!((known.status, known.body.len()), (StatusCode::NOT_MODIFIED, 0));
    what_is_committed_of_the_open_chunk(&cluster, last, &consortium).await;
    others_and_closed_interfaces(&cluster, name).await;
}

/// Entries for which there is no committed file yet, on each node.
async fn what_is_committed_of_the_open_chunk(cluster: &Cluster, last: TxId, consortium: &Consortium) {
    let mut client = cluster[0].client(Some(consortium.user()));
    client.wait_for_commit(last, LIMIT).await.unwrap();
    for number in cluster.numbers() {
        let node = &cluster[number];
        cluster.wait_for_commit(last, &[number]).await;
        let find = format!("/node/ledger-chunk?since={}&include_committed_prefix=true", last.seqno);
        let found = node.client(None).get(&find).await.unwrap();
        assert_eq!(found.status, StatusCode::TEMPORARY_REDIRECT, "{found:?}");
        assert_eq!(found.headers["cache-control"], "no-store");
        let location = found.headers["location"].to_str().unwrap();
        let path = location.strip_prefix(&format!("https://{}", node.address)).unwrap();
        let (directory, name) = path.rsplit_once('/').unwrap();
        assert_eq!(directory, "/node/ledger-chunk/committed_prefix");
        let name: coco_wire::chunk::PrefixName = name.parse().unwrap();
        assert!((name.first..=name.last).contains(&last.seqno), "{name}");
        let prefix = node.client(None).get(path).await.unwrap();
        assert_eq!(prefix.status, StatusCode::OK, "{prefix:?}");
        assert_eq!(prefix.headers["x-ms-ccf-ledger-chunk-kind"], "committed-prefix");
        // Beside the committed files it is the end of the ledger.
        let copy = tempfile::tempdir().unwrap();
        for (file, bytes) in &node.ledger().0 {
            if file.ends_with(".committed") && !file.starts_with(&format!("ledger_{}", name.first)) {
                fs::write(copy.path().join(file), bytes).unwrap();
            }
        }
        let file = format!("ledger_{}-{}.committed", name.first, name.last);
        fs::write(copy.path().join(file), &prefix.body).unwrap();
        if number == 0 {
            let output = std::process::Command::new(coco_e2e::executable::coco())
                .args(["ledger", "verify", "--at-least", &last.to_string()])
                .arg(copy.path())
                .output()
                .unwrap();
            assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
        }
    }
    let node = &cluster[0];
    for (path, status) in [
        (format!("/node/ledger-chunk?since={}", last.seqno), StatusCode::NOT_FOUND),
        (
            "/node/ledger-chunk?since=1&include_committed_prefix=true".to_owned(),
            StatusCode::PERMANENT_REDIRECT,
        ),
        ("/node/ledger-chunk?since=100000&include_committed_prefix=true".to_owned(), StatusCode::NOT_FOUND),
        ("/node/ledger-chunk?since=1&include_committed_prefix=yes".to_owned(), StatusCode::BAD_REQUEST),
        ("/node/ledger-chunk/committed_prefix/ledger_1".to_owned(), StatusCode::BAD_REQUEST),
        ("/node/ledger-chunk/committed_prefix/ledger_1-2.committed_prefix".to_owned(), StatusCode::NOT_FOUND),
        (
            "/node/ledger-chunk/committed_prefix/ledger_1-100000.committed_prefix".to_owned(),
            StatusCode::NOT_FOUND,
        ),
    ] {
        assert_eq!(node.client(None).get(&path).await.unwrap().status, status, "{path}");
    }
}

async fn others_and_closed_interfaces(cluster: &Cluster, name: SnapshotName) {
    let node = &cluster[0];
    // A backup sends clients to the primary for snapshots, and serves its own chunks.
    let sent_on = cluster[1].client(None).get("/node/snapshot").await.unwrap();
    assert_eq!(sent_on.status, StatusCode::PERMANENT_REDIRECT);
    let location = sent_on.headers["location"].to_str().unwrap();
    assert_eq!(location, format!("https://{}/node/snapshot", node.address));
    follow(&cluster[1], "/node/ledger-chunk?since=1", &[]).await;

    // Only where the operator says so.
    let address = node.interface("closed");
    let mut closed = Client::new(&address, &node.service, None).unwrap();
    for path in ["/node/snapshot", "/node/ledger-chunk?since=1", &format!("/node/snapshot/{name}")] {
        assert_eq!(closed.get(path).await.unwrap().status, StatusCode::NOT_FOUND, "{path}");
    }
    let refused = closed.post("/node/snapshot:create", &json!({})).await.unwrap();
    assert_eq!(refused.status, StatusCode::NOT_FOUND, "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_ask_for_a_snapshot() {
    let (consortium, directory) = (Consortium::default(), tempfile::tempdir().unwrap());
    let cluster = Cluster::open(&consortium, directory.path(), 2, &sections()).await;
    let last = write(&mut cluster[0].client(Some(consortium.user())), 0..3).await;
    // By way of a backup, which forwards it.
    let mut operator = cluster[1].client(None);
    let asked = operator.post("/node/snapshot:create", &json!({})).await.unwrap();
    let asked = asked.expect(StatusCode::OK, "a request").unwrap().transaction_id().unwrap();
    assert!(asked.seqno > last.seqno);
    let (name, bytes) = wait_for_snapshot(&cluster, &[0, 1], asked.seqno);
    assert!(name.seqno.0 < asked.seqno.0 + TX_COUNT, "not because it was due");
    let (path, served) = follow(&cluster[0], &format!("/node/snapshot?since={}", asked.seqno), &[]).await;
    assert!(path.ends_with(&name.to_string()) && served.body == bytes, "{path}");
}
