//! Snapshots of whole nodes: all make the same, the service records each once, and nodes begin with them.

use coco_boundary::{Event, FileEvent, FileOperation, SnapshotFault};
use coco_node::{Beginning, Inspection, Opening, SnapshotTime, startup::BeginningError};
use coco_tables::{
    Tables,
    signatures::{ASKED_FOR, PERIODIC},
    value::Present,
};
use coco_wire::{Seqno, TableName, entry::EntryFlags};

use crate::{
    adapter::{ITEMS, Toy},
    cluster::Cluster,
    node::Node,
};

/// Entries between two snapshots.
pub(crate) const TX_COUNT: u64 = 20;

pub(crate) fn cluster(count: usize) -> Cluster {
    let make = |node: Node| node.making_snapshots(TX_COUNT, None);
    Cluster::starting_with(make(Node::start(Toy::new(None, None))), count, make)
}

pub(crate) fn fill(cluster: &mut Cluster, count: usize) {
    for number in 0..count {
        cluster.put(&format!("key {number}"), &format!("value {number}"));
        cluster.run(10);
    }
    cluster.run(500);
}

/// The newest snapshot of a node.
pub(crate) fn newest(node: &Node) -> (Seqno, Vec<u8>) {
    let (name, bytes) = node.snapshots.last_key_value().expect("a snapshot");
    (name.0, bytes.clone())
}

pub(crate) fn open(cluster: &Cluster, bytes: &[u8]) -> Result<Beginning, BeginningError> {
    open_with(cluster, bytes, None)
}

/// The same where ledger files have the entries from `readable` on.
pub(crate) fn open_with(
    cluster: &Cluster,
    bytes: &[u8],
    readable: Option<Seqno>,
) -> Result<Beginning, BeginningError> {
    let shared = &cluster.nodes[cluster.primary().expect("a primary")].view.shared;
    let mut opening = Opening::new(shared.secrets.load().expect("it belongs to a service").as_ref().clone());
    for piece in bytes.chunks(1000) {
        opening.push(piece)?;
    }
    opening.finish(&shared.keys.service().expect("it belongs to one").certificate.load(), readable)
}

/// Whether an entry ends a chunk.
pub(crate) fn ends_chunk(node: &Node, seqno: Seqno) -> bool {
    let entry = coco_wire::entry::Entry::decode(&node.entries[&seqno]).expect("an entry");
    entry.header().flags().contains(EntryFlags::FORCE_CHUNK_AFTER)
}

#[test]
fn all_nodes_make_the_same_snapshots() {
    let mut cluster = cluster(3);
    fill(&mut cluster, 150);
    cluster.assert_agreed();
    let first = &cluster.nodes[0];
    assert!(first.snapshots.len() >= 5, "{:?}", first.snapshots.keys());
    for node in &cluster.nodes {
        assert!(node.unfinished.is_empty());
        // A node that joined has no part in what was before.
        for (name, bytes) in &node.snapshots {
            assert!(first.snapshots[name] == *bytes, "{name:?}");
        }
        assert_eq!(node.snapshots.last_key_value().unwrap().0, first.snapshots.last_key_value().unwrap().0);
        assert!(node.snapshots.len() + 1 >= first.snapshots.len());
    }
    let service = &first.view.shared.keys.service().unwrap().certificate.load();
    let mut last = Seqno::ZERO;
    for ((seqno, evidence), bytes) in &first.snapshots {
        assert!(ends_chunk(first, *seqno), "a chunk ends at {seqno}");
        assert!(seqno.0 - last.0 >= TX_COUNT, "{seqno} after {last}");
        last = *seqno;
        let proven = coco_audit::snapshot::verify(bytes, service).unwrap();
        assert_eq!((proven.seqno, proven.evidence.seqno), (*seqno, *evidence));
        let mut inspection = Inspection::default();
        inspection.push(bytes).unwrap();
        assert_eq!(inspection.finish(service), Ok((*seqno, proven.evidence)));
    }
}

