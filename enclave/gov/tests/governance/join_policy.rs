//! What tests of all kinds of machines share: members decide which of them run nodes, and see what they decided.

use coco_tables::nodes::{NodeInfo, NodeStatus, QuoteFormat, QuoteInfo};
use coco_wire::{Digest, text::Base64};
use serde_json::{Value, json};

use crate::{
    consortium::{Service, body, text},
    constitutions,
    nodes::node_info,
};

/// Action, its arguments, and the part of the join policy that it is about, afterwards: null if it is gone.
pub(crate) type Vote = (&'static str, Value, &'static str, Value);

pub(crate) fn digits(digit: &str, count: usize) -> String {
    digit.repeat(count)
}

/// Of a register of a kind whose values have so many digits.
pub(crate) fn votes_on_register(
    number: u8,
    count: usize,
    [add, remove]: [&'static str; 2],
    [registers, all]: [&'static str; 2],
) -> Vec<Vote> {
    let register = |digit: &str| json!({ "register": number, "value": digits(digit, count) });
    let rows = |values: &[&str]| {
        let values: Vec<String> = values.iter().map(|digit| digits(digit, count)).collect();
        json!({ number.to_string(): values })
    };
    vec![
        (add, register("1"), registers, rows(&["1"])),
        (add, register("1"), registers, rows(&["1"])),
        (add, register("2"), registers, rows(&["1", "2"])),
        (remove, register("1"), registers, rows(&["2"])),
        (remove, register("2"), all, json!(null)),
        (remove, register("2"), all, json!(null)),
    ]
}

/// Members who have said who they are.
pub(crate) fn service() -> Service {
    let mut service = Service::new(&constitutions::ours());
    service.acknowledge_all();
    service
}

/// Each changes the policy as it says, and what lets more in drops proposals that are open. At the end nothing is left.
pub(crate) fn check_votes(votes: Vec<Vote>) {
    let mut service = service();
    let noop = json!([{ "name": "remove_user", "args": { "user_id": Digest([7; 32]) } }]);
    for (action, args, pointer, expected) in votes {
        let other = service.proposed(2, &noop);
        let answer = service.decide(&json!([{ "name": action, "args": args }]));
        assert_eq!(body(&answer)["proposalState"], "Accepted", "{action}: {}", text(&answer));
        let policy = body(&service.get("/service/join-policy"));
        assert_eq!(policy.pointer(pointer).unwrap_or(&Value::Null), &expected, "{action}: {policy}");
        let drops = !action.starts_with("remove_");
        assert_eq!(service.state_of(&other), if drops { "Dropped" } else { "Open" }, "{action}");
        service.withdraw(2, &other);
    }
    let policy = body(&service.get("/service/join-policy"));
    let names: Vec<&String> = policy.as_object().unwrap().keys().collect();
    assert_eq!(names, ["sgx", "snp", "virtual"], "what is empty is left out");
}

/// None can be proposed.
pub(crate) fn check_refused<const N: usize>(service: &mut Service, cases: [(&str, Value); N]) {
    for (action, args) in cases {
        let answer = service.propose(0, &json!([{ "name": action, "args": args }]));
        assert_eq!(answer.status.0, 400, "{action} {args}: {}", text(&answer));
    }
}

/// After all votes that add or set something.
pub(crate) fn added(votes: Vec<Vote>) -> Service {
    let mut service = service();
    let adding = votes.into_iter().filter(|(name, ..)| name.starts_with("add_") || name.starts_with("set_"));
    for (name, args, ..) in adding {
        service.decide(&json!([{ "name": name, "args": args }]));
    }
    service
}

/// Evidence of nodes is shown with these formats.
pub(crate) fn check_shown<const N: usize>(formats: [(QuoteFormat, &str); N]) {
    let mut service = Service::new(&constitutions::ours());
    for (byte, (format, name)) in (1..).zip(formats) {
        let id = Digest([byte; 32]);
        let quote_info = QuoteInfo {
            format,
            quote: Base64(b"quote".to_vec()),
            endorsements: Base64(b"{}".to_vec()),
            uvm_endorsements: None,
            endorsed_tcb: None,
        };
        let info = NodeInfo { quote_info, ..node_info(NodeStatus::Trusted) };
        service.write(|tables, tx| tables.nodes.info.put(tx, &id, &info));
        let shown = body(&service.get(&format!("/service/nodes/{id}")));
        let expected = json!({ "format": name, "quote": "cXVvdGU=", "endorsements": "e30=" });
        assert_eq!(shown["quoteInfo"], expected);
    }
}
