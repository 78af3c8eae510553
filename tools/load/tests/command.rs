//! The command against its own ceiling, on loopback, for fractions of a second.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use coco_load::Report;

const PROGRAM: &str = env!("CARGO_BIN_EXE_coco-load");

/// A process that ends with its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

struct Ceiling {
    url: String,
    folder: tempfile::TempDir,
    _process: Running,
}

impl Ceiling {
    fn start(auth: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut process = Command::new(PROGRAM)
            .args(["ceiling", "--client-auth", auth, "--threads", "2", "--dir"])
            .arg(folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut url).unwrap();
        Self { url: url.trim().to_owned(), folder, _process: Running(process) }
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// A short run with the user's certificate; other tests on the machine are tolerated.
    fn load(&self, args: &[&str]) -> Output {
        let (ca, cert, key) =
            (self.file("service_cert.pem"), self.file("user0_cert.pem"), self.file("user0_privk.pem"));
        let fixed = ["run", "--url", &self.url, "--ca", &ca, "--cert", &cert, "--key", &key, "--json"];
        let short = ["--warm-up", "50ms", "--duration", "300ms", "--keys", "100", "--connections", "4"];
        Command::new(PROGRAM).args(fixed).args(short).args(args).output().unwrap()
    }
}

fn report(output: &Output) -> Report {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text).unwrap_or_else(|error| {
        panic!("{error}: {text} {}", String::from_utf8_lossy(&output.stderr));
    })
}

#[test]
fn every_mode_runs_against_the_ceiling() {
    let ceiling = Ceiling::start("required");
    let cases: [&[&str]; 9] = [
        &["--mode", "write"],
        &["--mode", "write", "--pipeline", "8", "--table", "public"],
        &["--mode", "write", "--batch", "16"],
        &["--mode", "commit", "--batch", "1000"],
        &["--mode", "read"],
        &["--mode", "mixed", "--reads", "0.3", "--threads", "2"],
        &["--mode", "commit", "--wait", "2"],
        &["--mode", "handshake"],
        &["--mode", "write", "--rate", "500"],
    ];
    for case in cases {
        let case: Vec<&str> = case.iter().copied().chain(["--max-foreign", "100"]).collect();
        let output = ceiling.load(&case);
        let report = report(&output);
        assert!(output.status.success(), "{case:?}: {report:?}");
        assert!(report.failures.none(), "{case:?}: {}", report.failures);
        assert!(report.requests > 0, "{case:?}");
        assert!(report.latency_us.min > 0.0 && report.latency_us.p50 <= report.latency_us.max, "{case:?}");
    }
}

#[test]
fn figures_of_batches_are_per_message() {
    let ceiling = Ceiling::start("required");
    let report = report(&ceiling.load(&["--batch", "16", "--max-foreign", "100"]));
    let messages = report.requests as f64 * 16.0;
    assert!((report.per_second * report.seconds - messages).abs() < 1.0, "{report:?}");
    assert!(report.to_string().contains("of 16 messages each = "), "{report}");
    assert!(report.to_string().contains("CPU/message server "), "{report}");
    for refused in [
        &["--batch", "0"][..],
        &["--batch", "1001"],
        &["--batch", "2", "--mode", "read"],
        &["--batch", "2", "--table", "public"],
    ] {
        let output = ceiling.load(refused);
        assert_eq!(output.status.code(), Some(1), "{refused:?}");
    }
}

#[test]
fn an_open_loop_keeps_its_rate() {
    let ceiling = Ceiling::start("optional");
    for case in [["--connections", "3"], ["--pipeline", "4"]] {
        let args = ["--rate", "400", "--duration", "1s", "--max-foreign", "100", case[0], case[1]];
        let report = report(&ceiling.load(&args));
        assert!((300..=400).contains(&report.requests), "{case:?}: {}", report.requests);
        assert!(report.failures.none(), "{case:?}: {}", report.failures);
    }
}

#[test]
fn a_client_without_a_certificate_is_told_so() {
    let ceiling = Ceiling::start("required");
    let output = Command::new(PROGRAM)
        .args(["run", "--url", &ceiling.url, "--insecure", "--mode", "handshake"])
        .args(["--warm-up", "10ms", "--duration", "100ms", "--max-foreign", "100"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains("CertificateRequired"), "{message}");
}

#[test]
fn a_server_of_another_service_is_not_believed() {
    let (ceiling, other) = (Ceiling::start("optional"), Ceiling::start("optional"));
    let ca = other.file("service_cert.pem");
    let output = Command::new(PROGRAM).args(["run", "--url", &ceiling.url, "--ca", &ca]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains("invalid peer certificate"), "{message}");
}

#[test]
fn a_run_beside_a_busy_process_is_refused() {
    let ceiling = Ceiling::start("required");
    let busy = Command::new("sh").args(["-c", "while :; do :; done"]).spawn().unwrap();
    let _busy = Running(busy);
    let output =
        ceiling.load(&["--duration", "1s", "--connections", "1", "--rate", "10", "--max-foreign", "0.5"]);
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(report(&output).refused);
    assert!(String::from_utf8_lossy(&output.stderr).contains("other processes used"));
}

#[test]
fn the_suite_prints_ratios_and_verdicts() {
    let ceiling = Ceiling::start("required");
    let out = ceiling.file("speed.json");
    let output = Command::new(PROGRAM)
        .args(["suite", "--url", &ceiling.url, "--rounds", "2", "--warm-up", "20ms", "--duration", "200ms"])
        .args(["--ca", &ceiling.file("service_cert.pem"), "--cert", &ceiling.file("user0_cert.pem")])
        .args(["--key", &ceiling.file("user0_privk.pem"), "--max-foreign", "100", "--out", &out])
        .args(["--only", "write,read,handshake"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        matches!(output.status.code(), Some(0 | 4)),
        "{text} {}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(text.contains("of ceiling") && text.contains("verdict"), "{text}");
    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(Path::new(&out)).unwrap()).unwrap();
    assert_eq!(json["cases"].as_array().unwrap().len(), 3);
    let first = &json["cases"][0];
    assert_eq!((first["name"].as_str(), first["contenders"][0]["rounds"].as_u64()), (Some("write"), Some(2)));
    let of_ceiling = first["goals"][0]["value"].as_f64().unwrap();
    assert!((0.05..20.0).contains(&of_ceiling), "{of_ceiling}");
}
