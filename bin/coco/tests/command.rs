//! The executable as it is called: names, arguments, statuses, and what goes to which output.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use coco_wire::snapshot::SnapshotFile;
use serde_json::{Value, json};

const COCO: &str = env!("CARGO_BIN_EXE_coco");

fn run(arguments: &[&str], directory: &Path) -> Output {
    Command::new(COCO).args(arguments).current_dir(directory).output().unwrap()
}

fn status(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn stdout(output: &Output) -> &str {
    str::from_utf8(&output.stdout).unwrap()
}

fn ccf_testdata() -> Option<PathBuf> {
    let found = std::env::var_os("COCO_CCF").map(|ccf| Path::new(&ccf).join("tests/testdata"));
    if found.is_none() {
        eprintln!("SKIPPED: COCO_CCF is not set to a source tree of CCF");
    }
    found
}

fn config() -> Value {
    json!({
        "network": {
            "node_to_node_interface": { "bind_address": "127.0.0.1:0" },
            "rpc_interfaces": { "main": { "bind_address": "127.0.0.1:0" } }
        },
        "command": { "type": "Start", "start": { "constitution_files": [], "members": [] } }
    })
}

#[test]
fn a_node_logs_to_standard_output_only() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    fs::write(directory.join("good.json"), config().to_string()).unwrap();
    let mut join = config();
    join["command"] = json!({ "type": "Join", "join": { "target_rpc_address": "127.0.0.1:1" } });
    fs::write(directory.join("join.json"), join.to_string()).unwrap();
    let mut recover = config();
    recover["command"] =
        json!({ "type": "Recover", "recover": { "previous_service_identity_file": "old.pem" } });
    fs::write(directory.join("recover.json"), recover.to_string()).unwrap();
    let mut bad = config();
    bad["ledger"] = json!({ "chunk_sise": "5MB" });
    fs::write(directory.join("bad.json"), bad.to_string()).unwrap();
    fs::write(directory.join("broken.json"), "{").unwrap();
    let cases: [(&[&str], i32, &str); 8] = [
        (&["--config", "good.json", "--check"], 0, "Configuration file successfully verified"),
        (&["--config", "join.json", "--check"], 0, "Configuration file successfully verified"),
        (&["--config", "join.json"], 1, "service_cert.pem: "),
        (&["--config", "recover.json"], 105, "can Start or Join a service, but not yet Recover"),
        (
            &["--config", "bad.json"],
            105,
            "bad.json: ledger.chunk_sise: unknown key; did you mean `chunk_size`?",
        ),
        (&["--config", "broken.json", "--config-timeout", "200ms"], 105, "Error parsing configuration file"),
        (&["--config", "absent.json"], 105, "Configuration file absent.json"),
        (&["--config", "good.json", "--app", "nothing"], 2, "there is no application `nothing`"),
    ];
    for (arguments, expected, message) in cases {
        let output = run(&[&["node"], arguments].concat(), directory);
        assert_eq!(status(&output), expected, "{arguments:?}: {}", stdout(&output));
        let last = stdout(&output).lines().last().unwrap_or_default();
        assert!(last.contains(message), "{arguments:?}: {last}");
        assert!(expected == 0 || last.contains("[fatal]"), "{last}");
        assert_eq!(output.stderr, b"", "{arguments:?}");
    }
    let output = run(&["node", "--config", "good.json", "--check", "--log-level", "fatal"], directory);
    assert_eq!((status(&output), stdout(&output)), (0, ""));
    let output = run(&["node"], directory);
    assert_eq!((status(&output), stdout(&output)), (2, ""));
}

#[test]
fn a_link_named_as_an_application_is_a_node() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    fs::write(directory.join("good.json"), config().to_string()).unwrap();
    for (name, expected) in [("logging", 0), ("js_generic", 0), ("programmability", 0)] {
        let link = directory.join(name);
        symlink(COCO, &link).unwrap();
        let run = |arguments: &[&str]| {
            Command::new(Path::new(".").join(name)).args(arguments).current_dir(directory).output().unwrap()
        };
        let output = run(&["--config", "good.json", "--log-level", "info", "--check"]);
        assert_eq!(status(&output), expected, "{name}: {}", stdout(&output));
        let version = run(&["--version"]);
        assert!(stdout(&version).starts_with("CCF host: ccf-7.0.0\nPlatform: Virtual\nCoco: "));
        assert_eq!(status(&run(&["ledger", "verify", "."])), 2, "no other commands under this name");
    }
    for arguments in [["--version"].as_slice(), &["-v"], &["node", "--version"]] {
        assert!(stdout(&run(arguments, directory)).starts_with("CCF host: ccf-"), "{arguments:?}");
    }
}

