//! Evidence of nodes in enclaves of Windows, on confidential machines of Azure, and in Nitro Enclaves.

use std::{fs, path::Path};

use coco_imitated::{
    azure::Azure,
    nitro::{self, Enclave},
    tpm::{ATTESTS, Certificates, NOW, keys},
    windows::{Windows, vouched},
};
use coco_wire::text::{encode_base64, encode_hex};
use serde_json::{Value, json};

use super::{attest, check};

/// What machines show as nodes, and whom one has to trust for it.
fn imitate(directory: &Path) {
    let node = "77".repeat(32);
    let write = |name: &str, bytes: &[u8]| fs::write(directory.join(name), bytes).unwrap();
    let evidence = |name: &str, format: &str, raw: &[u8], endorsements: &[u8]| {
        let evidence = json!({
            "node_id": node,
            "format": format,
            "raw": encode_base64(raw),
            "endorsements": encode_base64(endorsements),
        });
        write(name, json!({ "attestations": [evidence] }).to_string().as_bytes());
    };
    let bound = node.parse().unwrap();

    let certificates = Certificates::new(ATTESTS);
    let authority = certificates.0[1].sign();
    let mut windows = Windows::genuine();
    windows.firmware[1] = vec![vouched(&authority)];
    windows.bind(&bound);
    write("authority.der", &authority);
    let shown = windows.sign();
    evidence("vbs.json", "Windows_VBS_v1", &shown.tpm.form(&shown.report), &shown.tpm.public);
    write("ak.pub", &shown.tpm.public);
    windows.tpm.key = &keys().rsa;
    let shown = windows.sign();
    evidence("vbs-certified.json", "Windows_VBS_v1", &shown.tpm.form(&shown.report), &certificates.sign());
    write("tpm-root.der", &certificates.0[2].sign());
    windows.tpm.nonce = vec![1; 32];
    let shown = windows.sign();
    evidence("vbs-stale.json", "Windows_VBS_v1", &shown.tpm.form(&shown.report), &certificates.sign());

    let mut azure = Azure::genuine();
    azure.bind(&bound);
    let shown = azure.sign();
    evidence("azure.json", "Azure_CVM_SNP_v1", &shown.tpm.form(&shown.report), &shown.snp.certificates);
    write("amd-root.der", &azure.snp.root.sign());
    azure.tpm.nonce = vec![1; 32];
    let shown = azure.sign();
    evidence("azure-stale.json", "Azure_CVM_SNP_v1", &shown.tpm.form(&shown.report), &shown.snp.certificates);
    evidence("azure-broken.json", "Azure_CVM_SNP_v1", b"{}", b"");

    let mut enclave = Enclave::genuine();
    enclave.bind(&bound);
    let shown = enclave.sign();
    evidence("nitro.json", "AWS_Nitro_v1", &shown.message, b"");
    let (_, chain) = coco_attest::nitro::read(&shown.message).unwrap();
    write("aws-root.der", chain.last().unwrap().der());
    enclave.user_data[0] = 1;
    evidence("nitro-stale.json", "AWS_Nitro_v1", &enclave.sign().message, b"");
}

/// Arguments, status, and what is said.
const ROWS: &[(&str, i32, &[&str])] = &[
    ("show vbs.json", 0, &["vbs.json[0]: evidence of a VBS enclave of Windows, of node 7777"]),
    ("show azure.json", 0, &["azure.json[0]: evidence of", "of node 7777"]),
    ("show nitro.json", 0, &["nitro.json[0]: evidence of", "of node 7777"]),
    ("show azure-broken.json", 2, &["no usable `raw`"]),
    (
        "verify vbs.json --key ak.pub --boot-authority authority.der --at NOW",
        0,
        &["VERIFIED: vbs.json[0]", "it was made for the node 7777", "the quote was made for the node 7777"],
    ),
    (
        "verify vbs-certified.json --root tpm-root.der --boot-authority authority.der --at NOW",
        0,
        &["VERIFIED: vbs-certified.json[0]"],
    ),
    ("verify vbs-certified.json --root tpm-root.der --at NOW", 1, &["REFUSED", "who is not accepted"]),
    (
        "verify vbs-stale.json --root tpm-root.der --at NOW",
        1,
        &["REFUSED", "the quote answers another nonce"],
    ),
    ("verify vbs.json --at NOW", 2, &["--key"]),
    (
        "verify azure.json --root amd-root.der --at NOW",
        0,
        &["VERIFIED: azure.json[0]", "the nonce: the quote was made for the node 7777"],
    ),
    ("verify azure.json --root amd-root.der --at NOW --nonce 01", 1, &["the quote answers another nonce"]),
    ("verify azure-stale.json --root amd-root.der --at NOW", 1, &["the quote answers another nonce"]),
    ("verify azure.json --at NOW", 1, &["REFUSED"]),
    (
        "verify nitro.json --root aws-root.der --at MADE",
        0,
        &["VERIFIED: nitro.json[0]", "the user data: it was made for the node 7777"],
    ),
    ("verify nitro.json --root aws-root.der --at MADE --measurement IMAGE", 0, &["VERIFIED"]),
    ("verify nitro-stale.json --root aws-root.der --at MADE", 1, &["REFUSED"]),
    ("verify nitro.json --at MADE", 1, &["the root of trust"]),
];

#[test]
fn evidence_of_nodes() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    imitate(directory);
    for (line, expected, texts) in ROWS {
        let line = line
            .replace("NOW", &NOW.to_string())
            .replace("MADE", &nitro::NOW.to_string())
            .replace("IMAGE", &encode_hex(&nitro::value(0)));
        check(&line, directory, *expected, texts);
    }
    for (file, platform) in [("vbs.json", "vbs"), ("nitro.json", "nitro")] {
        let output = attest(&["show", file, "--json"], directory);
        let value: Value = serde_json::from_slice(&output.stdout).unwrap();
        let evidence = &value["evidence"][0];
        assert_eq!(
            (&evidence["platform"], &evidence["node_id"]),
            (&json!(platform), &json!("77".repeat(32)))
        );
    }
}
