//! `coco network status` where there is no service, or another one.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::{Command, Output},
};

use coco_crypto::{
    Curve, EcKey, SystemEntropy,
    x509::{Name, UnixTime, Validity, issue_self_signed},
};
use serde_json::Value;

fn status(arguments: &[&str], directory: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_coco"));
    command.args(["network", "status"]).args(arguments).current_dir(directory).output().unwrap()
}

#[test]
fn who_cannot_be_asked_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let key = EcKey::generate(Curve::P384, &SystemEntropy);
    let validity = Validity::days(UnixTime(1_700_000_000), 1).unwrap();
    let certificate =
        issue_self_signed(&key, &Name::common("service").unwrap(), &[], validity, &SystemEntropy);
    fs::write(directory.join("service.pem"), certificate.to_pem()).unwrap();
    fs::write(directory.join("broken.pem"), "nothing").unwrap();
    // Takes connections and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("https://{}", silent.local_addr().unwrap());
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = format!("https://{free}");

    for (url, certificate, code, message) in [
        (&nobody, "service.pem", 1, "NOT HEALTHY: the nodes are not known: cannot connect to 127.0.0.1:"),
        (&silent, "service.pem", 1, "NOT HEALTHY: the nodes are not known: no answer from 127.0.0.1:"),
        (&nobody, "absent.pem", 2, "coco: absent.pem: No such file"),
        (&nobody, "broken.pem", 2, "coco: broken.pem: "),
    ] {
        let output = status(&["--timeout", "300ms", "--url", url, "--ca", certificate], directory);
        let told = if code == 1 { &output.stdout } else { &output.stderr };
        let told = str::from_utf8(told).unwrap();
        assert_eq!(output.status.code(), Some(code), "{url} {certificate}: {told}");
        assert!(told.starts_with(message), "{url} {certificate}: {told}");
    }
    let output = status(&["--json", "--url", &nobody, "--ca", "service.pem"], directory);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(told["healthy"], false);
    assert!(told["reason"].as_str().unwrap().starts_with("cannot connect"), "{told}");
}
