//! Requests of others at a fixed rate, and how long they take.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use coco_client::{Client, StatusCode};
use coco_e2e::{Consortium, Node};
use serde_json::json;
use tokio::{task::JoinHandle, time::Instant};

/// What is asked for: an endpoint in Rust, one in JavaScript that reads, one in JavaScript that writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ask {
    Native,
    Read,
    Write,
}

/// Connections for each of them.
const CONNECTIONS: u32 = 8;
/// Time between two requests of a connection.
const PERIOD: Duration = Duration::from_millis(80);

/// Requests that are being sent.
pub(crate) struct Honest {
    done: Arc<AtomicBool>,
    connections: Vec<JoinHandle<(Ask, Vec<Duration>)>>,
}

/// Latencies in their order, from when each request was due.
pub(crate) struct Latencies(BTreeMap<Ask, Vec<Duration>>);

impl Honest {
    /// Begins to send them, over connections that are there already.
    pub(crate) async fn start(node: &Node, consortium: &Consortium) -> Self {
        let (done, mut connections) = (Arc::<AtomicBool>::default(), Vec::new());
        let mut clients = Vec::new();
        for number in 0..CONNECTIONS {
            for ask in [Ask::Native, Ask::Read, Ask::Write] {
                let mut client = node.client(Some(consortium.user()));
                send(&mut client, ask).await;
                clients.push((ask, number, client));
            }
        }
        let begin = Instant::now();
        for (ask, number, mut client) in clients {
            let first = begin + PERIOD * (3 * number + ask as u32) / (3 * CONNECTIONS);
            let done = Arc::clone(&done);
            connections.push(tokio::spawn(async move {
                let (mut due, mut latencies) = (first, Vec::new());
                while !done.load(Ordering::SeqCst) {
                    tokio::time::sleep_until(due).await;
                    send(&mut client, ask).await;
                    latencies.push(due.elapsed());
                    due += PERIOD;
                }
                (ask, latencies)
            }));
        }
        Self { done, connections }
    }

    /// Sends no more; what the requests took.
    pub(crate) async fn end(self) -> Latencies {
        self.done.store(true, Ordering::SeqCst);
        let mut latencies: BTreeMap<Ask, Vec<Duration>> = BTreeMap::new();
        for connection in self.connections {
            let (ask, found) = connection.await.expect("every request is answered");
            latencies.entry(ask).or_default().extend(found);
        }
        latencies.values_mut().for_each(|found| found.sort_unstable());
        Latencies(latencies)
    }
}

impl Latencies {
    /// What 99 of 100 requests do not exceed.
    pub(crate) fn p99(&self, ask: Ask) -> Duration {
        let found = &self.0[&ask];
        found[found.len() * 99 / 100]
    }

    /// How many there are.
    pub(crate) fn count(&self, ask: Ask) -> usize {
        self.0[&ask].len()
    }
}

async fn send(client: &mut Client, ask: Ask) {
    let answer = match ask {
        Ask::Native => client.get("/app/commit").await,
        Ask::Read => client.get("/app/honest").await,
        Ask::Write => client.post("/app/honest", &json!({ "value": [1, 2] })).await,
    };
    let answer = answer.expect("the node answers").expect(StatusCode::OK, "an honest request").unwrap();
    match ask {
        Ask::Native => {}
        Ask::Read => assert_eq!(&*answer.body, br#"{"sum":3}"#),
        Ask::Write => assert_eq!(&*answer.body, b"true"),
    }
}
