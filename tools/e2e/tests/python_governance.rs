//! CCF's own commands make keys and sign what members say: a service is opened by them alone.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use coco_client::{
    Answer, Client, Identity, StatusCode,
    governance::{AGREE, Message, Unsigned},
};
use coco_crypto::{Certificate, FixedSignature, rsa::RsaKey, x509::UnixTime};
use coco_e2e::{Consortium, Node, Party, consortium::now, python};
use coco_wire::text::{decode_base64, encode_base64};
use serde_json::{Value, json};

const API_VERSION: &str = "2024-07-01";
const PATIENCE: Duration = Duration::from_secs(120);

/// The commands, the folder of the keys, and a client of the node.
struct Desk {
    commands: PathBuf,
    keys: PathBuf,
    client: Client,
}

/// How a member signs.
#[derive(Clone, Copy)]
enum Way {
    /// `ccf_cose_sign1`
    AtOnce,
    /// `ccf_cose_sign1_prepare`, a signature by `openssl`, `ccf_cose_sign1_finish`
    InSteps,
}

/// Runs a command that succeeds, and yields what it printed.
fn run(command: &mut Command) -> Vec<u8> {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Has CCF's `keygenerator.sh` make the keys of a participant.
fn participant(commands: &Path, keys: &Path, name: &str, options: &[&str]) -> Party {
    let mut command = Command::new("bash");
    command.arg(commands.join("keygenerator.sh")).args(["--name", name]).args(options).current_dir(keys);
    run(&mut command);
    let text = |kind: &str| fs::read_to_string(keys.join(format!("{name}_{kind}.pem"))).unwrap();
    let key = text("privk");
    Party { name: name.to_owned(), identity: Identity::from_pem(&text("cert"), &key).unwrap(), key }
}

impl Desk {
    /// The signed message, by CCF's commands.
    fn sign(&self, way: Way, member: &Party, message: Message<'_>, payload: &[u8]) -> Vec<u8> {
        let (at, content) = (now(), self.keys.join("content"));
        fs::write(&content, payload).unwrap();
        let text = at.to_string();
        let (day, time) = text.split_at(8);
        let command = |name: &str| {
            let mut command = Command::new(self.commands.join(name));
            let certificate = self.keys.join(format!("{}_cert.pem", member.name));
            let (kind, id) = kind_and_id(message);
            command.arg("--content").arg(&content).arg("--signing-cert").arg(certificate);
            command.args(["--ccf-gov-msg-type", kind, "--ccf-gov-msg-created_at", &format!("{day}T{time}")]);
            if let Some(id) = id {
                command.args(["--ccf-gov-msg-proposal_id", id]);
            }
            command
        };
        let key = self.keys.join(format!("{}_privk.pem", member.name));
        match way {
            Way::AtOnce => run(command("ccf_cose_sign1").arg("--signing-key").arg(key)),
            Way::InSteps => {
                let prepared = run(&mut command("ccf_cose_sign1_prepare"));
                let signature = self.sign_digest(&key, &prepared, member.identity.certificate());
                let file = self.keys.join("signature.json");
                // Padded: `ccf_cose_sign1_finish` reads nothing else, though key vaults leave it out.
                fs::write(&file, json!({ "value": encode_base64(signature.as_fixed()) }).to_string())
                    .unwrap();
                let finished = run(command("ccf_cose_sign1_finish").arg("--signature").arg(file));
                same_as_ours(
                    member.identity.certificate(),
                    message,
                    payload,
                    at,
                    (&prepared, &signature, &finished),
                );
                finished
            }
        }
    }

    /// What a key vault would do.
    fn sign_digest(&self, key: &Path, prepared: &[u8], certificate: &Certificate) -> FixedSignature {
        let prepared: Value = serde_json::from_slice(prepared).unwrap();
        let digest = self.keys.join("digest");
        fs::write(&digest, decode_base64(prepared["value"].as_str().unwrap()).unwrap()).unwrap();
        let mut command = Command::new("openssl");
        command.args(["pkeyutl", "-sign", "-inkey"]).arg(key).arg("-in").arg(digest);
        let half_len = certificate.public_key().as_ec().unwrap().curve().coordinate_len();
        FixedSignature::from_der(&run(&mut command), half_len).unwrap()
    }

    async fn say(&mut self, way: Way, member: &Party, message: Message<'_>, payload: &Value) -> Answer {
        let payload = if payload.is_null() { String::new() } else { payload.to_string() };
        let signed = self.sign(way, member, message, payload.as_bytes());
        let path = format!("{}?api-version={API_VERSION}", message.path(&member.identity.id()));
        self.client.post_cose(&path, signed).await.unwrap()
    }

    async fn activate(&mut self, way: Way, member: &Party) {
        let asked = self.say(way, member, Message::StateDigest, &Value::Null).await;
        let asked: Value = asked.expect(StatusCode::OK, "the state").unwrap().json().unwrap();
        let ack = json!({ "stateDigest": asked["stateDigest"] });
        self.say(way, member, Message::Ack, &ack).await.expect(StatusCode::NO_CONTENT, "the ack").unwrap();
    }

    /// What becomes of a proposal.
    async fn decide(&mut self, way: Way, member: &Party, message: Message<'_>, payload: &Value) -> Value {
        let answer = self.say(way, member, message, payload).await;
        answer.expect(StatusCode::OK, "a proposal").unwrap().json().unwrap()
    }
}

fn kind_and_id(message: Message<'_>) -> (&'static str, Option<&str>) {
    match message {
        Message::Proposal => ("proposal", None),
        Message::Ballot(id) => ("ballot", Some(id)),
        Message::Withdrawal(id) => ("withdrawal", Some(id)),
        Message::Ack => ("ack", None),
        Message::StateDigest => ("state_digest", None),
        Message::RecoveryShare => ("recovery_share", None),
    }
}

/// Our messages that wait for a signature are those of CCF's commands, bit by bit.
fn same_as_ours(
    certificate: &Certificate,
    message: Message<'_>,
    payload: &[u8],
    at: UnixTime,
    (prepared, signature, finished): (&[u8], &FixedSignature, &[u8]),
) {
    let ours = Unsigned::new(certificate, message, payload, at).unwrap();
    let prepared: Value = serde_json::from_slice(prepared).unwrap();
    assert_eq!(decode_base64(prepared["value"].as_str().unwrap()).unwrap(), ours.digest());
    // CCF 7.0 writes the number of the algorithm, its documentation the name that key vaults want.
    let (label, name) = (ours.algorithm().label(), ours.algorithm().name());
    assert!(prepared["alg"] == label || prepared["alg"] == name, "{prepared}");
    assert_eq!(ours.finish(signature).unwrap(), finished);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_is_opened_by_ccfs_commands() {
    let Some(commands) = python::commands() else { return };
    let directory = tempfile::tempdir().unwrap();
    let keys = directory.path().join("keys");
    fs::create_dir(&keys).unwrap();
    let party = |name: &str, options: &[&str]| participant(&commands, &keys, name, options);
    let members = vec![party("member0", &["--gen-enc-key"]), party("member1", &["--curve", "secp256r1"])];
    let users = vec![party("user0", &[])];
    let encryption = fs::read_to_string(keys.join("member0_enc_privk.pem")).unwrap();
    let encryption = RsaKey::from_pem(&encryption).unwrap();
    let consortium = Consortium { members, users, encryption };
    let node = Node::start(&consortium, &directory.path().join("node"), &json!({}));
    let mut desk = Desk { commands: commands.clone(), keys: keys.clone(), client: node.client(None) };
    let deadline = Instant::now() + PATIENCE;
    while !desk.client.get("/node/ready/gov").await.is_ok_and(|it| it.status == StatusCode::NO_CONTENT) {
        assert!(Instant::now() < deadline, "the node does not answer\n{}", node.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let [first, second] = [&consortium.members[0], &consortium.members[1]];
    desk.activate(Way::AtOnce, first).await;
    desk.activate(Way::InSteps, second).await;

    let user = consortium.user().certificate().to_pem();
    let actions = json!({ "actions": [
        { "name": "set_user", "args": { "cert": user, "user_data": { "text": "é" } } },
        { "name": "transition_service_to_open", "args": { "next_service_identity": node.service.to_pem() } },
    ] });
    let ballot = json!({ "ballot": AGREE });
    let proposal = desk.decide(Way::InSteps, second, Message::Proposal, &actions).await;
    assert_eq!(proposal["proposalState"], "Open", "{proposal}");
    let id = proposal["proposalId"].as_str().unwrap();
    let proposal = desk.decide(Way::AtOnce, first, Message::Ballot(id), &ballot).await;
    assert_eq!(proposal["proposalState"], "Open", "{proposal}");
    let proposal = desk.decide(Way::InSteps, second, Message::Ballot(id), &ballot).await;
    assert_eq!(proposal["proposalState"], "Accepted", "{proposal}");

    let actions = json!({ "actions": [{ "name": "trigger_ledger_chunk" }] });
    for (way, member) in [(Way::AtOnce, first), (Way::InSteps, first)] {
        let proposal = desk.decide(way, member, Message::Proposal, &actions).await;
        let id = proposal["proposalId"].as_str().unwrap();
        let withdrawn = desk.decide(way, member, Message::Withdrawal(id), &Value::Null).await;
        assert_eq!(withdrawn["proposalState"], "Withdrawn", "{withdrawn}");
    }

    while desk.client.get("/node/ready/app").await.unwrap().status != StatusCode::NO_CONTENT {
        assert!(Instant::now() < deadline, "the service does not open\n{}", node.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut user = node.client(Some(consortium.user()));
    let written = user.post("/app/log/private", &json!({ "id": 1, "msg": "hello" })).await.unwrap();
    written.expect(StatusCode::OK, "a write").unwrap();
}
