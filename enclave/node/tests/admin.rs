//! The endpoints under `/node` of a whole node, in one thread.

#[expect(dead_code, reason = "shared with the tests of the toy protocol, which use all of it")]
#[path = "toy/adapter.rs"]
mod adapter;
#[path = "admin/applicant.rs"]
mod applicant;
#[path = "admin/attestation.rs"]
mod attestation;
#[path = "admin/azure.rs"]
mod azure;
#[path = "admin/costs.rs"]
mod costs;
#[path = "admin/harness.rs"]
mod harness;
#[path = "toy/host.rs"]
mod host;
#[path = "admin/intel.rs"]
mod intel;
#[path = "admin/join.rs"]
mod join;
#[path = "admin/leases.rs"]
mod leases;
#[path = "admin/nitro.rs"]
mod nitro;
#[expect(dead_code, reason = "shared with the tests of the toy protocol, which use all of it")]
#[path = "toy/node.rs"]
mod node;
#[path = "admin/nodes.rs"]
mod nodes;
#[path = "admin/redirect.rs"]
mod redirect;
#[path = "admin/schema.rs"]
mod schema;
#[path = "admin/snp.rs"]
mod snp;
#[path = "admin/tokens.rs"]
mod tokens;
#[path = "admin/windows.rs"]
mod windows;

use coco_app::{Method, Response, Status};
use coco_boundary::Event;
use coco_kv::{Store, Tx};
use coco_node::view::Part;
use coco_tables::{
    service::{ServiceConfig, ServiceInfo},
    value::JsonText,
};
use coco_wire::Seqno;
use harness::{Admin, text};
use serde_json::{Value, json};

#[test]
fn a_new_service_tells_of_itself() {
    let mut admin = Admin::start();
    let id = admin.id();
    let keys = admin.view.shared.clone();
    let service_certificate = keys.keys.service().expect("it started one").certificate.load().to_pem();
    let cases = [
        (
            "/node/state",
            json!({ "node_id": id, "state": "PartOfNetwork", "last_signed_seqno": 2, "startup_seqno": 0,
                    "stop_notice": false }),
        ),
        (
            "/node/version",
            json!({ "ccf_version": "ccf-7.0.0", "quickjs_version": "2025-09-13", "unsafe": true }),
        ),
        (
            "/node/network",
            json!({ "service_status": "Opening", "service_certificate": service_certificate, "current_view": 2,
                    "primary_id": id, "recovery_count": 0, "service_data": null,
                    "current_service_create_txid": "2.1" }),
        ),
        (
            "/node/network/nodes/self",
            json!({ "node_id": id, "status": "Trusted", "primary": true, "rpc_interfaces": {},
                    "node_data": null, "last_written": 1 }),
        ),
        ("/node/config", json!({ id.to_hex(): { "address": "" } })),
        (
            "/node/consensus",
            json!({ "details": { "acks": {}, "configs": [{ "idx": 1, "rid": 1,
                    "nodes": { id.to_hex(): { "address": "" } } }], "current_view": 2,
                    "leadership_state": "Leader", "membership_state": "Active", "primary_id": id,
                    "ticking": true } }),
        ),
        (
            "/node/metrics",
            json!({ "sessions": { "active": 1, "peak": 2, "interfaces": { "ma\"in": {
                    "active": 1, "peak": 2, "soft_cap": 1000, "hard_cap": 1010, "errors": { "parsing": 3,
                    "request_payload_too_large": 4, "request_header_too_large": 5 } } } } }),
        ),
        (
            "/node/js_metrics",
            json!({ "bytecode_size": 0, "bytecode_used": false, "max_heap_size": 104_857_600,
                    "max_stack_size": 1_048_576, "max_execution_time": 5000, "max_cached_interpreters": 10 }),
        ),
        ("/node/jwt_keys/refresh/metrics", json!({ "attempts": 0, "successes": 0, "failures": 0 })),
        (
            "/node/index/strategies",
            json!([{ "name": "SeqnosByKey items", "target_map": "items", "indexed_watermark": "2.2",
                     "next_requested_seqno": 3 },
                   { "name": "everything", "indexed_watermark": "2.2", "next_requested_seqno": 3 }]),
        ),
        ("/node/service/configuration", json!(ServiceConfig::default())),
        (
            "/node/self_signed_certificate",
            json!({ "self_signed_certificate": keys.keys.self_signed.load().to_pem() }),
        ),
        ("/node/commit", json!({ "transaction_id": "2.2" })),
        ("/node/tx?transaction_id=2.1", json!({ "transaction_id": "2.1", "status": "Committed" })),
        ("/node/network/removable_nodes", json!({ "nodes": [] })),
    ];
    for (path, body) in cases {
        assert_eq!(admin.get(path), body, "{path}");
    }
    assert_eq!(admin.get("/node/network/nodes/primary"), admin.get("/node/network/nodes/self"));
    assert_eq!(admin.get(&format!("/node/network/nodes/{id}")), admin.get("/node/network/nodes/self"));
}

