//! Our default constitution, and those that CCF publishes, unmodified.

use std::{cell::RefCell, fs, path::PathBuf, rc::Rc};

use coco_crypto::{
    Curve, EcKey, SystemEntropy,
    x509::{Name, UnixTime, Validity, issue_participant},
};
use coco_kv::{Reader, Store, Tx};
use coco_tables::Context;
use coco_wire::{Seqno, TableName};
use serde_json::{Value, json};

use super::{Finished, Recorder, Script, execute, generous, summary};
use crate::validate_constitution;

mod proposals;

use proposals::{invalid_actions, valid_actions};

const OURS: &str = concat!(
    include_str!("../../../../../samples/constitutions/default/actions.js"),
    include_str!("../../../../../samples/constitutions/default/validate.js"),
    include_str!("../../../../../samples/constitutions/default/resolve.js"),
    include_str!("../../../../../samples/constitutions/default/apply.js"),
);

const SINGLETON: [u8; 8] = [0; 8];

/// Files of CCF's samples, joined; none without `COCO_CCF`, which is said loudly.
fn ccf(files: &[&str]) -> Option<String> {
    let Some(root) = std::env::var_os("COCO_CCF") else {
        eprintln!("SKIPPED: COCO_CCF is not set, so CCF's constitutions are not run");
        return None;
    };
    let samples = PathBuf::from(root).join("samples/constitutions");
    let read = |file: &&str| fs::read_to_string(samples.join(file)).unwrap();
    Some(files.iter().map(read).collect())
}

/// With the actions for the platform that is no hardware, which stand apart.
fn ccf_default() -> Option<String> {
    ccf(&[
        "default/actions.js",
        "virtual/virtual_attestation_actions.js",
        "default/validate.js",
        "default/resolve.js",
        "default/apply.js",
    ])
}

fn certificate(name: &str) -> (String, String) {
    let key = EcKey::generate(Curve::P384, &SystemEntropy);
    let validity = Validity::days(UnixTime(1_700_000_000), 365).unwrap();
    let issued = issue_participant(&key, &Name::common(name).unwrap(), validity, &SystemEntropy);
    (issued.to_pem(), issued.fingerprint().to_hex())
}

/// A service with three active members, of whom two can recover it, and one who has not acknowledged.
fn consortium() -> Store {
    let mut store = Store::new();
    let mut tx = Tx::new(store.latest());
    let mut put = |table: &str, key: &[u8], value: &[u8]| {
        tx.put(&TableName::new(&format!("public:ccf.{table}")), key, value);
    };
    for (number, status) in [(1, "Active"), (2, "Active"), (3, "Active"), (4, "Accepted")] {
        let id = member(number);
        let info = json!({ "member_data": { "is_operator": number == 3 }, "status": status });
        put("gov.members.info", id.as_bytes(), info.to_string().as_bytes());
        put("gov.members.certs", id.as_bytes(), b"PEM");
        if number <= 2 {
            put("gov.members.encryption_public_keys", id.as_bytes(), b"PEM");
        }
    }
    let config = json!({ "maximum_node_certificate_validity_days": 365, "recovery_threshold": 1 });
    put("gov.service.config", &SINGLETON, config.to_string().as_bytes());
    put("gov.service.info", &SINGLETON, json!({ "status": "Open", "cert": "PEM" }).to_string().as_bytes());
    for (number, info) in [
        (9, json!({ "status": "Trusted", "certificate_signing_request": "CSR" })),
        (10, json!({ "status": "Pending", "certificate_signing_request": "CSR", "node_data": "kept" })),
        (11, json!({ "status": "Pending" })),
        (12, json!({ "status": "Retired", "certificate_signing_request": "CSR" })),
    ] {
        put("gov.nodes.info", member(number).as_bytes(), info.to_string().as_bytes());
    }
    put("internal.signatures", &SINGLETON, json!({ "root": "ab".repeat(32) }).to_string().as_bytes());
    put("gov.proposals_info", b"this", json!({ "state": "Open" }).to_string().as_bytes());
    put("gov.proposals_info", b"other", json!({ "state": "Open" }).to_string().as_bytes());
    put("gov.proposals_info", b"past", json!({ "state": "Accepted" }).to_string().as_bytes());
    store.commit(Seqno(1), &tx.finish()).ok().unwrap();
    store
}

