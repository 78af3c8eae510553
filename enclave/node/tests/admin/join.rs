//! Nodes that ask to join.

use std::collections::{BTreeMap, BTreeSet};

use coco_app::{ChannelBinding, Method, Response};
use coco_boundary::{Monotonic, Unix};
use coco_crypto::{Certificate, Signer as _, pem, x509::Request as SigningRequest};
use coco_node::view::{Ack, Part};
use coco_tables::{
    nodes::{Interface, NodeInfo, NodeStatus},
    service::{ServiceInfo, ServiceStatus},
};
use coco_wire::{Digest, Seqno};
use serde_json::{Value, json};

use crate::{
    applicant::{Applicant, MEASUREMENT},
    harness::{Admin, network},
};

/// Status, code and text.
pub(crate) type Refusal<'a> = (u16, &'a str, &'a str);

/// A node with a clock, as certificates are looked at.
fn start() -> Admin {
    let mut admin = Admin::start();
    admin.node.tick(1000);
    admin
}

pub(crate) fn refusal(answer: &(u16, Value, Response)) -> Refusal<'_> {
    let error = &answer.1["error"];
    (answer.0, error["code"].as_str().unwrap_or(""), error["message"].as_str().unwrap_or(""))
}

pub(crate) fn node(admin: &Admin, id: &Digest) -> Option<NodeInfo> {
    admin.tables.nodes.info.get(&admin.view.state().latest, id).expect("valid")
}

#[test]
fn while_the_service_opens_nodes_are_trusted_and_then_given_the_secrets() {
    let mut admin = start();
    let applicant = Applicant::new();
    let before = admin.view.state().latest.version();
    applicant.told(&mut admin, "Trusted");
    let row = node(&admin, &applicant.id()).unwrap();
    assert_eq!((row.status, row.ledger_secret_seqno), (NodeStatus::Trusted, Some(Seqno(1))));
    assert_eq!(row.code_digest, Some(hex::encode(MEASUREMENT)));
    assert_eq!(row.public_key, Some(applicant.key.public_key().to_pem()));
    assert_eq!(row.node_data, json!({ "rack": 3 }));
    // One node cannot commit what makes them two; the other needs the secrets to help.
    assert!(admin.view.state().chain.committed.seqno <= before);

    let info = applicant.let_in(&mut admin);
    assert_eq!(info["service_status"], "Opening");
    let endorsed = Certificate::from_pem(info["endorsed_certificate"].as_str().unwrap()).unwrap();
    let service = admin.view.shared.keys.service().unwrap();
    endorsed.verify_issued_by(&service.certificate.load()).unwrap();
    assert_eq!(endorsed.public_key().id(), applicant.id());
    assert_eq!(endorsed.validity(), applicant.certificate.validity());
    let asked = admin.view.state().latest.version();
    applicant.let_in(&mut admin);
    assert_eq!(admin.view.state().latest.version(), asked, "asking again writes nothing");
}

#[test]
fn secrets_wait_until_the_registration_outlasts_the_primary() {
    let mut admin = start();
    let applicant = Applicant::new();
    applicant.told(&mut admin, "Trusted");
    let (own, id) = (admin.id(), applicant.id());
    let written = admin.view.state().latest.version();
    let others = [Digest([1; 32]), Digest([2; 32])];
    let signed = admin.view.state().signed.seqno;
    assert!(signed >= Seqno(4), "{signed} follows {written}");
    let three = BTreeSet::from([own, others[0], others[1]]);
    let four: BTreeSet<_> = three.iter().copied().chain([id]).collect();
    let ack = |node, seqno| Ack { node, seqno, heard: Monotonic(0) };
    let cases = [
        ("nobody else has it", signed, vec![], false),
        ("one has what comes before", signed, vec![ack(others[0], Seqno(signed.0 - 1))], false),
        ("the new node itself does not count", signed, vec![ack(id, signed)], false),
        ("one of two has it", signed, vec![ack(others[1], signed)], true),
        ("no signature follows", Seqno(3), vec![ack(others[0], signed), ack(others[1], signed)], false),
    ];
    for (case, seqno, acks, given) in cases {
        admin.publish(|state| {
            state.signed.seqno = seqno;
            state.consensus.configurations = vec![(Seqno(1), three.clone()), (Seqno(3), four.clone())];
            state.consensus.acks = acks;
        });
        let (code, body, _) = applicant.ask(&mut admin, &applicant.body());
        assert_eq!((code, !body["challenge"].is_null()), (200, given), "{case}");
        if !given {
            let (code, body, _) = applicant.show(&mut admin, &Digest([0; 32]));
            assert_eq!((code, body.get("network_info")), (200, None), "{case}");
        }
    }
}

