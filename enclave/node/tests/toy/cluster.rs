//! Several whole nodes in one thread.

use coco_kv::Reader as _;
use coco_node::{Beginning, Readable, Refusal, view::Part};
use coco_raft::ReadId;
use coco_tables::nodes::{NodeInfo, NodeNetwork, NodeStatus, QuoteFormat, QuoteInfo};
use coco_wire::{Seqno, TableName, TxId, View, entry::EntryFlags, text::Base64};
use serde_json::Value;

use crate::{
    adapter::{ITEMS, Toy},
    node::Node,
};

pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Node>,
    /// Nodes that neither hear nor are heard.
    pub(crate) cut_off: Vec<usize>,
}

impl Cluster {
    /// A service of `count` nodes that has committed everything.
    pub(crate) fn of(count: usize) -> Self {
        Self::starting_with(Node::start(Toy::new(None, None)), count, |node| node)
    }

    /// The same with a first node, and others that are given a property.
    pub(crate) fn starting_with(first: Node, count: usize, make: impl Fn(Node) -> Node) -> Self {
        let mut cluster = Self { nodes: vec![first], cut_off: Vec::new() };
        for _ in 1..count {
            cluster.join_as(make(Node::joiner(Toy::new(None, None))), None);
        }
        cluster
    }

    /// Lets one more node in; it is the last one.
    fn join(&mut self) -> usize {
        self.join_as(Node::joiner(Toy::new(None, None)), None)
    }

    /// Lets a node in that may begin with a snapshot.
    pub(crate) fn join_as(&mut self, mut newcomer: Node, beginning: Option<Beginning>) -> usize {
        self.admit(&mut newcomer, beginning);
        self.nodes.push(newcomer);
        self.run(1_000);
        self.nodes.len() - 1
    }

    /// Has the service take it in.
    pub(crate) fn admit(&mut self, newcomer: &mut Node, beginning: Option<Beginning>) {
        let primary = self.primary().expect("somebody lets it in");
        let joined = self.nodes[primary].welcome(newcomer);
        let (id, endorsed) = (newcomer.id(), joined.service.endorsed.load().to_pem());
        let placed = self.nodes[primary].write(|tables, tx| {
            tables.nodes.endorsed_certificates.put(tx, &id, &endorsed);
            tables.nodes.info.put(tx, &id, &info(NodeStatus::Trusted));
        });
        placed.expect("a primary takes it");
        newcomer.with_core(|core, out| match beginning {
            Some(beginning) => core.joined_with(joined, beginning, out),
            None => core.joined(joined, out),
        });
    }

    pub(crate) fn primary(&self) -> Option<usize> {
        let mut leading = (0..self.nodes.len())
            .filter(|at| !self.cut_off.contains(at) && self.nodes[*at].view.state().primary);
        let first = leading.next()?;
        assert_eq!(leading.next(), None, "one primary");
        Some(first)
    }

    /// Lets `ms` pass, and all messages arrive.
    pub(crate) fn run(&mut self, ms: u64) {
        for _ in 0..ms / 10 {
            for at in 0..self.nodes.len() {
                self.nodes[at].tick(10);
                self.deliver();
            }
        }
    }

    /// Lets 10 ms pass, and each node be told what others had to tell then.
    pub(crate) fn run_a_little(&mut self) {
        for node in &mut self.nodes {
            node.tick(10);
        }
        self.deliver_sent();
    }

    fn deliver(&mut self) {
        while self.nodes.iter().any(|node| !node.messages.is_empty()) {
            self.deliver_sent();
        }
    }

    /// Delivers what was sent so far, and not what follows from it.
    fn deliver_sent(&mut self) {
        let sent: Vec<_> = self.nodes.iter_mut().map(|node| std::mem::take(&mut node.messages)).collect();
        for (from, sent) in sent.into_iter().enumerate() {
            let sender = self.nodes[from].id();
            for sent in sent {
                let Some(to) = self.nodes.iter().position(|node| node.id() == sent.to) else { continue };
                if self.cut_off.contains(&from) || self.cut_off.contains(&to) {
                    continue;
                }
                let entries = sent.entries.iter().map(|entry| entry.to_vec()).collect();
                self.nodes[to].with_core(|core, out| core.heard(sender, sent.message, entries, out));
            }
        }
    }

    /// Writes a private row on the primary.
    pub(crate) fn put(&mut self, key: &str, value: &str) -> TxId {
        let primary = self.primary().expect("a primary");
        self.put_on(primary, key, value).expect("a primary takes it")
    }

