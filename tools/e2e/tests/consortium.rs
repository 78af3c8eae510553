//! A consortium lives as `samples/consortium/run.sh` tells it, from its founding to an upgrade of its code.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};

use coco_client::{
    Client,
    governance::{self, Member},
    network::{self, NodeStatus},
};
use coco_crypto::{Certificate, hash::sha256};
use coco_e2e::{LedgerFiles, executable};
use coco_wire::{Digest, TxId};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::{Value, json};

/// What the script calls the step at which it waits for the user.
const ITS_USERS: &str = "The service runs at ";
/// What it says at its end.
const DONE: &str = "Done: all steps went as they say.";

/// The script, which is asked to end when this is dropped.
struct Script {
    process: Child,
    out: BufReader<ChildStdout>,
    /// Its folder.
    folder: PathBuf,
    /// What it told so far.
    told: String,
}

impl Script {
    fn start(folder: &Path) -> Self {
        let errors = folder.with_extension("err");
        let mut process = Command::new("bash")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/consortium/run.sh"))
            .arg("--stay")
            .arg(folder)
            .env("COCO", executable::coco())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(errors).unwrap())
            .spawn()
            .unwrap();
        let out = BufReader::new(process.stdout.take().unwrap());
        Self { process, out, folder: folder.to_path_buf(), told: String::new() }
    }

    /// Reads what it tells until it waits for its user, and yields the address of a node.
    fn until_it_stays(&mut self) -> String {
        loop {
            let mut line = String::new();
            let read = self.out.read_line(&mut line).unwrap();
            assert!(read > 0, "it does not come so far\n{}", self.everything());
            self.told.push_str(&line);
            if let Some((_, rest)) = line.split_once(ITS_USERS) {
                return rest.strip_prefix("https://").unwrap().split(". ").next().unwrap().to_owned();
            }
        }
    }

    /// Presses Enter, so to speak, and reads the rest.
    fn goes_on_to_its_end(&mut self) {
        drop(self.process.stdin.take());
        self.out.read_to_string(&mut self.told).unwrap();
        let status = self.process.wait().unwrap();
        assert!(status.success(), "{status}\n{}", self.everything());
    }

    fn everything(&self) -> String {
        let errors = fs::read_to_string(self.folder.with_extension("err")).unwrap();
        let logs = (0..6).map(|number| self.folder.join(format!("node{number}/out")));
        let logs: String = logs.map(|log| fs::read_to_string(log).unwrap_or_default()).collect();
        format!("{}\n{errors}\n{logs}", self.told)
    }

    fn certificate(&self, name: &str) -> Certificate {
        Certificate::from_pem(&fs::read_to_string(self.folder.join(name)).unwrap()).unwrap()
    }

    fn party(&self, name: &str) -> Digest {
        self.certificate(&format!("keys/{name}_cert.pem")).fingerprint()
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        // It may have ended already; else it ends its nodes first.
        drop(self.process.stdin.take());
        if self.process.try_wait().is_ok_and(|ended| ended.is_none()) {
            let _ = kill_process(Pid::from_child(&self.process), Signal::TERM);
        }
        let _ = self.process.wait();
    }
}

/// Whether the tools are there that the script wants; if not, that is said loudly.
fn has_tools() -> bool {
    let is_there = |tool: &&str| {
        let asked = Command::new(tool).arg("version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        asked.is_ok()
    };
    let missing: Vec<_> = ["bash", "curl", "openssl"].into_iter().filter(|tool| !is_there(tool)).collect();
    if !missing.is_empty() {
        eprintln!("SKIPPED: the consortium's script wants {missing:?}");
    }
    missing.is_empty()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consortium_lives() {
    if !has_tools() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let mut script = Script::start(&directory.path().join("consortium"));
    let address = script.until_it_stays();
    let service = script.certificate("service_cert.pem");
    let mut client = Client::new(&address, &service, None).unwrap();
    check_members(&script, &governance::members(&mut client).await.unwrap());
    check_nodes(&script, &mut client).await;
    let last = network::committed(&mut client).await.unwrap();

    script.goes_on_to_its_end();
    assert!(script.told.ends_with(&format!("{DONE}\n")), "{}", script.everything());
    for said in [
        "VALID: the service committed what this receipt describes.",
        "the end of the ledger.",
        "accepted    15 proposals, rejected 1",
    ] {
        assert!(script.told.contains(said), "{said}\n{}", script.everything());
    }
    check_ledgers(&script, last);
    for number in 0..6 {
        let pid = fs::read_to_string(script.folder.join(format!("node{number}/node.pid"))).unwrap();
        let pid = Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
        assert!(test_kill_process(pid).is_err(), "node {number} runs on");
    }
}

/// Gamma has left, delta is there; each has the role that was voted for.
fn check_members(script: &Script, members: &[Member]) {
    let mut expected: Vec<_> = ["alpha", "beta", "delta"].map(|name| (name, "bank")).to_vec();
    expected.extend([("regulator", "regulator"), ("operator", "operator")]);
    assert_eq!(members.len(), expected.len(), "{members:?}");
    for (name, role) in expected {
        let id = script.party(name);
        let member = members.iter().find(|member| member.member_id == id).unwrap();
        assert!(member.is_active(), "{name}");
        assert_eq!(member.member_data, json!({ "role": role }), "{name}");
        assert_eq!(member.public_encryption_key.is_some(), role == "bank", "{name}");
    }
}

/// Three nodes, all of new code, and no other code is trusted; the user is there with what was noted last.
async fn check_nodes(script: &Script, client: &mut Client) {
    let code = |path: &Path| sha256(&fs::read(path).unwrap()).to_hex();
    let new = code(&script.folder.join("coco-2"));
    assert_ne!(new, code(executable::coco()));
    let nodes = network::nodes(client).await.unwrap();
    let trusted: Vec<_> = nodes.iter().filter(|node| node.status == NodeStatus::Trusted).collect();
    assert_eq!((nodes.len(), trusted.len()), (3, 3), "{nodes:?}");

    let policy = gov(client, "join-policy").await;
    assert_eq!(policy["virtual"]["hostData"], json!([new]), "{policy}");
    let user = gov(client, &format!("users/{}", script.party("teller"))).await;
    let noted = json!({ "bank": "alpha", "limit": 100 });
    assert_eq!(user["userData"]["user_data"], noted, "{user}");
}

async fn gov(client: &mut Client, path: &str) -> Value {
    client.get(&format!("/gov/service/{path}?api-version=2024-07-01")).await.unwrap().json().unwrap()
}

/// The ledgers of the nodes that stayed tell the same of what was decided.
fn check_ledgers(script: &Script, last: TxId) {
    let mut told = Vec::new();
    for number in [3, 4, 5] {
        let ledger = LedgerFiles::read(&script.folder.join(format!("node{number}/ledger")));
        let verified = ledger.verify().unwrap().last_verified;
        assert!(verified >= last, "node {number}: {verified}, not {last}");
        let writes = ledger.public_writes("public:ccf.gov.proposals_info").into_values().flatten();
        let states =
            writes.map(|write| serde_json::from_slice::<Value>(&write.value).unwrap()["state"].clone());
        told.push(states.collect::<Vec<_>>());
    }
    assert!(told.iter().all(|states| *states == told[0]), "{told:?}");
    let decided = |state: &str| told[0].iter().filter(|it| **it == state).count();
    // To open; a user, and something of it; a member in and one out; five nodes in and three out; code in and out.
    assert_eq!((decided("Accepted"), decided("Rejected"), decided("Failed")), (15, 1, 0), "{told:?}");
}
