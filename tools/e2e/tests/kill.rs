//! The process is killed under load, again and again: everything acknowledged as committed is in the ledger.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use coco_audit::Coverage;
use coco_client::{Client, Method, StatusCode};
use coco_e2e::{Consortium, Node, Random, ledger::PublicWrite, scale};
use coco_wire::TxId;
use serde_json::json;

/// Clients that write at a time.
const CLIENTS: u64 = 4;

/// A write that was acknowledged as committed.
struct Acknowledged {
    id: TxId,
    key: u64,
    message: String,
}

/// Writes until the node is gone.
async fn write(
    mut client: Client,
    number: u64,
    acknowledged: Arc<Mutex<Vec<Acknowledged>>>,
    gone: Arc<AtomicBool>,
) {
    for count in 0.. {
        let key = (number << 32) + count;
        let message = format!("{number} wrote {count}");
        let body = json!({ "id": key, "msg": message });
        // Answered at commit, or at once and then asked for.
        let id = if count % 2 == 0 {
            let headers = [("content-type", "application/json"), ("prefer", "wait=60")];
            let answer =
                client.send(Method::POST, "/app/log/public", &headers, body.to_string().into()).await;
            answer.and_then(|answer| {
                let answer = answer.expect(StatusCode::OK, "a write")?;
                assert!(answer.headers.contains_key("preference-applied"), "{answer:?}");
                Ok(answer.transaction_id())
            })
        } else {
            match client.post("/app/log/public", &body).await {
                Ok(answer) => {
                    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
                    let id = answer.transaction_id().unwrap();
                    client.wait_for_commit(id, Duration::from_secs(60)).await.map(|()| Some(id))
                }
                Err(error) => Err(error),
            }
        };
        match id {
            Ok(id) => acknowledged.lock().unwrap().push(Acknowledged { id: id.unwrap(), key, message }),
            Err(error) => {
                assert!(gone.load(Ordering::SeqCst), "client {number}: {error}");
                return;
            }
        }
    }
}

/// Kills a node under load after a time that the seed decides; number of acknowledged writes.
async fn round(seed: u64, consortium: &Consortium) -> usize {
    let directory = tempfile::tempdir().unwrap();
    let sections = json!({ "ledger": { "chunk_size": "40KB" } });
    let mut node = Node::start(consortium, directory.path(), &sections);
    node.open(consortium).await;
    let (acknowledged, gone) = (Arc::default(), Arc::new(AtomicBool::new(false)));
    let clients = (0..CLIENTS).map(|number| {
        let client = node.client(Some(consortium.user()));
        tokio::spawn(write(client, number, Arc::clone(&acknowledged), Arc::clone(&gone)))
    });
    let clients: Vec<_> = clients.collect();
    tokio::time::sleep(Duration::from_millis(200 + Random(seed).below(1500))).await;
    gone.store(true, Ordering::SeqCst);
    node.kill();
    for client in clients {
        client.await.unwrap();
    }

    let files = node.ledger();
    let report = files.verify().unwrap_or_else(|damage| panic!("seed {seed}: {damage}"));
    let identity = report.service.as_ref().map(|service| service.public_key().id());
    assert_eq!(identity, Some(node.service.public_key().id()), "seed {seed}");
    let written = files.public_writes("public:records");
    let acknowledged = acknowledged.lock().unwrap();
    for Acknowledged { id, key, message } in acknowledged.iter() {
        assert_eq!(report.coverage(*id), Coverage::Verified, "seed {seed}: {id} of {}", report.last_verified);
        let expected =
            PublicWrite { id: *id, key: key.to_le_bytes().to_vec(), value: message.clone().into_bytes() };
        assert_eq!(written.get(&id.seqno), Some(&vec![expected]), "seed {seed}: {id}");
    }
    println!(
        "seed {seed}: {} acknowledged, verified up to {} in {} files, {:?}",
        acknowledged.len(),
        report.last_verified,
        report.chunks,
        report.tail
    );
    acknowledged.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_committed_survives_the_process() {
    let consortium = Consortium::default();
    let mut acknowledged = 0;
    for seed in scale::rounds(3, 50) {
        acknowledged += round(seed, &consortium).await;
    }
    assert!(acknowledged > 0, "nothing was acknowledged");
}
