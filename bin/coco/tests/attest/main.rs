//! `coco attest` as it is called: what it says of imitated and of genuine evidence, and with which status.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs::{self, File},
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

use coco_crypto::pem;
use coco_imitated::snp::{Machine, NOW, at};
use coco_wire::text::{encode_base64, encode_hex};
use serde_json::{Value, json};

mod genuine;
mod intel;
mod machines;

const COCO: &str = env!("CARGO_BIN_EXE_coco");

fn attest(arguments: &[&str], directory: &Path) -> Output {
    Command::new(COCO).arg("attest").args(arguments).current_dir(directory).output().unwrap()
}

fn status(output: &Output) -> i32 {
    output.status.code().unwrap()
}

/// What it said on either output.
fn said(output: &Output) -> String {
    String::from_utf8([output.stdout.as_slice(), &output.stderr].concat()).unwrap()
}

fn check(line: &str, directory: &Path, expected: i32, texts: &[&str]) {
    let arguments: Vec<&str> = line.split_ascii_whitespace().collect();
    let output = attest(&arguments, directory);
    let said = said(&output);
    assert_eq!(status(&output), expected, "{line}\n{said}");
    for text in texts {
        assert!(said.contains(text), "{line}: no `{text}` in\n{said}");
    }
}

/// Files of a machine that was never built.
fn imitate(directory: &Path) {
    let mut machine = Machine::milan();
    let node = "77".repeat(32);
    let write = |name: &str, bytes: &[u8]| fs::write(directory.join(name), bytes).unwrap();
    let evidence = machine.sign();
    write("report.bin", &evidence.report);
    write("report.hex", encode_hex(&evidence.report).to_uppercase().as_bytes());
    write("report.txt", encode_base64(&evidence.report).as_bytes());
    write("chain.pem", &evidence.certificates);
    write("chip.der", &machine.end.sign());
    // In any order.
    let others = [machine.root.sign(), machine.intermediate.sign()];
    let others: String = others.iter().map(|der| pem::encode("CERTIFICATE", der)).collect();
    write("others.pem", others.as_bytes());
    write("root.der", &machine.root.sign());
    machine.put(at::REPORT_DATA, &[0; 64]);
    machine.put(at::REPORT_DATA, &[0x77; 32]);
    let bound = machine.sign();
    machine.put(at::POLICY, &0xb_001f_u64.to_le_bytes());
    write("debug.bin", &machine.sign().report);
    let of_node = |report: &[u8], id: &str| {
        json!({
            "node_id": id,
            "format": "AMD_SEV_SNP_v1",
            "raw": encode_base64(report),
            "endorsements": encode_base64(&bound.certificates),
            "measurement": "3e".repeat(48),
        })
    };
    let good = of_node(&bound.report, &node);
    write("self.json", good.to_string().as_bytes());
    let other = of_node(&evidence.report, &"88".repeat(32));
    write("nodes.json", json!({ "attestations": [good, other] }).to_string().as_bytes());
    let statement = json!({
        "host_data": "ab".repeat(32),
        "measurement": "Insecure hard-coded virtual measurement v1",
        "report_data": encode_base64(&[0x77; 32]),
    });
    write("virtual.json", statement.to_string().as_bytes());
    let raw = encode_base64(statement.to_string().as_bytes());
    let quote = json!({ "node_id": node, "format": "Insecure_Virtual", "raw": raw, "endorsements": "" });
    write("quotes.json", json!({ "quotes": [quote] }).to_string().as_bytes());
    write("sgx.json", br#"{"node_id": "", "format": "OE_SGX_v1", "raw": ""}"#);
}

#[test]
fn a_report_in_words() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    imitate(directory);
    for name in ["report.bin", "report.hex", "report.txt"] {
        let output = attest(&["show", name], directory);
        let expected = include_str!("report.txt").replace("FILE", name);
        assert_eq!((status(&output), said(&output)), (0, expected));
    }
    let output = attest(&["show", "report.bin", "--json"], directory);
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    let fields = &value["evidence"][0]["fields"]["sev_snp"];
    assert_eq!(fields["measurement"], "3e".repeat(48));
    assert_eq!(fields["debug"], false);
    assert_eq!(
        fields["reported_tcb"],
        json!({ "packed": "db18000000000104", "microcode": 219, "snp": 24, "tee": 1, "boot_loader": 4 })
    );
    assert_eq!(value["evidence"][0]["platform"], "sev-snp");
}

