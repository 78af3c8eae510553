use coco_app::{ApiInfo, ChannelBinding, Manifest, RestAdapter};
use coco_boundary::{EvidenceFormat, Log};
use coco_crypto::{
    Curve, EcKey, LedgerSecret, SystemEntropy,
    x509::{UnixTime, issue_endorsed},
};
use serde_json::json;

use super::*;
use crate::keys::{CoseNames, NodeNaming, ServiceNaming};

const NOW: UnixTime = UnixTime(1_780_000_000);
const TARGET: &str = "a.example:1";

fn keys() -> Keys {
    let subject = "CN=Node".parse().unwrap();
    let naming = NodeNaming { curve: Curve::P384, subject, alt_names: Vec::new(), validity_days: 1 };
    Keys::generate(&naming, NOW, &SystemEntropy).unwrap()
}

/// A node of a service, and another one that asks it.
struct Fixture {
    member: Keys,
    shared: Arc<Shared>,
    secrets: LedgerSecrets,
}

impl Fixture {
    fn new() -> Self {
        let member = keys();
        let cose = CoseNames { issuer: "i".into(), subject: "s".into() };
        let subject = "CN=Service".parse().unwrap();
        member.found(&ServiceNaming { subject, validity_days: 1, cose }, NOW, &SystemEntropy).unwrap();
        let entropy = Arc::new(SystemEntropy);
        let info = ApiInfo { mount: "/app", title: "", description: "", version: "" };
        let shared = Shared::new(
            keys(),
            crate::keys::SecretSlot::default(),
            0,
            Arc::new(RestAdapter::new(Manifest::default(), info)),
            entropy,
            Log::discard(),
        );
        let mut secrets = LedgerSecrets::new(Seqno(1), LedgerSecret::generate(&SystemEntropy));
        secrets.add(Seqno(9), LedgerSecret::generate(&SystemEntropy));
        Self { member, shared: Arc::new(shared), secrets }
    }

    fn service(&self) -> &ServiceIdentity {
        self.member.service().unwrap()
    }

    fn joiner(&self, follow_redirect: bool) -> Joiner {
        let introduction = Introduction {
            network: NodeNetwork::default(),
            node_data: json!({ "a": 1 }),
            evidence: Evidence {
                format: EvidenceFormat::Virtual,
                quote: b"quote".to_vec(),
                endorsements: Vec::new(),
                uvm_endorsements: None,
            },
            startup_seqno: Seqno(7),
        };
        let settings = Settings { target: TARGET.into(), retry_ms: 1000, follow_redirect };
        let service = self.service().certificate.load().as_ref().clone();
        Joiner::new(Arc::clone(&self.shared), service, introduction, settings)
    }

    /// What a trusted node is answered.
    fn welcome(&self) -> Value {
        let service = self.service();
        let request = &self.shared.keys.request;
        let validity = self.shared.keys.self_signed.load().validity();
        let certificate = service.certificate.load();
        let endorsed = issue_endorsed(&*service.key, &certificate, request, validity, &SystemEntropy);
        let info = NetworkInfo::new(
            service,
            &self.secrets,
            Seqno(u64::MAX),
            ServiceStatus::Open,
            Some(endorsed.to_pem()),
            [(self.member.node_id, "10.0.0.1:9".to_owned())].into(),
        );
        json!({ "node_status": "Trusted", "node_id": self.shared.keys.node_id, "network_info": info })
    }
}

fn answer(status: u16, location: Option<&str>, body: &str) -> Answer {
    Answer { status, location: location.map(str::to_owned), body: body.as_bytes().to_vec().into() }
}

/// When it asks again and why.
fn again(next: Next) -> (u64, Notice) {
    match next {
        Next::Ask { after_ms, because } => (after_ms, because),
        Next::Joined(_) | Next::Prove(_) => panic!("it was accepted"),
        Next::GiveUp(why) => panic!("it gave up: {why}"),
    }
}

#[test]
fn the_question_is_in_the_form_of_ccf() {
    let fixture = Fixture::new();
    let body: Value = serde_json::from_slice(&fixture.joiner(true).body()).unwrap();
    let keys = &fixture.shared.keys;
    assert_eq!(
        body["quote_info"],
        json!({ "format": "Insecure_Virtual", "quote": "cXVvdGU=", "endorsements": "" })
    );
    assert_eq!(body["public_encryption_key"], json!(keys.encryption.public_key().to_pem()));
    assert_eq!(body["certificate_signing_request"], json!(keys.request.to_pem()));
    assert_eq!((&body["startup_seqno"], &body["node_data"]), (&json!(7), &json!({ "a": 1 })));
    assert!(body["node_info_network"]["node_to_node_interface"].is_object());
}