fn member(number: u8) -> String {
    format!("{number:02x}").repeat(32)
}

struct Run<'a> {
    constitution: &'a str,
    store: &'a Store,
    host: Rc<RefCell<Recorder>>,
}

impl<'a> Run<'a> {
    fn new(constitution: &'a str, store: &'a Store) -> Self {
        Self { constitution, store, host: Recorder::shared() }
    }

    fn call(&self, context: Context, function: &str, arguments: &[Value]) -> Finished {
        let mut environment = generous(context);
        if context == Context::Governance {
            environment.governance = Some(self.host.clone());
        }
        let script = Script { name: "public:ccf.gov.constitution[0]", source: self.constitution };
        execute(script, function, arguments, &environment, Tx::new(self.store.latest()))
    }

    /// Whether a proposal of one action is valid, and what is said of it.
    fn validate(&self, name: &str, args: &Value) -> (bool, String) {
        let finished = self.call(Context::GovernanceReadOnly, "validate", &[proposal(name, args)]);
        let answer = finished.outcome.expect("validate does not throw").json;
        (answer["valid"].as_bool().unwrap(), answer["description"].to_string())
    }

    fn resolve(&self, proposal: Value, votes: &Value) -> String {
        let arguments = [proposal, json!(member(1)), votes.clone(), json!("this")];
        summary(&self.call(Context::GovernanceReadOnly, "resolve", &arguments))
    }

    /// Rows that an action changes, by table and key; a removed one has null. Or the exception.
    fn apply(&self, name: &str, args: &Value) -> Result<Vec<(String, String, Value)>, String> {
        let finished = self.call(Context::Governance, "apply", &[proposal(name, args), json!("this")]);
        finished.outcome.map_err(|error| error.message)?;
        let executed = finished.tx.finish();
        let mut rows = Vec::new();
        for (table, writes) in executed.writes().tables() {
            for (key, value) in writes {
                let value = value.as_ref().map_or(Value::Null, |value| {
                    let text = String::from_utf8_lossy(value);
                    serde_json::from_str(&text).unwrap_or_else(|_| json!(text))
                });
                rows.push((table.as_str().to_owned(), String::from_utf8_lossy(key).into_owned(), value));
            }
        }
        Ok(rows)
    }
}

fn proposal(name: &str, args: &Value) -> Value {
    json!(json!({ "actions": [{ "name": name, "args": args }] }).to_string())
}

#[test]
fn our_constitution_may_come_into_force() {
    let environment = generous(Context::GovernanceReadOnly);
    assert_eq!(validate_constitution(OURS, environment.limits, &environment.capabilities), Ok(()));
}

#[test]
fn proposals_are_validated() {
    let store = consortium();
    for constitution in [Some(OURS.to_owned()), ccf_default()].into_iter().flatten() {
        let run = Run::new(&constitution, &store);
        for (name, args) in valid_actions() {
            assert_eq!(run.validate(name, &args), (true, "\"\"".to_owned()), "{name} {args}");
        }
        for (name, args) in invalid_actions() {
            let (valid, description) = run.validate(name, &args);
            assert!(!valid && description.contains(name), "{name} {args}: {description}");
        }
    }
    let run = Run::new(OURS, &store);
    let (cert, _) = certificate("someone");
    assert!(!run.validate("set_user", &json!({ "cert": cert, "userdata": {} })).0, "a misspelt argument");
    assert!(!run.validate("set_user", &json!({ "cert": format!("{cert}{cert}") })).0, "two certificates");
    for input in [
        "null",
        "{}",
        "{\"actions\":1}",
        "{\"actions\":[null]}",
        "{\"actions\":[{\"name\":\"set_user\",\"args\":[]}]}",
    ] {
        let finished = run.call(Context::GovernanceReadOnly, "validate", &[json!(input)]);
        assert_eq!(finished.outcome.unwrap().json["valid"], json!(false), "{input}");
    }
}

