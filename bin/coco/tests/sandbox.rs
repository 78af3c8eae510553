//! A sandbox from its start to its end, used as a user does.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use coco_client::{Answer, Client, Identity, StatusCode};
use coco_crypto::Certificate;
use coco_wire::TxId;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::{Value, json};

const COCO: &str = env!("CARGO_BIN_EXE_coco");
const PATIENCE: Duration = Duration::from_secs(60);

fn coco(arguments: &[&str], directory: &Path) -> Output {
    Command::new(COCO).args(arguments).current_dir(directory).output().unwrap()
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "{what} took too long");
        sleep(Duration::from_millis(20));
    }
}

fn pid_of(manifest: &Value) -> Pid {
    pid_of_node(manifest, 0)
}

fn pid_of_node(manifest: &Value, number: usize) -> Pid {
    Pid::from_raw(i32::try_from(manifest["nodes"][number]["pid"].as_u64().unwrap()).unwrap()).unwrap()
}

fn read_manifest(directory: &Path) -> Value {
    let path = directory.join("sandbox.json");
    wait_until("the sandbox", || path.exists());
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn client_of(manifest: &Value) -> Client {
    let text = |path: &Value| fs::read_to_string(path.as_str().unwrap()).unwrap();
    let service = Certificate::from_pem(&text(&manifest["service_certificate"])).unwrap();
    let user = &manifest["users"][0];
    let user = Identity::from_pem(&text(&user["certificate"]), &text(&user["private_key"])).unwrap();
    Client::new(manifest["nodes"][0]["rpc_address"].as_str().unwrap(), &service, Some(&user)).unwrap()
}

struct Sandbox {
    process: Child,
    directory: PathBuf,
    manifest: Value,
}

impl Sandbox {
    fn start(directory: &Path) -> Self {
        Self::start_with(directory, &[])
    }

    fn start_with(directory: &Path, arguments: &[&str]) -> Self {
        let process = Command::new(COCO)
            .args(["sandbox", "--dir"])
            .arg(directory)
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self { process, directory: directory.to_path_buf(), manifest: read_manifest(directory) }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).unwrap();
    }
}

