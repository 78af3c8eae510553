//! What was before the snapshot that a node began with, read from ledger files of others.

use std::sync::Arc;

use coco_app::Index as _;
use coco_tables::nodes::NodeStatus;
use coco_wire::Seqno;

use crate::{
    adapter::{ITEMS, Told, Toy},
    cluster::{Cluster, info},
    node::Node,
    snapshots::{TX_COUNT, cluster, ends_chunk, fill, newest, open_with},
};

/// Nodes of [`behind`]: one that lacks entries, and the primary, which began with a snapshot after them.
const BEHIND: usize = 1;
const LEADS: usize = 3;

/// A service of these two, and entries that the backup lacks, of before the snapshot and with flags. The files of the
/// primary's host have all entries, or only those that the backup lacks: such files begin behind a signature.
fn behind(all: bool) -> (Cluster, Vec<Seqno>) {
    let mut cluster = cluster(3);
    fill(&mut cluster, 10);
    cluster.cut_off = vec![BEHIND];
    fill(&mut cluster, 60);
    let (seqno, bytes) = newest(&cluster.nodes[0]);
    let lacking = cluster.nodes[BEHIND].entries.last_key_value().expect("it has some").0.next();
    let readable = if all { Seqno(1) } else { lacking };
    let beginning = open_with(&cluster, &bytes, Some(readable)).expect("a snapshot of the service");
    let joiner = Node::joiner(Toy::new(None, None)).making_snapshots(TX_COUNT, None);
    assert_eq!(cluster.join_as(joiner, Some(beginning)), LEADS);
    give(&mut cluster, LEADS, readable, seqno);
    let leaving = cluster.nodes[2].id();
    let left = cluster.nodes[0].write(|tables, tx| {
        tables.nodes.info.put(tx, &leaving, &info(NodeStatus::Retired));
    });
    left.expect("a primary takes it");
    cluster.run(1_000);
    // Both that are left are needed, and only one has everything.
    cluster.cut_off = vec![0, 2];
    let flagged: Vec<_> =
        (lacking.0..=seqno.0).map(Seqno).filter(|at| ends_chunk(&cluster.nodes[0], *at)).collect();
    assert!(flagged.len() > 2, "{flagged:?}");
    (cluster, flagged)
}

/// Sets or clears the flag by which an entry ends a chunk.
fn flip(cluster: &mut Cluster, seqno: Seqno) {
    cluster.nodes[LEADS].entries.get_mut(&seqno).expect("it is there")[1] ^= 1;
}

fn assert_goes_on(mut cluster: Cluster, case: &str) {
    cluster.run(20_000);
    assert_eq!(cluster.primary(), Some(LEADS), "{case}");
    cluster.put("together", "again");
    cluster.run(1_000);
    assert_eq!(cluster.get(BEHIND, "together").as_deref(), Some("again"), "{case}");
    let first = *cluster.nodes[LEADS].entries.first_key_value().expect("it has some").0;
    let ledgers = [LEADS, BEHIND].map(|at| cluster.nodes[at].entries.range(first..).collect::<Vec<_>>());
    assert!(ledgers[0] == ledgers[1], "{case}");
}

#[test]
fn a_backup_gets_what_was_before_the_snapshot_of_its_primary() {
    for all in [true, false] {
        assert_goes_on(behind(all).0, "nothing altered");
    }
}

#[test]
fn flags_that_the_host_altered_reach_no_backup() {
    let (_, flagged) = behind(true);
    let (first, last) = (flagged[0], flagged[flagged.len() - 1]);
    for altered in [first, first.next(), last.previous(), last] {
        let (mut cluster, again) = behind(altered != first);
        assert_eq!(again, flagged, "the same each time");
        flip(&mut cluster, altered);
        cluster.run(20_000);
        let backup = &cluster.nodes[BEHIND];
        assert!(!backup.stopped, "{altered}");
        assert!(backup.entries.last_key_value().expect("some").0 < &altered, "{altered}");
        flip(&mut cluster, altered);
        assert_goes_on(cluster, "the host tells the truth again");
    }
}

