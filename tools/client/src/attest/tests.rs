mod hardware;
mod node;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::{SystemTime, UNIX_EPOCH},
};

use coco_crypto::x509::{UnixTime, Validity};
use coco_wire::ChannelBinding;
use serde_json::{Value, json};

use self::node::{Act, Node, Question, Service};
use super::*;

const MEASUREMENT: &str = "Insecure hard-coded virtual measurement v1";

fn now() -> UnixTime {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    UnixTime(i64::try_from(now).unwrap())
}

fn validity() -> Validity {
    Validity::days(UnixTime(now().0 - 60), 2).unwrap()
}

fn these(value: String) -> Accepted {
    Accepted::These(BTreeSet::from([value]))
}

/// Accepts the virtual platform with what honest nodes show.
fn policy() -> Policy {
    let code =
        Code { measurements: these(MEASUREMENT.to_owned()), host_data: these(Digest([7; 32]).to_hex()) };
    Policy { insecure_virtual: Some(code), ..Policy::new(now) }
}

fn honest() -> Act {
    Box::new(|question| question.answer(&question.report_data()))
}

/// A client of `service` that demands.
fn client(node: &Node, service: &Service, policy: Policy) -> Client {
    Client::new(&node.address, &service.certificate, None).unwrap().demanding(Arc::new(policy))
}

