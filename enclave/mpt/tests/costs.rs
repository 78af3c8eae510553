//! What tries cost: time, and memory with the allocator of the executable.

use std::{fs, hint::black_box, time::Instant};

use alloy_primitives::{B256, keccak256};
use alloy_trie::{HashBuilder, Nibbles, root::ordered_trie_root_encoded};
use coco_mpt::{Key, Trie, ordered_root};
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Changes of a block.
const CHANGES: u64 = 600;

fn name(number: u64) -> B256 {
    keccak256(number.to_be_bytes())
}

/// A number of 32 bytes, as a slot has it: RLP of a string.
fn value(number: u64) -> Vec<u8> {
    alloy_rlp::encode(keccak256(number.to_le_bytes()))
}

/// Bytes of memory that the process has of the system.
fn resident() -> u64 {
    let pages = fs::read_to_string("/proc/self/statm").expect("Linux says what a process has");
    4096 * pages.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).expect("the second number")
}

fn ms(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}

#[test]
#[ignore = "a measurement, not a check"]
fn leaves_100_thousand() {
    leaves(100_000);
}

#[test]
#[ignore = "a measurement, not a check"]
fn leaves_1_million() {
    leaves(1_000_000);
}

/// Memory is what the system gave, so that it counts only where this is the first test of the process.
fn leaves(leaves: u64) {
    let pairs: Vec<_> = (0..leaves).map(|number| (Key::from(name(number)), value(number))).collect();
    let (before, start) = (resident(), Instant::now());
    let mut trie = Trie::default();
    pairs.iter().for_each(|(key, value)| trie.insert(key, value));
    let (inserted, start) = (ms(start), Instant::now());
    let root = trie.root();
    let (hashed, bytes) = (ms(start), resident().saturating_sub(before) / leaves);
    println!("{leaves} leaves: inserted in {inserted:.0} ms, hashed in {hashed:.0} ms, {bytes} bytes each");

    for kept in [false, true] {
        let rounds = (1..20).map(|round| 2 * round + u64::from(kept));
        let mut times: Vec<_> = rounds.map(|round| block(&mut trie, leaves, round, kept)).collect();
        times.sort_by(|one, other| (one.0 + one.1).total_cmp(&(other.0 + other.1)));
        let ((best_put, best_root), (put, root)) = (times[0], times[times.len() / 2]);
        println!(
            "  {CHANGES} changes and root: {put:.2} + {root:.2} ms, at best {best_put:.2} + {best_root:.2} ms; version kept: {kept}"
        );
    }
    assert_ne!(trie.root(), root);
}

/// Milliseconds of a block's changes, and of the root.
fn block(trie: &mut Trie, leaves: u64, round: u64, kept: bool) -> (f64, f64) {
    let number = |at: u64| (at * 7_919 + round * 104_729) * 1_299_709 % leaves;
    let changes: Vec<_> =
        (0..CHANGES).map(|at| (Key::from(name(number(at))), value(number(at) + round + leaves))).collect();
    let version = kept.then(|| trie.clone());
    let start = Instant::now();
    changes.iter().for_each(|(key, value)| trie.insert(key, value));
    let (put, start) = (ms(start), Instant::now());
    black_box(trie.root());
    let root = ms(start);
    drop(version);
    (put, root)
}

#[test]
#[ignore = "a measurement, not a check"]
fn from_sorted_leaves() {
    let mut pairs: Vec<_> =
        (0..100_000).map(|number| (Nibbles::unpack(name(number)), value(number))).collect();
    pairs.sort();
    let start = Instant::now();
    let mut builder = HashBuilder::default();
    pairs.into_iter().for_each(|(name, value)| builder.add_leaf(name, &value));
    black_box(builder.root());
    println!("alloy-trie: 100000 sorted leaves in {:.0} ms", ms(start));
}

#[test]
#[ignore = "a measurement, not a check"]
fn hashes() {
    for (len, what) in [(70, "leaf"), (532, "full branch")] {
        let (bytes, rounds) = (vec![7; len], 100_000);
        let start = Instant::now();
        (0..rounds).map(|_| keccak256(black_box(&bytes))).for_each(|hash| assert_ne!(hash, B256::ZERO));
        println!("Keccak-256 of a {what}: {:.2} us", 1e3 * ms(start) / f64::from(rounds));
    }
}

#[test]
#[ignore = "a measurement, not a check"]
fn lists() {
    for size in [110, 600] {
        let items: Vec<Vec<u8>> =
            (0..CHANGES).map(|number| name(number).repeat(size / 32 + 1)[..size].to_vec()).collect();
        let rounds = 50;
        let start = Instant::now();
        (0..rounds).map(|_| ordered_root(&items)).for_each(|root| assert_ne!(root, B256::ZERO));
        let (own, start) = (ms(start), Instant::now());
        (0..rounds).map(|_| ordered_trie_root_encoded(&items)).for_each(|root| assert_ne!(root, B256::ZERO));
        let other = ms(start);
        let each = |ms: f64| ms / f64::from(rounds);
        println!("{CHANGES} items of {size} bytes: {:.2} ms, by alloy-trie {:.2} ms", each(own), each(other));
    }
}
