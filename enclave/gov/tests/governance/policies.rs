//! Our sample policies of voting, each in place of the default one.

use coco_tables::nodes::{NodeInfo, NodeStatus};
use coco_wire::Digest;
use serde_json::{Value, json};

use crate::{
    consortium::{Envelope, NOW_S, Service, body, text},
    constitutions::{join, our_samples},
    nodes::node_info,
};

const AYE: &str = "export function vote() { return true }";
const NAY: &str = "export function vote() { return false }";

/// Ballots in order, and the state after each.
type Ballots = &'static [(usize, &'static str, &'static str)];

/// A service of three active members with this data.
fn service(policy: &str, data: [Value; 3]) -> Service {
    let extra = format!("{policy}/actions.js");
    let extra = our_samples().join(&extra).exists().then_some(extra);
    let resolve = format!("{policy}/resolve.js");
    let parts = ["default/actions.js"].into_iter().chain(extra.as_deref());
    let parts = parts.chain(["default/validate.js", &*resolve, "default/apply.js"]);
    service_of(&join(&our_samples(), parts), data)
}

fn service_of(constitution: &str, data: [Value; 3]) -> Service {
    let mut service = Service::new(constitution);
    service.acknowledge_all();
    for (member, data) in data.into_iter().enumerate() {
        let id = service.members[member].id;
        service.write(|tables, tx| {
            let mut info = tables.members.info.get(tx, &id).unwrap().unwrap();
            info.member_data = data;
            tables.members.info.put(tx, &id, &info);
        });
    }
    service
}

/// A service of the sample consortium, with this data of its three active members.
fn consortium(data: [Value; 3]) -> Service {
    let own = |file: &str| format!("../consortium/constitution/{file}");
    let (roles, resolve) = (own("roles.js"), own("resolve.js"));
    let parts = ["default/actions.js", &*roles, "default/validate.js", &*resolve, "default/apply.js"];
    service_of(&join(&our_samples(), parts), data)
}

fn user() -> Value {
    json!([{ "name": "set_user_data", "args": { "user_id": Digest([1; 32]), "user_data": { "a": 1 } } }])
}

/// Proposes, and casts the ballots.
fn decide(service: &mut Service, by: usize, actions: &Value, proposed: &str, ballots: Ballots) {
    let answer = service.propose(by, actions);
    assert_eq!(body(&answer)["proposalState"], proposed, "{}", text(&answer));
    let id = body(&answer)["proposalId"].as_str().unwrap().to_owned();
    for (by, ballot, state) in ballots {
        let answer = service.vote(*by, &id, ballot);
        assert_eq!(body(&answer)["proposalState"], *state, "{by}: {}", text(&answer));
    }
}

#[test]
fn votes_are_counted_as_each_policy_says() {
    let nobody = || [Value::Null, Value::Null, Value::Null];
    let weights = || [json!({ "weight": 3 }), json!({ "weight": 1 }), Value::Null];
    let participants = || [Value::Null, Value::Null, json!({ "participant": true })];
    let cases: [(&str, [Value; 3], usize, &str, Ballots); 13] = [
        ("unanimous", nobody(), 0, "Open", &[(0, AYE, "Open"), (1, AYE, "Open"), (2, AYE, "Accepted")]),
        ("unanimous", nobody(), 0, "Open", &[(0, AYE, "Open"), (1, NAY, "Rejected")]),
        ("m_of_n", nobody(), 0, "Open", &[(1, AYE, "Open"), (2, AYE, "Accepted")]),
        ("m_of_n", nobody(), 0, "Open", &[(1, NAY, "Open"), (2, NAY, "Rejected")]),
        ("m_of_n", nobody(), 0, "Open", &[(1, NAY, "Open"), (0, AYE, "Open"), (2, AYE, "Accepted")]),
        ("one_of_n", nobody(), 2, "Accepted", &[]),
        ("weighted", weights(), 1, "Open", &[(0, AYE, "Accepted")]),
        ("weighted", weights(), 0, "Open", &[(1, AYE, "Open"), (2, AYE, "Open"), (0, NAY, "Rejected")]),
        ("weighted", nobody(), 0, "Open", &[(1, AYE, "Open"), (2, AYE, "Accepted")]),
        (
            "participants",
            participants(),
            2,
            "Open",
            &[(2, AYE, "Open"), (0, AYE, "Open"), (1, AYE, "Accepted")],
        ),
        ("participants", participants(), 0, "Open", &[(0, AYE, "Open"), (1, AYE, "Accepted")]),
        ("node_quota", nobody(), 0, "Open", &[(0, AYE, "Open"), (1, AYE, "Accepted")]),
        ("delegation", nobody(), 0, "Open", &[(0, AYE, "Open"), (1, AYE, "Accepted")]),
    ];
    for (policy, data, by, proposed, ballots) in cases {
        let mut service = service(policy, data);
        println!("{policy}");
        decide(&mut service, by, &user(), proposed, ballots);
    }
}

