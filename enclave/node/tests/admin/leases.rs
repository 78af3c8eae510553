//! Leases of nodes: what is due, who renews, and who has to leave.

use std::collections::BTreeSet;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use coco_app::{ClientCertificate, Headers, InterfaceName, Method, Peer, Request};
use coco_crypto::{Certificate, Signer as _, hash::sha256};
use coco_node::lease::{Due, Enforced, Watch};
use coco_tables::{
    nodes::{Appraisal, Diversity, Lease, NodeInfo, NodeStatus, Reason},
    service::{ServiceInfo, ServiceStatus},
    value::Present,
};
use coco_wire::{Digest, Seqno};
use serde_json::{Value, json};

use crate::{
    applicant::{Applicant, MEASUREMENT},
    harness::Admin,
    join::{node, refusal},
};

const LEASE_S: u64 = 30;

/// A service with a lease.
fn leased() -> Admin {
    let mut admin = Admin::start();
    admin.node.tick(1000);
    set_lease(&mut admin);
    admin
}

pub(crate) fn set_lease(admin: &mut Admin) {
    admin.write(|tables, tx| tables.nodes.lease.put(tx, &Lease { seconds: LEASE_S }));
}

/// Opens the service to users.
pub(crate) fn open(admin: &mut Admin) {
    admin.write(|tables, tx| {
        let info = tables.service.info.get(tx).expect("a row").expect("written by genesis");
        tables.service.info.put(tx, &ServiceInfo { status: ServiceStatus::Open, ..info });
    });
}

/// Status and body of the answer to a node.
pub(crate) fn ask(admin: &mut Admin, certificate: &Certificate, path: &str, body: &Value) -> (u16, Value) {
    let certificate = ClientCertificate::from_der(certificate.der()).expect("valid");
    let peer = Peer { interface: InterfaceName::new(""), certificate: Some(certificate), session: None };
    let request = Request::new(
        Method::Post,
        format!("/node/leases/{path}"),
        Headers::default(),
        Bytes::from(body.to_string()),
    );
    let response = admin.send_as(&peer, request);
    (response.status.0, serde_json::from_slice(&response.body).unwrap_or_default())
}

pub(crate) fn own(admin: &Admin) -> Certificate {
    admin.view.shared.keys.self_signed.load().as_ref().clone()
}

pub(crate) fn challenged(admin: &mut Admin, certificate: &Certificate) -> Digest {
    let (status, body) = ask(admin, certificate, "challenge", &Value::Null);
    assert_eq!(status, 200, "{body}");
    serde_json::from_value(body["challenge"].clone()).expect("a challenge")
}

/// Evidence of a node that is bound to a challenge.
fn shown(admin: &Admin, node: &Digest, challenge: &Digest, edit: impl FnOnce(&mut Value)) -> Value {
    let service = admin.view.shared.keys.service().expect("it belongs to one").key.public_key().id();
    let bound = sha256(&[&b"coco lease evidence v1"[..], &service.0, &node.0, &challenge.0].concat());
    let mut quote = json!({ "measurement": MEASUREMENT, "host_data": Digest([7; 32]),
        "report_data": STANDARD.encode(bound.0) });
    edit(&mut quote);
    json!({ "quote_info": { "format": "Insecure_Virtual", "endorsements": "",
        "quote": STANDARD.encode(quote.to_string()) } })
}

fn renew(admin: &mut Admin, certificate: &Certificate) {
    let challenge = challenged(admin, certificate);
    let body = shown(admin, &certificate.public_key().id(), &challenge, |_| {});
    let (status, body) = ask(admin, certificate, "renew", &body);
    assert_eq!(status, 200, "{body}");
}

pub(crate) fn appraisal(admin: &Admin, node: &Digest) -> Option<Appraisal> {
    admin.tables.nodes.appraisals.get(&admin.view.state().latest, node).expect("a row")
}

/// As if every change of the agreement were committed.
fn settle(admin: &Admin, nodes: &[Digest]) {
    let nodes: BTreeSet<_> = nodes.iter().copied().collect();
    admin.publish(|state| {
        state.primary = true;
        state.consensus.configurations = vec![(Seqno(1), nodes)];
    });
}