    pub(crate) fn put_on(&mut self, at: usize, key: &str, value: &str) -> Result<TxId, Refusal> {
        self.nodes[at].write(|_, tx| tx.put(&TableName::new(ITEMS), key.as_bytes(), value.as_bytes()))
    }

    pub(crate) fn get(&mut self, at: usize, key: &str) -> Option<String> {
        self.nodes[at].core.refresh_committed();
        let row = self.nodes[at].view.state().committed.get(&TableName::new(ITEMS), key.as_bytes());
        row.map(|row| String::from_utf8(row.to_vec()).expect("text"))
    }

    /// What is read without missing anything, if that can be made sure of in so many milliseconds.
    pub(crate) fn read(&mut self, at: usize, key: &str, within_ms: u64) -> Option<String> {
        let read = ReadId(at as u64);
        self.nodes[at].reads.clear();
        self.nodes[at].with_core(|core, out| core.read(read, out));
        self.deliver();
        self.run(within_ms);
        self.nodes[at].reads.contains(&(read, Readable::Yes)).then(|| self.get(at, key))?
    }

    /// All nodes but those cut off have committed the same, byte for byte.
    pub(crate) fn assert_agreed(&self) {
        let heard: Vec<_> = (0..self.nodes.len()).filter(|at| !self.cut_off.contains(at)).collect();
        let first = &self.nodes[heard[0]];
        let upto = first.committed;
        assert!(upto > Seqno::ZERO);
        for at in heard {
            let node = &self.nodes[at];
            assert!(!node.stopped, "node {at} goes on");
            assert_eq!(node.committed, upto, "node {at}");
            let entries =
                |node: &Node| node.entries.range(..=upto).map(|(_, entry)| entry.clone()).collect::<Vec<_>>();
            assert!(entries(node) == entries(first), "node {at} has the same ledger");
            assert_eq!(node.view.state().root, first.view.state().root);
        }
    }
}

pub(crate) fn info(status: NodeStatus) -> NodeInfo {
    NodeInfo {
        network: NodeNetwork::default(),
        quote_info: QuoteInfo {
            format: QuoteFormat::InsecureVirtual,
            quote: Base64(Vec::new()),
            endorsements: Base64(Vec::new()),
            uvm_endorsements: None,
            endorsed_tcb: None,
        },
        encryption_pub_key: String::new(),
        status,
        ledger_secret_seqno: None,
        code_digest: None,
        certificate_signing_request: None,
        public_key: None,
        node_data: Value::Null,
        cert: None,
        retired_committed: false,
    }
}

#[test]
fn nodes_that_join_have_the_same_ledger() {
    let mut cluster = Cluster::of(1);
    for at in 0..50 {
        cluster.put(&format!("before {at}"), "1");
    }
    cluster.join();
    cluster.join();
    for at in 0..50 {
        cluster.put(&format!("after {at}"), "2");
        cluster.run(10);
    }
    cluster.run(500);
    cluster.assert_agreed();
    for at in 0..3 {
        assert_eq!(cluster.get(at, "before 49").as_deref(), Some("1"));
        assert_eq!(cluster.get(at, "after 49").as_deref(), Some("2"));
        let consensus = cluster.nodes[at].view.state().consensus.clone();
        assert_eq!(consensus.leader, Some(cluster.nodes[0].id()));
        assert_eq!(consensus.configurations.last().unwrap().1.len(), 3);
        assert_eq!(consensus.role, if at == 0 { Part::Leader } else { Part::Follower });
    }
    assert_eq!(cluster.put_on(1, "elsewhere", "3"), Err(Refusal::NotPrimary));
}

#[test]
fn what_was_committed_survives_the_primary() {
    let mut cluster = Cluster::of(3);
    let kept = cluster.put("kept", "1");
    cluster.run(200);
    cluster.cut_off = vec![0];
    let lost = cluster.put_on(0, "lost", "1").expect("it does not know yet");
    cluster.run(20_000);
    let primary = cluster.primary().expect("another one leads");
    assert_ne!(primary, 0);
    assert!(!cluster.nodes[0].view.state().primary, "who hears from no majority does not lead on");
    let later = cluster.put("later", "2");
    assert!(later.view > kept.view);
    cluster.run(500);
    cluster.assert_agreed();
    for at in [1, 2] {
        assert_eq!(cluster.get(at, "kept").as_deref(), Some("1"));
        assert_eq!(cluster.get(at, "later").as_deref(), Some("2"));
        assert_eq!(cluster.get(at, "lost"), None);
    }

    // The old primary comes back, and follows.
    cluster.cut_off.clear();
    cluster.run(20_000);
    cluster.put("at last", "3");
    cluster.run(500);
    cluster.assert_agreed();
    assert_eq!(cluster.get(0, "lost"), None);
    assert_eq!(cluster.get(0, "at last").as_deref(), Some("3"));
    let chain = cluster.nodes[0].view.state().chain.clone();
    assert_eq!(chain.status(lost), coco_app::TxStatus::Invalid);
    assert_eq!(chain.status(kept), coco_app::TxStatus::Committed);
    assert!(chain.latest.view > View(2));
}

