//! All nodes of a service are replaced by nodes that run other code, one after the other and under load.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use coco_client::{
    Method, StatusCode, governance,
    network::{self, NodeStatus},
};
use coco_crypto::hash::sha256;
use coco_e2e::{
    Cluster, Consortium,
    cluster::ELECTION_TIMEOUT,
    consortium::now,
    executable,
    history::{History, Truth},
    load::{Load, Mix},
    scale,
};
use coco_wire::{Digest, TxId};
use serde_json::{Value, json};

const NODES: usize = 3;
/// What clients do meanwhile.
const MIX: Mix = Mix { clients: 4, keys: 1 << 20, reads: 0, waits: 100 };
/// Nothing happens for so long before and between replacements.
const QUIET: Duration = Duration::from_millis(500);
/// How long a refusal may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A copy of the executable that is another one to whoever asks what a node runs: bytes after its end change nothing else.
fn another_version(directory: &Path, version: u64) -> PathBuf {
    let mut bytes = fs::read(executable::coco()).unwrap();
    bytes.extend_from_slice(format!("version {version}").as_bytes());
    let path = directory.join(format!("coco{version}"));
    fs::write(&path, bytes).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn identity(executable: &Path) -> Digest {
    sha256(&fs::read(executable).unwrap())
}

/// A service, and who decides about it.
struct Service {
    cluster: Cluster,
    consortium: Arc<Consortium>,
    /// Numbers of its nodes.
    members: Vec<usize>,
}

impl Service {
    async fn decide(&self, at: usize, actions: &Value) -> TxId {
        let mut client = self.cluster[at].client(None);
        let decided = governance::decide(&mut client, &self.consortium.signers(), actions).await;
        let id = decided
            .unwrap_or_else(|error| panic!("{error}\n{}", self.cluster.logs()))
            .transaction_id
            .unwrap();
        self.cluster.wait_for_commit(id, &[at]).await;
        id
    }

    async fn primary(&self) -> usize {
        self.cluster.primary_among(&self.members).await
    }

    async fn id(&self, number: usize) -> Digest {
        network::startup(&mut self.cluster[number].client(None)).await.unwrap().node_id
    }

    /// Starts a node that runs this code, until the service refuses it.
    async fn refused(&mut self, code: &Path) {
        let number = self.cluster.add_with(code, self.members[0]);
        let deadline = Instant::now() + PATIENCE;
        while self.cluster[number].is_running() {
            assert!(Instant::now() < deadline, "it is not refused\n{}", self.cluster.logs());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let log = self.cluster[number].log();
        assert!(log.contains("Quote host data is not authorised"), "{log}");
    }

    /// Lets a node in that runs this code, and then the oldest one go.
    async fn replace(&mut self, code: &Path, load: &Load) {
        let old = self.members[0];
        let primary = self.primary().await;
        let number = self.cluster.add_with(code, primary);
        let mut client = self.cluster[primary].client(None);
        let pending = self.cluster.wait_until("a node asks to be let in", async || {
            let nodes = network::nodes(&mut client).await.ok()?;
            nodes.iter().find(|it| it.status == NodeStatus::Pending).map(|it| it.node_id)
        });
        let id = pending.await;
        let valid_from = now().to_string();
        let trust = json!([{ "name": "transition_node_to_trusted", "args": { "node_id": id, "valid_from": valid_from } }]);
        self.decide(primary, &trust).await;
        self.cluster.wait_until_joined(number, primary).await;

        let left = self.id(old).await;
        self.members.remove(0);
        self.members.push(number);
        load.move_to(&self.cluster, &self.members);
        let remove = json!([{ "name": "remove_node", "args": { "node_id": left } }]);
        // The primary may be the one who leaves, so somebody who stays is asked.
        self.decide(number, &remove).await;
        let path = format!("/node/network/nodes/{left}");
        let mut client = self.cluster[number].client(None);
        let gone = self.cluster.wait_until("a node can be stopped", async || {
            let answer = client.get("/node/network/removable_nodes").await.ok()?;
            let removable: Value = answer.json().ok()?;
            (removable["nodes"][0]["node_id"] == left.to_hex()).then_some(())
        });
        gone.await;
        assert!(self.cluster[old].stop().success(), "{}", self.cluster.logs());
        let removed = client.send(Method::DELETE, &path, &[], Default::default()).await.unwrap();
        assert_eq!(removed.status, StatusCode::OK, "{removed:?}");
    }
}

async fn upgrade(round: u64) {
    let (consortium, directory) = (Arc::new(Consortium::default()), tempfile::tempdir().unwrap());
    let sections = json!({ "ledger": { "chunk_size": "20KB" } });
    let cluster = Cluster::open(&consortium, directory.path(), NODES, &sections).await;
    let mut service =
        Service { members: cluster.numbers().collect(), cluster, consortium: Arc::clone(&consortium) };
    let (old_code, new_code) = (executable::coco(), another_version(directory.path(), round));
    let load = Load::start(&service.cluster, consortium.user(), round, MIX);
    tokio::time::sleep(QUIET).await;

    service.refused(&new_code).await;
    let host_data =
        |action, code: &Path| json!([{ "name": action, "args": { "host_data": identity(code) } }]);
    let primary = service.primary().await;
    service.decide(primary, &host_data("add_virtual_host_data", &new_code)).await;
    let mut replacements = Vec::new();
    for _ in 0..NODES {
        let since = load.now();
        service.replace(&new_code, &load).await;
        tokio::time::sleep(QUIET).await;
        replacements.push((since, load.now()));
    }
    let primary = service.primary().await;
    service.decide(primary, &host_data("remove_virtual_host_data", old_code)).await;
    service.refused(old_code).await;

    let history = load.end().await;
    for (number, (since, until)) in replacements.into_iter().enumerate() {
        let gap = Duration::from_nanos(history.outage_between(since, until));
        let took = Duration::from_nanos(until - since);
        println!("round {round}: node {number} replaced in {took:?}, longest time without a commit {gap:?}");
        assert!(
            gap <= ELECTION_TIMEOUT * 2,
            "round {round}: node {number}: {gap:?}\n{}",
            service.cluster.logs()
        );
    }
    check(round, &mut service, &history).await;
}

/// What was acknowledged is in the ledgers of all nodes, which are the same.
async fn check(round: u64, service: &mut Service, history: &History) {
    println!("round {round}: {} writes acknowledged", history.acknowledged().count());
    let primary = service.primary().await;
    let last = network::committed(&mut service.cluster[primary].client(None)).await.unwrap();
    service.cluster.wait_for_commit(last, &service.members).await;
    for number in service.members.clone() {
        assert!(service.cluster[number].stop().success(), "{}", service.cluster.logs());
        service.cluster.verify_ledger(number, last);
        let checked = history.check(&Truth::upto(&service.cluster[number].ledger(), last.seqno));
        checked.unwrap_or_else(|violation| panic!("round {round}: node {number}: {violation:?}"));
    }
    assert!(service.cluster.check_committed_files() > 0, "no two nodes have a committed file");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_nodes_are_replaced_by_other_code() {
    for round in scale::rounds(1, 20) {
        upgrade(round).await;
    }
}