#[test]
fn a_trusted_node_gets_everything_it_needs() {
    let fixture = Fixture::new();
    let mut joiner = fixture.joiner(true);
    let Next::Joined(joined) = joiner.answered(&answer(200, None, &fixture.welcome().to_string())) else {
        panic!("not joined")
    };
    assert_eq!((joined.status, joined.startup_seqno), (ServiceStatus::Open, Seqno(7)));
    assert_eq!(joined.nodes, [(fixture.member.node_id, "10.0.0.1:9".to_owned())].into());
    assert!(!format!("{joined:?}").contains("PRIVATE"));
    assert_eq!(joined.install(&fixture.shared), ServiceStatus::Open);
    let service = fixture.shared.keys.service().unwrap();
    assert_eq!(service.key.public_key(), fixture.service().key.public_key());
    assert_eq!(service.cose, fixture.service().cose);
    let all = |secrets: &LedgerSecrets| -> Vec<_> {
        secrets.iter().map(|(from, secret)| (from, *secret.as_bytes())).collect()
    };
    assert_eq!(all(&fixture.shared.secrets.load().unwrap()), all(&fixture.secrets));
}

#[test]
fn answers_that_are_not_of_the_service_to_be_joined_are_not_believed() {
    let fixture = Fixture::new();
    let other = Fixture::new();
    let key = |key: &EcKey| json!(*key.to_pem());
    let info = fixture.welcome()["network_info"].clone();
    let foreign = other.welcome()["network_info"].clone();
    let unendorsed = json!(fixture.shared.keys.self_signed.load().to_pem());
    let cases = [
        ("", json!(null)),
        ("", json!([])),
        ("/node_status", json!("Retired")),
        ("/node_status", json!("Learner")),
        ("/network_info", foreign.clone()),
        ("/network_info/identity/cert", foreign["identity"]["cert"].clone()),
        ("/network_info/identity/priv_key", key(&other.service().key)),
        ("/network_info/identity/priv_key", json!("x")),
        ("/network_info/identity", json!({ "cert": info["identity"]["cert"] })),
        ("/network_info/endorsed_certificate", json!(null)),
        ("/network_info/endorsed_certificate", unendorsed),
        ("/network_info/endorsed_certificate", foreign["endorsed_certificate"].clone()),
        ("/network_info/endorsed_certificate", json!(fixture.service().endorsed.load().to_pem())),
        ("/network_info/ledger_secrets", json!([])),
        ("/network_info/ledger_secrets/0/1/raw_key", json!("AAAA")),
        ("/network_info/ledger_secrets/1/1/raw_key", json!("*")),
        ("/network_info/public_only", json!(true)),
        ("/network_info/service_status", json!(null)),
    ];
    for (place, value) in cases {
        let mut body = fixture.welcome();
        *body.pointer_mut(place).unwrap() = value.clone();
        let mut joiner = fixture.joiner(true);
        let next = joiner.answered(&answer(200, None, &body.to_string()));
        assert_eq!(again(next), (1000, Notice::Malformed), "{place}: {value}");
    }
    assert!(fixture.shared.keys.service().is_none());
    assert!(fixture.shared.secrets.load().is_none());
}