#[test]
fn secrets_are_for_evidence_made_now() {
    let mut admin = start();
    let applicant = Applicant::new();
    let stranger = Applicant::new();
    applicant.told(&mut admin, "Trusted");
    let key = "Quote report data does not contain node's public key hash";
    // Evidence for another challenge, of another node, or for another purpose.
    let challenge = applicant.challenged(&mut admin);
    let wrong = [
        applicant.proof(&admin, &Digest([1; 32])),
        {
            let mut body = applicant.body();
            body["fresh_quote_info"] = stranger.proof(&admin, &challenge)["fresh_quote_info"].clone();
            body
        },
        {
            let mut body = applicant.body();
            body["fresh_quote_info"] = body["quote_info"].clone();
            body
        },
    ];
    for body in wrong {
        applicant.challenged(&mut admin);
        assert_eq!(refusal(&applicant.ask(&mut admin, &body)), (401, "InvalidQuote", key));
    }
    // The challenge was used up by the wrong answer; a second one voids the first; and they grow old.
    let challenge = applicant.challenged(&mut admin);
    let old = applicant.proof(&admin, &challenge);
    let newer = applicant.challenged(&mut admin);
    assert_eq!(refusal(&applicant.ask(&mut admin, &old)), (401, "InvalidQuote", key));
    let (code, body, _) = applicant.show(&mut admin, &newer);
    assert_eq!((code, body.get("network_info")), (200, None), "used up");
    let challenge = applicant.challenged(&mut admin);
    // The clock alone: a primary that hears of nobody for so long resigns.
    let clock = &admin.view.shared.clock;
    clock.set(Monotonic(clock.now().0 + 31_000), Unix(0));
    let (code, body, _) = applicant.show(&mut admin, &challenge);
    assert_eq!((code, body.get("network_info")), (200, None), "too late");

    // Evidence for another session, such as one whose other end passes on what a node sends it, or for one without a name.
    for (session, reason) in [
        (Some(ChannelBinding([6; 32])), key),
        (None, "Fresh evidence is bound to its TLS session, which takes TLS 1.3."),
    ] {
        let challenge = applicant.challenged(&mut admin);
        let body = applicant.proof(&admin, &challenge);
        assert_eq!(refusal(&applicant.ask_in(&mut admin, &body, session)), (401, "InvalidQuote", reason));
    }

    // Code that the members no longer admit.
    let challenge = applicant.challenged(&mut admin);
    admin.write(|tables, tx| tables.platforms.virtual_host_data.remove(tx, &Digest([7; 32])));
    let answer = applicant.show(&mut admin, &challenge);
    assert_eq!(refusal(&answer), (401, "InvalidQuote", "Quote host data is not authorised"));
}

#[test]
fn an_open_service_leaves_the_decision_to_its_members() {
    for status in [ServiceStatus::Open, ServiceStatus::WaitingForRecoveryShares] {
        let mut admin = start();
        admin.write(|tables, tx| {
            let info = tables.service.info.get(tx).unwrap().unwrap();
            tables.service.info.put(tx, &ServiceInfo { status, ..info });
        });
        let applicant = Applicant::new();
        applicant.told(&mut admin, "Pending");
        let row = node(&admin, &applicant.id()).unwrap();
        assert_eq!((row.status, row.ledger_secret_seqno), (NodeStatus::Pending, None));
        let version = admin.view.state().latest.version();
        applicant.told(&mut admin, "Pending");
        assert_eq!(admin.view.state().latest.version(), version, "asking again writes nothing");

        admin.write(|tables, tx| {
            let info = NodeInfo { status: NodeStatus::Trusted, ..row };
            tables.nodes.info.put(tx, &applicant.id(), &info);
            tables.nodes.endorsed_certificates.put(tx, &applicant.id(), &"certificate".to_owned());
        });
        let info = applicant.let_in(&mut admin);
        assert_eq!(info["endorsed_certificate"], "certificate");
        assert_eq!(info["service_status"], json!(status));
    }
}