async fn receipt(client: &mut Client, path: &str) -> Answer {
    loop {
        let answer = client.get(path).await.unwrap();
        if answer.status != StatusCode::ACCEPTED {
            return answer.expect(StatusCode::OK, path).unwrap();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Writes, reads, and keeps receipts of the write in both forms.
async fn use_service(sandbox: &Sandbox) -> TxId {
    let mut client = client_of(&sandbox.manifest);
    let written = client.post("/app/log/private", &json!({ "id": 1, "msg": "hello" })).await.unwrap();
    let id = written.expect(StatusCode::OK, "write").unwrap().transaction_id().unwrap();
    client.wait_for_commit(id, PATIENCE).await.unwrap();
    let read: Value = client.get("/app/log/private?id=1").await.unwrap().json().unwrap();
    assert_eq!(read, json!({ "msg": "hello" }));
    let batch = json!([{ "id": 2, "msg": "a" }, { "id": 3, "msg": "b" }, { "id": 2, "msg": "c" }]);
    let written = client.post("/app/log/private/batch", &batch).await.unwrap();
    let after = written.expect(StatusCode::OK, "batch").unwrap().transaction_id().unwrap();
    client.wait_for_commit(after, PATIENCE).await.unwrap();
    let read: Value = client.get("/app/log/private?id=2").await.unwrap().json().unwrap();
    assert_eq!(read, json!({ "msg": "c" }));
    for (path, file) in [("receipt", "receipt.json"), ("receipt/cose", "receipt.cose")] {
        let answer = receipt(&mut client, &format!("/app/{path}?transaction_id={id}")).await;
        fs::write(sandbox.directory.join(file), &answer.body).unwrap();
    }
    id
}

#[tokio::test]
async fn a_service_is_used_and_what_it_leaves_is_verified() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("service");
    let mut sandbox = Sandbox::start(&directory);
    let id = use_service(&sandbox).await;
    let node = pid_of(&sandbox.manifest);
    sandbox.signal(Signal::INT);
    assert!(sandbox.process.wait().unwrap().success());
    assert!(test_kill_process(node).is_err(), "the node is gone");
    let (mut out, mut err) = (String::new(), String::new());
    sandbox.process.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    sandbox.process.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!(err, "");
    assert!(out.contains("The service is open at https://127.0.0.1:"), "{out}");
    assert!(out.contains("curl -i https://127.0.0.1:"), "{out}");
    assert_eq!(fs::read_to_string(directory.join("node0/err")).unwrap(), "");

    let certificate = "service_cert.pem";
    for file in ["receipt.json", "receipt.cose"] {
        let verify = |path: &str| {
            let id = id.to_string();
            coco(
                &["receipt", "verify", path, "--service-cert", certificate, "--transaction", &id],
                &directory,
            )
        };
        assert_eq!(verify(file).status.code(), Some(0), "{file}");
        let receipt = fs::read(directory.join(file)).unwrap();
        for at in (0..receipt.len()).step_by(61) {
            let mut damaged = receipt.clone();
            damaged[at] ^= 1;
            fs::write(directory.join("damaged"), &damaged).unwrap();
            assert_eq!(verify("damaged").status.code(), Some(1), "{file}, byte {at}");
        }
    }
    let wanted = id.to_string();
    let verify = ["ledger", "verify", "node0/ledger", "--service-cert", certificate, "--at-least", &wanted];
    let output = coco(&verify, &directory);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    tamper(&directory);
}

/// Cuts and flips in the open chunk.
fn tamper(directory: &Path) {
    let chunk = directory.join("node0/ledger/ledger_1");
    let bytes = fs::read(&chunk).unwrap();
    // The preallocated end, if any, is zeros.
    let end = bytes.len() - bytes.iter().rev().take_while(|byte| **byte == 0).count();
    let verify = |content: &[u8]| {
        fs::write(&chunk, content).unwrap();
        let output = coco(&["ledger", "verify", "node0/ledger"], directory);
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    let (status, text) = verify(&bytes[..end - 10]);
    assert!(status == 3 && text.contains("and an incomplete one in ledger_1 at offset"), "{status}: {text}");
    let mut flipped = bytes.clone();
    flipped[end / 2] ^= 1;
    let (status, text) = verify(&flipped);
    assert!(status == 1 && text.starts_with("DAMAGED: ledger_1 at offset "), "{status}: {text}");
    assert_eq!(verify(&bytes).0, 0);
}

#[test]
fn commands_see_the_service_and_files_are_removed() {
    let directory = tempfile::tempdir().unwrap();
    let told = directory.path().join("told");
    let command = format!(
        "test -s \"$COCO_SERVICE_CERT\" && test -s \"$COCO_USER_CERT\" && test -s \"$COCO_USER_KEY\" && \
         cp \"$COCO_DIR/sandbox.json\" {0}.json && echo \"$COCO_URL\" > {0} && echo out && exit 7",
        told.display()
    );
    let output = coco(&["sandbox", "--members", "1", "--exec", &command], directory.path());
    assert_eq!(output.status.code(), Some(7), "{output:?}");
    assert_eq!(output.stdout, b"out\n", "the output is the command's alone");
    assert_eq!(output.stderr, b"");
    let manifest: Value = serde_json::from_slice(&fs::read(told.with_extension("json")).unwrap()).unwrap();
    assert_eq!(fs::read_to_string(&told).unwrap().trim_end(), manifest["url"].as_str().unwrap());
    assert_eq!(manifest["members"].as_array().unwrap().len(), 1);
    assert!(!Path::new(manifest["directory"].as_str().unwrap()).exists());
    assert!(test_kill_process(pid_of(&manifest)).is_err());
}

#[test]
fn the_node_ends_with_its_sandbox() {
    let parent = tempfile::tempdir().unwrap();
    let mut sandbox = Sandbox::start(&parent.path().join("service"));
    let node = pid_of(&sandbox.manifest);
    sandbox.signal(Signal::KILL);
    sandbox.process.wait().unwrap();
    wait_until("the end of the node", || test_kill_process(node).is_err());

    let mut sandbox = Sandbox::start_with(&parent.path().join("other"), &["--nodes", "1"]);
    kill_process(pid_of(&sandbox.manifest), Signal::KILL).unwrap();
    assert_eq!(sandbox.process.wait().unwrap().code(), Some(1));
    let mut err = String::new();
    sandbox.process.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert!(err.starts_with("coco: node0 stopped by itself (signal: 9"), "{err}");
}

/// `coco network status` through a node: its exit status and what it tells as JSON.
fn network_status(manifest: &Value, number: usize) -> (i32, Value) {
    let url = format!("https://{}", manifest["nodes"][number]["rpc_address"].as_str().unwrap());
    let certificate = manifest["service_certificate"].as_str().unwrap();
    let output = coco(&["network", "status", "--json", "--url", &url, "--ca", certificate], Path::new("."));
    assert_eq!(output.stderr, b"", "{output:?}");
    (output.status.code().unwrap(), serde_json::from_slice(&output.stdout).unwrap())
}

fn count(status: &Value, field: &str, value: &str) -> usize {
    status["nodes"].as_array().unwrap().iter().filter(|node| node[field] == value).count()
}

#[tokio::test]
async fn several_nodes_go_on_as_long_as_a_majority_is_left() {
    let parent = tempfile::tempdir().unwrap();
    let mut sandbox = Sandbox::start_with(&parent.path().join("service"), &["--nodes", "3"]);
    let manifest = sandbox.manifest.clone();
    assert_eq!(manifest["nodes"].as_array().unwrap().len(), 3);
    for (number, node) in manifest["nodes"].as_array().unwrap().iter().enumerate() {
        let directory = sandbox.directory.canonicalize().unwrap().join(format!("node{number}"));
        assert_eq!(node["directory"], directory.to_str().unwrap());
        assert!(directory.join("ledger").is_dir());
    }
    for number in 0..3 {
        let (code, status) = network_status(&manifest, number);
        assert_eq!((code, &status["healthy"]), (0, &true.into()), "{status}");
        assert_eq!(count(&status, "status", "Trusted"), 3, "{status}");
        assert_eq!(count(&status, "state", "PartOfNetwork"), 3, "{status}");
        assert_eq!(
            (count(&status, "role", "Leader"), count(&status, "role", "Follower")),
            (1, 2),
            "{status}"
        );
        assert_eq!(status["configurations"][0]["nodes"].as_array().unwrap().len(), 3, "{status}");
    }
    use_service(&sandbox).await;

    kill_process(pid_of_node(&manifest, 0), Signal::KILL).unwrap();
    wait_until("another primary", || network_status(&manifest, 1).0 == 0);
    let (code, status) = network_status(&manifest, 0);
    assert_eq!((code, &status["healthy"]), (1, &false.into()), "{status}");
    let (_, status) = network_status(&manifest, 2);
    assert_eq!(count(&status, "role", "Leader"), 1, "{status}");
    assert!(sandbox.process.try_wait().unwrap().is_none(), "two of three nodes go on");

    kill_process(pid_of_node(&manifest, 1), Signal::KILL).unwrap();
    assert_eq!(sandbox.process.wait().unwrap().code(), Some(1));
    assert!(test_kill_process(pid_of_node(&manifest, 2)).is_err(), "the last node ends with the sandbox");
    let mut err = String::new();
    sandbox.process.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    let mut lines = err.lines();
    assert_eq!(lines.next(), Some("coco: node0 stopped by itself (signal: 9 (SIGKILL)); 2 of 3 nodes go on"));
    assert!(lines.next().unwrap().starts_with("coco: node1 stopped by itself (signal: 9"), "{err}");
}

#[test]
fn commands_see_all_nodes() {
    let directory = tempfile::tempdir().unwrap();
    let command = "echo $COCO_URL; echo $COCO_NODES";
    let output = coco(&["sandbox", "--nodes", "2", "--members", "1", "--exec", command], directory.path());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let told = String::from_utf8(output.stdout).unwrap();
    let [url, urls]: [&str; 2] = told.lines().collect::<Vec<_>>().try_into().unwrap();
    let urls: Vec<_> = urls.split(',').collect();
    assert_eq!((urls.len(), urls[0]), (2, url));
    assert!(urls.iter().all(|url| url.starts_with("https://127.0.0.1:")) && urls[0] != urls[1], "{told}");
}
