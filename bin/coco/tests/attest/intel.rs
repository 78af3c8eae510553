//! Evidence of nodes on machines with SGX or TDX, which brings its collateral.

use std::{fs, path::Path};

use coco_imitated::intel::{Kind, Machine, NOW, domain_at};
use coco_wire::text::encode_base64;
use serde_json::{Value, json};

use super::{attest, check};

/// What the machines show as nodes, and what their maker says of it later.
fn imitate(directory: &Path) {
    let node = "77".repeat(32);
    let write = |name: &str, bytes: &[u8]| fs::write(directory.join(name), bytes).unwrap();
    for (name, kind, format) in
        [("tdx", Kind::Tdx15, "Intel_TDX_v1"), ("sgx", Kind::Sgx, "Intel_SGX_DCAP_v1")]
    {
        let mut machine = Machine::new(kind);
        if kind.is_tdx() {
            machine.put(domain_at::REGISTERS[1], &[0x11; 48]);
        }
        machine.bind(&node.parse().unwrap());
        let shown = machine.sign();
        let evidence = json!({
            "node_id": node,
            "format": format,
            "raw": encode_base64(&shown.quote),
            "endorsements": encode_base64(&shown.collateral.to_json()),
        });
        write(&format!("{name}.json"), json!({ "attestations": [evidence] }).to_string().as_bytes());
        let mut bare = evidence.clone();
        bare["endorsements"] = "".into();
        write(&format!("{name}-bare.json"), bare.to_string().as_bytes());
        write("root.der", &machine.root.sign());
        machine.tcb_info["tcbEvaluationDataNumber"] = 18.into();
        write(&format!("{name}-later.json"), &machine.sign().collateral.to_json());
    }
}

/// Arguments, status, and what is said.
const ROWS: &[(&str, i32, &[&str])] = &[
    ("show tdx.json", 0, &["tdx.json[0]: evidence of Intel TDX, of node 7777", "Certificate"]),
    ("show sgx.json", 0, &["sgx.json[0]: evidence of Intel SGX, of node 7777", "Certificate"]),
    (
        "verify tdx.json --root root.der --at NOW",
        0,
        &["VERIFIED: tdx.json[0]", "evaluation number 17", "it was made for the node 7777"],
    ),
    (
        "verify sgx.json --root root.der --at NOW",
        0,
        &["VERIFIED: sgx.json[0]", "(FMSPC)", "it was made for the node 7777"],
    ),
    // The root is nobody's.
    ("verify tdx.json --at NOW", 1, &["REFUSED: tdx.json[0]", "the root of trust is not the expected one"]),
    ("verify sgx.json --root root.der --at NOW --minimum-tcb 18", 1, &["evaluation data number 17 is below"]),
    // What is given counts, not what stands beside it.
    (
        "verify sgx.json --root root.der --at NOW --minimum-tcb 18 --collateral sgx-later.json",
        0,
        &["the evaluation number is not below 18"],
    ),
    ("verify tdx.json --root root.der --at NOW --collateral sgx-later.json", 1, &["for another platform"]),
    ("verify tdx.json --root root.der --at NOW --register 1=REGISTER", 0, &["VERIFIED"]),
    (
        "verify tdx.json --root root.der --at NOW --register 0=REGISTER",
        1,
        &["which is not what was asked for"],
    ),
    ("verify tdx.json --root root.der --at NOW --report-data 01", 1, &["not the expected one"]),
    ("verify tdx.json --root root.der", 1, &["REFUSED", "--at"]),
    ("verify tdx-bare.json --root root.der --at NOW", 1, &["malformed collateral"]),
    ("verify tdx-bare.json --root root.der --at NOW --collateral tdx-later.json", 0, &["VERIFIED"]),
];

#[test]
fn evidence_of_nodes() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    imitate(directory);
    for (line, expected, texts) in ROWS {
        let line = line.replace("NOW", &NOW.to_string()).replace("REGISTER", &"11".repeat(48));
        check(&line, directory, *expected, texts);
    }
    let output = attest(&["show", "tdx.json", "--json"], directory);
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    let evidence = &value["evidence"][0];
    assert_eq!((&evidence["platform"], &evidence["node_id"]), (&json!("tdx"), &json!("77".repeat(32))));
    assert_eq!(evidence["fields"]["tdx"]["measurement"], "3e".repeat(48));
}