#[test]
fn a_node_that_cannot_start_says_so_and_touches_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    fs::write(directory.join("config.json"), config().to_string()).unwrap();
    fs::write(directory.join("node.pid"), "1").unwrap();
    let output = run(&["node", "--config", "config.json"], directory);
    assert_eq!((status(&output), output.stderr.as_slice()), (1, b"".as_slice()));
    assert!(stdout(&output).trim_end().ends_with("PID file node.pid already exists. Exiting."));

    fs::remove_file(directory.join("node.pid")).unwrap();
    fs::create_dir(directory.join("ledger")).unwrap();
    fs::write(directory.join("ledger/ledger_1"), "old").unwrap();
    let output = run(&["node", "--config", "config.json"], directory);
    assert_eq!((status(&output), output.stderr.as_slice()), (1, b"".as_slice()));
    let message = "On start, ledger directory should not exist or be empty (ledger)";
    assert!(stdout(&output).contains(message), "{}", stdout(&output));
    assert_eq!(fs::read_to_string(directory.join("ledger/ledger_1")).unwrap(), "old");
    assert!(!directory.join("node.pid").exists());
}

#[test]
fn the_environment_names_the_platform() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    fs::write(directory.join("config.json"), config().to_string()).unwrap();
    let run = |platform: &str, arguments: &[&str]| {
        let mut coco = Command::new(COCO);
        coco.args(arguments).current_dir(directory).env("CCF_PLATFORM_OVERRIDE", platform).output().unwrap()
    };
    for (platform, shown) in
        [("SNP", "SNP"), ("Virtual", "Virtual"), ("SGX", "SGX"), ("TDX", "TDX"), ("VAX", "Unknown")]
    {
        let version = run(platform, &["--version"]);
        assert!(stdout(&version).contains(&format!("\nPlatform: {shown}\n")), "{}", stdout(&version));
    }
    let refusals = [
        ("VAX", "CCF_PLATFORM_OVERRIDE names a platform that is none of SNP, "),
        ("TDX", "TDX: the kernel gives no quote (Linux 6.7 or newer does, in "),
        ("SGX", "SGX: no quote from /dev/attestation"),
        ("SNP", "SEV-SNP: the kernel gives no report (Linux 6.7 or newer does, in "),
    ];
    for (platform, message) in refusals {
        let output = run(platform, &["node", "--config", "config.json"]);
        assert_eq!((status(&output), output.stderr.as_slice()), (1, b"".as_slice()));
        assert!(stdout(&output).contains(message), "{}", stdout(&output));
        assert!(!directory.join("node.pid").exists());
        // The next one may start here.
        assert_eq!(fs::read_dir(directory.join("ledger")).unwrap().count(), 0);
    }
}

#[test]
fn ledgers_of_ccf() {
    let Some(testdata) = ccf_testdata() else { return };
    let service = testdata.join("double_sealed_service");
    let ledger = service.join("ledger").display().to_string();
    let certificate = service.join("common/service_cert.pem").display().to_string();
    let here = Path::new(".");
    let verify = |arguments: &[&str]| run(&[&["ledger", "verify"], arguments].concat(), here);
    let cases: [(&[&str], i32, &str); 6] = [
        (&[&ledger], 0, "Verified to 5.509, the end of the ledger."),
        (&[&ledger, "--at-least", "5.509", "--service-cert", &certificate], 0, "Verified to 5.509"),
        (&[&ledger, "--at-least", "5.510"], 1, "REFUSED: the ledger does not hold 5.510: verified to 5.509."),
        (
            &[&ledger, "--at-least", "9.20"],
            1,
            "REFUSED: the ledger does not hold 9.20: in its place is 2.20.",
        ),
        (&[&ledger, "--json"], 0, "\"result\": \"verified\""),
        (&[&ledger, &ledger], 0, "Verified to 5.509"),
    ];
    for (arguments, expected, message) in cases {
        let output = verify(arguments);
        assert_eq!(status(&output), expected, "{arguments:?}");
        assert!(stdout(&output).contains(message), "{arguments:?}: {}", stdout(&output));
        assert_eq!(output.stderr, b"");
    }
    let other = testdata.join("eol_service/common/service_cert.pem").display().to_string();
    let output = verify(&[&ledger, "--service-cert", &other]);
    assert!(status(&output) == 1 && stdout(&output).starts_with("REFUSED: the ledger does not end with"));

    let show = run(&["ledger", "show", &ledger, "--table", "public:ccf.gov.service.info", "--json"], here);
    let first: Value = serde_json::from_str(stdout(&show).lines().next().unwrap()).unwrap();
    assert_eq!((&first["view"], &first["seqno"]), (&json!(2), &json!(1)));
    let info = &first["tables"]["public:ccf.gov.service.info"][0];
    assert_eq!(info["value"]["status"], "Opening");
    let show = run(&["ledger", "show", &ledger, "--from", "3", "--to", "5"], here);
    let headings: Vec<_> = stdout(&show).lines().filter(|line| !line.starts_with(' ')).collect();
    assert_eq!(headings.len(), 3, "{headings:?}");
    assert!(headings[0].starts_with("2.3  "));
}

