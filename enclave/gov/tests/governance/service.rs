//! What everyone may read of the service.

use std::collections::BTreeSet;

use coco_app::{Method, Status};
use coco_tables::{
    nodes::{Interface, NodeInfo, NodeNetwork, NodeStatus},
    platforms::CodeStatus,
    scripts::{EndpointProperties, ForwardingRequired, Mode, RedirectionStrategy},
    value::Present,
};
use coco_wire::{Digest, text::Base64};
use serde_json::{Value, json};

use crate::{
    consortium::{Envelope, Service, body, refusal, text},
    constitutions::PLAIN,
    nodes::{QUOTE, node_info},
};

#[test]
fn every_request_names_a_version() {
    let mut service = Service::new(PLAIN);
    let both = "2023-06-01-preview, 2024-07-01";
    let cases = [
        ("/gov/service/info", 400, "MissingApiVersionParameter", both),
        ("/gov/service/info?api-version=2023-06-01-preview", 200, "", ""),
        ("/gov/service/info?api-version=2024-07-01", 200, "", ""),
        ("/gov/service/info?api-version=2022", 400, "UnsupportedApiVersionValue", both),
        (
            "/gov/service/javascript-modules?api-version=2023-06-01-preview",
            400,
            "UnsupportedApiVersionValue",
            ": 2024-07-01",
        ),
        ("/gov/service/javascript-modules?api-version=2024-07-01", 200, "", ""),
    ];
    for (target, status, code, names) in cases {
        let response = service.send(Method::Get, target, Vec::new());
        assert_eq!(response.status.0, status, "{target}");
        if status != 200 {
            let (_, found, message) = refusal(&response);
            assert_eq!(found, code, "{target}");
            assert!(
                message.ends_with(&format!("The supported api-versions are: {names}").replace(": : ", ": ")),
                "{message}"
            );
        }
    }
}

#[test]
fn each_version_of_the_api_has_a_document() {
    let mut service = Service::new(PLAIN);
    let mut document = |query: &str| {
        let response = service.send(Method::Get, &format!("/gov/api{query}"), Vec::new());
        assert_eq!(response.status, Status::OK, "{}", text(&response));
        body(&response)
    };
    let paths = |document: &Value| -> BTreeSet<String> {
        document["paths"].as_object().unwrap().keys().cloned().collect()
    };
    let (all, preview, first) =
        (document(""), document("?api-version=2023-06-01-preview"), document("?api-version=2024-07-01"));
    assert_eq!(preview["info"]["version"], "2023-06-01-preview");
    assert_eq!(first["info"]["version"], "2024-07-01");
    let new: Vec<_> = paths(&first).difference(&paths(&preview)).cloned().collect();
    let modules = "/gov/service/javascript-modules";
    assert_eq!(new, ["/gov/service/javascript-app", modules, &format!("{modules}/{{moduleName}}")]);
    let common: Vec<_> = paths(&all).difference(&paths(&first)).cloned().collect();
    let console = "/gov/coco/javascript-app/console";
    let of_none = ["/gov/api", console, "/gov/commit", "/gov/receipt", "/gov/receipt/cose", "/gov/tx"];
    assert_eq!(common, of_none);
    assert_eq!(paths(&first).len(), 27);
}

#[test]
fn the_service_describes_itself() {
    let mut service = Service::new(PLAIN);
    let info = body(&service.get("/service/info"));
    let expected = json!({
        "status": "Opening", "certificate": service.certificate.to_pem(), "recoveryCount": 0,
        "creationTransactionId": "2.1", "serviceData": null,
        "configuration": {
            "recoveryThreshold": 2, "maximumNodeCertificateValidityDays": 365,
            "maximumServiceCertificateValidityDays": 365, "recentCoseProposalsWindowSize": 100,
        },
    });
    assert_eq!(info, expected);
    let constitution = service.get("/service/constitution");
    assert_eq!(constitution.body, PLAIN.as_bytes());
    assert!(constitution.headers.contains(&("content-type".into(), "text/javascript".into())));
    let commit = body(&service.get("/service/transactions/commit"));
    assert_eq!(commit, json!({ "status": "Committed", "transactionId": "2.1" }));
    assert_eq!(body(&service.get("/service/transactions/2.1"))["status"], "Committed");
    assert_eq!(body(&service.get("/service/transactions/2.9"))["status"], "Unknown");
    assert_eq!(refusal(&service.get("/service/transactions/2-9")).1, "InvalidQueryParameterValue");
    assert_eq!(service.get("/api").status, Status::OK);
}