#[test]
fn it_asks_again_as_long_as_there_is_hope() {
    let fixture = Fixture::new();
    let id = fixture.shared.keys.node_id;
    let mut joiner = fixture.joiner(true);
    let pending = answer(200, None, r#"{"node_status":"Pending"}"#);
    for _ in 0..3 {
        assert_eq!(again(joiner.answered(&pending)), (1000, Notice::Pending(id)));
    }
    let trusted = answer(200, None, r#"{"node_status":"Trusted","consensus_type":"CFT"}"#);
    for after_ms in [20, 40, 80, 160, 320, 640, 1000, 1000] {
        assert_eq!(again(joiner.answered(&trusted)), (after_ms, Notice::Unsettled(id)));
    }
    let error = again(joiner.answered(&answer(503, None, "later\n\u{1b}[31m")));
    assert_eq!(error, (1000, Notice::Error(503, "later  [31m".into())));
    let clock = r#"{"error":{"code":"InvalidAuthenticationInfo"}}"#;
    assert_eq!(again(joiner.answered(&answer(401, None, clock))), (1000, Notice::Error(401, clock.into())));
    let (after_ms, notice) = again(joiner.failed(Failure::Unreachable("refused".into())));
    assert_eq!((after_ms, notice.to_string()), (1000, "No answer from a.example:1: refused".into()));
}

#[test]
fn it_proves_what_it_runs_when_challenged() {
    let fixture = Fixture::new();
    let id = fixture.shared.keys.node_id;
    let mut joiner = fixture.joiner(true);
    let challenge = |byte| {
        let body = json!({ "node_status": "Trusted", "challenge": Digest([byte; 32]) });
        answer(200, None, &body.to_string())
    };
    let fresh = |joiner: &Joiner| {
        let body: Value = serde_json::from_slice(&joiner.body()).unwrap();
        body["fresh_quote_info"]["quote"].as_str().map(str::to_owned)
    };
    let evidence = Evidence {
        format: EvidenceFormat::Virtual,
        quote: b"fresh".to_vec(),
        endorsements: Vec::new(),
        uvm_endorsements: None,
    };
    let mut seen = std::collections::BTreeSet::from([id]);
    for byte in [1, 2] {
        let Next::Prove(proof) = joiner.answered(&challenge(byte)) else { panic!("no proof") };
        for session in [1, 2] {
            let report_data = proof.report_data(&ChannelBinding([session; 32]));
            assert!(seen.insert(report_data), "bound to challenge and session, and to no other purpose");
        }
        joiner.proved(&evidence);
        assert_eq!(fresh(&joiner).as_deref(), Some("ZnJlc2g="));
        // Who challenges again and again is not obeyed at any speed.
        assert_eq!(again(joiner.answered(&challenge(9))).1, Notice::Unsettled(id));
        assert_eq!(fresh(&joiner), None, "it is shown once");
    }
    joiner.proved(&evidence);
    again(joiner.failed(Failure::Unreachable("gone".into())));
    assert_eq!(fresh(&joiner), None);
}

#[test]
fn it_follows_to_the_primary_and_comes_back_if_that_is_gone() {
    let fixture = Fixture::new();
    let mut joiner = fixture.joiner(true);
    let to = |address: &str| answer(308, Some(&format!("https://{address}/node/join")), "");
    let redirected = |address: &str| Notice::Redirected(format!("https://{address}/node/join"));
    assert_eq!(again(joiner.answered(&to("b.example:2"))), (0, redirected("b.example:2")));
    assert_eq!(joiner.target(), "b.example:2");
    assert_eq!(again(joiner.answered(&to("[::1]:3"))), (1000, redirected("[::1]:3")), "no spinning");
    assert_eq!(joiner.target(), "[::1]:3");
    again(joiner.failed(Failure::Unreachable("gone".into())));
    assert_eq!(joiner.target(), TARGET);
    again(joiner.answered(&to("b.example:2")));
    again(joiner.answered(&answer(500, None, "Primary unknown")));
    assert_eq!(joiner.target(), TARGET);

    let long = format!("https://{}:1/", "a".repeat(300));
    let locations = [
        "",
        "http://b:1/",
        "https://b/",
        "https://:1/",
        "https://b:x/",
        "https://b:70000/",
        "https://u@b:1/",
        &long,
    ];
    for location in locations {
        let next = joiner.answered(&answer(307, Some(location), ""));
        assert_eq!(again(next), (1000, Notice::Malformed), "{location}");
        assert_eq!(joiner.target(), TARGET);
    }
    let mut stubborn = fixture.joiner(false);
    assert!(matches!(again(stubborn.answered(&to("b.example:2"))), (1000, Notice::Error(308, _))));
    assert_eq!(stubborn.target(), TARGET);
}

#[test]
fn refusals_end_it_in_the_words_that_operators_know() {
    let fixture = Fixture::new();
    let refused = |status, body: &str| {
        let mut joiner = fixture.joiner(true);
        match joiner.answered(&answer(status, None, body)) {
            Next::GiveUp(why) => why.to_string(),
            Next::Ask { because, .. } => panic!("it asks again: {because}"),
            Next::Joined(_) | Next::Prove(_) => panic!("it was accepted"),
        }
    };
    for (status, body) in [(400, "StartupSeqnoIsOld"), (401, "InvalidQuote"), (404, "")] {
        let expected = format!(
            "Join request to {TARGET} returned {status} Bad Request: {body}. Shutting down node gracefully."
        );
        assert_eq!(refused(status, body), expected);
    }
    assert!(refused(400, &"x".repeat(100_000)).len() < 2000);
    let mut joiner = fixture.joiner(true);
    let Next::GiveUp(why) = joiner.failed(Failure::Untrusted("unknown issuer".into())) else {
        panic!("it asks again")
    };
    assert!(why.to_string().contains("TLS invalid cert on handshake: unknown issuer. Shutting down node"));
}
