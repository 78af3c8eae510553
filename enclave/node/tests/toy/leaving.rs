//! Nodes that leave, and primaries that stop.

use coco_node::Refusal;
use coco_tables::nodes::NodeStatus;
use coco_wire::Digest;

use crate::cluster::{Cluster, info};

#[test]
fn a_node_that_leaves_is_not_needed() {
    let mut cluster = Cluster::of(3);
    for leaving in [2, 0] {
        let id: Digest = cluster.nodes[leaving].id();
        let primary = cluster.primary().expect("a primary");
        let left = cluster.nodes[primary].write(|tables, tx| {
            tables.nodes.info.put(tx, &id, &info(NodeStatus::Retired));
        });
        left.expect("a primary takes it");
        cluster.run(20_000);
        let primary = cluster.primary().expect("a primary");
        let tables = coco_tables::Tables::default();
        let row = tables.nodes.info.get(&cluster.nodes[primary].view.state().committed, &id);
        assert!(row.expect("a row").expect("it is still there").is_removable(), "node {leaving}");
        cluster.cut_off.push(leaving);
        cluster.put("without", "it");
        cluster.run(500);
        let consensus = cluster.nodes[primary].view.state().consensus.clone();
        assert_eq!(consensus.configurations.len(), 1);
        assert!(!consensus.configurations[0].1.contains(&id));
        cluster.assert_agreed();
    }
}

#[test]
fn a_primary_that_is_asked_to_stop_hands_over_everything() {
    let mut cluster = Cluster::of(3);
    let last = cluster.put("last", "1");
    cluster.nodes[0].event(coco_boundary::Event::Stop);
    assert!(!cluster.nodes[0].stopped, "first it hands over");
    assert_eq!(cluster.put_on(0, "too late", "1"), Err(Refusal::NotPrimary));
    // Far less than an election timeout.
    cluster.run(200);
    assert!(cluster.nodes[0].stopped);
    cluster.cut_off.push(0);
    let primary = cluster.primary().expect("a successor");
    let chain = cluster.nodes[primary].view.state().chain.clone();
    assert_eq!(chain.status(last), coco_app::TxStatus::Committed);
    cluster.put("next", "2");
    cluster.run(500);
    cluster.assert_agreed();
}

#[test]
fn a_primary_stops_although_nobody_takes_over() {
    // The others are gone since a moment ago, or for so long that they are not even waited for.
    for (gone_ms, patience_ms) in [(0, 2_500), (3_000, 0)] {
        let mut cluster = Cluster::of(3);
        cluster.cut_off = vec![1, 2];
        cluster.run(gone_ms);
        assert!(cluster.nodes[0].view.state().primary);
        cluster.nodes[0].event(coco_boundary::Event::Stop);
        assert_eq!(cluster.nodes[0].stopped, patience_ms == 0);
        cluster.run(patience_ms);
        assert!(cluster.nodes[0].stopped);
    }
}

#[test]
fn a_primary_hands_over_to_a_majority_only() {
    let mut cluster = Cluster::of(3);
    cluster.cut_off = vec![2];
    cluster.run(6_000);
    cluster.nodes[0].event(coco_boundary::Event::Stop);
    assert!(cluster.nodes[0].stopped, "the other one could do nothing alone");
}
