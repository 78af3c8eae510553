//! Members renew certificates: every node shows its new one to whoever connects next, and goes on as before.

use std::time::Duration;

use coco_client::governance;
use coco_crypto::{
    Certificate,
    x509::{UnixTime, Validity},
};
use coco_e2e::{Cluster, Consortium, consortium::now, tls::Connection};
use serde_json::json;

const NODES: usize = 3;
const DAYS: u32 = 42;

#[tokio::test(flavor = "multi_thread")]
async fn every_node_shows_its_renewed_certificate() {
    let (consortium, directory) = (Consortium::default(), tempfile::tempdir().unwrap());
    let cluster = Cluster::open(&consortium, directory.path(), NODES, &json!({})).await;
    let everyone: Vec<_> = cluster.numbers().collect();
    let service = cluster[0].service.clone();
    let shown = async |at: usize, service: &Certificate| {
        Connection::open(&cluster[at].address, service, None).await.certificate()
    };
    let mut before = Vec::new();
    for at in &everyone {
        before.push(shown(*at, &service).await);
    }

    let from = UnixTime(now().0 - 60);
    let args = json!({ "valid_from": from.to_string(), "validity_period_days": DAYS });
    let actions = json!([
        { "name": "set_service_certificate_validity", "args": args },
        { "name": "set_all_nodes_certificate_validity", "args": args },
    ]);
    // A backup forwards it.
    let decided =
        governance::decide(&mut cluster[1].client(None), &consortium.signers(), &actions).await.unwrap();
    cluster.wait_for_commit(decided.transaction_id.unwrap(), &everyone).await;

    let expected = Validity::days(from, DAYS).unwrap();
    let info: serde_json::Value = cluster[2].client(None).get("/node/network").await.unwrap().json().unwrap();
    let renewed = Certificate::from_pem(info["service_certificate"].as_str().unwrap()).unwrap();
    assert_eq!((renewed.validity(), renewed.public_key().id()), (expected, service.public_key().id()));
    for at in &everyone {
        // What a node shows follows the commit by a moment.
        let mut certificate = shown(*at, &service).await;
        for _ in 0..100 {
            if certificate.der() != before[*at].der() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
            certificate = shown(*at, &service).await;
        }
        assert_eq!(certificate.validity(), expected, "node {at}");
        assert_eq!(certificate.public_key().id(), before[*at].public_key().id(), "node {at}");
        // Who trusts the service by its new certificate trusts the node, too.
        assert_eq!(shown(*at, &renewed).await.der(), certificate.der(), "node {at}");
        let own: serde_json::Value =
            cluster[*at].client(None).get("/node/self_signed_certificate").await.unwrap().json().unwrap();
        let own = Certificate::from_pem(own["self_signed_certificate"].as_str().unwrap()).unwrap();
        assert_eq!(own.validity(), expected, "node {at}");
        let mut client = cluster[*at].client(Some(consortium.user()));
        let written = client.post("/app/log/public", &json!({ "id": at, "msg": "after" })).await.unwrap();
        cluster.wait_for_commit(written.transaction_id().unwrap(), &everyone).await;
    }
}
