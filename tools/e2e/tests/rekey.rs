//! Members replace the ledger secret under load: no write fails, every node goes on, and old and new entries are read by
//! clients, by auditors, and by members with their shares.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use coco_client::{
    Client, Identity, Method, StatusCode, governance,
    network::{self, NodeStatus},
};
use coco_crypto::{RsaKey, rsa::RsaBits};
use coco_e2e::{
    Cluster, Consortium, LedgerFiles, Party,
    consortium::now,
    python,
    recovery::{self, Holder, NotRecovered},
    scale,
};
use coco_ledger::{LedgerSecrets, open};
use coco_wire::{Digest, Seqno, TxId};
use serde_json::{Value, json};

const NODES: usize = 3;
/// Between two new secrets.
const BETWEEN: Duration = Duration::from_millis(150);

/// A member who takes part in recovery.
struct Recoverer {
    party: Party,
    key: RsaKey,
}

/// Members who can recover the service, besides the first of the consortium.
struct Members {
    consortium: Consortium,
    recoverers: Vec<Recoverer>,
}

impl Members {
    fn new() -> Self {
        let recoverer = |number: u64| Recoverer {
            party: Party::new(&format!("recoverer{number}")),
            key: RsaKey::generate(RsaBits::B2048),
        };
        Self { consortium: Consortium::default(), recoverers: (0..2).map(recoverer).collect() }
    }

    fn signers(&self) -> Vec<Identity> {
        let others = self.recoverers.iter().map(|recoverer| recoverer.party.identity.clone());
        self.consortium.signers().into_iter().chain(others).collect()
    }

    fn holders(&self) -> Vec<Holder<'_>> {
        let first =
            Holder { member: self.consortium.members[0].identity.id(), key: &self.consortium.encryption };
        let others = self.recoverers.iter().map(|it| Holder { member: it.party.identity.id(), key: &it.key });
        std::iter::once(first).chain(others).collect()
    }

    /// They become members, and any two are to recover the service.
    async fn enter(&self, client: &mut Client) {
        for Recoverer { party, key } in &self.recoverers {
            let args = json!({
                "cert": party.identity.certificate().to_pem(),
                "encryption_pub_key": key.public_key().to_pem(),
            });
            let add = json!([{ "name": "set_member", "args": args }]);
            governance::decide(client, &self.consortium.signers(), &add).await.unwrap();
            governance::activate(client, &party.identity).await.unwrap();
        }
        self.decide(
            client,
            &json!([{ "name": "set_recovery_threshold", "args": { "recovery_threshold": 2 } }]),
        )
        .await;
    }

    async fn decide(&self, client: &mut Client, actions: &Value) -> TxId {
        let decided = governance::decide(client, &self.signers(), actions).await.unwrap();
        decided.transaction_id.unwrap()
    }
}

/// Writes until it is told to stop, private and public records in turn. Every answer is to be good. Yields what it wrote.
async fn write(mut client: Client, number: u64, done: Arc<AtomicBool>) -> Vec<(u64, TxId)> {
    let mut written = Vec::new();
    while !done.load(Ordering::SeqCst) {
        let key = number * 1_000_000 + written.len() as u64;
        let record = json!({ "id": key, "msg": message(key) });
        let path = if is_private(key) { "/app/log/private" } else { "/app/log/public" };
        let answer = client.post(path, &record).await.unwrap_or_else(|error| panic!("write {key}: {error}"));
        let answer = answer.expect(StatusCode::OK, "a write").unwrap();
        written.push((key, answer.transaction_id().unwrap()));
    }
    written
}

fn is_private(key: u64) -> bool {
    key % 4 != 3
}

fn message(key: u64) -> String {
    format!("record {key}")
}

