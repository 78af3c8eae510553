//! Members admit nodes, remove them, and decide what may run one.

use coco_app::{NodeRequests, Status};
use coco_crypto::{
    Certificate, Curve, EcKey, Signer as _, SystemEntropy,
    x509::{Name, Request, SubjectAltName, UnixTime},
};
use coco_tables::signatures::ASKED_FOR;
use coco_tables::{
    nodes::{self, NodeInfo, NodeNetwork, NodeStatus, QuoteFormat, QuoteInfo},
    service::ServiceConfig,
};
use coco_wire::{Digest, Seqno, text::Base64};
use serde_json::{Value, json};

use crate::{
    consortium::{NOW_S, Service, body, refusal, text},
    constitutions::{self, PLAIN},
};

pub(crate) const QUOTE: &str = r#"{"measurement":"m","report_data":"r","host_data":"h"}"#;

pub(crate) fn node_info(status: NodeStatus) -> NodeInfo {
    NodeInfo {
        network: NodeNetwork::default(),
        quote_info: QuoteInfo {
            format: QuoteFormat::InsecureVirtual,
            quote: Base64(QUOTE.into()),
            endorsements: Base64(Vec::new()),
            uvm_endorsements: None,
            endorsed_tcb: None,
        },
        encryption_pub_key: String::new(),
        status,
        ledger_secret_seqno: None,
        code_digest: None,
        certificate_signing_request: None,
        public_key: None,
        node_data: Value::Null,
        cert: None,
        retired_committed: false,
    }
}

/// A consortium with one node of each standing.
struct Network {
    service: Service,
    /// Key of the pending node.
    key: EcKey,
    pending: Digest,
}

const TRUSTED: Digest = Digest([1; 32]);
const OTHER_TRUSTED: Digest = Digest([2; 32]);
const RETIRED: Digest = Digest([3; 32]);
/// Pending, and did not ask for a certificate.
const WITHOUT_REQUEST: Digest = Digest([4; 32]);
const UNKNOWN: Digest = Digest([5; 32]);

impl Network {
    fn new(constitution: &str) -> Self {
        let mut service = Service::new(constitution);
        service.acknowledge_all();
        let key = EcKey::generate(Curve::P384, &SystemEntropy);
        let names = [alt_name()];
        let request = Request::create(&key, &Name::common("node").unwrap(), &names);
        let pending = key.public_key().id();
        service.write(|tables, tx| {
            for (id, status) in [
                (TRUSTED, NodeStatus::Trusted),
                (OTHER_TRUSTED, NodeStatus::Trusted),
                (RETIRED, NodeStatus::Retired),
                (WITHOUT_REQUEST, NodeStatus::Pending),
            ] {
                tables.nodes.info.put(tx, &id, &node_info(status));
            }
            let request = Some(request.to_pem());
            let info = NodeInfo { certificate_signing_request: request, ..node_info(NodeStatus::Pending) };
            tables.nodes.info.put(tx, &pending, &info);
            let config = tables.service.config.get(tx).unwrap().unwrap();
            let config = ServiceConfig { maximum_node_certificate_validity_days: Some(100), ..config };
            tables.service.config.put(tx, &config);
        });
        Self { service, key, pending }
    }

    fn info(&self, id: &Digest) -> Option<NodeInfo> {
        self.service.tables.nodes.info.get(&self.service.store.latest(), id).unwrap()
    }

    fn status(&self, id: &Digest) -> Option<NodeStatus> {
        self.info(id).map(|info| info.status)
    }

    fn certificate(&self, id: &Digest) -> Option<Certificate> {
        let pem = self.service.tables.nodes.endorsed_certificates.get(&self.service.store.latest(), id);
        pem.unwrap().map(|pem| Certificate::from_pem(&pem).unwrap())
    }
}

fn alt_name() -> SubjectAltName {
    "dNSName:node.example".parse().unwrap()
}

/// Ours and, if at hand, CCF's.
fn constitutions() -> impl Iterator<Item = String> {
    [Some(constitutions::ours()), constitutions::of_ccf()].into_iter().flatten()
}

fn trust(node: Digest, valid_from: &str, days: Option<i64>) -> Value {
    let mut args = json!({ "node_id": node, "valid_from": valid_from });
    if let Some(days) = days {
        args["validity_period_days"] = days.into();
    }
    json!([{ "name": "transition_node_to_trusted", "args": args }])
}

fn remove(node: Digest) -> Value {
    json!([{ "name": "remove_node", "args": { "node_id": node } }])
}

