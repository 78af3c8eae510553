//! Evidence of machines that exist. `COCO_VECTORS` names the directory with it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use coco_crypto::Certificate;
use coco_wire::text::{decode_base64, encode_hex};
use serde_json::{Value, json};

use super::check;

fn vectors() -> Option<PathBuf> {
    let found = std::env::var_os("COCO_VECTORS").map(PathBuf::from);
    if found.is_none() {
        eprintln!("SKIPPED: COCO_VECTORS does not name the directory with genuine evidence");
    }
    found
}

/// Arguments, in which `V` is the directory with genuine evidence; status; what is said.
const GENUINE: &[(&str, i32, &[&str])] = &[
    (
        "verify V/snp/ccf-milan/report.bin --endorsements V/snp/ccf-milan/vcek_ask_ark.pem --at T",
        0,
        &[
            "Root certificate `ARK-Milan`: AMD's root key of Milan processors, which this program knows. \
             SHA-256 of its key 9f056bee44377e29308cb5ffa895bdfb62d18881fa6bed8d6f075b0204089cb9",
            "Certificate `SEV-Milan`: signed by `ARK-Milan`; valid from 2020-10-22 18:24:20 UTC to 2045-10-22",
        ],
    ),
    (
        "verify V/snp/ccf-genoa/report.bin --endorsements V/snp/ccf-genoa/vcek_ask_ark.pem --at T",
        0,
        &["`ARK-Genoa`: AMD's root key of Genoa"],
    ),
    (
        "verify V/snp/oak-turin-oc/report.bin --endorsements V/snp/oak-turin-oc/tee_cert.der \
         --endorsements V/snp/roots/turin_ask_ark_asvk.pem --at T --minimum-tcb 4700000002000100",
        0,
        &["`ARK-Turin`: AMD's root key of Turin", "FMC 0"],
    ),
    (
        "verify V/snp/ccf-milan/report.bin --endorsements V/snp/ccf-genoa/vcek_ask_ark.pem --at T",
        1,
        &["the key of the end certificate did not sign"],
    ),
    (
        "verify V/snp/ccf-milan/report.bin --endorsements V/snp/ccf-milan/vcek_ask_ark.pem --at T \
         --uvm-endorsements V/uvm/uvm_0.2.9.cose",
        1,
        &["launch measurement in UVM endorsements payload is not equal"],
    ),
    (
        "verify V/snp/trustee/report.bin --endorsements V/snp/trustee/vcek.der \
         --endorsements V/snp/roots/milan_ask_ark_asvk.pem --at T",
        1,
        &["attestation version 2 is not supported", "--accept version-2"],
    ),
    (
        "verify V/snp/trustee/report.bin --endorsements V/snp/trustee/vcek.der \
         --endorsements V/snp/roots/milan_ask_ark_asvk.pem --at T --accept version-2",
        0,
        &["VERIFIED"],
    ),
    (
        "verify V/snp/trustee/report.bin --endorsements V/snp/trustee/vcek-invalid-new.der \
         --endorsements V/snp/roots/milan_ask_ark_asvk.pem --at T --accept version-2",
        1,
        &["REFUSED"],
    ),
    (
        "verify V/snp/go-sev-guest/attestation.bin --endorsements V/snp/go-sev-guest/vcek.testcer \
         --endorsements V/snp/go-sev-guest/milan.testcer --at T --accept version-2",
        1,
        &["debugging must not be enabled", "can read what it does"],
    ),
    (
        "verify V/snp/trustee/vlek-report.bin --endorsements V/snp/trustee/vlek.der \
         --endorsements V/snp/roots/milan_ask_ark_asvk.pem --at T --accept vmpl-1",
        1,
        &["--accept provider:NAME"],
    ),
    (
        "verify V/snp/trustee/vlek-report.bin --endorsements V/snp/trustee/vlek.der \
         --endorsements V/snp/roots/milan_ask_ark_asvk.pem --at T --accept vmpl-1 \
         --accept provider:CN=cc-us-east-2.amazonaws.com",
        0,
        &["It is a key of the provider CN=cc-us-east-2.amazonaws.com", "asked for at VMPL 1"],
    ),
    ("show V/snp/virtee-sev/report_milan.hex", 0, &["version 2 of the format", "not named"]),
    (
        "show V/azure-cvm/az-cvm-vtpm/hcl-report-tdx.bin",
        0,
        &["which only it can check", "What Azure's paravisor says"],
    ),
    (
        "show V/azure-cvm/trustee-az-snp/evidence-v0.json",
        0,
        &["Quote of a TPM 2.0", "Values of PCRs", "secure boot"],
    ),
    ("show V/azure-cvm/trustee-az-snp/tpm-quote.msg", 0, &["Quote of a TPM 2.0", "SHA-256"]),
    (
        "verify V/azure-cvm/trustee-az-snp/evidence-v0.json --endorsements V/snp/roots/milan_ask_ark_asvk.pem --at T",
        0,
        &["evidence of a confidential VM of Azure", "rests on the paravisor", "  - the nonce (--nonce)"],
    ),
    (
        "verify V/azure-cvm/trustee-az-snp/evidence-v0.json --endorsements V/snp/roots/milan_ask_ark_asvk.pem --at T \
         --nonce 00",
        1,
        &["Azure: TPM: the quote answers another nonce"],
    ),
    (
        "verify V/azure-cvm/trustee-az-snp/hcl-report.bin --at T",
        2,
        &["needs its signature and the values of the PCRs"],
    ),
    (
        "verify V/azure-cvm/trustee-az-snp/tpm-quote-v1.json --at T",
        2,
        &["needs the TPM's key that you know (--key)"],
    ),
    ("show V/tpm/go-attestation/crypto_agile_eventlog", 0, &["PCR 7: "]),
    ("verify V/tpm/go-attestation/crypto_agile_eventlog", 2, &["an event log alone can be shown"]),
    ("show V/vbs/sql2019-aetm/vbs_enclave_report_pkg.bin", 0, &["aetm-enclave.dll", "AzureAttest.dll"]),
    ("verify V/vbs/sql2019-aetm/vbs_enclave_report_pkg.bin", 2, &["needs the health certificate"]),
    (
        "verify V/vbs/sql2019-aetm/vbs_enclave_report_pkg.bin --at 2019-10-30T00:00:00Z \
         --endorsements V/vbs/sql2019-aetm/health_cert_idks.der --root V/vbs/sql2019-aetm/health_cert_idks.der",
        1,
        &["expected 2 health certificates but got 1", "by --endorsements"],
    ),
    ("show V/vbs/maa/report_boot.jwt", 2, &["no evidence that this program knows"]),
    ("show V/nitro/evervault/valid-attestation-doc-base64", 0, &["THE INSTANCE READS its console", "made"]),
    (
        "verify V/nitro/evervault/valid-attestation-doc-base64 --at 2023-09-18T15:03:30Z",
        1,
        &["runs in debug mode", "do not trust it"],
    ),
    ("verify V/nitro/evervault/valid-attestation-doc-base64", 1, &["too old", "--at"]),
    ("show V/sgx/dcap-qvl/sgx_quote", 0, &["MRENCLAVE", "Certificates beside it"]),
    ("verify V/sgx/dcap-qvl/sgx_quote", 2, &["needs --collateral FILE"]),
    (
        "verify V/tdx/dcap-qvl/tdx_quote --collateral V/sgx/dcap-qvl/sgx_quote --at T",
        1,
        &["malformed collateral"],
    ),
];