/// Asks for what concerns a transaction until the ledger was read.
async fn fetch(client: &mut Client, path: &str, id: TxId) -> Vec<u8> {
    loop {
        let header = [("x-ms-ccf-transaction-id", &*id.to_string())];
        let answer = client.send(Method::GET, path, &header, Bytes::new()).await.unwrap();
        if answer.status != StatusCode::ACCEPTED {
            return answer.expect(StatusCode::OK, path).unwrap().body.to_vec();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A node joins in the proposal that sets a new secret, and knows this and the ones before.
async fn join(cluster: &mut Cluster, members: &Members) -> usize {
    let number = cluster.add(0);
    let mut client = cluster[0].client(None);
    let pending = cluster
        .wait_until("a node asks to be let in", async || {
            let nodes = network::nodes(&mut client).await.ok()?;
            nodes.iter().find(|node| node.status == NodeStatus::Pending).map(|node| node.node_id)
        })
        .await;
    let trust = json!({ "node_id": pending, "valid_from": now().to_string() });
    let actions = json!([
        { "name": "trigger_ledger_rekey" },
        { "name": "transition_node_to_trusted", "args": trust },
    ]);
    members.decide(&mut client, &actions).await;
    cluster.wait_until_joined(number, 0).await;
    number
}

/// Old transactions are read back on a node, with receipts.
async fn read_back(
    cluster: &Cluster,
    number: usize,
    user: &Identity,
    sample: &[(u64, TxId)],
    receipts: &Path,
) {
    let mut client = cluster[number].client(Some(user));
    for (key, id) in sample {
        let path = format!("/app/log/private/historical?id={key}");
        let body: Value = serde_json::from_slice(&fetch(&mut client, &path, *id).await).unwrap();
        assert_eq!(body["msg"], message(*key), "node {number}, {id}");
        for (path, suffix) in [("/app/receipt", "json"), ("/app/receipt/cose", "cose")] {
            let receipt = fetch(&mut client, &format!("{path}?transaction_id={id}"), *id).await;
            fs::write(receipts.join(format!("{}-{}.{suffix}", id.seqno, Digest::ZERO)), receipt).unwrap();
        }
    }
}

/// Opens every entry with what the members recover; yields how many.
fn recover(files: &LedgerFiles, members: &Members, expected: usize) -> usize {
    let [first, second, third] = &members.holders()[..] else { panic!("three have shares") };
    let secrets = recovery::secrets(files, &members.holders()[..2]).unwrap();
    for pair in [[first, third], [second, third]] {
        let pair = pair.map(|it| Holder { member: it.member, key: it.key });
        let same = recovery::secrets(files, &pair).unwrap();
        assert!(same.iter().eq(secrets.iter()), "members {:?}", pair.map(|it| it.member));
    }
    assert_eq!(recovery::secrets(files, &members.holders()[1..2]).err(), Some(NotRecovered), "one alone");
    assert_eq!(secrets.iter().count(), expected);
    let entries = files.entries();
    for entry in &entries {
        let id = entry.iv().tx_id();
        let opened = open(&secrets, entry.bytes()).unwrap_or_else(|error| panic!("{id}: {error}"));
        assert_eq!(opened.txid, id);
        // No secret but its own opens it.
        let own = secrets.at(id.seqno).unwrap();
        let other = secrets.iter().map(|(_, secret)| secret).find(|secret| *secret != own).unwrap();
        open(&LedgerSecrets::new(Seqno(1), other.clone()), entry.bytes()).unwrap_err();
    }
    entries.len()
}

fn chain_is_whole(python: &Path, ledger: &Path) {
    let output = Command::new(python)
        .args(["-m", "ccf.verify_ledger_secrets_chain", "--uncommitted"])
        .arg(ledger)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_new_secrets_under_load() {
    let (members, directory) = (Members::new(), tempfile::tempdir().unwrap());
    let user = members.consortium.user().clone();
    let sections = json!({ "ledger": { "chunk_size": "50KB" } });
    let mut cluster = Cluster::open(&members.consortium, directory.path(), NODES, &sections).await;
    let mut client = cluster[0].client(None);
    members.enter(&mut client).await;

    let done = Arc::<AtomicBool>::default();
    let writers = (0..4_u64).map(|number| {
        let node = usize::try_from(number).unwrap() % NODES;
        tokio::spawn(write(cluster[node].client(Some(&user)), number, Arc::clone(&done)))
    });
    let writers: Vec<_> = writers.collect();
    let mut set_at = Vec::new();
    let rekey = json!([{ "name": "trigger_ledger_rekey" }]);
    for _ in 0..scale::of(10, 200) {
        tokio::time::sleep(BETWEEN).await;
        set_at.push(members.decide(&mut client, &rekey).await);
    }
    let newcomer = join(&mut cluster, &members).await;
    tokio::time::sleep(BETWEEN).await;
    set_at.push(members.decide(&mut client, &rekey).await);
    tokio::time::sleep(BETWEEN).await;
    done.store(true, Ordering::SeqCst);
    let mut written = Vec::new();
    for writer in writers {
        written.extend(writer.await.expect("no write failed"));
    }
    written.sort_by_key(|(_, id)| *id);
    let last = written.last().unwrap().1;
    let everyone: Vec<usize> = cluster.numbers().collect();
    cluster.wait_for_commit(last, &everyone).await;

    // One of each time between two secrets, on a node that was there from the first, and on the one that came late.
    let private = || written.iter().filter(|(key, _)| is_private(*key));
    let under = |at: &TxId| private().find(|(_, id)| id.seqno > at.seqno).copied();
    let sample: Vec<_> =
        private().next().copied().into_iter().chain(set_at.iter().filter_map(under)).collect();
    assert_eq!(sample.len(), set_at.len() + 1, "somebody wrote under each secret");
    let receipts = directory.path().join("receipts");
    fs::create_dir(&receipts).unwrap();
    for number in [1, newcomer] {
        read_back(&cluster, number, &user, &sample, &receipts).await;
    }
    // From the last node to the first, which leads: nobody else needs it.
    for number in everyone.iter().rev() {
        assert!(cluster[*number].stop().success(), "{}", cluster.logs());
        cluster.verify_ledger(*number, last);
    }
    assert!(cluster.check_committed_files() > 0, "no two nodes have a committed file");
    let secrets = set_at.len() + 2;
    for number in [0, newcomer] {
        let entries = recover(&cluster[number].ledger(), &members, secrets);
        println!("node {number}: {secrets} secrets, {entries} entries, {} writes", written.len());
    }
    let Some(python) = python::with_ccf() else { return };
    let (ledger, service) = (cluster[1].ledger_directory(), cluster[0].directory.join("service_cert.pem"));
    println!("CCF's package: {}", python::verify(&python, &ledger, &service, &receipts));
    chain_is_whole(&python, &ledger);
}
