//! Members decide which machines of Intel's run nodes. CCF's constitution has no such actions.

use coco_tables::{
    intel::{IntelTcb, Products, TdxAttributes},
    nodes::QuoteFormat,
    value::Registers,
};
use serde_json::{Value, json};

use crate::{
    consortium::text,
    join_policy::{Vote, added, check_refused, check_shown, check_votes, digits, service, votes_on_register},
};

const FMSPC: &str = "00806f050000";

fn votes() -> Vec<Vote> {
    let (of_48, of_32, of_64) = (digits("a", 96), digits("b", 64), digits("c", 128));
    let tcb = json!({ "fmspc": FMSPC, "minimum_evaluation": 17, "statuses": ["SWHardeningNeeded"],
        "advisories": ["INTEL-SA-00615"], "max_collateral_age_s": 86_400 });
    let row = json!({ "minimum_evaluation": 17, "statuses": ["SWHardeningNeeded"],
        "advisories": ["INTEL-SA-00615"], "max_collateral_age_s": 86_400 });
    let least = json!({ "fmspc": FMSPC, "minimum_evaluation": 0, "statuses": null });
    let signer = |product: u16| json!({ "signer": of_32, "product_id": product, "minimum_svn": 7 });
    let unsigned = |product: u16| json!({ "signer": of_32, "product_id": product });
    let attributes = json!({ "pks": true, "perfmon": false, "xfam": "00000000000000e7", "kl": null });
    let mut votes = vec![
        ("set_intel_tcb", tcb, "/intelTcb/00806f050000", row),
        ("set_intel_tcb", least, "/intelTcb/00806f050000", json!({ "minimum_evaluation": 0 })),
        ("remove_intel_tcb", json!({ "fmspc": FMSPC }), "/intelTcb", json!(null)),
        ("add_tdx_measurement", json!({ "measurement": of_48 }), "/tdx/measurements", json!([of_48])),
        ("remove_tdx_measurement", json!({ "measurement": of_48 }), "/tdx", json!(null)),
        ("add_tdx_host_data", json!({ "host_data": of_48 }), "/tdx/hostData", json!([of_48])),
        ("remove_tdx_host_data", json!({ "host_data": of_48 }), "/tdx", json!(null)),
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
    ];
    let actions = ["add_tdx_register", "remove_tdx_register"];
    votes.extend(votes_on_register(3, 96, actions, ["/tdx/registers", "/tdx"]));
    votes
}

#[test]
fn the_policy_for_machines_of_intel_is_decided_by_vote() {
    check_votes(votes());
}

#[test]
fn arguments_that_say_nothing_about_machines_of_intel() {
    let mut service = service();
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
    check_refused(&mut service, cases);
    let absent = service.decide(&json!([{ "name": "remove_intel_tcb", "args": { "fmspc": FMSPC } }]));
    assert_eq!(absent.status.0, 500, "{}", text(&absent));
}

#[test]
fn what_scripts_write_is_what_nodes_read() {
    let service = added(votes());
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
    check_shown([
        (QuoteFormat::IntelSgxDcapV1, "Intel_SGX_DCAP_v1"),
        (QuoteFormat::IntelTdxV1, "Intel_TDX_v1"),
    ]);
}