#[test]
fn a_node_is_given_the_secrets_that_no_election_undoes() {
    let mut admin = start();
    admin.write(|tables, tx| {
        let info = tables.service.info.get(tx).unwrap().unwrap();
        tables.service.info.put(tx, &ServiceInfo { status: ServiceStatus::Open, ..info });
    });
    let first = admin.rekey();
    let applicant = Applicant::new();
    applicant.told(&mut admin, "Pending");
    let row = node(&admin, &applicant.id()).unwrap();
    // Committed, though later than the decision below is about: the node's snapshot may be sealed with it.
    let second = admin.rekey();
    admin.write(|tables, tx| {
        let info = NodeInfo { status: NodeStatus::Trusted, ledger_secret_seqno: Some(first), ..row };
        tables.nodes.info.put(tx, &applicant.id(), &info);
    });
    let third = admin.rekey();
    let committed = admin.view.state().chain.committed.seqno;
    assert!(second <= committed.next() && third > committed.next(), "one of two nodes commits nothing");
    let challenge = applicant.challenged(&mut admin);
    let (_, body, _) = applicant.show(&mut admin, &challenge);
    let given = body["network_info"]["ledger_secrets"].as_array().unwrap();
    let since: Vec<_> = given.iter().map(|secret| secret[0].as_u64().unwrap()).collect();
    assert_eq!(since, [1, first.0, second.0]);

    // With a newer snapshot than this node knows of, it may need more.
    let mut body = applicant.body();
    body["startup_seqno"] = json!(committed.0 + 1);
    let (code, body, _) = applicant.ask(&mut admin, &body);
    assert_eq!((code, body), (200, json!({ "node_status": "Trusted", "node_id": applicant.id() })));
}