#[test]
fn a_snapshot_is_made_when_members_ask_and_does_not_count() {
    let mut cluster = cluster(2);
    fill(&mut cluster, 3);
    let before = cluster.nodes[0].snapshots.len();
    let asked = cluster.nodes[0].write(|tables, tx| {
        tables.signatures.snapshot_requests.put(tx, ASKED_FOR, &Present);
    });
    cluster.run(500);
    for node in &cluster.nodes {
        assert_eq!(node.snapshots.len(), before + 1);
        let (seqno, _) = newest(node);
        assert!(seqno > asked.unwrap().seqno);
        assert!(ends_chunk(node, seqno));
    }
    let state = cluster.nodes[0].view.state();
    let requests = &Tables::default().signatures.snapshot_requests;
    assert_eq!(requests.version_of_previous_write(&state.committed, PERIODIC), None);
}

#[test]
fn time_makes_snapshots_but_not_of_snapshots_alone() {
    let time = SnapshotTime { interval_ms: 1_000, min_tx_count: 2 };
    let mut node = Node::start(Toy::new(None, None)).making_snapshots(1_000_000, Some(time));
    for _ in 0..100 {
        node.tick(100);
    }
    let idle = node.snapshots.len();
    assert!(idle <= 1, "{:?}", node.snapshots.keys());
    for number in 0..4_u8 {
        node.write(|_, tx| tx.put(&TableName::new(ITEMS), &[number][..], &[0][..])).unwrap();
        node.tick(100);
    }
    for _ in 0..100 {
        node.tick(100);
    }
    assert_eq!(node.snapshots.len(), idle + 1);
}

#[test]
fn a_node_begins_with_a_snapshot() {
    let mut cluster = cluster(3);
    fill(&mut cluster, 60);
    let (seqno, bytes) = newest(&cluster.nodes[1]);
    fill(&mut cluster, 5);
    let beginning = open(&cluster, &bytes).unwrap();
    assert_eq!(beginning.last().seqno, seqno);
    let joiner = Node::joiner(Toy::new(None, None)).making_snapshots(TX_COUNT, None);
    let at = cluster.join_as(joiner, Some(beginning));
    fill(&mut cluster, 60);
    assert_eq!(cluster.nodes[at].entries.first_key_value().unwrap().0, &seqno.next());
    assert_eq!(cluster.get(at, "key 0").as_deref(), Some("value 0"));
    let states: Vec<_> = cluster.nodes.iter().map(|node| node.view.state()).collect();
    assert_eq!(states[at].root, states[0].root);
    assert_eq!(states[at].chain.views, states[0].chain.views);
    assert_eq!(cluster.nodes[at].committed, cluster.nodes[0].committed);
    // It makes the same snapshots as the others from then on.
    let (later, made) = newest(&cluster.nodes[at]);
    assert!(later > seqno);
    assert_eq!((later, made), newest(&cluster.nodes[0]));
    // It can lead, and others can begin after it.
    cluster.cut_off = vec![0];
    cluster.run(20_000);
    cluster.put("on", "and on");
    cluster.run(500);
    assert_eq!(cluster.get(at, "on").as_deref(), Some("and on"));
}

#[test]
fn what_is_no_snapshot_of_the_service_is_refused() {
    let mut cluster = cluster(1);
    fill(&mut cluster, 40);
    let (_, good) = newest(&cluster.nodes[0]);
    assert!(open(&cluster, &good).is_ok());
    let other = self::cluster(1);
    assert!(open(&other, &good).is_err(), "of another service");
    for cut in (0..good.len()).step_by(97) {
        assert!(open(&cluster, &good[..cut]).is_err(), "cut at {cut}");
    }
    for at in (0..good.len()).step_by(31) {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert!(open(&cluster, &bad).is_err(), "byte {at}");
    }
    let mut longer = good.clone();
    longer.resize(good.len() + (2 << 20), b' ');
    assert!(open(&cluster, &longer).is_err(), "too long");
}