#[test]
fn more_than_half_of_the_active_members_accept() {
    let store = consortium();
    let vote = |number, vote: bool| json!({ "member_id": member(number), "vote": vote });
    for constitution in [Some(OURS.to_owned()), ccf_default()].into_iter().flatten() {
        let run = Run::new(&constitution, &store);
        for (votes, expected) in [
            (json!([]), "\"Open\""),
            (json!([vote(1, true)]), "\"Open\""),
            (json!([vote(1, true), vote(2, false), vote(3, false)]), "\"Open\""),
            (json!([vote(1, true), vote(3, true)]), "\"Accepted\""),
            (json!([vote(1, true), vote(2, false), vote(3, true)]), "\"Accepted\""),
        ] {
            assert_eq!(run.resolve(proposal("set_user", &json!({})), &votes), expected, "{votes}");
        }
    }
    let run = Run::new(OURS, &store);
    let strangers = json!([vote(1, true), vote(4, true), vote(8, true)]);
    assert_eq!(run.resolve(proposal("set_user", &json!({})), &strangers), "\"Open\"", "ballots of others");
}

/// Each action changes the same rows to the same values, and asks the same of the node, as CCF's.
#[test]
fn actions_do_what_those_of_ccf_do() {
    let Some(theirs) = ccf_default() else { return };
    let store = consortium();
    for (name, args) in valid_actions() {
        let (ours, theirs) = (Run::new(OURS, &store), Run::new(&theirs, &store));
        let (mine, other) = (ours.apply(name, &args), theirs.apply(name, &args));
        assert_eq!(mine.is_ok(), other.is_ok(), "{name} {args}: {mine:?} {other:?}");
        if name == "set_js_app" || name == "remove_js_app" {
            continue; // They differ in clearing tables that we leave alone; tested by themselves.
        }
        if let (Ok(mut mine), Ok(other)) = (mine, other) {
            // CCF has no tables that begin like this.
            mine.retain(|(table, ..)| !table.starts_with("public:coco."));
            assert_eq!(mine, other, "{name} {args}");
            assert_eq!(ours.host.borrow().calls, theirs.host.borrow().calls, "{name}");
        }
    }
}

#[test]
fn actions_change_the_tables() {
    let store = consortium();
    let run = Run::new(OURS, &store);
    let (cert, id) = certificate("someone");
    let row =
        |table: &str, key: &str, value: Value| (format!("public:ccf.gov.{table}"), key.to_owned(), value);
    let single = "\0".repeat(8);
    for (name, args, expected) in [
        (
            "set_user",
            json!({ "cert": cert, "user_data": { "a": 1 } }),
            vec![
                row("users.certs", &id, json!(cert)),
                row("users.info", &id, json!({ "user_data": { "a": 1 } })),
            ],
        ),
        (
            "remove_user",
            json!({ "user_id": id }),
            vec![row("users.certs", &id, Value::Null), row("users.info", &id, Value::Null)],
        ),
        (
            "set_member",
            json!({ "cert": cert, "member_data": { "a": 1 } }),
            vec![
                row("members.acks", &id, json!({ "state_digest": "ab".repeat(32) })),
                row("members.certs", &id, json!(cert)),
                row("members.encryption_public_keys", &id, Value::Null),
                row("members.info", &id, json!({ "member_data": { "a": 1 }, "status": "Accepted" })),
            ],
        ),
        (
            "set_constitution",
            json!({ "constitution": "text" }),
            vec![
                row("constitution", &single, json!("text")),
                row("proposals_info", "other", json!({ "state": "Dropped" })),
            ],
        ),
        (
            "set_recovery_threshold",
            json!({ "recovery_threshold": 2 }),
            vec![row(
                "service.config",
                &single,
                json!({ "maximum_node_certificate_validity_days": 365, "recovery_threshold": 2 }),
            )],
        ),
        ("transition_service_to_open", json!({ "next_service_identity": cert }), vec![]),
        (
            "set_js_app",
            json!({ "bundle": { "modules": [{ "name": "a.js", "module": "M" }], "metadata": { "endpoints": { "/a": { "get": { "js_module": "a.js" } } } } } }),
            vec![
                row("endpoints", "GET /a", json!({ "js_module": "/a.js" })),
                row("interpreter.flush", &single, json!(true)),
                row("modules", "/a.js", json!("M")),
            ],
        ),
    ] {
        assert_eq!(run.apply(name, &args), Ok(expected), "{name}");
    }
    assert_eq!(
        run.host.borrow().calls,
        ["refresh shares".to_owned(), format!("open false {}", cert.len()), "refresh bytecode".to_owned()]
    );
}

