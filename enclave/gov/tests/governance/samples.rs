//! CCF's sample constitutions, unmodified.

use coco_tables::members::RecoveryRole;
use serde_json::{Value, json};

use crate::{
    consortium::{Member, Service, body, refusal, text},
    constitutions::{ccf_samples, join},
};

const AYE: &str = "export function vote() { return true }";
const NAY: &str = "export function vote() { return false }";

/// Members 0 and 1 hold shares; member 2 is an operator.
const OPERATOR: usize = 2;

/// A proposal, and what becomes of it with each ballot.
struct Scenario {
    proposer: usize,
    action: Value,
    /// State when it is made.
    proposed: &'static str,
    ballots: &'static [(usize, &'static str, &'static str)],
}

fn service(constitution: &str) -> Service {
    let mut service = Service::with_roles(constitution, 2, &[None, None, Some(RecoveryRole::NonParticipant)]);
    service.acknowledge_all();
    service.sign();
    let operator = service.members[OPERATOR].id;
    service.write(|tables, tx| {
        let mut info = tables.members.info.get(tx, &operator).unwrap().unwrap();
        info.member_data = json!({ "is_operator": true });
        tables.members.info.put(tx, &operator, &info);
    });
    service
}

/// CCF's default with one part replaced, and another in between.
fn variant(extra: Option<&str>, resolve: &str) -> Option<String> {
    let extra = extra.into_iter();
    let parts = ["default/actions.js"].into_iter().chain(extra).chain([
        "default/validate.js",
        resolve,
        "default/apply.js",
    ]);
    Some(join(&ccf_samples()?, parts))
}

fn run(constitution: &str, scenarios: &[Scenario]) {
    let mut service = service(constitution);
    for Scenario { proposer, action, proposed, ballots } in scenarios {
        let answer = service.propose(*proposer, &json!([action]));
        assert_eq!(body(&answer)["proposalState"], *proposed, "{action}: {}", text(&answer));
        let id = body(&answer)["proposalId"].as_str().unwrap().to_owned();
        for (by, ballot, state) in *ballots {
            let answer = service.vote(*by, &id, ballot);
            assert_eq!(body(&answer)["proposalState"], *state, "{action}: {}", text(&answer));
        }
    }
}

fn set_user() -> Value {
    json!({ "name": "set_user", "args": { "cert": Member::new(3).certificate.to_pem() } })
}

fn set_operator() -> Value {
    let cert = Member::new(3).certificate.to_pem();
    json!({ "name": "set_member", "args": { "cert": cert, "member_data": { "is_operator": true } } })
}

#[test]
fn a_majority_decides_by_default() {
    let Some(constitution) = variant(None, "default/resolve.js") else { return };
    let scenarios = [
        Scenario {
            proposer: 0,
            action: set_user(),
            proposed: "Open",
            ballots: &[(0, AYE, "Open"), (1, NAY, "Open"), (OPERATOR, AYE, "Accepted")],
        },
        Scenario {
            proposer: OPERATOR,
            action: set_operator(),
            proposed: "Open",
            ballots: &[(0, NAY, "Open"), (1, NAY, "Open"), (OPERATOR, NAY, "Open")],
        },
    ];
    run(&constitution, &scenarios);
}

#[test]
fn the_sandbox_accepts_everything() {
    let Some(constitution) = variant(None, "sandbox/resolve.js") else { return };
    let accepted = |proposer, action| Scenario { proposer, action, proposed: "Accepted", ballots: &[] };
    run(&constitution, &[accepted(0, set_user()), accepted(OPERATOR, set_operator())]);
}

#[test]
fn operators_decide_about_operators() {
    let Some(constitution) = variant(None, "operator/resolve.js") else { return };
    let scenarios = [
        Scenario { proposer: OPERATOR, action: set_operator(), proposed: "Accepted", ballots: &[] },
        Scenario {
            proposer: OPERATOR,
            action: set_user(),
            proposed: "Open",
            // The operator's vote does not count.
            ballots: &[(OPERATOR, AYE, "Open"), (0, AYE, "Open"), (1, AYE, "Accepted")],
        },
        Scenario { proposer: 0, action: set_operator(), proposed: "Open", ballots: &[(0, AYE, "Open")] },
    ];
    run(&constitution, &scenarios);
}

#[test]
fn one_member_vetoes() {
    let Some(constitution) = variant(None, "veto/resolve.js") else { return };
    let scenarios = [
        Scenario {
            proposer: 0,
            action: set_user(),
            proposed: "Open",
            ballots: &[(0, AYE, "Open"), (1, NAY, "Rejected")],
        },
        Scenario {
            proposer: 0,
            action: set_operator(),
            proposed: "Open",
            ballots: &[(0, AYE, "Open"), (1, AYE, "Accepted")],
        },
    ];
    run(&constitution, &scenarios);
}

#[test]
fn roles_are_defined_in_tables_of_the_application() {
    let Some(constitution) = variant(Some("roles/set_role_definition.js"), "default/resolve.js") else {
        return;
    };
    let mut service = service(&constitution);
    let args = json!({ "role": "auditor", "actions": ["/read", "/list", "/read"] });
    let answer = service.decide(&json!([{ "name": "set_role_definition", "args": args }]));
    assert_eq!(body(&answer)["proposalState"], "Accepted", "{}", text(&answer));
    let table = coco_wire::TableName::new("public:programmability.roles.auditor");
    let state = service.store.latest();
    let keys: Vec<_> = coco_kv::Reader::iter(&state, &table).map(|(key, _)| key.to_vec()).collect();
    assert_eq!(keys, [&b"\"/list\""[..], b"\"/read\""]);
    let bad = json!({ "role": "auditor", "actions": [1] });
    let refused = service.propose(0, &json!([{ "name": "set_role_definition", "args": bad }]));
    assert_eq!(refusal(&refused).1, "ProposalFailedToValidate");
}

/// This sample reads a variable that nobody declared: no service could decide anything under it. It is valid where a
/// constitution is checked, and fails as it does in CCF.
#[test]
fn the_operator_provisioner_fails_as_in_ccf() {
    let Some(constitution) = variant(None, "operator_provisioner/resolve.js") else { return };
    let refused = service(&constitution).propose(0, &json!([set_user()]));
    let (status, code, message) = refusal(&refused);
    assert_eq!((status, &*code), (500, "InternalError"));
    let start = "Failed to resolve(): ReferenceError: proposer_id is not defined\nTrace:";
    assert!(message.starts_with(start), "{message}");
    // Mended, it does what it says.
    let mended =
        constitution.replace("isOperatorProvisioner(proposer_id)", "isOperatorProvisioner(proposerId)");
    let scenario = Scenario {
        proposer: OPERATOR,
        action: set_user(),
        proposed: "Open",
        ballots: &[(OPERATOR, AYE, "Open"), (0, AYE, "Open"), (1, AYE, "Accepted")],
    };
    run(&mended, &[scenario]);
}

#[test]
fn each_may_follow_the_other() {
    let Some(default) = variant(None, "default/resolve.js") else { return };
    let mut service = service(&default);
    let resolves = ["sandbox", "operator", "operator_provisioner", "veto", "default"];
    for kind in resolves {
        let constitution = variant(None, &format!("{kind}/resolve.js")).unwrap();
        let action = json!([{ "name": "set_constitution", "args": { "constitution": constitution } }]);
        let proposed = service.propose(0, &action);
        assert_eq!(body(&proposed)["proposalState"], "Open", "{kind}: {}", text(&proposed));
    }
}