#[test]
fn evidence_that_is_undone_commits_nothing() {
    let mut cluster = cluster(3);
    fill(&mut cluster, 10);
    let known = cluster.nodes[0].snapshots.len();
    // Nobody hears of the evidence that the primary writes next.
    let asked = cluster.nodes[0].write(|tables, tx| {
        tables.signatures.snapshot_requests.put(tx, ASKED_FOR, &Present);
    });
    let asked = asked.unwrap().seqno;
    cluster.nodes[0].stuck_files = true;
    cluster.run(500);
    assert!(cluster.nodes[0].committed > asked, "the signature is committed");
    let (&seqno, written) = cluster.nodes[0].unfinished.first_key_value().expect("it is made");
    let len = written.len() as u64;
    cluster.cut_off = vec![0];
    cluster.nodes[0].stuck_files = false;
    cluster.nodes[0].event(Event::Files(FileEvent::SnapshotWritten { seqno, len }));
    cluster.run(20_000);
    assert_eq!(cluster.nodes[0].snapshots.len(), known);
    // The next primary recorded the same snapshot itself.
    let primary = cluster.primary().unwrap();
    cluster.put("go", "on");
    cluster.run(1_000);
    let (made, bytes) = newest(&cluster.nodes[primary]);
    assert_eq!(made, seqno);
    // The old one takes that over, with the other evidence.
    cluster.cut_off.clear();
    cluster.run(20_000);
    assert_eq!(newest(&cluster.nodes[0]), (seqno, bytes));
    assert_eq!(cluster.nodes[0].snapshots.len(), known + 1);
    assert!(cluster.nodes[0].unfinished.is_empty());
    cluster.assert_agreed();
}

#[test]
fn a_node_knows_what_it_lacks() {
    let mut cluster = cluster(2);
    fill(&mut cluster, 30);
    let recorded =
        |node: &mut Node| node.core.recorded_snapshot().map(|name| (name.seqno, name.evidence_seqno));
    for node in &mut cluster.nodes {
        assert_eq!(recorded(node).as_ref(), node.snapshots.keys().next_back());
    }
    // One that it is still writing it does not lack.
    cluster.nodes[1].stuck_files = true;
    let asked = cluster.nodes[0].write(|tables, tx| {
        tables.signatures.snapshot_requests.put(tx, ASKED_FOR, &Present);
    });
    cluster.run(500);
    let newest = *cluster.nodes[0].snapshots.keys().next_back().expect("it is made");
    assert!(newest.0 > asked.unwrap().seqno);
    assert_eq!(recorded(&mut cluster.nodes[1]), None);
    let fault = SnapshotFault::Backlog;
    cluster.nodes[1].event(Event::Files(FileEvent::SnapshotFailed { seqno: newest.0, fault }));
    assert_eq!(recorded(&mut cluster.nodes[1]), Some(newest));
}

#[test]
fn a_snapshot_that_cannot_be_written_hinders_nobody() {
    let mut cluster = cluster(2);
    cluster.nodes[1].stuck_files = true;
    fill(&mut cluster, 60);
    assert!(cluster.nodes[1].snapshots.is_empty());
    assert!(cluster.nodes[0].snapshots.len() >= 3);
    assert!(cluster.nodes[1].unfinished.len() <= 1, "what others have since committed is given up");
    for failed in [false, true] {
        cluster.nodes[1].stuck_files = failed;
        fill(&mut cluster, 5);
        let unfinished = std::mem::take(&mut cluster.nodes[1].unfinished);
        for &seqno in unfinished.keys() {
            let fault = SnapshotFault::Io { operation: FileOperation::Write, file: String::new(), errno: 28 };
            cluster.nodes[1].event(Event::Files(FileEvent::SnapshotFailed { seqno, fault }));
        }
    }
    cluster.nodes[1].stuck_files = false;
    fill(&mut cluster, 40);
    assert_eq!(newest(&cluster.nodes[1]), newest(&cluster.nodes[0]));
}
