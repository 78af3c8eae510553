//! Members decide by the command line, in a sandbox: from a proposal to its end, and with keys that are elsewhere.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use serde_json::Value;

use super::{COCO, Sandbox};

impl Sandbox {
    fn run(&self, arguments: &str) -> Output {
        let mut command = Command::new(COCO);
        command.arg("gov").args(arguments.split(' ')).current_dir(&self.folder).env("COCO_DIR", self.dir());
        command.output().unwrap()
    }

    /// What is printed by a command that ends with this status.
    fn gov(&self, status: i32, arguments: &str) -> String {
        let output = self.run(arguments);
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(status), "{arguments}: {out}{err}");
        if status == 0 { out } else { err }
    }

    fn json(&self, arguments: &str) -> Value {
        serde_json::from_str(&self.gov(0, &format!("{arguments} --json"))).unwrap()
    }

    /// Proposes, and yields the identifier.
    fn propose(&self, actions: &str) -> String {
        let proposal = self.json(&format!("propose {actions}"));
        assert_eq!(proposal["proposalState"], "Open", "{proposal}");
        proposal["proposalId"].as_str().unwrap().to_owned()
    }

    fn keygen(&self, arguments: &str) {
        let made =
            Command::new(COCO).arg("keygen").args(arguments.split(' ')).current_dir(&self.folder).output();
        assert!(made.unwrap().status.success());
    }

    fn write(&self, name: &str, content: &str) {
        fs::write(self.folder.join(name), content).unwrap();
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn openssl(arguments: &[&str], folder: &Path) -> Output {
    Command::new("openssl").args(arguments).current_dir(folder).output().unwrap()
}

#[test]
fn members_decide() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(folder.path(), "logging");
    sandbox.keygen("--name user1");
    sandbox.keygen("--name member3 --gen-enc-key");
    valid_or_not(&sandbox);

    let user = "set_user --cert user1_cert.pem --data {\"isAdmin\":true}";
    let member = "set_member --cert member3_cert.pem --encryption-key member3_enc_pubk.pem";
    let id = sandbox.propose(&format!("{user} {member}"));
    let listed = sandbox.gov(0, "list");
    let row = listed.lines().find(|line| line.starts_with(&id)).unwrap();
    assert!(row.starts_with(&format!("{id}  Open      0        ")), "{listed}");
    assert!(row.ends_with("  set_user, set_member"), "{listed}");
    assert!(
        sandbox.gov(0, &format!("show {id}")).contains("Votes    none\nWanted   2 more votes for it, of ")
    );

    let mut watch = Command::new(COCO)
        .args(["gov", "watch", &id, "--interval", "50ms", "--dir"])
        .arg(sandbox.dir())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    sandbox.write("careful.js", "export function vote(proposal) { return proposal.includes('isAdmin') }");
    sandbox.gov(0, &format!("vote {id} --ballot careful.js --member member2"));
    let again = sandbox.gov(1, &format!("vote {id} --against --member member2"));
    assert!(again.contains("VoteAlreadyExists"), "{again}");
    sandbox.gov(0, &format!("vote {id} --against --member member1"));
    let shown = sandbox.json(&format!("show {id}"));
    assert_eq!(shown["actions"][0]["args"]["user_data"]["isAdmin"], true, "{shown}");
    let votes: Vec<_> = shown["ballots"].as_array().unwrap().iter().map(|it| it["vote"].clone()).collect();
    assert_eq!(votes.iter().filter(|vote| **vote == true).count(), 1, "{shown}");
    assert_eq!((votes.len(), &shown["wanted"]["more"]), (2, &1.into()), "{shown}");
    let told = sandbox.gov(0, &format!("vote {id} --for"));
    assert_eq!(told, format!("Proposal {id} is Accepted.\n"));
    let watched = watch.wait_with_output_of();
    assert!(watched.ends_with(&format!("{id} is Accepted with 3 votes.\n")), "{watched}");
    let shown = sandbox.gov(0, &format!("show {id}"));
    assert!(shown.contains("State    Accepted") && !shown.contains("Wanted"), "{shown}");

    // The new member has no vote before it has acknowledged the state.
    let as_member3 = "--member-cert member3_cert.pem --member-key member3_privk.pem";
    let other = sandbox.propose("remove_user --id user1_cert.pem");
    let refused = sandbox.gov(1, &format!("vote {other} --for {as_member3}"));
    assert!(refused.contains("401"), "{refused}");
    assert!(sandbox.gov(0, &format!("ack {as_member3}")).contains("acknowledged"));
    sandbox.gov(0, &format!("vote {other} --for {as_member3}"));

    let refused = sandbox.gov(1, &format!("withdraw {other} --member member1"));
    assert!(refused.contains("can only be withdrawn by proposer"), "{refused}");
    assert_eq!(sandbox.gov(0, &format!("withdraw {other}")), format!("Proposal {other} is Withdrawn.\n"));
    let late = sandbox.gov(1, &format!("vote {other} --for"));
    assert!(late.contains("ProposalNotOpen"), "{late}");
    assert!(
        sandbox.gov(1, &format!("watch {other}")).contains("the proposal is Withdrawn, and not accepted")
    );
    let unknown = "01".repeat(32);
    for command in ["show", "watch", "withdraw"] {
        let told = sandbox.gov(1, &format!("{command} {unknown}"));
        assert!(told.contains("the service knows no proposal"), "{told}");
    }
    assert_eq!(sandbox.gov(0, "list --open"), "There are no proposals.\n");
    assert_eq!(sandbox.gov(0, "watch --interval 50ms --timeout 100ms").lines().count(), 1);
}