/// What would be done.
fn enforce_dry(admin: &Admin) -> Enforced {
    let certificate = ClientCertificate::from_der(own(admin).der()).expect("valid");
    let peer = Peer { interface: InterfaceName::new(""), certificate: Some(certificate), session: None };
    let request = Request::new(Method::Post, "/node/leases/enforce".into(), Headers::default(), Bytes::new());
    let planned = admin.view.decode(request, &peer).expect("there is such an endpoint");
    let ran = admin.view.run(coco_node::Mount::Node, &planned.plan.calls[0], planned.plan.mode, None);
    serde_json::from_slice(&ran.response.body).expect("what would be done")
}

pub(crate) fn enforce(admin: &mut Admin) -> Enforced {
    let certificate = own(admin);
    let (status, body) = ask(admin, &certificate, "enforce", &Value::Null);
    assert_eq!(status, 200, "{body}");
    serde_json::from_value(body).expect("what was done")
}

/// An open service with a lease, of this node and others, all settled. Evidence of those in front is too old. Nobody hears
/// the others, so that this node is the primary for some seconds only.
fn network(old: usize, others: usize) -> (Admin, Vec<Applicant>) {
    let mut admin = leased();
    open(&mut admin);
    let applicants: Vec<_> = (0..old + others).map(|_| Applicant::new()).collect();
    let (own, now) = (admin.id(), admin.view.shared.clock.wall_ms() / 1000);
    admin.write(|tables, tx| {
        let row = tables.nodes.info.get(tx, &own).expect("a row").expect("written by genesis");
        for (at, applicant) in applicants.iter().enumerate() {
            let quote_info = serde_json::from_value(applicant.quote(|_| {})).expect("a quote");
            tables.nodes.info.put(tx, &applicant.id(), &NodeInfo { quote_info, ..row.clone() });
            let time = if at < old { now - LEASE_S } else { now };
            tables.nodes.appraisals.put(
                tx,
                &applicant.id(),
                &Appraisal { time, renewal: None, eviction: None },
            );
        }
    });
    settle_all(&admin, &applicants);
    (admin, applicants)
}

/// Makes evidence of this node too old.
fn age(admin: &mut Admin) {
    let (own, time) = (admin.id(), admin.view.shared.clock.wall_ms() / 1000 - LEASE_S);
    admin.write(|tables, tx| {
        tables.nodes.appraisals.put(tx, &own, &Appraisal { time, renewal: None, eviction: None });
    });
}

pub(crate) fn settle_all(admin: &Admin, applicants: &[Applicant]) {
    let ids: Vec<_> = applicants.iter().map(Applicant::id).chain([admin.id()]).collect();
    settle(admin, &ids);
}

#[test]
fn without_a_lease_nothing_is_due() {
    let mut admin = Admin::start();
    admin.node.tick(1000);
    let mut watch = Watch::default();
    assert_eq!(watch.look(&admin.view.shared), None);
    set_lease(&mut admin);
    assert_eq!(watch.look(&admin.view.shared), Some(Due::Renewal));
    admin.write(|tables, tx| tables.nodes.lease.remove(tx));
    admin.node.tick(1_000_000);
    assert_eq!(watch.look(&admin.view.shared), None);
}

#[test]
fn evidence_is_renewed_when_a_third_is_over_and_when_the_rules_change() {
    let mut admin = leased();
    let (mut watch, certificate, id) = (Watch::default(), own(&admin), admin.id());
    let look = |admin: &Admin, watch: &mut Watch| watch.look(&admin.view.shared);
    let began = appraisal(&admin, &id).expect("written by genesis");
    assert_eq!(began.renewal, None);
    assert_eq!(look(&admin, &mut watch), Some(Due::Renewal));
    assert_eq!(look(&admin, &mut watch), None, "it is tried again after a second");
    admin.node.tick(1000);
    assert_eq!(look(&admin, &mut watch), Some(Due::Renewal));
    renew(&mut admin, &certificate);
    watch.done(Due::Renewal);
    let renewed = appraisal(&admin, &id).expect("renewed");
    assert!(renewed.time > began.time && renewed.renewal.is_some(), "{renewed:?}");
    assert_eq!(look(&admin, &mut watch), None, "the rules are new");
    admin.node.tick(8_000);
    assert_eq!(look(&admin, &mut watch), Some(Due::Enforcement));
    watch.done(Due::Enforcement);
    assert_eq!(look(&admin, &mut watch), None);
    admin.node.tick(2_000);
    assert_eq!(look(&admin, &mut watch), Some(Due::Renewal), "a third is over");
    renew(&mut admin, &certificate);
    watch.done(Due::Renewal);
    admin.write(|tables, tx| tables.platforms.virtual_host_data.remove(tx, &Digest([9; 32])));
    assert_eq!(look(&admin, &mut watch), Some(Due::Renewal), "the rules changed");
    assert_eq!(look(&admin, &mut watch), None, "it was tried just now");
}

