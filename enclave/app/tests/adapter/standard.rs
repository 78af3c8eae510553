//! `/commit`, `/tx` and `/receipt` over a ledger of two views, and calls for one transaction.

use std::sync::Arc;

use coco_app::{
    Adapter as _, Chain, Context, Endpoint, EndpointMode, Historical, Index, Lookup, Method, Mode, Reject,
    Response, Services, Status,
};
use coco_kv::{Store, Tx};
use coco_wire::{Digest, Seqno, TxId, View};

use crate::{adapter, body, decode, request};

pub(crate) struct Ledger(Chain);

/// Views 2 and 4, of which 4.12 is committed.
pub(crate) fn ledger() -> Ledger {
    Ledger(Chain {
        views: [(View(2), Seqno(1)), (View(4), Seqno(10))].into(),
        committed: txid(4, 12),
        latest: txid(4, 15),
    })
}

impl Services for Ledger {
    fn chain(&self) -> &Chain {
        &self.0
    }

    fn now_ms(&self) -> u64 {
        0
    }

    fn fill_random(&self, out: &mut [u8]) {
        out.fill(0);
    }

    fn history(&self, _: &[Seqno]) -> Result<Lookup<Vec<Arc<Historical>>>, Reject> {
        Ok(Lookup::Loading)
    }

    fn index(&self, _: &str) -> Option<&dyn Index> {
        None
    }

    fn root(&self) -> Digest {
        Digest::default()
    }
}

fn txid(view: u64, seqno: u64) -> TxId {
    TxId { view: View(view), seqno: Seqno(seqno) }
}

fn answer(line: &str) -> (u16, String) {
    let adapter = adapter([]);
    let ledger = ledger();
    let response = match decode(&adapter, request(line, &[], b"")) {
        Err(response) => response,
        Ok(plan) => {
            let mut tx = Tx::new(Store::new().latest());
            let mut cx = Context::new(&mut tx, &ledger, None);
            adapter.query(&plan.calls[0], &mut cx).unwrap_or_else(Response::from)
        }
    };
    (response.status.0, body(&response))
}

#[test]
fn commit_and_status_are_told() {
    let history = |views: &str| format!(r#"{{"transaction_id":"4.12","view_history":[{views}]}}"#);
    let cases = [
        ("/commit", 200, r#"{"transaction_id":"4.12"}"#.to_owned()),
        ("/commit?view_history=false", 200, r#"{"transaction_id":"4.12"}"#.into()),
        ("/commit?view_history=true", 200, history(r#""1.1","2.1","3.10","4.10""#)),
        ("/commit?view_history_since=2", 200, history(r#""2.1","3.10","4.10""#)),
        ("/commit?view_history_since=3", 200, history(r#""3.10","4.10""#)),
        ("/commit?view_history_since=5", 404, "view_history_since, must be in range".into()),
        ("/commit?view_history_since=0", 400, "InvalidQueryParameterValue".into()),
        ("/commit?view_history_since=x", 400, "InvalidQueryParameterValue".into()),
        ("/commit?view_history=maybe", 400, "must be one of [true, false] when present".into()),
        ("/tx?transaction_id=4.12", 200, r#"{"status":"Committed","transaction_id":"4.12"}"#.into()),
        ("/tx?transaction_id=2.9", 200, "Committed".into()),
        ("/tx?transaction_id=2.10", 200, "Invalid".into()),
        ("/tx?transaction_id=4.13", 200, "Pending".into()),
        ("/tx?transaction_id=4.16", 200, "Unknown".into()),
        ("/local_tx?transaction_id=4.16", 200, "Unknown".into()),
        ("/tx?transaction_id=1.1", 200, "Invalid".into()),
        ("/tx", 400, "Missing query parameter 'transaction_id'".into()),
        ("/receipt", 400, "Query string must contain a 'transaction_id' parameter".into()),
        ("/receipt/cose?transaction_id=0.1", 400, "could not be converted to a valid Tx ID.".into()),
    ];
    for (path, status, part) in cases {
        let (found, body) = answer(&format!("GET /app{path}"));
        assert_eq!(found, status, "{path}: {body}");
        assert!(body.contains(&part), "{path}: {body} lacks {part}");
    }
    for bad in [
        "",
        "a.b",
        "-1.-1",
        "0.0",
        "1.0",
        "0.1",
        "2.0",
        "2",
        "2.1.1",
        "2.+1",
        "+2.1",
        "2.18446744073709551616",
    ] {
        let (status, body) = answer(&format!("GET /app/tx?transaction_id={bad}"));
        assert_eq!(status, 400, "{bad}: {body}");
        assert!(body.contains("InvalidQueryParameterValue"), "{bad}: {body}");
    }
}

#[test]
fn historical_calls_name_their_transaction() {
    let read = |path, mode| {
        Endpoint::read(Method::Get, path, &[], |_, _| Ok(Response::empty(Status::OK))).mode(mode)
    };
    let adapter = adapter([read("/header", EndpointMode::Historical), read("/query", EndpointMode::Receipt)]);
    const NAME: &str = "x-ms-ccf-transaction-id";
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], Result<TxId, &'a str>);
    let cases: [Case<'_>; 6] = [
        ("/header", &[(NAME, "2.7")], Ok(txid(2, 7))),
        ("/query?transaction_id=2.7", &[], Ok(txid(2, 7))),
        ("/header?transaction_id=2.7", &[], Err("MissingRequiredHeader")),
        ("/header", &[(NAME, "2.0")], Err("InvalidHeaderValue")),
        ("/query", &[(NAME, "2.7")], Err("InvalidQueryParameterValue")),
        ("/query?transaction_id=x", &[], Err("InvalidQueryParameterValue")),
    ];
    for (path, headers, expected) in cases {
        match (decode(&adapter, request(&format!("GET {path}"), headers, b"")), expected) {
            (Ok(plan), Ok(txid)) => assert_eq!(plan.mode, Mode::Historical(txid), "{path}"),
            (Err(response), Err(code)) => {
                assert!(body(&response).contains(code), "{path}: {}", body(&response));
            }
            (decoded, _) => panic!("{path}: {decoded:?}"),
        }
    }
}

#[test]
fn a_historical_handler_without_its_transaction_is_a_fault() {
    assert_eq!(answer("GET /app/receipt?transaction_id=2.1").0, 500);
}
