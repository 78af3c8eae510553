//! A node that failed is replaced: another one joins the open service, and the members let it in and the old one go.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use coco_client::{
    Client, Method, StatusCode, governance,
    network::{self, NodeStatus},
};
use coco_e2e::{Cluster, Consortium, Node, consortium::now, executable};
use coco_wire::{Digest, TxId};
use serde_json::{Value, json};

const NODES: usize = 3;
const PATIENCE: Duration = Duration::from_secs(60);

async fn write(client: &mut Client, key: u64, message: &str) -> TxId {
    let answer = client.post("/app/log/private", &json!({ "id": key, "msg": message })).await.unwrap();
    answer.expect(StatusCode::OK, "write").unwrap().transaction_id().unwrap()
}

async fn read(client: &mut Client, key: u64) -> Value {
    let answer = client.get(&format!("/app/log/private?id={key}")).await.unwrap();
    answer.expect(StatusCode::OK, "read").unwrap().json().unwrap()
}

async fn with_status(client: &mut Client, status: NodeStatus) -> Vec<Digest> {
    let nodes = network::nodes(client).await.unwrap();
    nodes.iter().filter(|node| node.status == status).map(|node| node.node_id).collect()
}

/// The members let a pending node in, and another one go.
async fn replace(client: &mut Client, consortium: &Consortium, old: Digest, new: Digest) -> TxId {
    let valid_from = now().to_string();
    let actions = json!([
        { "name": "transition_node_to_trusted", "args": { "node_id": new, "valid_from": valid_from } },
        { "name": "remove_node", "args": { "node_id": old } },
    ]);
    let decided = governance::decide(client, &consortium.signers(), &actions).await.unwrap();
    decided.transaction_id.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_failed_is_replaced() {
    let (consortium, directory) = (Consortium::default(), tempfile::tempdir().unwrap());
    let sections = json!({ "ledger": { "chunk_size": "20KB" } });
    let mut cluster = Cluster::open(&consortium, directory.path(), NODES, &sections).await;
    let mut client = cluster[0].client(Some(consortium.user()));
    for key in 0..200 {
        write(&mut client, key, "before the failure").await;
    }
    let failed = network::startup(&mut client).await.unwrap().node_id;
    let last = write(&mut client, 200, "last before").await;
    client.wait_for_commit(last, PATIENCE).await.unwrap();
    cluster[0].kill();
    let primary = cluster.primary_among(&[1, 2]).await;

    // It asks a backup, which sends it to the primary.
    let number = cluster.add(3 - primary);
    let mut client = cluster[primary].client(Some(consortium.user()));
    let pending = cluster
        .wait_until("a node asks to be let in", async || {
            with_status(&mut client, NodeStatus::Pending).await.first().copied()
        })
        .await;
    let decided = replace(&mut cluster[primary].client(None), &consortium, failed, pending).await;
    cluster.wait_until_joined(number, primary).await;
    cluster.wait_for_commit(decided, &[1, 2, number]).await;
    assert_eq!(with_status(&mut client, NodeStatus::Retired).await, [failed]);

    // The new node has everything, and counts: with it, one of the others may fail.
    let mut newcomer = cluster[number].client(Some(consortium.user()));
    assert_eq!(read(&mut newcomer, 0).await, json!({ "msg": "before the failure" }));
    assert_eq!(read(&mut newcomer, 200).await, json!({ "msg": "last before" }));
    cluster
        .wait_until("the failed node can be removed", async || {
            let answer = client.get("/node/network/removable_nodes").await.unwrap();
            let removable: Value = answer.json().unwrap();
            (removable["nodes"][0]["node_id"] == failed.to_hex()).then_some(())
        })
        .await;
    let path = format!("/node/network/nodes/{failed}");
    let removed = client.send(Method::DELETE, &path, &[], Default::default()).await.unwrap();
    assert_eq!(removed.status, StatusCode::OK, "{removed:?}");
    assert_eq!(with_status(&mut client, NodeStatus::Retired).await, []);

    cluster[primary].kill();
    let left = [3 - primary, number];
    let next = cluster.primary_among(&left).await;
    let mut client = cluster[next].client(Some(consortium.user()));
    let last = write(&mut client, 201, "after both").await;
    cluster.wait_for_commit(last, &left).await;
    for number in left {
        assert!(cluster[number].stop().success(), "{}", cluster.logs());
        cluster.verify_ledger(number, last);
    }
    assert!(cluster.check_committed_files() > 0, "no two nodes have a committed file");
}

#[tokio::test(flavor = "multi_thread")]
async fn others_are_told_where_an_interface_listens() {
    let (consortium, directory) = (Consortium::default(), tempfile::tempdir().unwrap());
    let interfaces = json!({
        "node_to_node_interface": { "bind_address": "127.0.0.1:0" },
        "rpc_interfaces": {
            "main": { "bind_address": "127.0.0.1:0" },
            "streams": { "bind_address": "127.0.0.1:0", "app_protocol": "HTTP2" },
        }
    });
    let sections = json!({ "network": interfaces });
    let node = Node::start_with(executable::coco(), &consortium, directory.path(), &sections);
    let answer = node.client(None).get("/node/network/nodes").await.unwrap();
    let nodes: Value = answer.expect(StatusCode::OK, "nodes").unwrap().json().unwrap();
    let listed = &nodes["nodes"][0]["rpc_interfaces"];
    for address in ["bind_address", "published_address"] {
        assert_eq!(listed["main"][address], node.address, "{address}");
        assert_ne!(listed["streams"][address], "127.0.0.1:0");
    }
    let http2_only = "max_frame_size";
    assert_eq!(listed["main"]["http_configuration"].get(http2_only), None);
    assert_eq!(listed["streams"]["http_configuration"][http2_only], "16384");
}