/// Waits for a command to end well, and yields what it printed.
trait Ends {
    fn wait_with_output_of(&mut self) -> String;
}

impl Ends for Child {
    fn wait_with_output_of(&mut self) -> String {
        let mut printed = String::new();
        std::io::Read::read_to_string(self.stdout.as_mut().unwrap(), &mut printed).unwrap();
        assert!(self.wait().unwrap().success(), "{printed}");
        printed
    }
}

/// `--dry-run` with the service's constitution and without a service; nothing is sent.
fn valid_or_not(sandbox: &Sandbox) {
    let user = "set_user --cert user1_cert.pem";
    let proposal: Value =
        serde_json::from_str(&sandbox.gov(0, &format!("propose --dry-run {user}"))).unwrap();
    assert_eq!(proposal["actions"][0]["name"], "set_user");
    assert!(proposal["actions"][0]["args"]["cert"].as_str().unwrap().starts_with("-----BEGIN"));
    sandbox.gov(0, "propose --dry-run assert_service_identity");
    for (actions, reason) in [
        ("set_user --cert user1_privk.pem", "NOT VALID: set_user at position 0 failed validation: "),
        ("set_user --cert user1_cert.pem colour=red", "colour"),
        ("dance", "NOT VALID: dance: no such action"),
        ("set_recovery_threshold --threshold 0", "failed validation"),
        ("set_constitution --constitution user1_cert.pem", "failed validation"),
    ] {
        let told = sandbox.gov(1, &format!("propose {actions} --dry-run"));
        assert!(told.contains(reason), "{told}");
        // The service says so, too.
        let told = sandbox.gov(1, &format!("propose {actions}"));
        assert!(told.contains("ProposalFailedToValidate"), "{told}");
    }
    let constitution = sandbox.dir().join("constitution");
    let offline = |actions: &str| {
        let mut command = Command::new(COCO);
        command.args(["gov", "propose", "--dry-run", "--json", "--constitution"]).arg(&constitution);
        let output = command.args(actions.split(' ')).current_dir(&sandbox.folder).output().unwrap();
        let verdict: Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code().unwrap(), verdict)
    };
    let (status, verdict) = offline(user);
    assert_eq!((status, &verdict["valid"]), (0, &true.into()));
    let (status, verdict) = offline("dance");
    assert_eq!((status, &verdict["reason"]), (1, &"dance: no such action".into()));
    // Nothing was sent: the proposal that opened the service is the only one.
    assert_eq!(sandbox.json("list").as_array().unwrap().len(), 1);
}

