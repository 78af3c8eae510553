//! The network between nodes, which can be cut: each node is known to others by the address of a relay.

use std::{collections::BTreeSet, fs, net::SocketAddr, sync::Arc};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// Bytes that a relay takes at once.
const CHUNK: usize = 64 << 10;

/// Relays in front of nodes, numbered as these are.
#[derive(Clone)]
pub struct Network {
    gates: Arc<Vec<Gate>>,
    state: watch::Sender<State>,
}

/// Where others reach a node, and where it listens.
#[derive(Clone, Copy)]
struct Gate {
    published: SocketAddr,
    behind: SocketAddr,
}

#[derive(Clone, Default)]
struct State {
    /// Process of each node that was started.
    pids: Vec<u32>,
    /// From whom nothing reaches whom.
    cut: BTreeSet<(usize, usize)>,
}

impl Network {
    /// Relays for so many nodes, as tasks of the runtime.
    ///
    /// # Panics
    /// If there are no ports.
    pub async fn new(number: usize) -> Self {
        let state = watch::Sender::new(State::default());
        let mut gates = Vec::new();
        for to in 0..number {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            // Free again when the node takes it.
            let behind = TcpListener::bind("127.0.0.1:0").await.and_then(|it| it.local_addr());
            let published = listener.local_addr().expect("a bound socket has an address");
            let gate = Gate { published, behind: behind.expect("a free port") };
            tokio::spawn(serve(listener, to, gate, state.subscribe()));
            gates.push(gate);
        }
        Self { gates: Arc::new(gates), state }
    }

    /// The section `network` of a node's configuration.
    #[must_use]
    pub fn section(&self, number: usize) -> Value {
        let Gate { published, behind } = self.gates[number];
        json!({
            "node_to_node_interface": {
                "bind_address": behind.to_string(),
                "published_address": published.to_string(),
            },
            "rpc_interfaces": { "main": { "bind_address": "127.0.0.1:0" } }
        })
    }

    /// The next node runs as this process.
    pub fn started(&self, pid: u32) {
        self.state.send_modify(|state| state.pids.push(pid));
    }

    /// Nothing that `from` sends reaches `to` any more.
    pub fn cut(&self, from: usize, to: usize) {
        self.state.send_modify(|state| {
            state.cut.insert((from, to));
        });
    }

    /// Nothing that a node sends arrives any more.
    pub fn silence(&self, number: usize) {
        (0..self.gates.len()).filter(|to| *to != number).for_each(|to| self.cut(number, to));
    }

    /// Nothing arrives at a node any more.
    pub fn deafen(&self, number: usize) {
        (0..self.gates.len()).filter(|from| *from != number).for_each(|from| self.cut(from, number));
    }

    /// Everything arrives again, on new connections.
    pub fn heal(&self) {
        self.state.send_modify(|state| state.cut.clear());
    }
}

async fn serve(listener: TcpListener, to: usize, gate: Gate, state: watch::Receiver<State>) {
    while let Ok((stream, peer)) = listener.accept().await {
        let relay = Relay { to, gate, peer, from: None, swallowed: false, state: state.clone() };
        tokio::spawn(relay.run(stream));
    }
}

/// One connection, which has one direction.
struct Relay {
    to: usize,
    gate: Gate,
    peer: SocketAddr,
    from: Option<usize>,
    /// Something is missing from what it passed on.
    swallowed: bool,
    state: watch::Receiver<State>,
}

impl Relay {
    async fn run(mut self, mut inbound: TcpStream) {
        let Ok(mut outbound) = TcpStream::connect(self.gate.behind).await else { return };
        let (mut chunk, mut back) = (vec![0; CHUNK], [0; 1]);
        loop {
            tokio::select! {
                read = inbound.read(&mut chunk) => {
                    let Ok(length @ 1..) = read else { return };
                    if self.is_cut() {
                        self.swallowed = true;
                    } else if self.swallowed || outbound.write_all(&chunk[..length]).await.is_err() {
                        return;
                    }
                }
                // The node is gone.
                _ = outbound.read(&mut back) => return,
                changed = self.state.changed() => {
                    if changed.is_err() || (self.swallowed && !self.is_cut()) {
                        return;
                    }
                }
            }
        }
    }

    fn is_cut(&mut self) -> bool {
        let state = self.state.borrow();
        if state.cut.is_empty() {
            return false;
        }
        self.from = self.from.or_else(|| {
            let socket = socket(self.peer, self.gate.published)?;
            state.pids.iter().position(|pid| has_socket(*pid, &socket))
        });
        self.from.is_some_and(|from| state.cut.contains(&(from, self.to)))
    }
}

/// The system's name for the end of a connection within this machine (Linux `/proc/net/tcp`, proc(5)).
fn socket(local: SocketAddr, remote: SocketAddr) -> Option<String> {
    let hex = |address: SocketAddr| format!("0100007F:{:04X}", address.port());
    let (local, remote) = (hex(local), hex(remote));
    let table = fs::read_to_string("/proc/net/tcp").ok()?;
    let mut rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let row = rows.find(|row| row.get(1..3) == Some(&[local.as_str(), remote.as_str()]))?;
    Some(format!("socket:[{}]", row.get(9)?))
}

fn has_socket(pid: u32, socket: &str) -> bool {
    let Ok(files) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    let mut targets = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
    targets.any(|target| target.as_os_str() == socket)
}
