//! What differs between seeds besides chance: sizes, intervals, and how bad the world is.

use coco_ledger::{LedgerConfig, SignatureMode, SigningPolicy, Timing};
use coco_node::{SnapshotPolicy, SnapshotTime, core::Settings};
use coco_raft::{PreVote, Replication};

use crate::random::Random;

/// Drawn from a seed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Options {
    /// Of all nodes.
    pub(super) settings: Settings,
    /// How long faults strike, in milliseconds.
    pub(super) faulty_ms: u64,
    /// Between two operations of the operator, at most, in milliseconds.
    pub(super) operation_ms: u64,
    /// Messages lost, of a thousand.
    pub(super) lost: u64,
    /// Messages that come twice, of a thousand.
    pub(super) duplicated: u64,
    /// Messages that come much later, of a thousand.
    pub(super) delayed: u64,
    /// Forwarded requests that are lost, or whose answers are, of a thousand each.
    pub(super) lost_requests: u64,
    /// Forwarded requests, and answers, that come much later, of a thousand.
    pub(super) late_requests: u64,
    /// How long a backup waits for the answer to a forwarded request, in milliseconds.
    pub(super) forwarding_ms: u64,
    /// How often snapshots are made; some services make none.
    pub(super) snapshots: Option<SnapshotPolicy>,
    /// Snapshots that a host cannot write, of a thousand.
    pub(super) unwritten_snapshots: u64,
    /// Files of snapshots that are damaged, of a thousand.
    pub(super) damaged_snapshots: u64,
    /// Answers to requests for votes that come much later, of a thousand.
    pub(super) late_votes: u64,
    /// Reports of written entries that come late, of a thousand.
    pub(super) unreported: u64,
    /// Jobs that take long, of a thousand.
    pub(super) late_jobs: u64,
    /// Calls that are given their place late, of a thousand.
    pub(super) stale_calls: u64,
    /// Reads of the ledger that fail or are short, of a thousand.
    pub(super) short_reads: u64,
    /// Reads of the ledger with a wrong bit, of a thousand.
    pub(super) flipped_reads: u64,
    /// Reads of the ledger with entries in another order, of a thousand.
    pub(super) reordered_reads: u64,
    /// Reads of the ledger as it was before it was cut, of a thousand.
    pub(super) old_reads: u64,
    /// Longest time a message takes if it is not delayed, in milliseconds.
    pub(super) latency_ms: u64,
    /// Longest time a write takes, in milliseconds.
    pub(super) write_ms: u64,
    /// Longest time a job takes, in milliseconds.
    pub(super) job_ms: u64,
    /// Longest time between an answer and the client's next call, in milliseconds.
    pub(super) think_ms: u64,
    /// Clients.
    pub(super) clients: usize,
}

impl Options {
    /// Draws them.
    pub(super) fn draw(random: &mut Random) -> Self {
        // Some seeds have a good network, so that other faults are not drowned.
        let bad = |random: &mut Random, most| if random.chance(300) { 0 } else { random.below(most) };
        Self {
            settings: settings(random),
            faulty_ms: random.between(6_000, 10_000),
            operation_ms: random.between(200, 1200),
            lost: bad(random, 120),
            duplicated: bad(random, 120),
            delayed: bad(random, 60),
            lost_requests: bad(random, 150),
            late_requests: bad(random, 300),
            forwarding_ms: random.between(200, 2000),
            snapshots: snapshots(random),
            unwritten_snapshots: bad(random, 200),
            damaged_snapshots: bad(random, 500),
            late_votes: if random.chance(300) { random.below(500) } else { 0 },
            unreported: bad(random, 100),
            late_jobs: bad(random, 150),
            stale_calls: bad(random, 300),
            short_reads: bad(random, 300),
            flipped_reads: bad(random, 300),
            reordered_reads: bad(random, 300),
            old_reads: bad(random, 600),
            latency_ms: random.between(1, 30),
            write_ms: random.between(1, 20),
            job_ms: random.between(1, 10),
            think_ms: random.between(30, 110),
            clients: usize::try_from(random.between(2, 5)).expect("small"),
        }
    }

    /// When faults have ended: the same cluster in a good world.
    pub(super) fn healed(self) -> Self {
        Self {
            lost: 0,
            duplicated: 0,
            delayed: 0,
            lost_requests: 0,
            late_requests: 0,
            unwritten_snapshots: 0,
            damaged_snapshots: 0,
            late_votes: 0,
            unreported: 0,
            late_jobs: 0,
            stale_calls: 0,
            short_reads: 0,
            flipped_reads: 0,
            reordered_reads: 0,
            old_reads: 0,
            latency_ms: 10,
            write_ms: 5,
            job_ms: 3,
            ..self
        }
    }
}

fn snapshots(random: &mut Random) -> Option<SnapshotPolicy> {
    let time = SnapshotTime { interval_ms: random.between(300, 3000), min_tx_count: random.between(1, 10) };
    let time = random.chance(300).then_some(time);
    let policy = SnapshotPolicy { tx_count: random.between(8, 80), time };
    random.chance(850).then_some(policy)
}

fn settings(random: &mut Random) -> Settings {
    // Short ones make for many elections.
    let election_timeout_ms = random.between(300, 1000);
    let replication = if random.chance(150) { Replication::WithHeartbeat } else { Replication::AtOnce };
    let consensus = coco_raft::Settings {
        election_timeout_ms,
        message_timeout_ms: election_timeout_ms / random.between(6, 10),
        max_entries: random.between(10, 60),
        max_messages: usize::try_from(random.between(4, 16)).expect("small"),
        pre_vote: if random.chance(150) { PreVote::Log } else { PreVote::Silence },
        replication,
    };
    let timing = match random.chance(300) {
        true => Timing::Fixed,
        false => Timing::Adaptive { min_interval_ms: random.between(50, 150) },
    };
    Settings {
        signing: SigningPolicy {
            timing,
            tx_count: random.between(5, 40),
            delay_ms: random.between(100, 300),
        },
        ledger: LedgerConfig {
            chunk_size: if random.chance(500) { 5_000_000 } else { 20_000 },
            signatures: if random.chance(500) { SignatureMode::Dual } else { SignatureMode::CoseOnly },
        },
        consensus,
        max_uncommitted: if random.chance(300) { random.between(20, 60) } else { 10_000 },
        keep_committed: 8,
    }
}