#[test]
fn genuine_evidence() {
    let Some(vectors) = vectors() else { return };
    for (line, expected, texts) in GENUINE {
        let line = line
            .replace("V/", &format!("{}/", vectors.display()))
            .replace("--at T", "--at 2025-10-01T00:00:00Z");
        check(&line, Path::new("."), *expected, texts);
    }
}

#[test]
fn genuine_quotes_of_intel() {
    let Some(vectors) = vectors() else { return };
    let manifest: Value =
        serde_json::from_slice(&fs::read(vectors.join("dcap-manifest.json")).unwrap()).unwrap();
    for entry in manifest.as_array().unwrap() {
        let text = |name: &str| entry[name].as_str().unwrap_or_default();
        let time = text("verify_at_utc");
        let path = |name: &str| vectors.join(text(name)).display().to_string();
        let mut line = format!("verify {} --collateral {} --at {time}", path("quote"), path("collateral"));
        if text("result") != "verified" {
            check(&line, Path::new("."), 1, &["REFUSED: ", "  Why: "]);
            continue;
        }
        if text("status") != "UpToDate" {
            let advice = format!("--accept {}", text("status"));
            check(&line, Path::new("."), 1, &["is not accepted", &advice]);
            line.push_str(&format!(" {advice}"));
        }
        for advisory in entry["advisories"].as_array().unwrap() {
            line.push_str(&format!(" --accept {}", advisory.as_str().unwrap()));
        }
        let tcb = format!("By it the TCB is {}, ", text("status"));
        let root = "Intel's root key for provisioning, which this program knows. SHA-256 of its key a0af0312";
        check(&line, Path::new("."), 0, &["VERIFIED: ", root, &tcb, "  - the measurement (--measurement)"]);
    }
}