#[test]
fn a_pending_node_is_trusted_and_certified() {
    for constitution in constitutions() {
        for (from, days, begin, end) in [
            ("20251028164048Z", Some(10), NOW_S, NOW_S + 10 * 86_400 - 1),
            ("2025-10-28 16:40:48.123456", None, NOW_S, NOW_S + 100 * 86_400 - 1),
            ("2025-10-28T17:40:48+01:00", Some(100), NOW_S, NOW_S + 100 * 86_400 - 1),
        ] {
            let mut network = Network::new(&constitution);
            let pending = network.pending;
            let before = network.info(&pending).unwrap();
            let answer = network.service.decide(&trust(pending, from, days));
            assert_eq!(body(&answer)["proposalState"], "Accepted", "{}", text(&answer));
            let ledger_secret_seqno = Some(Seqno(1));
            let after = NodeInfo { status: NodeStatus::Trusted, ledger_secret_seqno, ..before };
            assert_eq!(network.info(&pending), Some(after));
            let certificate = network.certificate(&pending).unwrap();
            assert_eq!(certificate.verify_issued_by(&network.service.certificate), Ok(()));
            assert_eq!(certificate.public_key().spki_der(), network.key.public_key().spki_der());
            assert_eq!(certificate.subject_alt_names(), [alt_name()]);
            assert!(!certificate.is_authority());
            let validity = certificate.validity();
            assert_eq!((validity.not_before(), validity.not_after()), (UnixTime(begin), UnixTime(end)));
            let shown = body(&network.service.get(&format!("/service/nodes/{pending}")));
            assert_eq!(
                (&shown["status"], &shown["certificate"]),
                (&json!("Trusted"), &json!(certificate.to_pem()))
            );
            let members = [pending, TRUSTED, OTHER_TRUSTED].into();
            assert_eq!(nodes::trusted(&network.service.store.latest()), Ok(members));
        }
    }
}

#[test]
fn trusting_and_removing_depend_on_the_standing() {
    use NodeStatus::{Pending, Retired, Trusted};

    let from = "20251028164048Z";
    let pending = |network: &Network| network.pending;
    let is = |id: Digest| move |_: &Network| id;
    type Which<'a> = &'a dyn Fn(&Network) -> Digest;
    type Action<'a> = &'a dyn Fn(Digest) -> Value;
    let trust = |id| trust(id, from, None);
    let cases: [(Action<'_>, Which<'_>, Option<NodeStatus>, Option<NodeStatus>); 8] = [
        (&trust, &is(WITHOUT_REQUEST), Some(Pending), Some(Trusted)),
        (&trust, &is(TRUSTED), Some(Trusted), Some(Trusted)),
        (&trust, &is(RETIRED), Some(Retired), Some(Retired)),
        (&remove, &pending, Some(Pending), None),
        (&remove, &is(WITHOUT_REQUEST), Some(Pending), None),
        (&remove, &is(TRUSTED), Some(Trusted), Some(Retired)),
        (&remove, &is(RETIRED), Some(Retired), Some(Retired)),
        (&remove, &is(UNKNOWN), None, None),
    ];
    for constitution in constitutions() {
        for (action, which, before, after) in &cases {
            let mut network = Network::new(&constitution);
            let id = which(&network);
            assert_eq!(network.status(&id), *before);
            let answer = network.service.decide(&action(id));
            assert_eq!(body(&answer)["proposalState"], "Accepted", "{}", text(&answer));
            assert_eq!(network.status(&id), *after, "{}", action(id));
            assert!(network.certificate(&id).is_none());
        }
    }
}

#[test]
fn a_node_is_replaced_in_one_proposal() {
    for constitution in constitutions() {
        let mut network = Network::new(&constitution);
        let pending = network.pending;
        let actions = json!([
            trust(pending, "251028164048Z", Some(1))[0],
            remove(TRUSTED)[0],
            remove(OTHER_TRUSTED)[0]
        ]);
        let answer = network.service.decide(&actions);
        assert_eq!(body(&answer)["proposalState"], "Accepted", "{}", text(&answer));
        let state = network.service.store.latest();
        assert_eq!(nodes::trusted(&state), Ok([pending].into()));
        assert_eq!(nodes::leaving(&state), Ok([TRUSTED, OTHER_TRUSTED, RETIRED].into()));
    }
}