#[test]
fn the_primary_says_so() {
    let mut admin = Admin::start();
    let empty = |response: Response| (response.status.0, response.body.is_empty());
    assert_eq!(empty(admin.send(Method::Get, "/node/primary")), (200, true));
    assert_eq!(empty(admin.send(Method::Head, "/node/primary")), (200, true));
    assert_eq!(admin.refused(Method::Get, "/node/backup"), (404, "ResourceNotFound".into()));

    admin.publish(|state| {
        state.primary = false;
        state.consensus.role = Part::Follower;
    });
    assert_eq!(empty(admin.send(Method::Get, "/node/backup")), (200, true));
    assert_eq!(admin.refused(Method::Get, "/node/primary"), (404, "ResourceNotFound".into()));
    for (method, path) in [(Method::Head, "/node/primary"), (Method::Get, "/node/network/nodes/primary")] {
        assert_eq!(admin.refused(method, path), (500, "InternalError".into()), "{path}");
    }
    assert_eq!(admin.get("/node/network")["primary_id"], Value::Null);
    let details = admin.get("/node/consensus");
    assert_eq!(details["details"]["leadership_state"], "Follower");
    assert_eq!(details["details"]["primary_id"], Value::Null);
}

#[test]
fn readiness_follows_opening_and_stop_notice() {
    let mut admin = Admin::start();
    let ready = |admin: &mut Admin| {
        ["/node/ready/gov", "/node/ready/app"].map(|path| admin.send(Method::Get, path).status.0)
    };
    assert_eq!(ready(&mut admin), [204, 503], "opening");
    admin.node.open();
    assert_eq!(ready(&mut admin), [204, 204], "open");
    assert_eq!(admin.get("/node/network")["service_status"], "Open");
    admin.node.event(Event::StopNotice);
    assert_eq!(ready(&mut admin), [503, 503], "about to stop");
    assert_eq!(admin.get("/node/state")["stop_notice"], true);
    admin.publish_initialized();
    admin.publish(|state| state.stop_notice = false);
    assert_eq!(ready(&mut admin), [503, 503], "initialized");
}

#[test]
fn before_the_service_exists_little_is_known() {
    let mut admin = Admin::start();
    admin.publish_initialized();
    let id = admin.id();
    let missing = [
        "/node/network",
        "/node/quotes/self",
        "/node/attestations/self",
        "/node/service/previous_identity",
        &format!("/node/network/nodes/{id}"),
    ];
    for path in missing {
        assert_eq!(admin.refused(Method::Get, path), (404, "ResourceNotFound".into()), "{path}");
    }
    assert_eq!(admin.send(Method::Get, "/node/service/configuration").status, Status::NO_CONTENT);
    assert_eq!(admin.get("/node/state")["state"], "Initialized");
    assert_eq!(admin.get("/node/config"), json!({}));
    assert_eq!(admin.get("/node/quotes"), json!({ "quotes": [] }));
    let details = admin.get("/node/consensus");
    assert_eq!(details["details"]["configs"], json!([]));
    assert_eq!(details["details"]["ticking"], false);
    let own = admin.get("/node/network/nodes/self");
    assert_eq!(own["status"], "Pending");
    assert_eq!(own["node_data"]["note"], "configured");
    assert_eq!(own["rpc_interfaces"]["main"]["published_address"], "configured.example:1");
    assert_eq!(own["last_written"], 0);
}

#[test]
fn what_governance_writes_is_told() {
    let mut admin = Admin::start();
    assert_eq!(
        admin.refused(Method::Get, "/node/service/previous_identity"),
        (404, "ResourceNotFound".into())
    );
    admin.write(|tables, tx| {
        tables.service.previous_identity.put(tx, &JsonText::from("the certificate before"));
        let config = ServiceConfig { recovery_threshold: 3, ..ServiceConfig::default() };
        tables.service.config.put(tx, &config);
        let info = tables.service.info.get(tx).unwrap().unwrap();
        let info = ServiceInfo { recovery_count: None, service_data: json!({ "a": [1] }), ..info };
        tables.service.info.put(tx, &info);
        tables.scripts.bytecode.put(tx, "/a.js", &vec![0; 10]);
        tables.scripts.bytecode.put(tx, "/b.js", &vec![0; 32]);
        tables.scripts.bytecode_version.put(tx, &"2025-09-13".to_owned());
    });
    let identity = admin.get("/node/service/previous_identity");
    assert_eq!(identity, json!({ "previous_service_identity": "the certificate before" }));
    assert_eq!(admin.get("/node/service/configuration"), json!({ "recovery_threshold": 3 }));
    let network = admin.get("/node/network");
    assert_eq!((&network["recovery_count"], &network["service_data"]), (&json!(0), &json!({ "a": [1] })));
    let scripts = admin.get("/node/js_metrics");
    assert_eq!((&scripts["bytecode_size"], &scripts["bytecode_used"]), (&json!(42), &json!(true)));
}

