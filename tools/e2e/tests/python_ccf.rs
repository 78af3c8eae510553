//! CCF's own Python package verifies our ledgers and receipts.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeSet, fs, path::Path, sync::Arc, time::Duration};

use coco_client::{Client, Method, StatusCode};
use coco_crypto::hash::sha256;
use coco_e2e::{Consortium, LedgerFiles, Node, python, scale};
use coco_wire::{
    Digest, Seqno, TxId,
    domain::{KeyOrder, visit_public},
};
use serde_json::json;

/// Clients that write at a time.
const CLIENTS: u64 = 4;

/// Writes of all kinds: private, public, with claims, in a table of the client's choice, removals. Returns the last few
/// transactions with the digest of what they claim.
async fn write(mut client: Client, number: u64, count: u64) -> Vec<(TxId, Digest)> {
    let mut last = Vec::new();
    for at in 0..count {
        let (key, message) = (number * 1000 + at % 100, format!("{number} wrote {at}"));
        let record = |claims: bool| json!({ "id": key, "msg": message, "record_claim": claims });
        let answer = match at % 8 {
            0..3 => client.post("/app/log/private", &record(false)).await,
            3 => client.post("/app/log/public", &record(false)).await,
            4 => client.post("/app/log/public", &record(true)).await,
            5 => client.post(&format!("/app/log/private?scope={}", at % 7), &record(false)).await,
            6 => client.post(&format!("/app/log/public?scope={}", at % 7), &record(false)).await,
            _ => {
                let path = format!("/app/log/public?id={}", number * 1000 + (at + 1) % 100);
                client.send(Method::DELETE, &path, &[], bytes::Bytes::new()).await
            }
        };
        let answer = answer.unwrap().expect(StatusCode::OK, "a write").unwrap();
        let claims = if at % 8 == 4 { sha256(message.as_bytes()) } else { Digest::ZERO };
        if at + 8 >= count {
            last.push((answer.transaction_id().unwrap(), claims));
        }
    }
    last
}

/// Fetches both receipts of a transaction into files named by position and claims.
async fn fetch(client: &mut Client, id: TxId, claims: Digest, forms: &[(&str, &str)], directory: &Path) {
    for (path, suffix) in forms {
        let path = format!("{path}?transaction_id={id}");
        let body = loop {
            let answer = client.get(&path).await.unwrap();
            if answer.status != StatusCode::ACCEPTED {
                break answer.expect(StatusCode::OK, &path).unwrap().body;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        fs::write(directory.join(format!("{}-{claims}.{suffix}", id.seqno)), body).unwrap();
    }
}

/// The first signature transaction of a chunk in the middle.
fn a_signature(files: &LedgerFiles) -> TxId {
    let middle = LedgerFiles(vec![files.0[files.0.len() / 2].clone()]);
    let is_signature = |public: &[u8]| {
        let mut found = false;
        visit_public(public, KeyOrder::Ascending, |change| {
            found |= change.table == "public:ccf.internal.tree";
        })
        .unwrap();
        found
    };
    let entries = middle.entries();
    entries.iter().find(|entry| is_signature(entry.public_domain())).unwrap().iv().tx_id()
}

#[tokio::test(flavor = "multi_thread")]
async fn ccf_verifies_what_we_write() {
    let Some(python) = python::with_ccf() else { return };
    let consortium = Arc::new(Consortium::default());
    let directory = tempfile::tempdir().unwrap();
    // Signatures and with them ends of chunks also where the disk is slow.
    let sections = json!({
        "ledger": { "chunk_size": scale::of("50KB", "1MB") },
        "ledger_signatures": { "tx_count": 100 }
    });
    let mut node = Node::start(&consortium, directory.path(), &sections);
    node.open(&consortium).await;
    let total = scale::of(2_000, 100_000);
    let writers = (0..CLIENTS)
        .map(|number| tokio::spawn(write(node.client(Some(consortium.user())), number, total / CLIENTS)));
    let mut written = Vec::new();
    for writer in writers.collect::<Vec<_>>() {
        written.extend(writer.await.unwrap());
    }
    let mut client = node.client(None);
    for (id, _) in &written {
        client.wait_for_commit(*id, Duration::from_secs(60)).await.unwrap();
    }
    let receipts = directory.path().join("receipts");
    fs::create_dir(&receipts).unwrap();
    let forms = [("/app/receipt", "json"), ("/app/receipt/cose", "cose")];
    for (id, claims) in &written {
        fetch(&mut client, *id, *claims, &forms, &receipts).await;
    }
    fetch(&mut client, a_signature(&node.ledger()), Digest::ZERO, &forms[..1], &receipts).await;
    assert!(node.stop().success(), "{}", node.log());

    let service = directory.path().join("service_cert.pem");
    let seen = python::verify(&python, &node.ledger_directory(), &service, &receipts);
    println!("CCF's package: {seen}");
    let ours = node.ledger().verify().unwrap();
    assert_eq!(seen["verified"], ours.last_verified.to_string());
    assert_eq!(seen["transactions"], ours.entries);
    assert_eq!(seen["chunks"], ours.chunks);
    assert!(ours.entries > total && ours.chunks > 5, "{ours:?}");
    let seqnos: BTreeSet<Seqno> = written.iter().map(|(id, _)| id.seqno).collect();
    assert_eq!(seqnos.len(), written.len(), "every write has a place of its own");
}
