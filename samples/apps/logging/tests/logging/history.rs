//! What records were: single transactions, ranges, receipts and the committed index.

use coco_app::{Adapter as _, IndexStatus, Response};
use coco_wire::Seqno;
use serde_json::{Value, json};

use crate::{check, header, service::Service};

fn json_of(response: &Response) -> Value {
    serde_json::from_slice(&response.body).unwrap()
}

/// Writes to public and private records 1 and 2 in turn, then removes private record 1; the first seqno.
fn written(service: &mut Service) -> u64 {
    let first = service.latest() + 1;
    for i in 0..8 {
        let table = if i % 2 == 0 { "private" } else { "public" };
        let body = json!({ "id": 1 + i / 4, "msg": format!("{table} {i}"), "record_claim": true });
        service.user(&format!("POST /app/log/{table}"), &[], body.to_string().as_bytes());
    }
    service.user("DELETE /app/log/private?id=1", &[], b"");
    first
}

#[test]
fn single_transactions_are_read_with_their_proofs() {
    let mut service = Service::new();
    let first = written(&mut service);
    let cases = [
        (0, "/log/private/historical?id=1", 200, r#"={"msg":"private 0"}"#),
        (0, "/log/private/historical?id=2", 204, "="),
        (1, "/log/private/historical?id=1", 204, "="),
        (8, "/log/private/historical?id=1", 204, "="),
        (0, "/log/private/historical?id=1&scope=x", 204, "="),
        (0, "/log/private/historical", 400, "Missing query parameter 'id'"),
        (4, "/log/private/historical_receipt?id=2", 200, r#""msg":"private 4""#),
        (4, "/log/private/historical_receipt?id=1", 204, "="),
        (4, "/log/private/historical_receipt?id=2", 200, "claims_digest"),
        (5, "/log/public/historical_receipt?id=2", 200, r#""msg":"public 5""#),
        (5, "/log/public/historical_receipt?id=1", 204, "="),
        (5, "/log/public/cbor_merkle_proof", 200, "=proof"),
        (5, "/log/public/cose_signature", 200, r#"={"cose_signature":"c2lnbmF0dXJl"}"#),
        (5, "/log/public/cose_receipt", 200, "=receipt"),
        (5, "/log/public/cose_endorsements", 404, "No COSE endorsements available for this transaction"),
        (5, "/cose_signatures_config", 500, "COSE signatures subsystem not available"),
    ];
    for (at, path, status, part) in cases {
        let txid = format!("2.{}", first + at);
        let response = service.user(&format!("GET /app{path}"), &[("x-ms-ccf-transaction-id", &txid)], b"");
        check(&format!("{path} at {txid}"), &response, status, part);
    }
    let txid = format!("2.{}", first + 5);
    let line = "GET /app/log/public/historical_receipt?id=2";
    let proved = service.user(line, &[("x-ms-ccf-transaction-id", &txid)], b"");
    let leaf = json_of(&proved)["receipt"]["leaf_components"].clone();
    assert!(leaf["claims_digest"].is_null() && leaf["commit_evidence"].is_string(), "{leaf}");
    for (headers, code) in [
        (&[][..], "MissingRequiredHeader"),
        (&[("x-ms-ccf-transaction-id", "2")], "InvalidHeaderValue"),
        (&[("x-ms-ccf-transaction-id", "0.1")], "InvalidHeaderValue"),
    ] {
        check(code, &service.user("GET /app/log/private/historical?id=1", headers, b""), 400, code);
    }
}

#[test]
fn receipts_are_found_by_seqno() {
    let mut service = Service::new();
    let first = written(&mut service);
    let last = service.latest();
    let path = "GET /app/log/private/historical/handle";
    check(
        "found",
        &service.user(&format!("{path}?handle=1&seqno={first}"), &[], b""),
        200,
        "leaf_components",
    );
    for (query, status, part) in [
        (format!("?seqno={first}"), 400, "Missing query parameter 'handle'"),
        ("?handle=1".into(), 400, "Missing query parameter 'seqno'"),
        ("?handle=1&seqno=0".into(), 400, "Requested historical TxID is not committed"),
        (format!("?handle=1&seqno={}", last + 1), 400, "not committed"),
    ] {
        check(&query, &service.user(&format!("{path}{query}"), &[], b""), status, part);
    }
    service.loading.set(true);
    let later = service.user(&format!("{path}?handle=1&seqno={first}"), &[], b"");
    check("loading", &later, 202, "=Pending");
    assert_eq!(header(&later, "retry-after"), Some("3"));
}

#[test]
fn ranges_list_the_writes_to_one_record() {
    let mut service = Service::new();
    let first = written(&mut service);
    let last = service.latest();
    let path = "GET /app/log/public/historical/range";
    let entry = |at: u64| json!({ "id": 1 + at / 4, "msg": format!("public {at}"), "seqno": first + at });
    for (query, entries) in [
        ("?id=1".to_owned(), vec![entry(1), entry(3)]),
        ("?id=2".into(), vec![entry(5), entry(7)]),
        (format!("?id=1&from_seqno={}", first + 2), vec![entry(3)]),
        (format!("?id=1&from_seqno={}&to_seqno={}", first + 1, first + 1), vec![entry(1)]),
        (format!("?id=1&to_seqno={last}"), vec![entry(1), entry(3)]),
        ("?id=99".into(), vec![]),
    ] {
        let response = service.user(&format!("{path}{query}"), &[], b"");
        assert_eq!(json_of(&response), json!({ "entries": entries }), "{query}");
    }
    for (query, part) in [
        ("".to_owned(), "Missing query parameter 'id'"),
        ("?id=1&from_seqno=x".into(), "Unable to parse value 'x' in parameter 'from_seqno'"),
        (format!("?id=1&from_seqno={last}&to_seqno=1"), "Invalid range: Starts at"),
        (format!("?id=1&from_seqno={}", u64::MAX), "Invalid range"),
        (format!("?id=1&to_seqno={}", last + 1), "is Unknown"),
        ("?id=1&scope=x".into(), "not indexed"),
    ] {
        check(&query, &service.user(&format!("{path}{query}"), &[], b""), 400, part);
    }
    service.uncommit(1);
    check("pending", &service.user(&format!("{path}?id=1&to_seqno={last}"), &[], b""), 400, "is Pending");
    service.index_behind = 3;
    let behind = service.user(&format!("{path}?id=1&to_seqno={}", last - 1), &[], b"");
    let text = format!(
        "=Still constructing index for public records on key 1 - indexed to {}/{}",
        last - 4,
        last - 1
    );
    check("index", &behind, 202, &text);
    service.index_behind = 0;
    service.loading.set(true);
    let later = service.user(&format!("{path}?id=1"), &[], b"");
    check("loading", &later, 202, "are not yet available, fetching now");
    assert_eq!(header(&later, "retry-after"), Some("3"));
}

#[test]
fn long_ranges_come_in_pages() {
    let mut service = Service::new();
    let mut expected = Vec::new();
    for i in 0..2_100 {
        expected.push(service.latest() + 1);
        let body = format!(r#"{{"id":3,"msg":"{i}"}}"#);
        service.user("POST /app/log/public", &[], body.as_bytes());
    }
    let mut seen = Vec::new();
    let mut pages = 0;
    let mut target = "/app/log/public/historical/range?id=3".to_owned();
    loop {
        let page = json_of(&service.user(&format!("GET {target}"), &[], b""));
        pages += 1;
        seen.extend(page["entries"].as_array().unwrap().iter().map(|entry| entry["seqno"].as_u64().unwrap()));
        match page["@nextLink"].as_str() {
            Some(next) => target = next.to_owned(),
            None => break,
        }
    }
    assert_eq!((pages, seen), (3, expected));
}

#[test]
fn sparse_reads_take_a_list() {
    let mut service = Service::new();
    let first = written(&mut service);
    let path = "GET /app/log/private/historical/sparse";
    let list = format!("{},{},{first},{}", first + 4, first + 2, first + 4);
    let entries: Vec<_> =
        [0, 2].map(|at| json!({ "id": 1, "msg": format!("private {at}"), "seqno": first + at })).into();
    let response = service.user(&format!("{path}?id=1&seqnos={list}"), &[], b"");
    assert_eq!(json_of(&response), json!({ "entries": entries }));
    for (query, part) in [
        ("?seqnos=1", "Missing query parameter 'id'"),
        ("?id=1", "Missing query parameter 'seqnos'"),
        ("?id=1&seqnos=", "Unable to parse '' as a seqno"),
        ("?id=1&seqnos=1,x", "Unable to parse 'x' as a seqno"),
        ("?id=1&seqnos=1,%2B2", "Unable to parse '+2' as a seqno"),
        ("?id=1&seqnos=1,999", "Transaction at seqno 999 is Unknown"),
    ] {
        check(query, &service.user(&format!("{path}{query}"), &[], b""), 400, part);
    }
}

#[test]
fn the_committed_index_is_installed_and_removed() {
    let mut service = Service::new();
    let (install, uninstall) =
        ("POST /app/log/private/install_committed_index", "POST /app/log/private/uninstall_committed_index");
    service.user("POST /app/log/private", &[], br#"{"id":1,"msg":"before"}"#);
    assert_eq!(service.adapter.indexes(), []);
    check("none", &service.anonymous(uninstall, &[], b""), 412, "=Not currently installed");
    check(
        "none",
        &service.anonymous("GET /app/log/private/committed?id=1", &[], b""),
        412,
        "=Not currently installed",
    );
    check("install", &service.anonymous(install, &[], b""), 200, "=");
    check("again", &service.anonymous(install, &[], b""), 412, "=Already installed");
    let before = service.latest();
    let name = "CommittedRecords records".to_owned();
    assert_eq!(service.adapter.indexes(), [IndexStatus { name, next: Seqno(before + 1) }]);
    let unseen = format!(
        r#"={{"error":{{"code":"ResourceNotFound","current_txid":"2.{before}","message":"No such record: 1."}}}}"#
    );
    check("before", &service.anonymous("GET /app/log/private/committed?id=1", &[], b""), 400, &unseen);
    service.user("POST /app/log/private", &[], br#"{"id":1,"msg":"after"}"#);
    check("after", &service.anonymous("GET /app/log/private/committed?id=1", &[], b""), 200, "after");
    service.user("DELETE /app/log/private?id=1", &[], b"");
    check(
        "removed",
        &service.anonymous("GET /app/log/private/committed?id=1", &[], b""),
        400,
        "No such record",
    );
    check("no id", &service.anonymous("GET /app/log/private/committed", &[], b""), 400, "Missing query");
    check("uninstall", &service.anonymous(uninstall, &[], b""), 200, "=");
    assert_eq!(service.adapter.indexes(), []);
}
