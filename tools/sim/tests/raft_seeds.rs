//! A few hundred seeds of the raft core, as many as a test may take.

use coco_sim::raft;

const SEEDS: u64 = 150;

#[test]
fn no_property_is_broken() {
    let (mut events, mut committed, mut elections, mut changes) = (0, 0, 0, 0);
    let mut faults = raft::FaultTable::default();
    for seed in 0..SEEDS {
        let outcome = raft::run(seed).unwrap_or_else(|violation| panic!("{violation}"));
        events += outcome.events;
        committed += outcome.committed;
        elections += outcome.elections;
        changes += outcome.reconfigurations;
        faults.add(&outcome.faults);
    }
    println!("{faults}");
    assert!(events / SEEDS >= 2000, "{events} events");
    assert!(committed / SEEDS >= 50, "{committed} committed");
    assert!(
        elections / SEEDS >= 1 && changes / SEEDS >= 1,
        "{elections} elections, {changes} configurations"
    );
    assert!(faults.least() > 0, "a fault never struck in some phase");
}

#[test]
fn a_seed_is_always_the_same() {
    for seed in 1000..1010 {
        let (first, again) = (raft::run(seed).unwrap(), raft::run(seed).unwrap());
        assert_eq!((first.hash, first.events), (again.hash, again.events), "seed {seed}");
    }
}