/// A host may keep what its node dropped, with the signature that the node made over it.
#[test]
fn a_signed_fork_is_no_history() {
    let mut cluster = Cluster::of(3);
    cluster.put("kept", "1");
    cluster.run(500);
    cluster.cut_off = vec![0];
    let lost = cluster.put_on(0, "lost", "1").expect("it does not know yet");
    cluster.run(200);
    let fork: Vec<_> =
        cluster.nodes[0].entries.range(lost.seqno..).map(|(seqno, entry)| (*seqno, entry.clone())).collect();
    let signed = fork.last().expect("with a signature").0;
    assert!(signed > lost.seqno);
    cluster.run(20_000);
    cluster.put("instead", "2");
    cluster.cut_off.clear();
    cluster.run(20_000);
    cluster.assert_agreed();

    let node = &mut cluster.nodes[0];
    let ledger = node.entries.clone();
    node.entries.extend(fork);
    assert!(node.look_up(signed).is_none(), "what was never committed is no history");
    node.entries = ledger;
    let found = node.look_up(signed).expect("the host tells the truth now");
    assert!(found.txid.view > lost.view);
}

/// Flags of an entry are authenticated by the next signature only.
#[test]
fn a_node_commits_nothing_behind_an_entry_that_it_refuses() {
    let mut cluster = Cluster::of(1);
    cluster.put("key", "1");
    cluster.run(200);
    let mut newcomer = Node::joiner(Toy::new(None, None));
    cluster.admit(&mut newcomer, None);
    let primary = &mut cluster.nodes[0];
    let (from, to) = (primary.id(), newcomer.id());
    for _ in 0..100 {
        primary.tick(10);
        for sent in std::mem::take(&mut primary.messages) {
            let mut entries: Vec<_> = sent.entries.iter().map(|entry| entry.to_vec()).collect();
            if let Some(first) = entries.first_mut() {
                first[1] ^= EntryFlags::FORCE_CHUNK_BEFORE.bits();
            }
            newcomer.with_core(|core, out| core.heard(from, sent.message, entries, out));
        }
        newcomer.tick(10);
        for sent in std::mem::take(&mut newcomer.messages) {
            primary.with_core(|core, out| core.heard(to, sent.message, Vec::new(), out));
        }
    }
    assert!(newcomer.stopped, "the first signature is over another ledger");
    assert_eq!(newcomer.committed, Seqno::ZERO);
}

#[test]
fn a_primary_that_loses_its_majority_tells_its_sessions() {
    let mut cluster = Cluster::of(3);
    cluster.cut_off = vec![1, 2];
    let mut began = cluster.nodes[0].view.state().continuity();
    let view = cluster.nodes[0].view.state().chain.latest.view;
    let mut last = TxId::default();
    while let Ok(txid) = cluster.put_on(0, "lost", "1") {
        last = txid;
        cluster.run(10);
    }
    let state = cluster.nodes[0].view.state();
    assert!(state.chain.latest.seqno < last.seqno, "what follows the last signature is undone");
    assert_eq!(state.chain.latest.view, view);
    assert!(began.follow(state.continuity()).is_err());
}

#[test]
fn reports_of_the_disk_may_come_late() {
    let mut cluster = Cluster::of(3);
    cluster.cut_off = vec![2];
    cluster.nodes[1].slow_disk = true;
    cluster.nodes[1].held = Some(Vec::new());
    let mut persisted = Vec::new();
    for key in ["first", "second"] {
        cluster.put(key, "1");
        // Long enough for a signature without the commit of the one before.
        cluster.run(1_500);
        cluster.nodes[1].do_held();
        persisted.push(cluster.nodes[1].persisted);
    }
    assert!(persisted[0] < persisted[1]);
    let persisted_last = persisted[1].seqno;
    // The later report is first, and the signatures are checked last of all.
    for upto in persisted.into_iter().rev() {
        cluster.nodes[1].event(coco_boundary::Event::Persisted { upto });
    }
    cluster.nodes[1].do_held();
    cluster.nodes[1].held = None;
    cluster.run(100);
    assert!(cluster.nodes[0].committed >= persisted_last, "{} is committed", cluster.nodes[0].committed);
}