/// Arguments, status, and what is said.
const ROWS: &[(&str, i32, &[&str])] = &[
    ("show nodes.json", 0, &["nodes.json[0]: ", "of node 7777", "nodes.json[1]: ", "Certificates beside it"]),
    ("show virtual.json", 0, &["which anybody can write", "nobody signs evidence of this platform"]),
    ("show quotes.json", 0, &["quotes.json[0]: evidence of the virtual platform, of node 7777"]),
    ("show sgx.json", 2, &["sgx.json: the quote has a format that this program does not read: OE_SGX_v1"]),
    ("show chain.pem", 2, &["chain.pem: no evidence that this program knows"]),
    ("show absent", 2, &["absent: "]),
    (
        "show chip.der --platform sev-snp",
        1,
        &["MALFORMED: SEV-SNP: attestation report is not of expected size"],
    ),
    ("show", 2, &["Usage"]),
    ("verify report.bin", 2, &["needs --endorsements FILE"]),
    // The root is nobody's.
    ("verify report.bin --endorsements chain.pem --at NOW", 1, &["REFUSED: report.bin", "named by --root"]),
    (
        "verify report.bin --endorsements chip.der --endorsements others.pem --root root.der --at NOW",
        0,
        &[
            "VERIFIED: report.bin, evidence of AMD SEV-SNP, looked at ",
            "Root certificate `ARK`: trusted because you named it (--root), as that of Milan processors.",
            "Certificate `SEV`: signed by `ARK`; valid from ",
            "The key of `SEV-VCEK` signed the report. It is the key of one chip, c1c1c1",
            "  - the report data (--report-data): it may have been made for another key",
            "  - the measurement (--measurement): any guest may run",
            "  - the host data (--host-data): ",
            "  - whether AMD has revoked a certificate",
            "  - the age of the firmware (--minimum-tcb)",
        ],
    ),
    (
        "verify report.bin --endorsements chain.pem --root root.der --at NOW --measurement MEASUREMENT \
             --minimum-tcb db18000000000104",
        0,
        &["  - the measurement, as asked (--measurement)", "TCB are not older than db18000000000104"],
    ),
    (
        "verify report.bin --endorsements chain.pem --root root.der --at NOW --minimum-tcb db19000000000104",
        1,
        &["the reported TCB is older than the minimum TCB", "have the firmware of the machine updated"],
    ),
    (
        "verify report.bin --endorsements chain.pem --root root.der --at NOW --host-data 00",
        2,
        &["--host-data takes 32 bytes here"],
    ),
    (
        "verify report.bin --endorsements chain.pem --root root.der --at NOW --report-data 01",
        1,
        &["the report data is not the expected one", "made for another key or question"],
    ),
    ("verify report.bin --endorsements chain.pem --root root.der", 1, &["has expired", "--at"]),
    (
        "verify debug.bin --endorsements chain.pem --root root.der --at NOW",
        1,
        &["debugging must not be enabled"],
    ),
    (
        "verify self.json --root root.der --at NOW",
        0,
        &["it was made for the node 7777", "compare with its certif"],
    ),
    (
        "verify nodes.json --root root.der --at NOW",
        1,
        &["VERIFIED: nodes.json[0]", "REFUSED: nodes.json[1]", "the report data is not the expected one"],
    ),
    ("verify quotes.json", 1, &["proves nothing", "for tests, --accept virtual"]),
    ("verify quotes.json --accept virtual", 0, &["NOBODY signed this", "made for the node 7777"]),
    ("verify quotes.json --accept virtual --report-data 7777", 1, &["bound to another key"]),
    ("verify report.bin --at yesterday", 2, &["--at"]),
    ("verify --help", 0, &["Exit status: 0 verified", "--minimum-tcb <VERSION>"]),
];

#[test]
fn imitated_evidence() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    imitate(directory);
    let now = NOW.to_string();
    let measurement = "3e".repeat(48);
    for (line, expected, texts) in ROWS {
        let line = line.replace("NOW", &now).replace("MEASUREMENT", &measurement);
        check(&line, directory, *expected, texts);
    }
    let output = attest(&["verify", "nodes.json", "--root", "root.der", "--at", &now, "--json"], directory);
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((status(&output), &value["evidence"][0]["verified"]), (1, &json!(true)));
    assert_eq!(value["evidence"][0]["fields"]["sev_snp"]["host_data"], "40".repeat(32));
    assert_eq!(value["evidence"][1]["reason"], "SEV-SNP: the report data is not the expected one");
}

#[test]
fn standard_input_and_large_files() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    imitate(directory);
    let mut child = Command::new(COCO)
        .args(["attest", "show", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&fs::read(directory.join("nodes.json")).unwrap()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(status(&output), 0);
    assert!(said(&output).starts_with("standard input[0]: evidence of AMD SEV-SNP, of node 77"));
    File::create(directory.join("large")).unwrap().set_len(100_000_000).unwrap();
    check("show large", directory, 2, &["large: file too large"]);
    check("verify large", directory, 2, &["large: file too large"]);
    check("verify report.bin --endorsements large", directory, 2, &["large: file too large"]);
}
