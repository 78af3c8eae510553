//! Receipts of a running service, verified offline: accepted as they are, refused after any change.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, path::Path, process::Command, time::Duration};

use coco_audit::receipt::{verify_cose, verify_json};
use coco_client::{Answer, Client, StatusCode};
use coco_crypto::Certificate;
use coco_e2e::{Consortium, Node, executable, scale};
use coco_wire::TxId;
use serde_json::{Value, json};

/// The claims of the transaction.
const MESSAGE: &str = "what the receipt is about";

/// Asks until the ledger was read.
async fn fetch(client: &mut Client, path: &str) -> Answer {
    loop {
        let answer = client.get(path).await.unwrap();
        if answer.status != StatusCode::ACCEPTED {
            return answer.expect(StatusCode::OK, path).unwrap();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Exit status and output of `coco receipt verify`.
fn verify(directory: &Path, receipt: &[u8], more: &[&str]) -> (i32, String) {
    let file = directory.join("receipt");
    fs::write(&file, receipt).unwrap();
    let output = Command::new(executable::coco())
        .args(["receipt", "verify", "receipt", "--service-cert", "service_cert.pem"])
        .args(more)
        .current_dir(directory)
        .output()
        .unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    (output.status.code().unwrap(), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Every string in a JSON value: its path, and where it can be replaced.
fn strings(value: &Value, path: &str, out: &mut Vec<(String, String)>) {
    match value {
        Value::String(text) => out.push((path.to_owned(), text.clone())),
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                strings(item, &format!("{path}/{at}"), out);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                strings(field, &format!("{path}/{name}"), out);
            }
        }
        _ => {}
    }
}

/// Bytes that a byte is changed into: one in the gate, each that differs by a bit in a long run.
fn changes(byte: u8) -> impl Iterator<Item = u8> {
    (0..8).filter(|bit| scale::is_full() || *bit == 0).map(move |bit| byte ^ (1 << bit))
}

/// Changes every byte of every field. Bytes of JSON that are no field, such as blanks, may change without harm.
fn no_changed_field_is_accepted(receipt: &[u8], service: &Certificate) -> usize {
    let value: Value = serde_json::from_slice(receipt).unwrap();
    let mut fields = Vec::new();
    strings(&value, "", &mut fields);
    let mut tried = 0;
    for (path, text) in &fields {
        for at in 0..text.len() {
            for other in changes(text.as_bytes()[at]) {
                let mut bytes = text.clone().into_bytes();
                bytes[at] = other;
                let Ok(changed) = String::from_utf8(bytes) else { continue };
                let mut forged = value.clone();
                *forged.pointer_mut(path).unwrap() = Value::String(changed);
                tried += 1;
                let forged = serde_json::to_vec(&forged).unwrap();
                assert!(verify_json(&forged, service).is_err(), "{path}, byte {at} changed to {other:#x}");
            }
        }
    }
    tried
}

fn no_changed_byte_is_accepted(receipt: &[u8], service: &Certificate) -> usize {
    let mut tried = 0;
    for at in 0..receipt.len() {
        for other in changes(receipt[at]) {
            let mut forged = receipt.to_vec();
            forged[at] = other;
            tried += 1;
            assert!(verify_cose(&forged, service).is_err(), "byte {at} changed to {other:#x}");
        }
    }
    tried
}

/// The executable says what the library says, for one changed byte in each field.
fn the_command_refuses(directory: &Path, receipt: &[u8]) {
    let value: Value = serde_json::from_slice(receipt).unwrap();
    let mut fields = Vec::new();
    strings(&value, "", &mut fields);
    assert!(fields.len() >= 6, "{fields:?}");
    for (path, text) in fields {
        let mut forged = value.clone();
        let middle = text.len() / 2;
        let other = if text.as_bytes()[middle] == b'1' { "2" } else { "1" };
        let mut changed = text.clone();
        changed.replace_range(middle..=middle, other);
        *forged.pointer_mut(&path).unwrap() = Value::String(changed);
        let (status, output) = verify(directory, &serde_json::to_vec(&forged).unwrap(), &[]);
        assert_eq!(status, 1, "{path}: {output}");
        assert!(output.starts_with("NOT VALID: "), "{path}: {output}");
    }
}

async fn claim(client: &mut Client) -> TxId {
    let body = json!({ "id": 1, "msg": MESSAGE, "record_claim": true });
    let answer = client.post("/app/log/public", &body).await.unwrap();
    let id = answer.expect(StatusCode::OK, "a write").unwrap().transaction_id().unwrap();
    client.wait_for_commit(id, Duration::from_secs(60)).await.unwrap();
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_hold_as_they_are_and_only_so() {
    let consortium = Consortium::default();
    let directory = tempfile::tempdir().unwrap();
    let node = Node::start(&consortium, directory.path(), &json!({}));
    node.open(&consortium).await;
    let mut client = node.client(Some(consortium.user()));
    let id = claim(&mut client).await;
    // Others before and behind, so that the path to the root is not empty.
    for number in 0..20 {
        let body = json!({ "id": number, "msg": "another" });
        client.post("/app/log/private", &body).await.unwrap().expect(StatusCode::OK, "a write").unwrap();
    }
    let json = fetch(&mut client, &format!("/app/receipt?transaction_id={id}")).await.body;
    let cose = fetch(&mut client, &format!("/app/receipt/cose?transaction_id={id}")).await.body;

    fs::write(directory.path().join("claims"), MESSAGE).unwrap();
    fs::write(directory.path().join("other"), "something else").unwrap();
    let transaction = id.to_string();
    for receipt in [&json, &cose] {
        let (status, output) = verify(directory.path(), receipt, &[]);
        assert_eq!(status, 0, "{output}");
        let all = ["--transaction", &transaction, "--claims", "claims"];
        assert_eq!(verify(directory.path(), receipt, &all).0, 0);
        assert_eq!(verify(directory.path(), receipt, &["--transaction", "2.1"]).0, 1);
        assert_eq!(verify(directory.path(), receipt, &["--claims", "other"]).0, 1);
    }
    the_command_refuses(directory.path(), &json);
    let fields = no_changed_field_is_accepted(&json, &node.service);
    let bytes = no_changed_byte_is_accepted(&cose, &node.service);
    println!("refused: {fields} changed fields of a JSON receipt, {bytes} changed bytes of a COSE receipt");
}
