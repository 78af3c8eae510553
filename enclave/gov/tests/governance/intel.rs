//! Members decide which machines of Intel's run nodes. CCF's constitution has no such actions.

use coco_tables::{
    intel::{IntelTcb, Products, Registers, TdxAttributes},
    nodes::{NodeInfo, NodeStatus, QuoteFormat, QuoteInfo},
};
use coco_wire::{Digest, text::Base64};
use serde_json::{Value, json};

use crate::{
    consortium::{Service, body, text},
    constitutions,
    nodes::node_info,
};

const FMSPC: &str = "00806f050000";

fn digits(digit: &str, count: usize) -> String {
    digit.repeat(count)
}

/// Action, its arguments, and the part of the join policy that it is about, afterwards: null if it is gone.
fn votes() -> Vec<(&'static str, Value, &'static str, Value)> {
    let (of_48, of_32, of_64) = (digits("a", 96), digits("b", 64), digits("c", 128));
    let tcb = json!({ "fmspc": FMSPC, "minimum_evaluation": 17, "statuses": ["SWHardeningNeeded"],
        "advisories": ["INTEL-SA-00615"], "max_collateral_age_s": 86_400 });
    let row = json!({ "minimum_evaluation": 17, "statuses": ["SWHardeningNeeded"],
        "advisories": ["INTEL-SA-00615"], "max_collateral_age_s": 86_400 });
    let least = json!({ "fmspc": FMSPC, "minimum_evaluation": 0, "statuses": null });
    let register = |value: &str| json!({ "register": 3, "value": digits(value, 96) });
    let signer = |product: u16| json!({ "signer": of_32, "product_id": product, "minimum_svn": 7 });
    let unsigned = |product: u16| json!({ "signer": of_32, "product_id": product });
    let attributes = json!({ "pks": true, "perfmon": false, "xfam": "00000000000000e7", "kl": null });
    vec![
        ("set_intel_tcb", tcb, "/intelTcb/00806f050000", row),
        ("set_intel_tcb", least, "/intelTcb/00806f050000", json!({ "minimum_evaluation": 0 })),
        ("remove_intel_tcb", json!({ "fmspc": FMSPC }), "/intelTcb", json!(null)),
        ("add_tdx_measurement", json!({ "measurement": of_48 }), "/tdx/measurements", json!([of_48])),
        ("remove_tdx_measurement", json!({ "measurement": of_48 }), "/tdx", json!(null)),
        ("add_tdx_host_data", json!({ "host_data": of_48 }), "/tdx/hostData", json!([of_48])),
        ("remove_tdx_host_data", json!({ "host_data": of_48 }), "/tdx", json!(null)),
        ("add_tdx_register", register("1"), "/tdx/registers", json!({ "3": [digits("1", 96)] })),
        ("add_tdx_register", register("1"), "/tdx/registers", json!({ "3": [digits("1", 96)] })),
        (
            "add_tdx_register",
            register("2"),
            "/tdx/registers",
            json!({ "3": [digits("1", 96), digits("2", 96)] }),
        ),
        ("remove_tdx_register", register("1"), "/tdx/registers", json!({ "3": [digits("2", 96)] })),
        ("remove_tdx_register", register("2"), "/tdx", json!(null)),
        ("remove_tdx_register", register("2"), "/tdx", json!(null)),
        (
            "set_tdx_attributes",
            attributes,
            "/tdx/attributes",
            json!({ "pks": true, "xfam": "00000000000000e7" }),
        ),
        ("remove_tdx_attributes", json!({}), "/tdx", json!(null)),
        ("add_sgx_measurement", json!({ "measurement": of_32 }), "/sgxDcap/measurements", json!([of_32])),
        ("remove_sgx_measurement", json!({ "measurement": of_32 }), "/sgxDcap", json!(null)),
        ("add_sgx_host_data", json!({ "host_data": of_64 }), "/sgxDcap/hostData", json!([of_64])),
        ("remove_sgx_host_data", json!({ "host_data": of_64 }), "/sgxDcap", json!(null)),
        ("add_sgx_signer", signer(1), "/sgxDcap/signers", json!({ of_32.clone(): { "1": 7 } })),
        ("add_sgx_signer", signer(0), "/sgxDcap/signers", json!({ of_32.clone(): { "0": 7, "1": 7 } })),
        ("remove_sgx_signer", unsigned(1), "/sgxDcap/signers", json!({ of_32.clone(): { "0": 7 } })),
        ("remove_sgx_signer", unsigned(0), "/sgxDcap", json!(null)),
    ]
}