#[test]
fn nodes_that_cannot_be_trusted_change_nothing() {
    for constitution in constitutions() {
        let mut network = Network::new(&constitution);
        let pending = network.pending;
        for actions in [
            trust(pending, "20251028164048Z", Some(101)),
            trust(pending, "20251028164048Z", Some(i64::from(u32::MAX) + 1)),
            trust(pending, "yesterday", None),
            trust(pending, "", Some(1)),
            trust(pending, "20251328164048Z", Some(1)),
            trust(UNKNOWN, "20251028164048Z", None),
            // The last one cannot go.
            json!([remove(TRUSTED)[0], remove(OTHER_TRUSTED)[0]]),
            // All or nothing.
            json!([remove(TRUSTED)[0], trust(UNKNOWN, "20251028164048Z", None)[0]]),
        ] {
            let answer = network.service.decide(&actions);
            let (status, code, message) = refusal(&answer);
            assert_eq!((status, code.as_str()), (500, "InternalError"), "{actions}: {message}");
            assert!(message.starts_with("Failed to apply(): "), "{message}");
            assert_eq!(network.status(&pending), Some(NodeStatus::Pending), "{actions}");
            assert_eq!(network.status(&TRUSTED), Some(NodeStatus::Trusted), "{actions}");
        }
        for actions in [
            trust(pending, "20251028164048Z", Some(0)),
            trust(pending, "20251028164048Z", Some(-1)),
            json!([{ "name": "transition_node_to_trusted", "args": { "node_id": pending } }]),
            json!([{ "name": "remove_node", "args": { "node_id": "1" } }]),
        ] {
            let (status, code, message) = refusal(&network.service.propose(0, &actions));
            assert_eq!((status, code.as_str()), (400, "ProposalFailedToValidate"), "{actions}: {message}");
        }
    }
}

#[test]
fn the_node_is_asked_for_chunks_and_snapshots() {
    for constitution in constitutions() {
        let mut service = Service::new(&constitution);
        service.acknowledge_all();
        for (names, ledger_chunk, snapshot) in [
            (&["trigger_ledger_chunk"][..], true, false),
            (&["trigger_snapshot"], false, true),
            (&["trigger_snapshot", "trigger_ledger_chunk"], true, true),
        ] {
            let actions: Value = names.iter().map(|name| json!({ "name": name })).collect();
            let proposal = service.proposed(0, &actions);
            assert_eq!(service.requests, NodeRequests::default());
            let aye = "export function vote () { return true }";
            service.vote(0, &proposal, aye);
            assert_eq!(service.requests, NodeRequests::default());
            assert_eq!(body(&service.vote(1, &proposal, aye))["proposalState"], "Accepted");
            assert_eq!(service.requests, NodeRequests { ledger_chunk, ..NodeRequests::default() });
            let requests = &service.tables.signatures.snapshot_requests;
            let asked = requests.has(&service.store.latest(), ASKED_FOR);
            assert_eq!(asked, snapshot);
        }
    }
}

#[test]
fn the_join_policy_is_decided_by_vote() {
    for constitution in constitutions() {
        let mut service = Service::new(&constitution);
        service.acknowledge_all();
        let host_data = Digest([6; 32]).to_hex();
        let noop = json!([{ "name": "remove_user", "args": { "user_id": Digest([7; 32]) } }]);
        for (action, args, pointer, expected, drops) in [
            ("add_virtual_measurement", json!({ "measurement": "m" }), "measurements", json!(["m"]), true),
            (
                "add_virtual_host_data",
                json!({ "host_data": host_data }),
                "hostData",
                json!([host_data]),
                true,
            ),
            ("remove_virtual_measurement", json!({ "measurement": "m" }), "measurements", json!([]), false),
            ("remove_virtual_host_data", json!({ "host_data": host_data }), "hostData", json!([]), false),
        ] {
            let other = service.proposed(2, &noop);
            let answer = service.decide(&json!([{ "name": action, "args": args }]));
            assert_eq!(body(&answer)["proposalState"], "Accepted", "{}", text(&answer));
            assert_eq!(body(&service.get("/service/join-policy"))["virtual"][pointer], expected);
            assert_eq!(service.state_of(&other), if drops { "Dropped" } else { "Open" }, "{action}");
            service.withdraw(2, &other);
        }
    }
}

#[test]
fn operators_note_what_they_like() {
    for constitution in constitutions() {
        let mut network = Network::new(&constitution);
        let data = json!({ "rack": [1, { "b": null }] });
        for (id, status) in [(TRUSTED, 200), (RETIRED, 200), (network.pending, 200), (UNKNOWN, 500)] {
            let args = json!({ "node_id": id, "node_data": data });
            let answer = network.service.decide(&json!([{ "name": "set_node_data", "args": args }]));
            assert_eq!(answer.status, Status(status), "{}", text(&answer));
            let before = network.info(&id);
            assert_eq!(before.map(|info| info.node_data), (status == 200).then(|| data.clone()));
        }
    }
}