#[test]
fn a_malformed_row_is_an_error_and_no_panic() {
    let mut admin = Admin::start();
    let id = admin.id();
    // As from a ledger written by others: this node would not write it.
    let mut store = Store::new();
    let mut tx = Tx::new(store.latest());
    tx.put(admin.tables.nodes.info.name(), id.to_hex().as_bytes(), b"{".as_slice());
    tx.put(admin.tables.service.info.name(), [0_u8; 8].as_slice(), b"[]".as_slice());
    tx.put(admin.tables.service.config.name(), [0_u8; 8].as_slice(), b"".as_slice());
    store.commit(Seqno(1), &tx.finish()).expect("nothing conflicts");
    admin.publish(|state| (state.latest, state.committed) = (store.latest(), store.latest()));
    let paths = [
        "network",
        "network/nodes",
        "network/nodes/self",
        "network/nodes/primary",
        "network/removable_nodes",
        "quotes",
        "quotes/self",
        "config",
        "consensus",
        "service/configuration",
    ];
    for path in paths {
        let target = format!("/node/{path}");
        assert_eq!(admin.refused(Method::Get, &target), (500, "InternalError".into()), "{path}");
    }
    let target = format!("/node/network/nodes/{id}");
    assert_eq!(admin.refused(Method::Delete, &target), (500, "InternalError".into()));
}

#[test]
fn prometheus_can_read_the_metrics() {
    let mut admin = Admin::start();
    admin.node.tick(1500);
    let response = admin.send(Method::Get, "/node/metrics/prometheus");
    assert_eq!(response.status, Status::OK);
    assert_eq!(response.headers[0].1, "text/plain; version=0.0.4; charset=utf-8");
    let page = text(&response);
    assert!(page.ends_with('\n'));
    let mut families = Vec::new();
    for line in page.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            families.push(help.split(' ').next().unwrap());
            continue;
        }
        let family = families.last().unwrap();
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            assert!(["counter", "gauge"].map(|kind| format!("{family} {kind}")).contains(&kind.to_owned()));
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
        assert_eq!(series.split('{').next().unwrap(), *family, "{line}");
    }
    let mut distinct = families.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), families.len(), "each family comes once");
    let lines = [
        "coco_build_info{ccf_version=\"ccf-7.0.0\",quickjs_version=\"2025-09-13\"} 1",
        "coco_node_state{state=\"PartOfNetwork\"} 1",
        "coco_node_primary 1",
        "coco_service_open 0",
        "coco_uptime_seconds 2.000",
        "coco_consensus_view 2",
        "coco_ledger_latest_seqno 2",
        "coco_ledger_committed_seqno 2",
        "coco_ledger_commits_total 1",
        "coco_index_seqno{table=\"items\"} 2",
        "coco_sessions_active 1",
        "coco_interface_sessions_hard_cap{interface=\"ma\\\"in\"} 1010",
        "coco_interface_requests_refused_total{interface=\"ma\\\"in\",reason=\"payload_too_large\"} 4",
    ];
    for line in lines {
        assert!(page.lines().any(|it| it == line), "{line} in\n{page}");
    }
}

#[test]
fn hostile_requests_are_refused() {
    let mut admin = Admin::start();
    let cases = [
        (Method::Get, "/node", 404, "ResourceNotFound"),
        (Method::Get, "/node/", 404, "ResourceNotFound"),
        (Method::Get, "/node/network/nodes/", 404, "ResourceNotFound"),
        (Method::Get, "/node/network/nodes/self/x", 404, "ResourceNotFound"),
        (Method::Get, "/node/network/nodes/%ff", 400, "InvalidResourceName"),
        (Method::Get, "/node/NETWORK", 404, "ResourceNotFound"),
        (Method::Get, "/node/create", 405, "UnsupportedHttpVerb"),
        (Method::Post, "/node/create", 403, "InternalError"),
        (Method::Post, "/node/state", 405, "UnsupportedHttpVerb"),
        (Method::Put, "/node/network/nodes/self", 405, "UnsupportedHttpVerb"),
        (Method::Head, "/node/backup", 405, "UnsupportedHttpVerb"),
        (Method::Get, "/node/tx", 400, "InvalidQueryParameterValue"),
        (Method::Get, "/node/tx?transaction_id=2", 400, "InvalidQueryParameterValue"),
        (Method::Get, "/node/commit?view_history=x", 400, "InvalidQueryParameterValue"),
    ];
    for (method, target, status, code) in cases {
        assert_eq!(admin.refused(method, target), (status, code.into()), "{method} {target}");
    }
    assert_eq!(admin.view.state().latest.version(), Seqno(2), "nothing is written");
}
