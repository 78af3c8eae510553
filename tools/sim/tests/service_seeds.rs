//! As many seeds of whole nodes as a test may take, and bugs of the world that must be found.

use coco_sim::service::{Conditions, FaultTable, Faults, Sabotage, Simulator};

const SEEDS: u64 = 100;
/// Seeds in which a bug must be found.
const HUNTED: u64 = 40;

#[test]
fn no_property_is_broken() {
    let simulator = Simulator::new();
    let (mut events, mut committed, mut elections, mut changes, mut conflicts) = (0, 0, 0, 0, 0);
    let (mut forwarded, mut reads, mut snapshots) = (0, 0, 0);
    let mut faults = FaultTable::default();
    for seed in 0..SEEDS {
        let outcome =
            simulator.run(seed, Conditions::default()).unwrap_or_else(|violation| panic!("{violation}"));
        events += outcome.events;
        committed += outcome.committed;
        elections += outcome.elections;
        changes += outcome.reconfigurations;
        conflicts += outcome.conflicts;
        forwarded += outcome.forwarded;
        reads += outcome.reads;
        snapshots += outcome.snapshots;
        faults.add(&outcome.faults);
    }
    println!("{faults}");
    assert!(events / SEEDS >= 2000, "{events} events");
    assert!(committed / SEEDS >= 50, "{committed} committed");
    assert!(
        elections / SEEDS >= 1 && changes / SEEDS >= 1,
        "{elections} elections, {changes} configurations"
    );
    assert!(conflicts > 0, "transactions conflict");
    assert!(forwarded / SEEDS >= 5, "{forwarded} answers to forwarded requests");
    assert!(reads / SEEDS >= 5 && snapshots / SEEDS >= 3, "{reads} reads, {snapshots} snapshots");
}

#[test]
fn a_seed_is_always_the_same() {
    // Keys are made again, and signatures are random.
    let (one, other) = (Simulator::new(), Simulator::new());
    for seed in 1000..1010 {
        let first = one.run(seed, Conditions::default()).expect("a good run");
        let again = other.run(seed, Conditions::default()).expect("a good run");
        assert_eq!((first.hash, first.events), (again.hash, again.events), "seed {seed}");
    }
}

#[test]
fn bugs_of_the_world_are_found() {
    let simulator = Simulator::new();
    let expected = [
        (Sabotage::UnsyncedReports, "D1 what is committed is on the disks of a quorum"),
        (Sabotage::BlindCounters, "H11 counters lose nothing"),
        (Sabotage::EarlyCommits, "H3 told to be committed"),
    ];
    for (sabotage, property) in expected {
        let conditions = Conditions { sabotage: Some(sabotage), ..Conditions::default() };
        let found = (0..HUNTED).find_map(|seed| simulator.run(seed, conditions).err());
        let found = found.unwrap_or_else(|| panic!("{sabotage:?} is not found"));
        assert_eq!(found.broken.property, property, "{sabotage:?}");
    }
}

#[test]
fn what_a_violation_does_not_need_is_left_out() {
    let simulator = Simulator::new();
    let conditions = Conditions { sabotage: Some(Sabotage::BlindCounters), ..Conditions::default() };
    let found = (0..HUNTED).find_map(|seed| simulator.run(seed, conditions).err());
    let (shrunk, violation) = simulator.shrink(*found.expect("it is found"), conditions);
    assert_ne!(shrunk.without, Faults::default(), "{violation}");
    assert!(simulator.run(violation.seed, shrunk).is_err(), "it is there again");
}
