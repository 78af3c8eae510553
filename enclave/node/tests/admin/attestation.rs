//! Fresh evidence for clients.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use coco_app::{Attesting, ChannelBinding, Headers, Method, Request, Response};
use coco_boundary::{Evidence, EvidenceFormat};
use coco_crypto::{Signer as _, hash::sha256};
use coco_node::{Instead, Mount};
use coco_wire::Seqno;
use serde_json::{Value, json};

use crate::{harness::Admin, node::peer};

const SESSION: ChannelBinding = ChannelBinding([8; ChannelBinding::LEN]);

/// The first answer, and what is to make another one once there is evidence.
fn ask(admin: &Admin, body: &str) -> (Response, Option<Box<dyn Attesting>>) {
    let body = Bytes::from(body.to_owned());
    let request = Request::new(Method::Post, "/node/attestation".into(), Headers::default(), body);
    let planned = admin.view.decode(request, &peer()).expect("understood");
    assert!(!planned.is_forwarded(true), "it is about this node");
    let ran = admin.view.run(Mount::Node, &planned.plan.calls[0], planned.plan.mode, None);
    assert!(ran.write.is_none());
    let attesting = ran.instead.map(|instead| match instead {
        Instead::Attesting(attesting) => attesting,
        Instead::Download(_) => panic!("no file is asked for"),
    });
    (ran.response, attesting)
}

fn error(response: &Response) -> (u16, String, String) {
    let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let text = |name| body["error"][name].as_str().unwrap_or("").to_owned();
    (response.status.0, text("code"), text("message"))
}

#[test]
fn evidence_is_bound_to_service_node_nonce_and_session() {
    let admin = Admin::start();
    for nonce in ["5a".repeat(16), "00".repeat(33), "ff".repeat(64)] {
        let (_, attesting) = ask(&admin, &json!({ "nonce": nonce }).to_string());
        let attesting = attesting.expect("it waits for evidence");
        let service = admin.view.shared.keys.service().expect("there is one").key.public_key().id();
        let bytes = hex::decode(&nonce).unwrap();
        let bound = [&b"coco client attestation v1"[..], &service.0, &admin.id().0, &SESSION.0, &bytes];
        assert_eq!(attesting.report_data(Some(&SESSION)), Ok(sha256(&bound.concat())));

        let mut evidence = Evidence {
            format: EvidenceFormat::SevSnp,
            quote: b"quote".to_vec(),
            endorsements: b"chain".to_vec(),
            uvm_endorsements: Some(b"uvm".to_vec()),
        };
        let mut expected = json!({
            "format": "AMD_SEV_SNP_v1",
            "raw": STANDARD.encode("quote"),
            "endorsements": STANDARD.encode("chain"),
            "uvm_endorsements": STANDARD.encode("uvm"),
            "node_id": admin.id(),
            "nonce": nonce,
        });
        let answer = |evidence: &Evidence| -> Value {
            let response = attesting.answer(evidence);
            assert_eq!(response.status.0, 200);
            serde_json::from_slice(&response.body).unwrap()
        };
        assert_eq!(answer(&evidence), expected);
        evidence.uvm_endorsements = None;
        expected.as_object_mut().unwrap().remove("uvm_endorsements");
        assert_eq!(answer(&evidence), expected);
    }
    assert_eq!(admin.view.state().latest.version(), Seqno(2), "nothing is written");
}

#[test]
fn a_session_without_a_name_gets_none() {
    let admin = Admin::start();
    let (_, attesting) = ask(&admin, &json!({ "nonce": "00".repeat(32) }).to_string());
    let refused = attesting.unwrap().report_data(None).unwrap_err();
    let text = "Evidence is bound to the TLS session in which it is asked for, which takes TLS 1.3.";
    assert_eq!(error(&refused.into()), (412, "PreconditionFailed".into(), text.into()));
}

#[test]
fn other_questions_are_refused() {
    let admin = Admin::start();
    let nonce = |text: &str| json!({ "nonce": text }).to_string();
    let cases = [
        String::new(),
        "[]".to_owned(),
        "{}".to_owned(),
        r#"{"nonce":7}"#.to_owned(),
        r#"{"nonce":null}"#.to_owned(),
        nonce(""),
        nonce(&"00".repeat(15)),
        nonce(&"00".repeat(65)),
        nonce(&"0".repeat(33)),
        nonce(&"AB".repeat(16)),
        nonce(&"zz".repeat(16)),
        nonce(&"0".repeat(100_000)),
    ];
    for body in cases {
        let (response, attesting) = ask(&admin, &body);
        let (status, code, text) = error(&response);
        let shown = &body[..body.len().min(80)];
        assert!(attesting.is_none(), "{shown}");
        assert_eq!((status, code.as_str()), (400, "InvalidInput"), "{shown}");
        assert!(text.len() < 200, "{text}");
    }
}

#[test]
fn a_node_of_no_service_gives_none() {
    let admin = Admin::start();
    admin.publish_initialized();
    let (response, attesting) = ask(&admin, &json!({ "nonce": "00".repeat(32) }).to_string());
    assert!(attesting.is_none());
    let text = "This node is not part of a service yet.";
    assert_eq!(error(&response), (503, "InvalidNodeState".into(), text.into()));
    assert!(response.headers.iter().any(|(name, _)| *name == "retry-after"));
}