/// Case, part of the question, what it is replaced by, and what follows.
type Wrong = (&'static str, &'static str, Value, Refusal<'static>);

/// What may be wrong with the question of `applicant`.
fn wrong_questions(applicant: &Applicant) -> [Wrong; 18] {
    const UNVERIFIED: Refusal<'_> = (401, "InvalidQuote", "Quote could not be verified");
    let stranger = Applicant::new();
    let other_csr = stranger.body()["certificate_signing_request"].clone();
    let csr = applicant.body()["certificate_signing_request"].as_str().expect("valid").to_owned();
    let tampered = {
        let request = SigningRequest::from_pem(&csr).expect("valid");
        let mut der = request.der().to_vec();
        let at = der.windows(6).position(|part| part == b"Joiner").expect("valid");
        der[at] ^= 1;
        pem::encode("CERTIFICATE REQUEST", &der)
    };
    let quote = |edit: &dyn Fn(&mut Value)| applicant.quote(edit);
    let invalid = (400, "InvalidInput", "");
    [
        ("no JSON form", "/node_info_network", json!([]), invalid),
        ("SGX", "/quote_info/format", json!("OE_SGX_v1"), UNVERIFIED),
        ("SEV-SNP", "/quote_info/format", json!("AMD_SEV_SNP_v1"), UNVERIFIED),
        ("unknown platform", "/quote_info/format", json!("TDX"), invalid),
        ("no quote", "/quote_info/quote", json!(""), UNVERIFIED),
        ("not base64", "/quote_info/quote", json!("*"), invalid),
        ("endorsements", "/quote_info/endorsements", json!("AAAA"), UNVERIFIED),
        ("extra claims", "/quote_info", quote(&|quote| quote["debug"] = json!(true)), UNVERIFIED),
        (
            "somebody else's quote",
            "/quote_info",
            stranger.quote(|_| {}),
            (401, "InvalidQuote", "Quote report data does not contain node's public key hash"),
        ),
        (
            "other code",
            "/quote_info",
            quote(&|quote| quote["measurement"] = json!("other")),
            (401, "InvalidQuote", "Quote does not contain known enclave measurement"),
        ),
        (
            "other host",
            "/quote_info",
            quote(&|quote| quote["host_data"] = json!(Digest([8; 32]))),
            (401, "InvalidQuote", "Quote host data is not authorised"),
        ),
        ("no encryption key", "/public_encryption_key", json!("x"), invalid),
        ("EC encryption key", "/public_encryption_key", json!(applicant.key.public_key().to_pem()), invalid),
        ("no request", "/certificate_signing_request", Value::Null, invalid),
        ("tampered request", "/certificate_signing_request", json!(tampered), invalid),
        ("two requests", "/certificate_signing_request", json!(format!("{csr}{csr}")), invalid),
        (
            "somebody else's request",
            "/certificate_signing_request",
            other_csr,
            (400, "CSRPublicKeyInvalid", "Public key in CSR does not match TLS client identity."),
        ),
        (
            "a taken address",
            "/node_info_network/node_to_node_interface/published_address",
            json!("10.0.0.1:9000"),
            (
                400,
                "NodeAlreadyExists",
                "A node with the same published node address 10.0.0.1:9000 already exists",
            ),
        ),
    ]
}

#[test]
fn what_is_not_as_it_should_be_is_refused_and_writes_nothing() {
    let applicant = Applicant::new();
    let mut admin = start();
    let own = admin.id();
    admin.add_node(own, |info| info.network = network("main.example:1"));
    let version = admin.view.state().latest.version();
    for (case, place, value, expected) in wrong_questions(&applicant) {
        let mut body = applicant.body();
        match body.pointer_mut(place) {
            Some(at) => *at = value,
            None => body["node_info_network"]["node_to_node_interface"]["published_address"] = value,
        }
        let answer = applicant.ask(&mut admin, &body);
        let (status, code, message) = refusal(&answer);
        assert_eq!((status, code), (expected.0, expected.1), "{case}: {message}");
        assert!(message.starts_with(expected.2), "{case}: {message}");
    }
    assert_eq!(admin.view.state().latest.version(), version, "nothing is written");
    assert_eq!(node(&admin, &applicant.id()), None);
    applicant.told(&mut admin, "Trusted");
}

#[test]
fn who_shows_no_certificate_or_was_removed_stays_outside() {
    let mut admin = start();
    assert_eq!(admin.refused(Method::Post, "/node/join"), (401, "InvalidAuthenticationInfo".into()));

    let applicant = Applicant::new();
    admin.add_node(applicant.id(), |info| {
        info.status = NodeStatus::Retired;
        info.network = network("gone.example:1");
    });
    let answer = applicant.ask(&mut admin, &applicant.body());
    let expected = (400, "InvalidNodeState", "Joining node is not in expected state (Retired).");
    assert_eq!(refusal(&answer), expected);

    // The address of a node that was removed is free again.
    let successor = Applicant::new();
    let mut body = successor.body();
    body["node_info_network"]["node_to_node_interface"]["published_address"] = json!("10.0.0.1:9000");
    let (status, body, _) = successor.ask(&mut admin, &body);
    assert_eq!((status, &body["node_status"]), (200, &json!("Trusted")));
}

#[test]
fn a_backup_sends_nodes_to_the_primary() {
    let mut admin = start();
    let applicant = Applicant::new();
    let primary = Digest([9; 32]);
    admin.add_node(primary, |info| {
        let at = |address: &str| Interface { published_address: address.into(), ..Interface::default() };
        info.network.rpc_interfaces =
            BTreeMap::from([("main".into(), at("p.example:2")), ("first".into(), at("p.example:1"))]);
        // So that this node can still commit alone.
        info.status = NodeStatus::Pending;
    });
    admin.publish(|state| {
        state.primary = false;
        state.consensus.role = Part::Follower;
        state.consensus.leader = None;
    });
    let unknown = applicant.ask(&mut admin, &applicant.body());
    assert_eq!(refusal(&unknown), (500, "InternalError", "Primary unknown"));

    admin.publish(|state| state.consensus.leader = Some(primary));
    let hosts = [("configured.example:1", "p.example:2"), ("elsewhere.example", "p.example:1")];
    for (host, address) in hosts {
        let answer = applicant.ask_at(&mut admin, &applicant.body(), host);
        let expected = (308, "NodeCannotHandleRequest", "Node is not primary; cannot handle write");
        assert_eq!(refusal(&answer), expected);
        let location = format!("https://{address}/node/join");
        assert!(answer.2.headers.contains(&("location".into(), location.into())), "{host}");
    }
    admin.publish(|state| state.consensus.leader = Some(Digest([8; 32])));
    let answer = applicant.ask(&mut admin, &applicant.body());
    assert_eq!(answer.0, 500, "a primary without a row");
}

#[test]
fn a_node_without_a_service_takes_nobody_in() {
    let mut admin = start();
    let applicant = Applicant::new();
    admin.publish_initialized();
    let answer = applicant.ask(&mut admin, &applicant.body());
    let text = "Target node should be part of network to accept new nodes.";
    assert_eq!(refusal(&answer), (500, "InternalError", text));
}