/// Why a client does not ask for what it wants.
async fn refusal(node: &Node, service: &Service, policy: Policy) -> NotVerified {
    let error = client(node, service, policy).get("/app/secret").await.unwrap_err();
    assert_eq!(node.others(), 0, "it was asked for something");
    match error {
        ClientError::NotVerified { reason, .. } => *reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_verified_node_is_asked_and_each_connection_is_verified() {
    let service = Service::new();
    let node = service.node(honest()).await;
    let mut client = client(&node, &service, policy());
    for path in ["/app/a", "/app/b", "/last", "/app/c", "/app/d"] {
        let answer = client.get(path).await.unwrap();
        assert_eq!(answer.json::<Value>().unwrap(), json!({ "msg": "hello" }));
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let seen = node.seen.lock().unwrap();
    let expected = [
        vec!["/node/attestation", "/app/a", "/app/b", "/last"],
        vec!["/node/attestation", "/app/c", "/app/d"],
    ];
    assert_eq!(*seen, expected);
}

#[tokio::test]
async fn a_node_that_is_another_one_after_a_reconnect_is_asked_for_nothing_more() {
    let service = Service::new();
    let act = |question: &Question<'_>| match question.number {
        0 => question.answer(&question.report_data()),
        _ => question.answer(&Digest([0; 32])),
    };
    let node = service.node(Box::new(act)).await;
    let mut client = client(&node, &service, policy());
    client.get("/last").await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    for _ in 0..2 {
        let error = client.get("/app/secret").await.unwrap_err();
        assert!(matches!(error, ClientError::NotVerified { .. }), "{error:?}");
    }
    let asked = node.seen.lock().unwrap().iter().flatten().filter(|path| *path == "/app/secret").count();
    assert_eq!(asked, 0);
}

#[tokio::test]
async fn evidence_for_another_session_is_refused() {
    let service = Service::new();
    // The same key in another session, such as that of somebody who has it and asks a node with it.
    let elsewhere = ChannelBinding([9; ChannelBinding::LEN]);
    let acts: [(&str, Act); 4] = [
        ("another session", Box::new(move |it| it.answer(&it.report_data_in(&elsewhere)))),
        ("bound to the key alone, as in the ledger", Box::new(|it| it.answer(&it.ends.node))),
        ("another service", {
            Box::new(|it| {
                let mut other = Question { number: 0, ends: it.ends.clone(), nonce: it.nonce };
                other.ends.service = Digest([1; 32]);
                it.answer(&other.report_data())
            })
        }),
        ("another node", {
            Box::new(|it| {
                let mut other = Question { number: 0, ends: it.ends.clone(), nonce: it.nonce };
                other.ends.node = Digest([1; 32]);
                it.answer(&other.report_data())
            })
        }),
    ];
    for (case, act) in acts {
        let node = service.node(act).await;
        let reason = refusal(&node, &service, policy()).await;
        assert!(matches!(reason, NotVerified::OtherSession), "{case}: {reason}");
    }
}

#[tokio::test]
async fn an_answer_that_was_given_before_is_refused() {
    let service = Service::new();
    let kept: Arc<Mutex<Option<Value>>> = Arc::default();
    let keeping = Arc::clone(&kept);
    let act = move |question: &Question<'_>| {
        let mut kept = keeping.lock().unwrap();
        let mut answer = kept.get_or_insert_with(|| question.answer(&question.report_data()).1).clone();
        if question.number == 2 {
            answer["nonce"] = json!(question.nonce);
        }
        (200, answer)
    };
    let node = service.node(Box::new(act)).await;
    client(&node, &service, policy()).get("/node/state").await.unwrap();
    let reason = refusal(&node, &service, policy()).await;
    assert!(matches!(reason, NotVerified::OtherNonce), "{reason}");
    let reason = refusal(&node, &service, policy()).await;
    assert!(matches!(reason, NotVerified::OtherSession), "{reason}");
}

#[tokio::test]
async fn who_is_not_as_it_should_be_is_refused_with_the_reason() {
    let service = Service::new();
    let edit = |edit: fn(&mut Value)| -> Act {
        Box::new(move |it| {
            let (status, mut answer) = it.answer(&it.report_data());
            edit(&mut answer);
            (status, answer)
        })
    };
    let error = json!({ "error": { "code": "ResourceNotFound", "message": "Unknown path." } });
    let cases: [(Act, &str); 8] = [
        (edit(|answer| answer["node_id"] = json!(Digest([1; 32]))), "answers, but the key in this session"),
        (edit(|answer| answer["format"] = json!("Abacus")), "of an unknown platform: Abacus"),
        (edit(|answer| answer["raw"] = json!("e30=")), "malformed attestation evidence"),
        (edit(|answer| answer["raw"] = json!("?")), "not that of a node"),
        (edit(|answer| *answer = json!([])), "not that of a node"),
        (edit(|answer| answer["endorsements"] = json!("e30=")), "endorsements for a platform without"),
        (Box::new(move |_| (404, error.clone())), "no evidence: 404 Not Found: ResourceNotFound"),
        (Box::new(|_| (412, json!("?"))), "no evidence: 412"),
    ];
    for (act, expected) in cases {
        let node = service.node(act).await;
        let reason = refusal(&node, &service, policy()).await.to_string();
        assert!(reason.contains(expected), "{reason} instead of {expected}");
    }

    let node = service.node(honest()).await;
    let code = policy().insecure_virtual.unwrap();
    let with = |code| Policy { insecure_virtual: code, ..policy() };
    let other = Code { measurements: these("other".to_owned()), ..code.clone() };
    let reason = refusal(&node, &service, with(Some(other))).await;
    assert!(matches!(reason, NotVerified::Measurement(found) if found == MEASUREMENT));
    let other = Code { host_data: these(Digest([8; 32]).to_hex()), ..code.clone() };
    let reason = refusal(&node, &service, with(Some(other))).await;
    assert!(matches!(reason, NotVerified::HostData(found) if found == Digest([7; 32]).to_hex()));
    let none = Code { host_data: Accepted::These(BTreeSet::new()), ..code };
    assert!(matches!(refusal(&node, &service, with(Some(none))).await, NotVerified::HostData(_)));
    assert!(matches!(refusal(&node, &service, with(None)).await, NotVerified::Platform("Virtual")));
}

#[tokio::test]
async fn a_node_that_is_busy_is_asked_again_but_not_for_ever() {
    let service = Service::new();
    let busy = json!({ "error": { "code": "TooManyPendingTransactions", "message": "Later." } });
    let body = busy.clone();
    let act = move |question: &Question<'_>| match question.number {
        0 => (503, body.clone()),
        _ => question.answer(&question.report_data()),
    };
    let node = service.node(Box::new(act)).await;
    client(&node, &service, policy()).get("/app/a").await.unwrap();

    let node = service.node(Box::new(move |_| (503, busy.clone()))).await;
    let reason = refusal(&node, &service, policy()).await;
    assert!(matches!(&reason, NotVerified::NoEvidence(text) if text.contains("TooMany")), "{reason}");
    assert_eq!(node.seen.lock().unwrap()[0].len(), 5);
}

#[tokio::test]
async fn a_session_without_a_name_is_refused() {
    let service = Service::new();
    let node = service.node_by(&[&rustls::version::TLS12], honest()).await;
    assert!(matches!(refusal(&node, &service, policy()).await, NotVerified::OldTls));
    assert!(node.seen.lock().unwrap()[0].is_empty(), "it was asked nothing");
}

#[tokio::test]
async fn a_client_of_no_service_finds_out_which_it_is() {
    let service = Service::new();
    let node = service.node(honest()).await;
    let fresh = ask(&node.address, None).await.unwrap();
    assert_eq!(fresh.service.der(), service.certificate.der());
    policy().appraise(&fresh).unwrap();
    let known = ask(&node.address, Some(&service.certificate)).await.unwrap();
    assert_eq!(known.node, fresh.node);
    assert!(ask(&node.address, Some(&Service::new().certificate)).await.is_err());
}