#[test]
fn leases_are_listed() {
    let mut admin = leased();
    let (id, at) = (admin.id(), appraisal(&admin, &admin.id()).expect("written by genesis").time);
    let node = |expired| json!({ "node_id": id, "appraised_at": at, "expires_at": at + LEASE_S, "expired": expired });
    assert_eq!(admin.get("/node/leases"), json!({ "lease_s": LEASE_S, "nodes": [node(false)] }));
    admin.node.tick(LEASE_S * 1000);
    assert_eq!(admin.get("/node/leases"), json!({ "lease_s": LEASE_S, "nodes": [node(true)] }));
    admin.write(|tables, tx| tables.nodes.lease.remove(tx));
    assert_eq!(admin.get("/node/leases"), json!({ "nodes": [{ "node_id": id, "appraised_at": at }] }));
}

/// What a node of this name answers to a challenge.
type Answer = fn(&Admin, &Digest, &Digest) -> Value;

#[test]
fn only_what_answers_a_challenge_renews() {
    let (mut admin, others) = network(0, 1);
    let (certificate, id, other) = (own(&admin), admin.id(), &others[0]);
    let before = appraisal(&admin, &id);
    let none = Digest([1; 32]);
    let body = shown(&admin, &id, &none, |_| {});
    assert_eq!(ask(&mut admin, &certificate, "renew", &body).0, 400, "there was no challenge");

    let cases: [(&str, Answer); 4] = [
        ("another challenge", |admin, id, _| shown(admin, id, &Digest([1; 32]), |_| {})),
        ("another node", |admin, _, challenge| shown(admin, &Digest([2; 32]), challenge, |_| {})),
        ("another measurement", |admin, id, challenge| {
            shown(admin, id, challenge, |quote| quote["measurement"] = json!("other"))
        }),
        ("another executable", |admin, id, challenge| {
            shown(admin, id, challenge, |quote| quote["host_data"] = json!(Digest([8; 32])))
        }),
    ];
    for (what, body) in cases {
        let challenge = challenged(&mut admin, &certificate);
        let body = body(&admin, &id, &challenge);
        assert_eq!(ask(&mut admin, &certificate, "renew", &body).0, 401, "{what}");
        let good = shown(&admin, &id, &challenge, |_| {});
        assert_eq!(ask(&mut admin, &certificate, "renew", &good).0, 400, "{what}: the challenge is void");
    }
    let theirs = challenged(&mut admin, &other.certificate);
    let body = shown(&admin, &id, &theirs, |_| {});
    assert_eq!(ask(&mut admin, &certificate, "renew", &body).0, 400, "the challenge of another node");
    assert_eq!(appraisal(&admin, &id), before);

    let stranger = Applicant::new();
    let pending = Applicant::new();
    let mut body = pending.body();
    body["node_info_network"]["node_to_node_interface"]["bind_address"] = json!("10.0.2.1:1");
    assert_eq!(pending.ask(&mut admin, &body).1["node_status"], "Pending");
    for node in [stranger, pending] {
        for path in ["challenge", "renew", "enforce"] {
            assert_eq!(ask(&mut admin, &node.certificate, path, &json!({})).0, 403, "{path}");
        }
    }
    assert_eq!(ask(&mut admin, &other.certificate, "enforce", &Value::Null).0, 403, "it is not the primary");
}

#[test]
fn a_node_without_a_lease_is_retired_and_the_ledger_rekeyed() {
    assert_eq!(enforce(&mut network(0, 2).0), Enforced::default(), "all are in time");
    let (mut admin, others) = network(1, 1);
    let secrets = |admin: &Admin| admin.view.shared.secrets.load().expect("it has some").iter().count();
    assert_eq!(secrets(&admin), 1);
    let done = enforce(&mut admin);
    let expected = Enforced { evicted: vec![(others[0].id(), Reason::Expired)], ..Enforced::default() };
    assert_eq!(done, expected);
    let row = node(&admin, &others[0].id()).expect("it stays in the table");
    assert_eq!((row.status, row.retired_committed), (NodeStatus::Retired, false));
    let eviction = appraisal(&admin, &others[0].id()).expect("a row").eviction.expect("it was evicted");
    assert_eq!(eviction.reason, Reason::Expired);
    assert_eq!(secrets(&admin), 2);
    assert_eq!(node(&admin, &others[1].id()).expect("a row").status, NodeStatus::Trusted);
}

