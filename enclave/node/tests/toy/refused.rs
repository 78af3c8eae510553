//! Entries that no primary should send: the node that gets them stops, and commits nothing of them.

use std::sync::Arc;

use coco_wire::Seqno;

use crate::cluster::Cluster;

#[test]
fn a_node_stops_at_an_entry_that_was_not_signed() {
    let mut cluster = Cluster::of(3);
    cluster.cut_off = vec![2];
    for at in 0..10 {
        cluster.put(&format!("key {at}"), "value");
        cluster.run(10);
    }
    cluster.run(500);
    let had = cluster.nodes[2].committed;
    cluster.cut_off.clear();
    for _ in 0..100 {
        let behind = cluster.nodes[2].id();
        for sent in cluster.nodes[0].messages.iter_mut().filter(|sent| sent.to == behind) {
            // The end of a chunk, where there is none: the tag of an entry does not show it.
            if let Some(signature) = sent.entries.iter_mut().rev().nth(2) {
                let mut altered = signature.to_vec();
                altered[1] ^= 1;
                *signature = Arc::from(altered);
            }
        }
        cluster.run_a_little();
    }
    let node = &cluster.nodes[2];
    assert!(node.stopped);
    assert!(node.committed >= had && node.committed < cluster.nodes[0].committed, "{}", node.committed);
    assert!(node.committed > Seqno::ZERO && !cluster.nodes[0].stopped && !cluster.nodes[1].stopped);
}