#[test]
fn members_and_nodes_are_shown() {
    let mut service = Service::new(PLAIN);
    let members = body(&service.get("/service/members"))["value"].take();
    assert_eq!(members.as_array().unwrap().len(), 3);
    let member = &service.members[0];
    let expected = json!({
        "memberId": member.id, "status": "Accepted", "memberData": null, "recoveryRole": "Participant",
        "certificate": member.certificate.to_pem(),
        "publicEncryptionKey": member.encryption.public_key().to_pem(),
    });
    let path = format!("/service/members/{}", member.id);
    assert_eq!(body(&service.get(&path)), expected);
    let id = Digest([9; 32]);
    service.write(|tables, tx| tables.nodes.info.put(tx, &id, &node()));
    let expected = json!({
        "nodeId": id, "status": "Trusted", "nodeData": null, "retiredCommitted": false,
        "quoteInfo": {
            "format": "Insecure_Virtual", "rawQuote": Base64(QUOTE.into()),
            "details": { "measurement": "m", "reportData": "r", "hostData": "h" },
        },
        "rpcInterfaces": { "primary": { "publishedAddress": "127.0.0.1:1", "protocol": "HTTP1" } },
    });
    assert_eq!(body(&service.get(&format!("/service/nodes/{id}"))), expected);
    assert_eq!(body(&service.get("/service/nodes")), json!({ "value": [expected] }));
    let absent = "0".repeat(64);
    for kind in ["members", "users", "nodes"] {
        assert_eq!(refusal(&service.get(&format!("/service/{kind}/{absent}"))).1, "ResourceNotFound");
        assert_eq!(refusal(&service.get(&format!("/service/{kind}/0"))).1, "InvalidResourceName");
    }
    let path = format!("/members/state-digests/{absent}");
    assert_eq!(refusal(&service.get(&path)).2, format!("No ACK record exists for member m[{absent}]."));
}

fn node() -> NodeInfo {
    let interface = Interface {
        published_address: "127.0.0.1:1".into(),
        app_protocol: Some("HTTP1".into()),
        ..Interface::default()
    };
    let network =
        NodeNetwork { rpc_interfaces: [("primary".to_owned(), interface)].into(), ..NodeNetwork::default() };
    NodeInfo { network, ..node_info(NodeStatus::Trusted) }
}

#[test]
fn policies_and_applications_are_shown() {
    let mut service = Service::new(PLAIN);
    service.write(|tables, tx| {
        tables.platforms.virtual_measurements.put(tx, "text", &CodeStatus::AllowedToJoin);
        tables.platforms.virtual_host_data.put(tx, &Digest([1; 32]), &Present);
        tables.platforms.snp_host_data.put(tx, &Digest([2; 32]), &"policy".into());
        tables.scripts.modules.put(tx, "/a.js", &"export {}".to_owned());
        let endpoint = EndpointProperties {
            mode: Mode::ReadOnly,
            forwarding_required: ForwardingRequired::Never,
            redirection_strategy: RedirectionStrategy::None,
            authn_policies: vec![json!("user_cert")],
            openapi: json!({}),
            openapi_hidden: false,
            js_module: "/a.js".into(),
            js_function: "f".into(),
            at_commit_ms: None,
            interpreter_reuse: None,
        };
        tables.scripts.endpoints.put(tx, "GET /a", &endpoint);
    });
    let empty = json!([]);
    let expected = json!({
        "sgx": { "measurements": empty },
        "virtual": { "measurements": ["text"], "hostData": [Digest([1; 32])] },
        "snp": {
            "measurements": empty, "hostData": { Digest([2; 32]).to_hex(): "policy" },
            "uvmEndorsements": {}, "tcbVersions": {},
        },
    });
    assert_eq!(body(&service.get("/service/join-policy")), expected);
    assert_eq!(
        body(&service.get("/service/javascript-modules")),
        json!({ "value": [{ "moduleName": "/a.js" }] })
    );
    assert_eq!(service.get("/service/javascript-modules/%2Fa.js").body, b"export {}");
    assert_eq!(refusal(&service.get("/service/javascript-modules/b.js")).1, "ResourceNotFound");
    let app = body(&service.get("/service/javascript-app"));
    let expected = json!({
        "jsModule": "/a.js", "jsFunction": "f", "forwardingRequired": "never", "redirectionStrategy": "none",
        "authnPolicies": ["user_cert"], "mode": "readonly", "openApi": {},
    });
    assert_eq!(app["endpoints"]["/a"]["GET"], expected);
    let original = body(&service.get("/service/javascript-app?case=original"));
    assert_eq!(original["endpoints"]["/a"]["GET"]["js_module"], "/a.js");
    assert_eq!(refusal(&service.get("/service/javascript-app?case=camel")).1, "InvalidQueryParameterValue");
    assert_eq!(body(&service.get("/service/jwk")), json!({ "issuers": {}, "keys": {}, "caCertBundles": {} }));
}

#[test]
fn shares_are_not_taken_by_a_service_that_needs_none() {
    let mut service = Service::new(PLAIN);
    service.acknowledge_all();
    let path = format!("/recovery/members/{}:recover", service.members[0].id);
    let envelope = Envelope { message_type: Some("recovery_share"), ..Envelope::default() };
    let response = service.post_signed(0, &path, &envelope, &json!({ "share": "" }));
    assert_eq!(refusal(&response).1, "ServiceNotWaitingForRecoveryShares", "{}", text(&response));
}