#[test]
fn a_member_adds_some_nodes_alone() {
    let mut service = service("node_quota", [Value::Null, Value::Null, Value::Null]);
    let own = json!({ "operator": service.members[0].id });
    let node = |number: u8, status, code: &str, data: &Value| {
        let code_digest = Some(code.to_owned());
        (Digest([number; 32]), NodeInfo { code_digest, node_data: data.clone(), ..node_info(status) })
    };
    let others = json!({ "operator": service.members[1].id });
    let mut nodes = vec![
        node(1, NodeStatus::Trusted, "aa", &Value::Null),
        node(2, NodeStatus::Retired, "bb", &Value::Null),
        node(3, NodeStatus::Pending, "bb", &own),
        node(4, NodeStatus::Pending, "aa", &others),
    ];
    nodes.extend((10..14).map(|number| node(number, NodeStatus::Pending, "aa", &own)));
    service.write(|tables, tx| nodes.iter().for_each(|(id, info)| tables.nodes.info.put(tx, id, info)));
    let trust = |numbers: &[u8]| -> Value {
        let args = |number: &u8| json!({ "node_id": Digest([*number; 32]), "valid_from": "20251028164048Z" });
        numbers.iter().map(|it| json!({ "name": "transition_node_to_trusted", "args": args(it) })).collect()
    };
    // Other code, another's node, one too many, another's right, and something else beside.
    let mixed = json!([trust(&[10])[0], user()[0]]);
    for (by, actions) in
        [(0, trust(&[3])), (0, trust(&[4])), (0, trust(&[10, 11, 12, 13])), (1, trust(&[10])), (0, mixed)]
    {
        decide(&mut service, by, &actions, "Open", &[]);
    }
    decide(&mut service, 0, &trust(&[10, 11]), "Accepted", &[]);
    decide(&mut service, 0, &trust(&[12, 13]), "Open", &[]);
    decide(&mut service, 0, &trust(&[12]), "Accepted", &[]);
    decide(&mut service, 0, &trust(&[13]), "Open", &[(1, AYE, "Open"), (2, AYE, "Accepted")]);
}

#[test]
fn members_of_a_consortium_have_roles() {
    let role = |name: &str| json!({ "role": name });
    let mut service = consortium([role("bank"), role("bank"), role("operator")]);
    decide(&mut service, 2, &user(), "Open", &[(2, AYE, "Open"), (0, AYE, "Open"), (1, AYE, "Accepted")]);
    decide(&mut service, 0, &user(), "Open", &[(2, NAY, "Open"), (1, NAY, "Rejected")]);

    let trust = |numbers: &[u8]| -> Value {
        let args = |number: &u8| json!({ "node_id": Digest([*number; 32]), "valid_from": "20251028164048Z" });
        numbers.iter().map(|it| json!({ "name": "transition_node_to_trusted", "args": args(it) })).collect()
    };
    service.write(|tables, tx| {
        tables.nodes.info.put(tx, &Digest([1; 32]), &node_info(NodeStatus::Trusted));
        tables.nodes.info.put(tx, &Digest([2; 32]), &node_info(NodeStatus::Retired));
        (10..16).for_each(|it| tables.nodes.info.put(tx, &Digest([it; 32]), &node_info(NodeStatus::Pending)));
    });
    // A bank alone, too many, something else beside, nothing at all, and a node that is to go.
    let mixed = json!([trust(&[10])[0], user()[0]]);
    let gone = json!([{ "name": "remove_node", "args": { "node_id": Digest([10; 32]) } }]);
    let cases = [(0, trust(&[10])), (2, trust(&[10, 11, 12, 13, 14])), (2, mixed), (2, json!([])), (2, gone)];
    for (by, actions) in cases {
        decide(&mut service, by, &actions, "Open", &[]);
    }
    decide(&mut service, 2, &trust(&[10, 11, 12, 13]), "Accepted", &[]);
    decide(&mut service, 2, &trust(&[14]), "Open", &[(0, AYE, "Open"), (1, AYE, "Accepted")]);
}

