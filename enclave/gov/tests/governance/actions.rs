//! Every action of CCF's default constitution does under ours what it does under CCF's, row by row.
//!
//! Those of applications and of tokens have tests of their own.

mod given;

use std::collections::BTreeMap;

use coco_crypto::{
    Curve, EcKey, Signer as _, SystemEntropy,
    x509::{Name, Request},
};
use coco_tables::nodes::{NodeInfo, NodeStatus};
use coco_wire::Digest;
use serde_json::{Value, json};

use crate::{
    consortium::{Ran, Service, body, text},
    constitutions,
    nodes::node_info,
};

/// Accepts everything, so that one request carries an action out.
const ACCEPT: &str = "export function resolve(proposal, proposerId, votes) { return 'Accepted' }";

/// Rows of these differ, as no two proposals are the same.
const OF_PROPOSALS: [&str; 4] = ["proposals", "proposals_info", "cose_recent_proposals", "cose_history"];
/// Values of these differ, as randomness is in them.
const RANDOM: [&str; 6] = [
    "public:ccf.gov.nodes.endorsed_certificates",
    "public:ccf.gov.service.info",
    "public:ccf.internal.recovery_shares",
    "public:ccf.internal.encrypted_ledger_secrets",
    "public:ccf.internal.historical_encrypted_ledger_secret",
    "public:ccf.internal.previous_service_identity_endorsement",
];

/// An open service with a node of each standing, a user, and another open proposal.
struct World {
    service: Service,
    /// Names of what actions can be about.
    names: BTreeMap<&'static str, String>,
}

/// What a request changes: rows, with JSON read where it is JSON, and what it asks of the node.
#[derive(Debug, PartialEq)]
struct Effect {
    rows: BTreeMap<(String, String), Option<Value>>,
    chunk: bool,
    rekey: bool,
}

impl World {
    fn new(constitution: &str) -> Self {
        let mut service = Service::new(constitution);
        service.acknowledge_all();
        let next = service.certificate.to_pem();
        let open =
            json!([{ "name": "transition_service_to_open", "args": { "next_service_identity": next } }]);
        assert_eq!(body(&service.propose(0, &open))["proposalState"], "Accepted");
        let mut names = BTreeMap::from([
            ("SERVICE", next),
            ("CONSTITUTION", constitution.to_owned()),
            ("CERTIFICATE", crate::consortium::Member::new(3).certificate.to_pem()),
            ("ENCRYPTION_KEY", service.members[0].encryption.public_key().to_pem()),
            ("MEMBER", service.members[2].id.to_hex()),
            ("FOUNDER_CERTIFICATE", service.members[1].certificate.to_pem()),
            ("ABSENT", Digest([9; 32]).to_hex()),
        ]);
        for (name, status) in [
            ("PENDING", NodeStatus::Pending),
            ("TRUSTED", NodeStatus::Trusted),
            ("OTHER", NodeStatus::Trusted),
            ("RETIRED", NodeStatus::Retired),
        ] {
            let key = EcKey::generate(Curve::P384, &SystemEntropy);
            let request = Request::create(&key, &Name::common("node").unwrap(), &[]).to_pem();
            let id = key.public_key().id();
            let encryption_pub_key = service.members[0].encryption.public_key().to_pem();
            let info = NodeInfo {
                certificate_signing_request: Some(request),
                encryption_pub_key,
                ..node_info(status)
            };
            service.write(|tables, tx| tables.nodes.info.put(tx, &id, &info));
            names.insert(name, id.to_hex());
        }
        service.sign();
        let user = service.members[0].certificate.fingerprint();
        service.write(|tables, tx| {
            tables.users.certs.put(tx, &user, &"a certificate".to_owned());
            let info = json!({ "user_data": { "a": 1 } }).to_string().into_bytes();
            tx.put(tables.users.info.name(), user.to_hex().into_bytes(), info);
        });
        names.insert("USER", user.to_hex());
        Self { service, names }
    }

    /// An action with names in place of what stands for them.
    fn action(&self, name: &str, args: &Value) -> Value {
        json!([{ "name": name, "args": self.fill(args) }])
    }

