//! What clients may rely on when they read.

use std::collections::BTreeSet;

use coco_node::Readable;
use coco_raft::ReadId;

use crate::{adapter::Toy, cluster::Cluster, node::Node};

#[test]
fn sessions_outlast_catching_up_but_no_change_of_the_primary() {
    let mut cluster = Cluster::of(3);
    let began_in = cluster.put("first", "1").view;
    cluster.run(200);
    // Another primary, and entries of two views for the one who joins next.
    cluster.cut_off = vec![0];
    cluster.run(20_000);
    let now_in = cluster.put("second", "2").view;
    assert!(now_in > began_in);
    cluster.cut_off.clear();
    cluster.run(1_000);

    let mut newcomer = Node::joiner(Toy::new(None, None));
    let fresh = newcomer.view.state().continuity();
    cluster.admit(&mut newcomer, None);
    cluster.nodes.push(newcomer);
    let mut sessions = vec![fresh];
    let mut views = BTreeSet::new();
    while cluster.nodes[3].view.state().chain.latest.view < now_in {
        cluster.run_a_little();
        let state = cluster.nodes[3].view.state();
        views.insert(state.chain.latest.view);
        for session in &mut sessions {
            assert_eq!(session.follow(state.continuity()), Ok(()), "{:?}", state.chain.latest);
        }
        sessions.push(state.continuity());
    }
    assert!(views.contains(&began_in), "it catches up in steps: {views:?}");

    cluster.run(1_000);
    let primary = cluster.primary().expect("a primary");
    cluster.cut_off = vec![primary];
    cluster.run(20_000);
    let state = cluster.nodes[3].view.state();
    for session in &mut sessions {
        assert!(session.follow(state.continuity()).is_err(), "the primary changed");
    }
}

#[test]
fn reads_miss_nothing_that_was_committed() {
    let mut cluster = Cluster::of(3);
    cluster.put("key", "1");
    cluster.run(200);
    for at in 0..3 {
        assert_eq!(cluster.read(at, "key", 50).as_deref(), Some("1"), "node {at}");
    }
    // A primary that is cut off does not know that another one leads, but it knows that it does not know.
    cluster.cut_off = vec![0];
    cluster.run(20_000);
    cluster.put("key", "2");
    cluster.run(500);
    for at in [1, 2] {
        assert_eq!(cluster.read(at, "key", 50).as_deref(), Some("2"), "node {at}");
    }
    assert_eq!(cluster.read(0, "key", 2_000), None);
    cluster.cut_off = vec![];
    cluster.run(20_000);
    assert_eq!(cluster.read(0, "key", 50).as_deref(), Some("2"));
    // One that has just lost its majority still leads, and answers nobody.
    let primary = cluster.primary().expect("a primary");
    cluster.cut_off = (0..3).filter(|at| *at != primary).collect();
    assert_eq!(cluster.read(primary, "key", 200), None);
    assert!(cluster.nodes[primary].view.state().primary);
    // A node that belongs to no service yet has nothing to read.
    cluster.nodes.push(Node::joiner(Toy::new(None, None)));
    assert_eq!(cluster.read(3, "key", 10), None);
    assert_eq!(cluster.nodes[3].reads, [(ReadId(3), Readable::NotNow)]);
}