/// A constitution can be anything, consensus cannot.
#[test]
fn no_constitution_breaks_the_table_of_nodes() {
    let mut network = Network::new(PLAIN);
    let row =
        |status, retired_committed| json!(NodeInfo { retired_committed, ..node_info(status) }).to_string();
    let (pending, trusted, retired) =
        (row(NodeStatus::Pending, false), row(NodeStatus::Trusted, false), row(NodeStatus::Retired, false));
    let marked = row(NodeStatus::Retired, true);
    let name = |id: Digest| id.to_hex();
    let no_node = "Failed to apply(): a row of public:ccf.gov.nodes.info is no node".to_owned();
    let cannot = |id: Digest, status| format!("Failed to apply(): node {id} cannot become {status}");
    let by_leader = |id| format!("Failed to apply(): only the node that leads marks node {id}");
    let kept =
        |id: Digest| format!("Failed to apply(): node {id} is not pending: it is retired, not deleted");
    for (id, row, expected) in [
        (name(TRUSTED), Some("hello"), no_node.clone()),
        (name(UNKNOWN), Some("{}"), no_node.clone()),
        ("node".to_owned(), Some(trusted.as_str()), no_node.clone()),
        (name(TRUSTED).to_uppercase() + "A", Some(&trusted), no_node),
        (name(TRUSTED), Some(&pending), cannot(TRUSTED, "Pending")),
        (name(RETIRED), Some(&trusted), cannot(RETIRED, "Trusted")),
        (name(RETIRED), Some(&pending), cannot(RETIRED, "Pending")),
        (name(UNKNOWN), Some(&retired), cannot(UNKNOWN, "Retired")),
        (name(RETIRED), Some(&marked), by_leader(RETIRED)),
        (name(TRUSTED), Some(&marked), by_leader(TRUSTED)),
        (name(UNKNOWN), Some(&marked), by_leader(UNKNOWN)),
        (name(TRUSTED), None, kept(TRUSTED)),
        (name(RETIRED), None, kept(RETIRED)),
    ] {
        let args = json!({ "id": id, "row": row });
        let actions = json!([{ "name": "pass" }, { "name": "node", "args": args }]);
        let (status, _, message) = refusal(&network.service.propose(0, &actions));
        assert_eq!(status, 500, "{actions}");
        assert!(message.starts_with(&expected), "{actions}: {message}");
    }
    // What was broken before does not stop members from deciding about other things.
    network.service.write(|tables, tx| tx.put(tables.nodes.info.name(), &b"old"[..], &b"{}"[..]));
    let pending = network.pending;
    for (id, row) in [(pending, Some(trusted.as_str())), (WITHOUT_REQUEST, None), (UNKNOWN, Some(&trusted))] {
        let args = json!({ "id": id, "row": row });
        let answer =
            network.service.propose(0, &json!([{ "name": "pass" }, { "name": "node", "args": args }]));
        assert_eq!(answer.status, Status::OK, "{}", text(&answer));
        assert_eq!(network.status(&id).is_some(), row.is_some());
    }
}

#[test]
fn no_cloud_and_no_vendor_gets_a_majority_if_members_say_so() {
    let mut network = Network::new(&constitutions::ours());
    let in_cloud = |node: Digest, cloud: &str| json!({ "name": "set_node_data", "args": { "node_id": node, "node_data": { "cloud": cloud } } });
    let rule = |vendors: bool, clouds: bool| json!({ "name": "set_node_diversity", "args": { "vendors": vendors, "clouds": clouds } });
    let refused = |network: &mut Network, actions: Value, why: &str| {
        let answer = network.service.decide(&actions);
        assert_eq!(answer.status, Status::INTERNAL_SERVER_ERROR, "{}", text(&answer));
        assert!(text(&answer).contains(why), "{why}: {}", text(&answer));
    };
    let accepted = |network: &mut Network, actions: Value| {
        let answer = network.service.decide(&actions);
        assert_eq!(body(&answer)["proposalState"], "Accepted", "{}", text(&answer));
    };
    refused(&mut network, json!([rule(true, false)]), "2 of 2 nodes would be of the vendor nobody");
    refused(&mut network, json!([rule(false, true)]), "2 of 2 nodes would be of the cloud that is not named");
    accepted(&mut network, json!([in_cloud(TRUSTED, "a"), in_cloud(OTHER_TRUSTED, "b"), rule(false, true)]));
    refused(&mut network, json!([in_cloud(OTHER_TRUSTED, "a")]), "2 of 2 nodes would be of the cloud a");
    refused(&mut network, remove(TRUSTED), "1 of 1 nodes would be of the cloud b");
    let pending = network.pending;
    accepted(&mut network, json!([in_cloud(pending, "a")]));
    refused(&mut network, trust(pending, "20251028164048Z", None), "2 of 3 nodes would be of the cloud a");
    assert_eq!(network.status(&pending), Some(NodeStatus::Pending));
    accepted(&mut network, json!([in_cloud(pending, "c")]));
    accepted(&mut network, trust(pending, "20251028164048Z", None));
    accepted(&mut network, json!([{ "name": "remove_node_diversity" }]));
    accepted(&mut network, remove(TRUSTED));
}
