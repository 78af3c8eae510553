//! Operators download snapshots and chunks, and ask for a snapshot.

use std::{fs, time::Duration};

use bytes::Bytes;
use coco_client::{Answer, Client, Method, StatusCode};
use coco_crypto::hash::sha256;
use coco_e2e::{Cluster, Consortium, Node};
use coco_wire::snapshot::SnapshotName;
use serde_json::json;

use crate::{LIMIT, TX_COUNT, before, sections, wait_for_snapshot, write};

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
    what_is_committed_of_the_open_chunk(&cluster, &consortium).await;
    others_and_closed_interfaces(&cluster, name).await;
}

/// Entries for which there is no committed file yet, on each node.
async fn what_is_committed_of_the_open_chunk(cluster: &Cluster, consortium: &Consortium) {
    let mut client = cluster[0].client(Some(consortium.user()));
    // The chunk may end with any signature; and what a snapshot brings with it comes a little later.
    let last = loop {
        let last = write(&mut client, 0..1).await;
        client.wait_for_commit(last, LIMIT).await.unwrap();
        tokio::time::sleep(Duration::from_millis(500)).await;
        let find = format!("/node/ledger-chunk?since={}", last.seqno);
        if client.get(&find).await.unwrap().status == StatusCode::NOT_FOUND {
            break last;
        }
    };
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
    // A backup sends clients to the primary for and serves its own chunks.
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