#[test]
fn a_member_without_a_role_is_not_valid() {
    let role = |name: &str| json!({ "role": name });
    let mut service = consortium([role("bank"), role("bank"), role("regulator")]);
    let (id, cert) = (service.members[1].id, service.members[1].certificate.to_pem());
    let key = service.members[1].encryption.public_key().to_pem();
    let member = |data: Value, key: Option<&str>| json!([{ "name": "set_member", "args": { "cert": cert, "member_data": data, "encryption_pub_key": key } }]);
    let data = |data: Value| json!([{ "name": "set_member_data", "args": { "member_id": id, "member_data": data } }]);
    let has_no_role = "member_data.role must be one of bank, regulator, operator";
    let wrong_key = "encryption_pub_key must be given for banks, and for nobody else";
    for (actions, reason) in [
        (member(Value::Null, Some(&key)), has_no_role),
        (member(role("owner"), Some(&key)), has_no_role),
        (data(json!({ "name": "Alpha" })), has_no_role),
        (member(role("bank"), None), wrong_key),
        (member(role("operator"), Some(&key)), wrong_key),
        (member(json!(1), Some(&key)), "member_data must be an object"),
    ] {
        let answer = service.propose(0, &actions);
        assert!(text(&answer).contains(reason), "{}", text(&answer));
    }
    for actions in [member(role("bank"), Some(&key)), member(role("operator"), None), data(role("bank"))] {
        decide(&mut service, 0, &actions, "Open", &[]);
    }
}

#[test]
fn a_vote_is_delegated_for_a_time() {
    let mut service = service("delegation", [Value::Null, Value::Null, Value::Null]);
    let delegate = |service: &Service, to: usize, until: i64| json!([{ "name": "delegate_vote", "args": { "to": service.members[to].id, "until": until } }]);
    let actions = delegate(&service, 1, NOW_S + 10);
    decide(&mut service, 0, &actions, "Accepted", &[]);
    // The delegate's vote counts twice, unless the member votes itself; the other's counts once.
    decide(&mut service, 2, &user(), "Open", &[(2, AYE, "Open"), (0, NAY, "Open"), (1, AYE, "Accepted")]);
    decide(&mut service, 2, &user(), "Open", &[(1, AYE, "Accepted")]);
    decide(&mut service, 2, &user(), "Open", &[(0, NAY, "Open"), (1, AYE, "Open"), (2, NAY, "Open")]);
    // Nobody delegates for others, and no other action comes along.
    let mixed = json!([delegate(&service, 1, NOW_S + 10)[0], user()[0]]);
    decide(&mut service, 0, &mixed, "Open", &[]);
    // Time goes on with what members sign.
    let late = Envelope { message_type: Some("proposal"), created_at_s: NOW_S + 11, proposal_id: None };
    let path = "/members/proposals:create";
    let answer = service.post_signed(2, path, &late, &json!({ "actions": user() }));
    let id = body(&answer)["proposalId"].as_str().unwrap().to_owned();
    assert_eq!(body(&service.vote(1, &id, AYE))["proposalState"], "Open");
    assert_eq!(body(&service.vote(2, &id, AYE))["proposalState"], "Accepted");
    let back = json!([{ "name": "delegate_vote", "args": {} }]);
    let answer = service.post_signed(0, path, &late, &json!({ "actions": back }));
    assert_eq!(body(&answer)["proposalState"], "Accepted", "{}", text(&answer));
}
