//! What was before the snapshot that a node began with, read from ledger files of others.

use coco_tables::nodes::NodeStatus;
use coco_wire::Seqno;

use crate::{
    adapter::Toy,
    cluster::{Cluster, info},
    node::Node,
    snapshots::{TX_COUNT, cluster, ends_chunk, fill, newest, open_with},
};

/// Nodes of [`behind`]: one that lacks entries, and the primary, which began with a snapshot after them.
const BEHIND: usize = 1;
const LEADS: usize = 3;

/// A service of these two. The files of the primary's host have all entries, of which some before the snapshot have flags.
fn behind() -> (Cluster, Vec<Seqno>) {
    let mut cluster = cluster(3);
    fill(&mut cluster, 10);
    cluster.cut_off = vec![BEHIND];
    fill(&mut cluster, 60);
    let (seqno, bytes) = newest(&cluster.nodes[0]);
    let beginning = open_with(&cluster, &bytes, Some(Seqno(1))).expect("a snapshot of the service");
    let joiner = Node::joiner(Toy::new(None, None)).making_snapshots(TX_COUNT, None);
    assert_eq!(cluster.join_as(joiner, Some(beginning)), LEADS);
    let older: Vec<_> =
        cluster.nodes[0].entries.range(..=seqno).map(|(seqno, entry)| (*seqno, entry.clone())).collect();
    cluster.nodes[LEADS].entries.extend(older);
    let leaving = cluster.nodes[2].id();
    let left = cluster.nodes[0].write(|tables, tx| {
        tables.nodes.info.put(tx, &leaving, &info(NodeStatus::Retired));
    });
    left.expect("a primary takes it");
    cluster.run(1_000);
    // Both that are left are needed, and only one has everything.
    cluster.cut_off = vec![0, 2];
    let lacking = cluster.nodes[BEHIND].entries.last_key_value().expect("it has some").0.next();
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
    let ledgers = [LEADS, BEHIND].map(|at| &cluster.nodes[at].entries);
    assert!(ledgers[0] == ledgers[1], "{case}");
}

#[test]
fn a_backup_gets_what_was_before_the_snapshot_of_its_primary() {
    assert_goes_on(behind().0, "nothing altered");
}

#[test]
fn flags_that_the_host_altered_reach_no_backup() {
    let (_, flagged) = behind();
    let (first, last) = (flagged[0], flagged[flagged.len() - 1]);
    for altered in [first, first.next(), last.previous(), last] {
        let (mut cluster, again) = behind();
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