#[test]
fn what_cannot_be_read() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    fs::write(directory.join("text"), "text").unwrap();
    for arguments in [
        ["ledger", "verify", "nowhere"].as_slice(),
        &["ledger", "verify", "."],
        &["ledger", "show", "."],
        &["receipt", "verify", "nowhere", "--service-cert", "text"],
        &["receipt", "verify", "text", "--service-cert", "text"],
        &["keygen", "--name", "a/b"],
        &["sandbox", "--app", "nothing"],
        &["sandbox", "--dir", "."],
    ] {
        let output = run(arguments, directory);
        assert_eq!((status(&output), stdout(&output)), (2, ""), "{arguments:?}");
        let error = str::from_utf8(&output.stderr).unwrap();
        assert!(error.starts_with("coco: ") && error.lines().count() == 1, "{arguments:?}: {error}");
    }
    fs::write(directory.join("ledger_1-2.committed"), [0; 40]).unwrap();
    let output = run(&["ledger", "verify", "ledger_1-2.committed"], directory);
    assert_eq!(status(&output), 1);
    assert!(stdout(&output).starts_with("DAMAGED: ledger_1-2.committed at offset "), "{}", stdout(&output));
}

/// Receipts of snapshots made by CCF.
#[test]
fn receipts_of_ccf() {
    let Some(testdata) = ccf_testdata() else { return };
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let mut verified = 0;
    let snapshots = [
        ("eol_service", "snapshot_493_494.committed"),
        ("expired_service", "snapshot_61_62.committed"),
        ("sgx_service", "snapshot_138_139.committed"),
    ];
    for (service, snapshot) in snapshots {
        let service = testdata.join(service);
        let certificate = service.join("common/service_cert.pem").display().to_string();
        let bytes = fs::read(service.join("snapshots").join(snapshot)).unwrap();
        let receipt = SnapshotFile::decode(&bytes).unwrap().receipt;
        let file = directory.join("receipt");
        fs::write(&file, receipt).unwrap();
        let verify = |more: &[&str]| {
            run(
                &[&["receipt", "verify", "receipt", "--service-cert", &certificate], more].concat(),
                directory,
            )
        };
        let output = verify(&["--json"]);
        let result: Value = serde_json::from_slice(&output.stdout).unwrap();
        if status(&output) != 0 {
            continue; // Of a service that was recovered since.
        }
        verified += 1;
        let proof = &result["proofs"][0];
        let (id, claims) =
            (proof["transaction_id"].as_str().unwrap(), proof["claims_digest"].as_str().unwrap());
        assert_eq!(status(&verify(&["--transaction", id, "--claims-digest", claims])), 0);
        assert_eq!(status(&verify(&["--transaction", "2.1"])), 1);
        assert_eq!(status(&verify(&["--claims-digest", &"0".repeat(64)])), 1);
        fs::write(directory.join("claims"), "other").unwrap();
        let output = verify(&["--claims", "claims"]);
        assert!(status(&output) == 1 && stdout(&output).starts_with("NOT VALID: its claims digest is not "));
        for at in (0..receipt.len()).step_by(97) {
            let mut damaged = receipt.to_vec();
            damaged[at] ^= 1;
            fs::write(&file, &damaged).unwrap();
            assert_eq!(status(&verify(&[])), 1, "byte {at}");
        }
    }
    assert!(verified > 0);
}

#[test]
fn a_build_tells_what_members_have_to_admit() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let digest = |bytes: &[u8]| coco_crypto::hash::sha256(bytes).to_hex();
    let executable = digest(&fs::read(COCO).unwrap());
    let told = |arguments: &[&str]| -> Value {
        let output = run(arguments, directory);
        assert_eq!(status(&output), 0, "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let of_virtual = json!({ "name": "add_virtual_host_data", "args": { "host_data": executable } });
    let found = told(&["node", "--measurement"]);
    assert_eq!((&found["executable"], &found["actions"]), (&json!(executable), &json!([of_virtual])));
    assert_eq!(found["virtual"]["measurement"], "Insecure hard-coded virtual measurement v1");
    assert!(fs::read_dir(directory).unwrap().next().is_none(), "nothing is written");

    let policy = "package policy";
    fs::write(directory.join("policy"), coco_wire::text::encode_base64(policy.as_bytes())).unwrap();
    let mut with_policy = config();
    with_policy["attestation"] = json!({ "snp_security_policy_file": "policy" });
    fs::write(directory.join("node.json"), with_policy.to_string()).unwrap();
    let found = told(&["node", "--measurement", "--config", "node.json"]);
    let args = json!({ "host_data": digest(policy.as_bytes()), "security_policy": policy });
    assert_eq!(found["actions"], json!([of_virtual, { "name": "add_snp_host_data", "args": args }]));
    assert_eq!(found["snp"], json!({ "host_data": digest(policy.as_bytes()) }));

    // A machine that is none says what is missing.
    let output = Command::new(COCO)
        .args(["node", "--measurement"])
        .env("CCF_PLATFORM_OVERRIDE", "TDX")
        .current_dir(directory)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(status(&output) == 2 && told.contains("the kernel gives no quote"), "{told}");
}