/// A service, and a node of it that began with a snapshot, without older files; its place, its index, and its last entry
/// before.
fn begun_late() -> (Cluster, usize, Arc<Told>, Seqno) {
    let mut cluster = cluster(1);
    fill(&mut cluster, 60);
    let (seqno, bytes) = newest(&cluster.nodes[0]);
    let beginning = open_with(&cluster, &bytes, None).expect("a snapshot of the service");
    let toy = Toy::new(None, None);
    let told = Arc::clone(&toy.told);
    let at = cluster.join_as(Node::joiner(toy), Some(beginning));
    fill(&mut cluster, 5);
    (cluster, at, told, seqno)
}

/// Gives a node the entries of the first one from `first` to `last`.
fn give(cluster: &mut Cluster, at: usize, first: Seqno, last: Seqno) {
    let some: Vec<_> =
        cluster.nodes[0].entries.range(first..=last).map(|(seqno, entry)| (*seqno, entry.clone())).collect();
    cluster.nodes[at].entries.extend(some);
}

/// Reads once what indexes lack, and tells them.
fn read_older(node: &mut Node) {
    let now = node.later();
    node.view.shared.history.fill_indexes(node.view.state().chain.committed.seqno, now);
    node.answer_reads();
}

fn indexed(node: &Node, key: &str) -> (Seqno, Vec<Seqno>) {
    let index = node.view.shared.indexes.table(ITEMS).expect("it is indexed");
    (index.indexed_to(), index.seqnos(key.as_bytes(), Seqno(1), Seqno(u64::MAX), 1000))
}

#[test]
fn indexes_are_completed_in_order() {
    let (mut cluster, at, told, seqno) = begun_late();
    let next = |node: &Node| node.view.mounts.app.indexes()[0].next;
    read_older(&mut cluster.nodes[at]);
    assert_eq!((told.all(), next(&cluster.nodes[at])), (vec![], Seqno(1)), "nothing can be read");
    assert_eq!(indexed(&cluster.nodes[at], "key 0"), (Seqno::ZERO, vec![]));

    let half = Seqno(seqno.0 / 2);
    give(&mut cluster, at, Seqno(1), half);
    read_older(&mut cluster.nodes[at]);
    let reached = next(&cluster.nodes[at]);
    assert!(
        Seqno(1) < reached && reached <= half.next(),
        "up to the last signature before {half}: {reached}"
    );
    assert_eq!(indexed(&cluster.nodes[at], "key 0").0, reached.previous());

    // What is committed meanwhile comes after it.
    fill(&mut cluster, 10);
    assert_eq!(next(&cluster.nodes[at]), reached);
    give(&mut cluster, at, half.next(), seqno);
    read_older(&mut cluster.nodes[at]);
    let committed = cluster.nodes[at].committed;
    let all = told.all();
    assert!(all.iter().map(|(seqno, _)| seqno.0).eq(1..=committed.0), "{all:?}");
    for (at, items) in &all {
        let historical = cluster.nodes[0].committed_transaction(*at);
        let written = historical.writes.table(ITEMS).into_iter().flatten();
        assert!(written.map(|(key, _)| key.to_vec()).eq(items.iter().map(|key| key.as_bytes().to_vec())));
    }
    assert_eq!(indexed(&cluster.nodes[at], "key 0"), indexed(&cluster.nodes[0], "key 0"));

    // From then on by commits alone.
    fill(&mut cluster, 5);
    assert_eq!(next(&cluster.nodes[at]), cluster.nodes[at].committed.next());
}

#[test]
fn what_the_host_altered_is_not_indexed() {
    let (mut cluster, at, told, seqno) = begun_late();
    give(&mut cluster, at, Seqno(1), seqno);
    let altered = Seqno(seqno.0 / 2);
    // The last byte of what is sealed, or of a signature.
    let flip = |cluster: &mut Cluster| {
        *cluster.nodes[at]
            .entries
            .get_mut(&altered)
            .expect("it is there")
            .last_mut()
            .expect("it has bytes") ^= 1;
    };
    flip(&mut cluster);
    for _ in 0..3 {
        read_older(&mut cluster.nodes[at]);
    }
    let reached = told.all().len() as u64;
    assert!(reached > 0 && reached < altered.0, "{reached}");
    flip(&mut cluster);
    read_older(&mut cluster.nodes[at]);
    assert_eq!(told.all().len() as u64, cluster.nodes[at].committed.0);
}
