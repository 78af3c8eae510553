//! Nodes with a lease: they renew it, one that cannot is retired, and nobody is retired who is needed to decide.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{path::Path, sync::Arc};

use coco_client::{
    StatusCode, governance,
    network::{self, NodeStatus},
};
use coco_crypto::hash::sha256;
use coco_e2e::{Cluster, Consortium, executable};
use coco_wire::{Digest, TxId};
use rustix::process::Signal;
use serde_json::{Value, json};

const NODES: usize = 3;
/// The shortest lease: evidence is renewed after a third, and two thirds are left to find a primary.
const LEASE_S: u64 = 10;

struct Service {
    cluster: Cluster,
    consortium: Arc<Consortium>,
}

impl Service {
    async fn start(directory: &Path) -> Self {
        let consortium = Arc::new(Consortium::default());
        let cluster = Cluster::open(&consortium, directory, NODES, &json!({})).await;
        Self { cluster, consortium }
    }

    async fn decide(&self, at: usize, actions: Value) -> TxId {
        let mut client = self.cluster[at].client(None);
        let decided = governance::decide(&mut client, &self.consortium.signers(), &actions).await;
        decided.unwrap_or_else(|error| panic!("{error}\n{}", self.cluster.logs())).transaction_id.unwrap()
    }

    async fn set_lease(&self, at: usize) {
        self.decide(at, json!([{ "name": "set_node_lease", "args": { "seconds": LEASE_S } }])).await;
    }

    async fn leases(&self, at: usize) -> Value {
        let answer = self.cluster[at].client(None).get("/node/leases").await.unwrap();
        answer.expect(StatusCode::OK, "the leases").unwrap().json().unwrap()
    }

    /// When the evidence of each trusted node was judged, as node `at` knows.
    async fn judged(&self, at: usize) -> Vec<(Digest, u64)> {
        let leases = self.leases(at).await;
        assert_eq!(leases["lease_s"], LEASE_S, "{leases}");
        let nodes = leases["nodes"].as_array().unwrap().iter();
        nodes
            .map(|node| {
                let id = node["node_id"].as_str().unwrap().parse().unwrap();
                (id, node["appraised_at"].as_u64().unwrap())
            })
            .collect()
    }

    async fn id(&self, number: usize) -> Digest {
        network::startup(&mut self.cluster[number].client(None)).await.unwrap().node_id
    }

    async fn write(&self, at: usize, key: u64) -> TxId {
        let mut client = self.cluster[at].client(Some(self.consortium.user()));
        let answer = client.post("/app/log/private", &json!({ "id": key, "msg": "written" })).await.unwrap();
        answer.expect(StatusCode::OK, "a write").unwrap().transaction_id().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_shows_nothing_is_retired_and_may_not_read_on() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::start(directory.path()).await;
    let primary = service.cluster.primary_among(&[0, 1, 2]).await;
    let [stays, hangs] = [(primary + 1) % NODES, (primary + 2) % NODES];
    service.set_lease(primary).await;
    let began = service.judged(primary).await;
    let renewed = service.cluster.wait_until("all have renewed their leases twice", async || {
        let now = service.judged(stays).await;
        let later =
            |(was, is): (&(Digest, u64), &(Digest, u64))| was.0 == is.0 && is.1 >= was.1 + LEASE_S / 2;
        (now.len() == NODES && began.iter().zip(&now).all(later)).then_some(())
    });
    renewed.await;

    let id = service.id(hangs).await;
    service.cluster[hangs].signal(Signal::STOP);
    let retired = service.cluster.wait_until("the node that hangs is retired", async || {
        let nodes = network::nodes(&mut service.cluster[stays].client(None)).await.ok()?;
        nodes.iter().any(|node| node.node_id == id && node.status == NodeStatus::Retired).then_some(())
    });
    retired.await;
    service.cluster[hangs].signal(Signal::CONT);
    assert_eq!(service.judged(stays).await.len(), NODES - 1);
    let log = service.cluster[primary].log();
    assert!(log.contains(&format!("Node {id} is retired: it has shown no new evidence in time")), "{log}");
    // Both others go on, under a secret that the third was not given.
    let written = service.write(primary, 1).await;
    service.cluster.wait_for_commit(written, &[primary, stays]).await;
    service.cluster.verify_ledger(stays, written);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_all_nodes_run_is_taken_back_and_nobody_goes() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::start(directory.path()).await;
    let primary = service.cluster.primary_among(&[0, 1, 2]).await;
    service.set_lease(primary).await;
    let code = sha256(&std::fs::read(executable::coco()).unwrap());
    service
        .decide(primary, json!([{ "name": "remove_virtual_host_data", "args": { "host_data": code } }]))
        .await;
    // The primary retires one of three, then nobody can be spared.
    let alarmed = service.cluster.wait_until("an alarm", async || {
        let logs: String = service.cluster.numbers().map(|number| service.cluster[number].log()).collect();
        logs.contains("ALARM: node").then_some(())
    });
    alarmed.await;
    assert_eq!(service.leases(primary).await["nodes"].as_array().unwrap().len(), NODES - 1);
    // What the members take back they can admit again; service and ledger go on meanwhile.
    let primary = service.cluster.primary_among(&[0, 1, 2]).await;
    service
        .decide(primary, json!([{ "name": "add_virtual_host_data", "args": { "host_data": code } }]))
        .await;
    let written = service.write(primary, 1).await;
    service.cluster.wait_for_commit(written, &[primary]).await;
    service.cluster.verify_ledger(primary, written);
}