    fn fill(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.names.get(&**text).map_or_else(|| value.clone(), |name| json!(name)),
            Value::Object(fields) => {
                fields.iter().map(|(name, value)| (name.clone(), self.fill(value))).collect()
            }
            other => other.clone(),
        }
    }

    /// What an action would do under another constitution.
    fn run(&mut self, constitution: &str, actions: &Value) -> Ran {
        self.service.write(|tables, tx| tables.scripts.constitution.put(tx, &constitution.into()));
        self.service.run_proposal(0, actions)
    }
}

impl Effect {
    fn of(ran: &Ran) -> Self {
        let writes = ran.executed.as_ref().unwrap().writes();
        let mut rows = BTreeMap::new();
        for (table, changes) in writes.tables() {
            let name = table.as_str();
            let of_proposals = OF_PROPOSALS.iter().any(|ours| name == format!("public:ccf.gov.{ours}"));
            // CCF has no tables that begin like this.
            if of_proposals || name.starts_with("public:coco.") {
                continue;
            }
            for (key, value) in changes {
                let shown = value.as_ref().map(|value| match RANDOM.contains(&name) {
                    true => json!("random"),
                    false => serde_json::from_slice(value)
                        .unwrap_or_else(|_| json!(String::from_utf8_lossy(value))),
                });
                rows.insert((name.to_owned(), String::from_utf8_lossy(key).into_owned()), shown);
            }
        }
        Self { rows, chunk: ran.requests.ledger_chunk, rekey: ran.requests.ledger_secret.is_some() }
    }
}

fn both() -> Option<[String; 2]> {
    let accepting = |parts: String| {
        // The resolve function of the constitution gives way to one that accepts.
        format!("{}\n{ACCEPT}", parts.replace("export function resolve(", "function counted("))
    };
    Some([accepting(constitutions::ours()), accepting(constitutions::of_ccf()?)])
}

#[test]
fn actions_write_what_those_of_ccf_write() {
    let Some([ours, theirs]) = both() else { return };
    let mut world = World::new(&ours);
    for (name, args) in given::good() {
        let actions = world.action(name, &args);
        let [found, expected] = [&ours, &theirs].map(|constitution| {
            let ran = world.run(constitution, &actions);
            assert_eq!(
                body(&ran.response)["proposalState"],
                "Accepted",
                "{actions}: {}",
                text(&ran.response)
            );
            Effect::of(&ran)
        });
        assert_eq!(found, expected, "{name} {args}");
    }
}

#[test]
fn actions_that_make_no_sense_are_refused_by_both() {
    let Some([ours, theirs]) = both() else { return };
    let mut world = World::new(&ours);
    for (status, name, args) in given::bad() {
        let actions = world.action(name, &args);
        for constitution in [&ours, &theirs] {
            let ran = world.run(constitution, &actions);
            let code = if status == 400 { "ProposalFailedToValidate" } else { "InternalError" };
            let error = body(&ran.response)["error"].take();
            assert_eq!((ran.response.status.0, &error["code"]), (status, &json!(code)), "{actions}: {error}");
            assert!(ran.executed.is_none());
        }
    }
}

#[test]
fn there_is_every_action_of_ccf() {
    let Some(theirs) = constitutions::of_ccf() else { return };
    let ours = constitutions::ours();
    let names = theirs.split("new Action(").filter_map(|part| {
        let name = part.trim_end().trim_end_matches(',').rsplit('"').nth(1)?;
        name.chars().all(|c| c.is_ascii_lowercase() || c == '_').then_some(name)
    });
    let of_others = [
        "set_jwt_issuer",
        "remove_jwt_issuer",
        "set_jwt_public_signing_keys",
        "refresh_js_app_bytecode_cache",
    ];
    let mut count = 0;
    for name in names.filter(|name| !of_others.contains(name)) {
        let kind = name.strip_prefix("add_").or_else(|| name.strip_prefix("remove_")).unwrap_or(name);
        let defined = [format!("action(\"{name}\""), format!("trusted(\"{kind}\"")];
        assert!(defined.iter().any(|text| ours.contains(text)), "{name}");
        count += 1;
    }
    assert!(count >= 40, "{count}");
}
