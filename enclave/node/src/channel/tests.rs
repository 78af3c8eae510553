use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use coco_crypto::{
    Certificate, Curve, EcKey, Entropy, Signer as _,
    hash::sha256,
    x509::{Name, Request, UnixTime, Validity, issue_endorsed, issue_self_signed},
};
use coco_wire::peer::{Step, frame::MAX_PART};

use super::*;

mod hostile;
mod life;
mod silence;
mod strangers;

/// Where every node says that it is reached.
const ADDRESS: &str = "node:1";

/// Bytes that follow from a seed.
struct Seeded(u64, AtomicU64);

impl Seeded {
    fn new(seed: u64) -> Self {
        Self(seed, AtomicU64::new(0))
    }
}

impl Entropy for Seeded {
    fn fill(&self, out: &mut [u8]) {
        for chunk in out.chunks_mut(32) {
            let count = self.1.fetch_add(1, Ordering::Relaxed);
            let block = sha256(&[self.0.to_le_bytes(), count.to_le_bytes()].concat());
            chunk.copy_from_slice(&block.0[..chunk.len()]);
        }
    }
}

struct Service {
    key: EcKey,
    certificate: Certificate,
}

impl Service {
    fn new(seed: u64) -> Self {
        let entropy = Seeded::new(seed);
        let key = EcKey::generate(Curve::P384, &entropy);
        let certificate = issue_self_signed(&key, &name("Service"), &[], valid(), &entropy);
        Self { key, certificate }
    }

    fn endorse(&self, key: &EcKey, validity: Validity) -> Certificate {
        let request = Request::create(key, &name("Node"), &[]);
        issue_endorsed(&self.key, &self.certificate, &request, validity, &Seeded::new(1))
    }

    /// Identities of nodes in the order of their names.
    fn nodes(&self, count: u64) -> Vec<Arc<Identity>> {
        let mut nodes: Vec<_> = (0..count).map(|seed| self.node(1000 + seed)).collect();
        nodes.sort_by_key(|node| node.id());
        nodes
    }

    fn node(&self, seed: u64) -> Arc<Identity> {
        let key = EcKey::generate(Curve::P384, &Seeded::new(seed));
        let certificate = self.endorse(&key, valid());
        Arc::new(Identity::new(ADDRESS.into(), Arc::new(key), certificate, self.certificate.clone()).unwrap())
    }
}

fn name(common: &str) -> Name {
    Name::common(common).unwrap()
}

fn valid() -> Validity {
    Validity::days(UnixTime(1_700_000_000), 365).unwrap()
}

/// Nodes, and everything that is under way between them.
struct World {
    now: Monotonic,
    nodes: BTreeMap<NodeId, Channels>,
    ids: Vec<NodeId>,
    known: BTreeSet<NodeId>,
    /// Whether those that are not known are heard if they are endorsed.
    listens: bool,
    /// Receiver and frame, in order of sending.
    wire: Vec<(NodeId, Vec<u8>)>,
    /// Everything that ever was on the wire.
    record: Vec<(NodeId, Vec<u8>)>,
    jobs: Vec<(NodeId, HandshakeJob)>,
    /// By receiver and sender.
    received: BTreeMap<(NodeId, NodeId), Vec<Vec<u8>>>,
    refusals: Vec<(NodeId, Refusal)>,
}

impl World {
    fn new(nodes: &[Arc<Identity>], limits: Limits) -> Self {
        let channels = |(seed, node): (u64, &Arc<Identity>)| {
            (node.id(), Channels::new(Arc::clone(node), Arc::new(Seeded::new(seed)), limits))
        };
        let ids: Vec<NodeId> = nodes.iter().map(|node| node.id()).collect();
        Self {
            now: Monotonic(10_000),
            nodes: (1..).zip(nodes).map(channels).collect(),
            known: ids.iter().copied().collect(),
            listens: false,
            ids,
            wire: Vec::new(),
            record: Vec::new(),
            jobs: Vec::new(),
            received: BTreeMap::new(),
            refusals: Vec::new(),
        }
    }

    fn act<T>(&mut self, node: NodeId, act: impl FnOnce(&mut Channels, Monotonic, &mut Output) -> T) -> T {
        let mut out = Output::default();
        let result = act(self.nodes.get_mut(&node).unwrap(), self.now, &mut out);
        self.wire.extend(out.frames.iter().cloned());
        self.record.extend(out.frames);
        self.jobs.extend(out.jobs.into_iter().map(|job| (node, job)));
        for (from, opened) in out.received {
            self.received.entry((node, from)).or_default().push(opened.to_vec());
        }
        result
    }

    fn send(&mut self, from: NodeId, to: NodeId, message: &[u8]) {
        let draft = Draft::of_bytes(message).unwrap();
        self.act(from, |channels, now, out| channels.send(to, draft, now, out));
    }

    fn deliver(&mut self, to: NodeId, frame: Vec<u8>) -> Result<(), Refusal> {
        let (known, listens) = (self.known.clone(), self.listens);
        let known = |id: &NodeId| match listens {
            _ if known.contains(id) => Known::Yes,
            true => Known::Perhaps,
            false => Known::No,
        };
        let result = self.act(to, |channels, now, out| channels.receive(frame, known, now, out));
        self.refusals.extend(result.err().map(|refusal| (to, refusal)));
        result
    }

    fn run_job(&mut self, index: usize) {
        let (node, job) = self.jobs.remove(index);
        let done = job.run();
        let result = self.act(node, |channels, now, out| channels.done(done, now, out));
        self.refusals.extend(result.err().map(|refusal| (node, refusal)));
    }

    fn tick(&mut self, ms: u64) {
        self.now.0 += ms;
        for id in self.ids.clone() {
            self.act(id, Channels::tick);
        }
    }

    /// Carries everything in order until nothing is under way.
    fn settle(&mut self) {
        while !self.wire.is_empty() || !self.jobs.is_empty() {
            while !self.wire.is_empty() {
                let (to, frame) = self.wire.remove(0);
                let _ = self.deliver(to, frame);
            }
            while !self.jobs.is_empty() {
                self.run_job(0);
            }
        }
    }

    fn received(&self, to: NodeId, from: NodeId) -> &[Vec<u8>] {
        self.received.get(&(to, from)).map_or(&[], Vec::as_slice)
    }

    fn state(&self, node: NodeId, peer: NodeId) -> ChannelState {
        self.nodes[&node].state(&peer)
    }

    fn counters(&self, node: NodeId) -> Counters {
        self.nodes[&node].counters()
    }
}

/// Two nodes with a session.
fn connected(limits: Limits) -> (World, NodeId, NodeId) {
    let nodes = Service::new(1).nodes(2);
    let (a, b) = (nodes[0].id(), nodes[1].id());
    let mut world = World::new(&nodes, limits);
    world.act(a, |channels, now, out| channels.connect(b, now, out));
    world.settle();
    assert_eq!(world.state(a, b), ChannelState::Established);
    assert_eq!(world.state(b, a), ChannelState::Established);
    (world, a, b)
}

fn step(frame: &[u8]) -> Step<'_> {
    coco_wire::peer::Frame::decode(frame).unwrap().step
}

fn with_sender(frame: &[u8], sender: NodeId) -> Vec<u8> {
    [&frame[..6], &sender.0, &frame[38..]].concat()
}
