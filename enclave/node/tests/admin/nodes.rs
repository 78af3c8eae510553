//! The nodes of a service: finding, deleting and trusting them.

use coco_app::{Method, Status};
use coco_kv::Store;
use coco_tables::nodes::NodeStatus;
use coco_wire::Digest;
use serde_json::json;

use crate::{
    harness::{Admin, network, text},
    join::node,
};

/// The node shows its own evidence as the ledger has it, and as CCF does. Yields the quote.
pub(crate) fn own_quote(admin: &mut Admin, format: &str, measurement: &str) -> Vec<u8> {
    let id = admin.id();
    let own = admin.get("/node/quotes/self");
    let quote = node(admin, &id).expect("a row").quote_info;
    let mut expected = json!({
        "node_id": id,
        "raw": quote.quote,
        "endorsements": quote.endorsements,
        "format": format,
        "measurement": measurement,
    });
    if let Some(message) = &quote.uvm_endorsements {
        expected["uvm_endorsements"] = json!(message);
    }
    assert_eq!(own, expected);
    assert_eq!(admin.get("/node/attestations/self"), own);
    quote.quote.0
}

#[test]
fn nodes_are_found_by_published_address_and_status() {
    let mut admin = Admin::start();
    let own = admin.id();
    let (pending, retired) = (Digest([1; 32]), Digest([2; 32]));
    admin.add_node(own, |info| info.network = network("[::1]:8000"));
    admin.add_node(pending, |info| {
        info.network = network("b.example:8000");
        info.status = NodeStatus::Pending;
    });
    admin.add_node(retired, |info| {
        info.network = network("c.example:8001");
        info.status = NodeStatus::Retired;
    });
    let cases: [(&str, &[Digest]); 12] = [
        ("", &[pending, retired, own]),
        ("?host=b.example", &[pending]),
        ("?host=%5B%3A%3A1%5D", &[own]),
        ("?port=8000", &[pending, own]),
        ("?host=b.example&port=8001", &[]),
        ("?host=c.example&port=8001", &[retired]),
        ("?status=Trusted", &[own]),
        ("?status=Pending&port=8000", &[pending]),
        ("?status=Retired&host=b.example", &[]),
        ("?host=", &[]),
        ("?unknown=1", &[pending, retired, own]),
        ("?host=0.0.0.0", &[]),
    ];
    for (query, expected) in cases {
        let body = admin.get(&format!("/node/network/nodes{query}"));
        let mut found: Vec<Digest> = body["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| serde_json::from_value(it["node_id"].clone()).unwrap())
            .collect();
        found.sort_unstable();
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(found, expected, "{query}");
    }
    for status in ["trusted", "", "Learner", "%22Trusted%22", "null"] {
        let target = format!("/node/network/nodes?status={status}");
        let refusal = (400, "InvalidQueryParameterValue".to_owned());
        assert_eq!(admin.refused(Method::Get, &target), refusal, "{status}");
    }
    let config = admin.get("/node/config");
    assert_eq!(config, json!({ own.to_hex(): { "address": "10.0.0.1:9000" } }), "trusted nodes only");
}

#[test]
fn a_node_is_deleted_only_once_its_retirement_is_committed() {
    let mut admin = Admin::start();
    let own = admin.id();
    let (retired, done) = (Digest([1; 32]), Digest([2; 32]));
    admin.add_node(retired, |info| info.status = NodeStatus::Retired);
    admin.add_node(done, |info| {
        info.status = NodeStatus::Retired;
        info.retired_committed = true;
    });
    let removable = admin.get("/node/network/removable_nodes");
    assert_eq!(removable["nodes"].as_array().unwrap().len(), 1);
    assert_eq!(removable["nodes"][0]["node_id"], json!(done));
    let not_retired = (400, "NodeNotRetiredCommitted".to_owned());
    let unknown = (404, "ResourceNotFound".to_owned());
    let cases = [
        (own.to_hex(), &not_retired),
        (retired.to_hex(), &not_retired),
        (Digest([3; 32]).to_hex(), &unknown),
        (done.to_hex().to_uppercase().replace('0', "A"), &unknown),
        ("self".to_owned(), &unknown),
        ("x".to_owned(), &unknown),
        ("%zz".to_owned(), &(400, "InvalidResourceName".to_owned())),
    ];
    for (id, refusal) in cases {
        let before = admin.view.state().latest.version();
        let target = format!("/node/network/nodes/{id}");
        assert_eq!(admin.refused(Method::Delete, &target), *refusal, "{id}");
        assert_eq!(admin.view.state().latest.version(), before, "nothing is written: {id}");
    }
    let target = format!("/node/network/nodes/{done}");
    // Retired at the end of the ledger is not enough.
    let committed = admin.view.state().committed.clone();
    let before_done = Store::new().committed();
    admin.publish(|state| state.committed = before_done);
    assert_eq!(admin.refused(Method::Delete, &target), not_retired);
    admin.publish(|state| state.committed = committed);

    let response = admin.send(Method::Delete, &target);
    assert_eq!((response.status, text(&response).as_str()), (Status::OK, "true"));
    assert_eq!(admin.refused(Method::Get, &target), unknown);
    let state = admin.view.state();
    assert!(!admin.tables.nodes.endorsed_certificates.has(&state.latest, &done));
}

#[test]
fn evidence_is_that_of_the_ledger() {
    let mut admin = Admin::start();
    let id = admin.id();
    let own = admin.get("/node/quotes/self");
    assert_eq!(own["node_id"], json!(id));
    assert_eq!(own["format"], "Insecure_Virtual");
    assert_eq!(own["endorsements"], "");
    let measurement = hex::decode(own["measurement"].as_str().unwrap()).unwrap();
    assert_eq!(measurement, b"Insecure hard-coded virtual measurement v1");
    assert!(own.get("uvm_endorsements").is_none());
    assert_eq!(admin.get("/node/attestations/self"), own);
    admin.add_node(Digest([1; 32]), |info| info.status = NodeStatus::Pending);
    assert_eq!(admin.get("/node/quotes"), json!({ "quotes": [own] }), "of trusted nodes only");
    assert_eq!(admin.get("/node/attestations"), json!({ "attestations": [own] }));

    admin.add_node(id, |info| info.code_digest = None);
    assert_eq!(admin.refused(Method::Get, "/node/quotes/self"), (500, "InvalidQuote".into()));
    assert!(admin.get("/node/quotes")["quotes"][0].get("measurement").is_none());
}