/// Keys of a member on P-384 in a service, of one on P-256 as `openssl` makes them.
#[test]
fn keys_may_be_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(folder.path(), "logging");
    let path = folder.path();
    let made =
        ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=m"];
    let files = ["-days", "30", "-keyout", "m_privk.pem", "-out", "m_cert.pem"];
    assert!(openssl(&[&made[..], &files[..]].concat(), path).status.success());
    let id = sandbox.propose("set_member --cert m_cert.pem");
    sandbox.gov(0, &format!("vote {id} --for"));
    sandbox.gov(0, &format!("vote {id} --for --member member1"));

    // Two messages make the member active, each signed by another program.
    let finish = |name: &str, arguments: &str| {
        let prepared = format!("{arguments} --member-cert m_cert.pem --prepare {name}.json");
        let to_sign: Value = serde_json::from_str(&sandbox.gov(0, &prepared)).unwrap();
        assert_eq!(to_sign["alg"], "ES256");
        let digest = coco_wire::text::decode_base64(to_sign["value"].as_str().unwrap()).unwrap();
        fs::write(path.join("digest"), digest).unwrap();
        let sign = ["pkeyutl", "-sign", "-inkey", "m_privk.pem", "-in", "digest", "-out", "signature"];
        assert!(openssl(&sign, path).status.success());
        // A signature of something else is refused here.
        let mut wrong = fs::read(path.join("signature")).unwrap();
        let last = wrong.len() - 1;
        wrong[last] ^= 1;
        fs::write(path.join("wrong"), wrong).unwrap();
        let refused = sandbox.gov(1, &format!("finish --prepared {name}.json --signature wrong"));
        assert!(refused.contains("nothing is sent"), "{refused}");
        sandbox.gov(0, &format!("finish --prepared {name}.json --signature signature"))
    };
    assert!(finish("state", "ack").contains("coco gov ack --recorded"));
    assert!(finish("ack", "ack --recorded").contains("the member is active"));
    let told = finish("proposal", "propose trigger_ledger_chunk");
    let id = told.split(' ').nth(1).unwrap().to_owned();

    let with = |key: &str| {
        let mut command = Command::new(COCO);
        let sign = format!("openssl pkeyutl -sign -inkey {key}");
        command.args(["gov", "vote", &id, "--for", "--member-cert", "m_cert.pem", "--sign-with", &sign]);
        command.arg("--dir").arg(sandbox.dir()).current_dir(path).output().unwrap()
    };
    let other = openssl(&["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "other.pem"], path);
    assert!(other.status.success());
    let refused = with("other.pem");
    assert_eq!((refused.status.code(), text(&refused.stderr).contains("nothing is sent")), (Some(1), true));
    let failed = with("absent.pem");
    assert_eq!(failed.status.code(), Some(2), "{failed:?}");
    let voted = with("m_privk.pem");
    assert!(voted.status.success(), "{voted:?}");
    assert_eq!(sandbox.json(&format!("show {id}"))["ballots"][0]["vote"], true);
    // What was changed after it was prepared has no signature of the member.
    sandbox.gov(0, &format!("withdraw {id} --member-cert m_cert.pem --member-key m_privk.pem"));
    let prepared = fs::read_to_string(path.join("proposal.json")).unwrap();
    sandbox.write("changed.json", &prepared.replacen("\"message\": \"", "\"message\": \"AA", 1));
    assert!(
        sandbox.gov(2, "finish --prepared changed.json --signature signature").contains("not what --prepare")
    );
}
