//! Linearizable reads: on every node they show what was committed before, or are refused.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use coco_client::{Answer, Client, Method, StatusCode};
use coco_e2e::{Cluster, Consortium, scale};
use rustix::process::Signal;
use serde_json::{Value, json};

const NODES: usize = 3;

async fn write(client: &mut Client, message: &str) {
    let headers = [("content-type", "application/json"), ("prefer", "wait=10")];
    let body = json!({ "id": 1, "msg": message }).to_string();
    let answer = client.send(Method::POST, "/app/log/public", &headers, body.into()).await.unwrap();
    assert!(answer.headers.contains_key("preference-applied"), "{answer:?}");
}

async fn read(client: &mut Client, prefer: &str) -> Answer {
    client.send(Method::GET, "/app/log/public?id=1", &[("prefer", prefer)], Vec::new().into()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_node_misses_what_was_committed() {
    let (consortium, directory) = (Consortium::default(), tempfile::tempdir().unwrap());
    let cluster = Cluster::open(&consortium, directory.path(), NODES, &json!({})).await;
    let everyone: Vec<_> = cluster.numbers().collect();
    let primary = cluster.primary_among(&everyone).await;
    let mut clients: Vec<_> =
        everyone.iter().map(|at| cluster[*at].client(Some(consortium.user()))).collect();
    let mut longest = Duration::ZERO;
    for round in scale::rounds(50, 2_000) {
        let message = format!("round {round}");
        write(&mut clients[primary], &message).await;
        for at in &everyone {
            let since = Instant::now();
            let answer = read(&mut clients[*at], "consistency=linearizable").await;
            longest = longest.max(since.elapsed());
            assert_eq!(answer.status, StatusCode::OK, "node {at}: {answer:?}");
            assert_eq!(answer.headers["preference-applied"], "consistency=linearizable");
            assert_eq!(answer.json::<Value>().unwrap(), json!({ "msg": message }), "node {at}");
        }
    }
    println!("longest linearizable read: {longest:?}");

    // A primary that nobody confirms refuses, whatever it believes; reads of what it has go on.
    let others: Vec<_> = everyone.iter().copied().filter(|at| *at != primary).collect();
    others.iter().for_each(|at| cluster[*at].signal(Signal::STOP));
    // What they had in hand they still finish.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let refused = read(&mut clients[primary], "consistency=linearizable, wait=1").await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE, "{refused:?}");
    assert_eq!(refused.json::<Value>().unwrap()["error"]["code"], "PrimaryNotFound");
    assert_eq!(read(&mut cluster[primary].client(Some(consortium.user())), "").await.status, StatusCode::OK);
    others.iter().for_each(|at| cluster[*at].signal(Signal::CONT));
    let again = cluster.primary_among(&everyone).await;
    let mut client = cluster[again].client(Some(consortium.user()));
    assert_eq!(read(&mut client, "consistency=linearizable, wait=30").await.status, StatusCode::OK);
}