#[test]
fn what_members_take_back_retires_nodes_that_run_it() {
    // The first node runs something else than the others, and both are admitted until now.
    let (mut admin, others) = network(0, 2);
    let other = others[0].id();
    admin.write(|tables, tx| {
        tables.platforms.virtual_host_data.put(tx, &Digest([8; 32]), &Present);
        let mut row = tables.nodes.info.get(tx, &other).expect("a row").expect("it is there");
        let quote = others[0].quote(|quote| quote["host_data"] = json!(Digest([8; 32])));
        row.quote_info = serde_json::from_value(quote).expect("a quote");
        tables.nodes.info.put(tx, &other, &row);
    });
    settle_all(&admin, &others);
    assert_eq!(enforce(&mut admin), Enforced::default());
    admin.write(|tables, tx| tables.platforms.virtual_host_data.remove(tx, &Digest([8; 32])));
    settle_all(&admin, &others);
    let done = enforce(&mut admin);
    assert_eq!(done, Enforced { evicted: vec![(other, Reason::Unwelcome)], ..Enforced::default() });
}

#[test]
fn those_who_have_to_decide_stay() {
    // This node is fit: with one other, none can go; with two others, one; with four others, two.
    for (count, gone) in [(1, 0), (2, 1), (3, 1), (4, 2)] {
        let (mut admin, _) = network(count, 0);
        let done = enforce(&mut admin);
        assert_eq!((done.evicted.len(), done.kept.len(), done.steps_down), (gone, count - gone, false));
    }
}

#[test]
fn a_primary_that_has_to_leave_steps_down_first() {
    let (mut admin, others) = network(0, 2);
    age(&mut admin);
    settle_all(&admin, &others);
    let before = admin.view.state().latest.version();
    let done = enforce(&mut admin);
    let kept = vec![(admin.id(), Reason::Expired)];
    assert_eq!(done, Enforced { evicted: Vec::new(), kept, steps_down: true });
    assert_eq!(admin.view.state().latest.version(), before, "nothing is written");
}

#[test]
fn nobody_is_retired_while_the_agreement_changes_or_the_service_opens() {
    let (mut admin, _) = network(2, 0);
    admin.publish(|state| state.consensus.configurations.push((Seqno(9), BTreeSet::new())));
    let done = enforce(&mut admin);
    assert_eq!((done.evicted.len(), done.kept.len()), (0, 2));

    let mut opening = leased();
    age(&mut opening);
    assert_eq!(enforce(&mut opening), Enforced::default());
}

#[test]
fn the_rule_of_diversity_holds_for_those_who_stay() {
    // Five nodes in three clouds: without both of one cloud, two of three would be in another.
    let (mut admin, others) = network(2, 2);
    let clouds = ["a", "a", "b", "c"];
    let own = admin.id();
    admin.write(|tables, tx| {
        let nodes = others.iter().map(Applicant::id).zip(clouds).chain([(own, "c")]);
        for (node, cloud) in nodes {
            let row = tables.nodes.info.get(tx, &node).expect("a row").expect("it is there");
            tables.nodes.info.put(tx, &node, &NodeInfo { node_data: json!({ "cloud": cloud }), ..row });
        }
    });
    settle_all(&admin, &others);
    assert_eq!(enforce_dry(&admin).evicted.len(), 2);
    admin.write(|tables, tx| tables.nodes.diversity.put(tx, &Diversity { vendors: false, clouds: true }));
    settle_all(&admin, &others);
    let done = enforce(&mut admin);
    assert_eq!((done.evicted.len(), done.kept.len()), (1, 1));
}

#[test]
fn the_rule_of_diversity_holds_while_the_service_opens() {
    let mut admin = Admin::start();
    admin.node.tick(1000);
    admin.write(|tables, tx| tables.nodes.diversity.put(tx, &Diversity { vendors: true, clouds: false }));
    let applicant = Applicant::new();
    let answer = applicant.ask(&mut admin, &applicant.body());
    let why = "2 of 2 nodes would be of the vendor nobody, and a majority of them must not be";
    assert_eq!(refusal(&answer), (400, "InvalidNodeState", why));
    assert_eq!(node(&admin, &applicant.id()), None);
}
