//! Clients that write and read at the same time, and keep what they saw.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use coco_client::{Client, Identity, Method, StatusCode};
use coco_crypto::Certificate;
use serde_json::{Value, json};
use tokio::{task::JoinHandle, time::timeout};

use crate::{
    Cluster, Random,
    history::{Deed, History, Operation, Outcome},
};

/// How long a client waits for an answer before it goes to another node.
const IMPATIENCE: Duration = Duration::from_secs(5);
/// Rest before it does.
const REST: Duration = Duration::from_millis(5);

/// What clients ask for.
#[derive(Clone, Copy, Debug)]
pub struct Mix {
    /// How many there are.
    pub clients: u64,
    /// Records that they share.
    pub keys: u64,
    /// Of a hundred requests, so many read.
    pub reads: u64,
    /// Of a hundred writes, so many are answered at commit, the others at once.
    pub waits: u64,
}

/// Clients that are at work.
pub struct Load {
    began: Instant,
    done: Arc<AtomicBool>,
    /// Where clients may go.
    addresses: Arc<Mutex<Vec<String>>>,
    clients: Vec<JoinHandle<Vec<Operation>>>,
}

impl Load {
    /// Starts clients that go to another of all nodes when one does not answer.
    #[must_use]
    pub fn start(cluster: &Cluster, user: &Identity, seed: u64, mix: Mix) -> Self {
        let (began, done) = (Instant::now(), Arc::<AtomicBool>::default());
        let addresses = Arc::new(Mutex::new(addresses(cluster, cluster.numbers())));
        let clients = (0..mix.clients).map(|number| {
            let client = LoadClient {
                number,
                mix,
                random: Random((seed << 8) + number),
                addresses: Arc::clone(&addresses),
                service: cluster[0].service.clone(),
                user: user.clone(),
                began,
                done: Arc::clone(&done),
            };
            tokio::spawn(client.run())
        });
        let clients = clients.collect();
        Self { began, done, addresses, clients }
    }

    /// Goes on with these nodes: who is at another one leaves it.
    pub fn move_to(&self, cluster: &Cluster, nodes: &[usize]) {
        *lock(&self.addresses) = addresses(cluster, nodes.iter().copied());
    }

    /// Time in nanoseconds since they started.
    #[must_use]
    pub fn now(&self) -> u64 {
        since(self.began)
    }

    /// Ends them; what they saw.
    ///
    /// # Panics
    /// If one did not end well.
    pub async fn end(self) -> History {
        self.done.store(true, Ordering::SeqCst);
        let mut history = History::default();
        for client in self.clients {
            history.0.extend(client.await.expect("a client ends"));
        }
        history
    }
}

struct LoadClient {
    number: u64,
    mix: Mix,
    random: Random,
    addresses: Arc<Mutex<Vec<String>>>,
    service: Certificate,
    user: Identity,
    began: Instant,
    done: Arc<AtomicBool>,
}

impl LoadClient {
    async fn run(mut self) -> Vec<Operation> {
        let mut operations = Vec::new();
        let mut turn = usize::try_from(self.number).expect("few clients");
        let (mut address, mut client) = self.client(turn);
        while !self.done.load(Ordering::SeqCst) {
            let key = self.random.below(self.mix.keys);
            let reads = self.random.below(100) < self.mix.reads;
            let begun = since(self.began);
            let (deed, asked) = if reads {
                let asked = timeout(IMPATIENCE, read(&mut client, key)).await.ok().flatten();
                let (value, outcome) = asked.unwrap_or((None, Outcome::Unknown));
                (Deed::Read(value), outcome)
            } else {
                let value = format!("{} wrote {}", self.number, operations.len());
                let waits = self.random.below(100) < self.mix.waits;
                let asked = timeout(IMPATIENCE, write(&mut client, key, &value, waits)).await.ok().flatten();
                (Deed::Write(value), asked.unwrap_or(Outcome::Unknown))
            };
            operations.push(Operation { key, deed, begun, ended: since(self.began), outcome: asked });
            if asked == Outcome::Unknown {
                turn += 1;
                tokio::time::sleep(REST).await;
            }
            if asked == Outcome::Unknown || !lock(&self.addresses).contains(&address) {
                (address, client) = self.client(turn);
            }
        }
        operations
    }

    fn client(&self, turn: usize) -> (String, Client) {
        let address = {
            let addresses = lock(&self.addresses);
            addresses[turn % addresses.len()].clone()
        };
        let client = Client::new(&address, &self.service, Some(&self.user));
        (address, client.expect("address and certificates are sound"))
    }
}

fn addresses(cluster: &Cluster, nodes: impl IntoIterator<Item = usize>) -> Vec<String> {
    nodes.into_iter().map(|number| cluster[number].address.clone()).collect()
}

fn lock(addresses: &Mutex<Vec<String>>) -> MutexGuard<'_, Vec<String>> {
    addresses.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn write(client: &mut Client, key: u64, value: &str, waits: bool) -> Option<Outcome> {
    let headers = [("content-type", "application/json"), ("prefer", "wait=60")];
    let headers = if waits { &headers[..] } else { &headers[..1] };
    let body = json!({ "id": key, "msg": value }).to_string();
    let answer = client.send(Method::POST, "/app/log/public", headers, body.into()).await.ok()?;
    let id = answer.transaction_id().filter(|_| answer.status == StatusCode::OK)?;
    let is_committed = answer.headers.contains_key("preference-applied");
    Some(if is_committed { Outcome::Committed(id) } else { Outcome::Answered(id) })
}

async fn read(client: &mut Client, key: u64) -> Option<(Option<String>, Outcome)> {
    let answer = client.get(&format!("/app/log/public?id={key}")).await.ok()?;
    let id = answer.transaction_id()?;
    let value = match answer.status {
        StatusCode::OK => Some(answer.json::<Value>().ok()?["msg"].as_str()?.to_owned()),
        StatusCode::NOT_FOUND => None,
        _ => return None,
    };
    Some((value, Outcome::Answered(id)))
}

fn since(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_nanos()).expect("a test takes less than centuries")
}