#[test]
fn the_policy_for_machines_of_intel_is_decided_by_vote() {
    let mut service = Service::new(&constitutions::ours());
    service.acknowledge_all();
    let noop = json!([{ "name": "remove_user", "args": { "user_id": Digest([7; 32]) } }]);
    for (action, args, pointer, expected) in votes() {
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

#[test]
fn arguments_that_say_nothing_about_machines_of_intel() {
    let mut service = Service::new(&constitutions::ours());
    service.acknowledge_all();
    let tcb = |field: &str, value: Value| {
        let mut args = json!({ "fmspc": FMSPC, "minimum_evaluation": 17 });
        args[field] = value;
        ("set_intel_tcb", args)
    };
    let cases = [
        tcb("fmspc", json!("00806F050000")),
        tcb("fmspc", json!("00806f05")),
        tcb("minimum_evaluation", json!(-1)),
        tcb("minimum_evaluation", json!(4_294_967_296_u64)),
        tcb("minimum_evaluation", json!(null)),
        tcb("statuses", json!(["Revoked"])),
        tcb("statuses", json!("OutOfDate")),
        tcb("advisories", json!([1])),
        tcb("max_collateral_age_s", json!("1")),
        tcb("more", json!(1)),
        ("add_tdx_measurement", json!({ "measurement": digits("a", 64) })),
        ("add_tdx_host_data", json!({ "host_data": digits("A", 96) })),
        ("add_tdx_register", json!({ "register": 4, "value": digits("a", 96) })),
        ("add_tdx_register", json!({ "register": "0", "value": digits("a", 96) })),
        ("add_tdx_register", json!({ "register": 0, "value": "" })),
        ("set_tdx_attributes", json!({ "pks": 1 })),
        ("set_tdx_attributes", json!({ "xfam": "e7" })),
        ("set_tdx_attributes", json!({ "debug": true })),
        ("add_sgx_measurement", json!({ "measurement": digits("a", 96) })),
        ("add_sgx_host_data", json!({ "host_data": digits("a", 64) })),
        ("add_sgx_signer", json!({ "signer": digits("a", 64), "product_id": 65_536, "minimum_svn": 0 })),
        ("add_sgx_signer", json!({ "signer": digits("a", 64), "product_id": 0 })),
    ];
    for (action, args) in cases {
        let answer = service.propose(0, &json!([{ "name": action, "args": args }]));
        assert_eq!(answer.status.0, 400, "{action} {args}: {}", text(&answer));
    }
    let absent = service.decide(&json!([{ "name": "remove_intel_tcb", "args": { "fmspc": FMSPC } }]));
    assert_eq!(absent.status.0, 500, "{}", text(&absent));
}

#[test]
fn what_scripts_write_is_what_nodes_read() {
    let mut service = Service::new(&constitutions::ours());
    service.acknowledge_all();
    let adding =
        votes().into_iter().filter(|(name, ..)| name.starts_with("add_") || name.starts_with("set_"));
    for (name, args, ..) in adding {
        service.decide(&json!([{ "name": name, "args": args }]));
    }
    let (state, intel) = (service.store.latest(), &service.tables.intel);
    let tcb = intel.tcb.get(&state, &FMSPC.to_owned()).unwrap();
    assert_eq!(tcb, Some(IntelTcb::default()));
    let registers = intel.tdx_registers.get(&state, &"3".to_owned()).unwrap();
    assert_eq!(registers, Some(Registers(vec![digits("1", 96), digits("2", 96)])));
    let attributes = intel.tdx_attributes.get(&state).unwrap().unwrap();
    let xfam = Some("00000000000000e7".to_owned());
    assert_eq!(attributes, TdxAttributes { pks: true, xfam, ..TdxAttributes::default() });
    let products = intel.sgx_signers.get(&state, &digits("b", 64)).unwrap();
    assert_eq!(products, Some(Products([("0".to_owned(), 7), ("1".to_owned(), 7)].into())));
    assert!(intel.tdx_measurements.get(&state, &digits("a", 96)).unwrap().is_some());
    assert!(intel.tdx_host_data.get(&state, &digits("a", 96)).unwrap().is_some());
    assert!(intel.sgx_measurements.get(&state, &digits("b", 64)).unwrap().is_some());
    assert!(intel.sgx_host_data.get(&state, &digits("c", 128)).unwrap().is_some());
}

#[test]
fn nodes_on_machines_of_intel_are_shown() {
    let mut service = Service::new(&constitutions::ours());
    for (byte, format, name) in
        [(1, QuoteFormat::IntelSgxDcapV1, "Intel_SGX_DCAP_v1"), (2, QuoteFormat::IntelTdxV1, "Intel_TDX_v1")]
    {
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
        assert_eq!(
            shown["quoteInfo"],
            json!({ "format": name, "quote": "cXVvdGU=", "endorsements": "e30=" })
        );
    }
}