/// A boot of Windows of which a TPM quoted PCRs of SHA-1, and a quote of `tpm2_quote`.
#[test]
fn genuine_quotes_of_tpms() {
    let Some(vectors) = vectors() else { return };
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let windows = vectors.join("tpm/go-attestation/windows_gcp_shielded_vm.json");
    let windows: Value = serde_json::from_slice(&fs::read(windows).unwrap()).unwrap();
    let bytes = |value: &Value| decode_base64(value.as_str().unwrap()).unwrap();
    let area = bytes(&windows["AK"]["Public"]);
    let len = u16::try_from(area.len()).unwrap().to_be_bytes();
    fs::write(directory.join("ak.bin"), [&len[..], &area].concat()).unwrap();
    let mut pcrs: Vec<(u64, Value)> = windows["Log"]["PCRs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pcr| (pcr["Index"].as_u64().unwrap(), pcr["Digest"].clone()))
        .collect();
    pcrs.sort_by_key(|(index, _)| *index);
    let pcrs: Vec<Value> = pcrs.into_iter().map(|(_, digest)| digest).collect();
    let evidence = json!({
        "message": windows["Quote"]["Quote"],
        "signature": windows["Quote"]["Signature"],
        "pcrs": pcrs,
        "event_log": windows["Log"]["Raw"],
    });
    fs::write(directory.join("windows.json"), evidence.to_string()).unwrap();
    check("verify windows.json --key ak.bin", directory, 1, &["not accepted", "--accept sha1"]);
    check(
        "verify windows.json --key ak.bin --accept sha1",
        directory,
        0,
        &[
            "The TPM's key is the one that you named (--key)",
            "The event log leads to the values of PCRs 0 ",
            "--nonce",
        ],
    );
    check(
        "verify windows.json --key ak.bin --accept sha1 --register 0=00",
        directory,
        1,
        &["PCR 0 has another value"],
    );

    let read = |name: &str| fs::read(vectors.join("tpm/swtpm").join(name)).unwrap();
    // A selection of 132 bytes, the numbers of lists and of values, and room for more values than that, each with its size.
    let file = read("q.pcr");
    let (count, values) = file[136..].split_first_chunk().unwrap();
    let count = usize::try_from(u32::from_le_bytes(*count)).unwrap();
    let values: Vec<String> = values.chunks(66).take(count).map(|value| encode_hex(&value[2..34])).collect();
    let evidence = |values: &[String]| {
        let value = json!({ "message": encode_hex(&read("q.msg")), "signature": encode_hex(&read("q.sig")), "pcrs": values });
        fs::write(directory.join("tools.json"), value.to_string()).unwrap();
    };
    let key = vectors.join("tpm/swtpm/ak.pub").display().to_string();
    let nonce = String::from_utf8(read("nonce.hex")).unwrap();
    let line =
        format!("verify tools.json --key {key} --nonce {} --register 0={}", nonce.trim(), "00".repeat(32));
    evidence(&values);
    check(
        &line,
        directory,
        0,
        &["the nonce, as asked (--nonce)", "the value of PCR 0, as asked (--register)"],
    );
    evidence(&values[1..]);
    check(&line, directory, 1, &["the values of the PCRs are not the quoted ones"]);
}

/// What is in the directory is what it is said to be.
#[test]
fn the_root_of_aws_can_be_named() {
    let Some(vectors) = vectors() else { return };
    let root = vectors.join("nitro/aws_nitro_root_g1.pem");
    Certificate::from_pem(&fs::read_to_string(&root).unwrap()).unwrap();
    let document = vectors.join("nitro/evervault/valid-attestation-doc-base64");
    let other = vectors.join("roots/intel_sgx_root_ca.der");
    let line = |root: &Path| {
        format!("verify {} --at 2023-09-18T15:03:30Z --root {}", document.display(), root.display())
    };
    check(&line(&root), Path::new("."), 1, &["debug mode"]);
    check(
        &line(&other),
        Path::new("."),
        1,
        &["the root of trust of this attestation document is not the expected one"],
    );
}