#[test]
fn actions_fail_where_the_state_forbids_them() {
    let store = consortium();
    let run = Run::new(OURS, &store);
    for (name, args, expected) in [
        (
            "set_recovery_threshold",
            json!({ "recovery_threshold": 3 }),
            "exceeds the number of recovery members (2)",
        ),
        ("set_member_data", json!({ "member_id": member(8), "member_data": {} }), "must be in the ledger"),
        (
            "transition_node_to_trusted",
            json!({ "node_id": member(13), "valid_from": "" }),
            "must be in the ledger",
        ),
        (
            "transition_node_to_trusted",
            json!({ "node_id": member(10), "valid_from": "", "validity_period_days": 366 }),
            "validity_period_days (366) exceeds what the service allows (365)",
        ),
        ("remove_snp_minimum_tcb_version", json!({ "cpuid": "00a00f11" }), "must be in the ledger"),
    ] {
        let failure = run.apply(name, &args).unwrap_err();
        assert!(failure.contains(expected), "{name}: {failure}");
    }
}

#[test]
fn a_member_is_kept_while_needed_to_recover() {
    let mut store = consortium();
    let mut tx = Tx::new(store.latest());
    let config = TableName::new("public:ccf.gov.service.config");
    assert!(tx.has(&config, &SINGLETON));
    tx.put(&config, SINGLETON.as_slice(), b"{\"recovery_threshold\":2}".as_slice());
    store.commit(Seqno(2), &tx.finish()).ok().unwrap();
    for constitution in [Some(OURS.to_owned()), ccf_default()].into_iter().flatten() {
        let run = Run::new(&constitution, &store);
        assert!(run.apply("remove_member", &json!({ "member_id": member(1) })).is_err());
        assert!(run.apply("remove_member", &json!({ "member_id": member(3) })).is_ok());
        assert!(run.apply("remove_member", &json!({ "member_id": member(4) })).is_ok());
    }
}

/// The other constitutions that CCF publishes.
#[test]
fn ccf_variants_run() {
    let base = ["default/actions.js", "default/validate.js", "default/apply.js"];
    let votes = json!([{ "member_id": member(1), "vote": true }, { "member_id": member(2), "vote": false }]);
    let store = consortium();
    let operator = proposal("set_member", &json!({ "member_data": { "is_operator": true } }));
    for (extra, proposal, expected) in [
        (&["sandbox/resolve.js"][..], proposal("set_user", &json!({})), "\"Accepted\""),
        (&["veto/resolve.js"], proposal("set_user", &json!({})), "\"Rejected\""),
        (&["operator/resolve.js"], operator.clone(), "\"Open\""),
        (
            &["operator_provisioner/resolve.js"],
            operator,
            "Exception: ReferenceError: proposer_id is not defined",
        ),
        (
            &["test/test_actions.js", "test/resolve.js"],
            proposal("always_accept_noop", &json!({})),
            "\"Accepted\"",
        ),
        (
            &["test/test_actions.js", "test/resolve.js"],
            proposal("always_throw_in_resolve", &json!({})),
            "Exception: Error: Resolve message",
        ),
        (
            &["virtual/virtual_attestation_actions.js", "sandbox/resolve.js"],
            proposal("x", &json!({})),
            "\"Accepted\"",
        ),
        (&["roles/set_role_definition.js", "default/resolve.js"], proposal("x", &json!({})), "\"Open\""),
    ] {
        let Some(constitution) = ccf(&[&base[..1], extra, &base[1..]].concat()) else { return };
        let run = Run::new(&constitution, &store);
        assert_eq!(run.resolve(proposal, &votes), expected, "{extra:?}");
        let environment = generous(Context::GovernanceReadOnly);
        assert_eq!(
            validate_constitution(&constitution, environment.limits, &environment.capabilities),
            Ok(())
        );
        if extra[0].starts_with("roles") {
            let rows = run.apply("set_role_definition", &json!({ "role": "r", "actions": ["a"] })).unwrap();
            assert_eq!(
                rows,
                [("public:programmability.roles.r".to_owned(), "\"a\"".to_owned(), json!("\0".repeat(8)))]
            );
        }
    }
}
