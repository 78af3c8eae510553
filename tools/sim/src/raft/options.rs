//! What differs between seeds besides chance: sizes, intervals, and how bad the world is.

use coco_raft::{PreVote, Replication, Settings};

use crate::random::Random;

/// Drawn from a seed.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Of all nodes.
    pub settings: Settings,
    /// How long faults strike, in milliseconds.
    pub faulty_ms: u64,
    /// Between two operations of the operator, at most, in milliseconds.
    pub operation_ms: u64,
    /// Messages lost, of a thousand.
    pub lost: u64,
    /// Messages that come twice, of a thousand.
    pub duplicated: u64,
    /// Messages that come much later, of a thousand.
    pub delayed: u64,
    /// Answers to requests for votes that come much later, of a thousand.
    pub late_votes: u64,
    /// Reports of written entries that are lost, of a thousand.
    pub unreported: u64,
    /// Longest time a message takes if it is not delayed, in milliseconds.
    pub latency_ms: u64,
    /// Longest time a write takes, in milliseconds.
    pub write_ms: u64,
    /// Between two proposals, in milliseconds.
    pub proposal_ms: u64,
    /// Between two signatures, in milliseconds.
    pub signature_ms: u64,
}

impl Options {
    /// Draws them.
    #[must_use]
    pub fn draw(random: &mut Random) -> Self {
        // Short ones make for many elections.
        let election_timeout_ms = random.between(300, 1000);
        let message_timeout_ms = election_timeout_ms / random.between(6, 15);
        let replication = if random.chance(150) { Replication::WithHeartbeat } else { Replication::AtOnce };
        let pre_vote = match random.below(10) {
            0 => PreVote::Off,
            1 | 2 => PreVote::Log,
            _ => PreVote::Silence,
        };
        let (max_entries, max_messages) = match replication {
            Replication::AtOnce => (random.between(4, 40), random.between(2, 8)),
            Replication::WithHeartbeat => (random.between(20, 40), random.between(8, 16)),
        };
        let settings = Settings {
            election_timeout_ms,
            message_timeout_ms,
            max_entries,
            max_messages: usize::try_from(max_messages).expect("small"),
            pre_vote,
            replication,
        };
        // Over a slow one several nodes stand for election at a time, and votes come late.
        let is_slow = random.chance(200);
        let latency_ms = random.between(1, if is_slow { election_timeout_ms / 2 } else { 40 });
        // Some seeds have a good network, so that other faults are not drowned.
        let bad = |random: &mut Random, most| if random.chance(300) { 0 } else { random.below(most) };
        Self {
            settings,
            faulty_ms: random.between(8_000, 14_000),
            operation_ms: random.between(300, 1500),
            lost: bad(random, 150),
            duplicated: bad(random, 150),
            delayed: bad(random, 80),
            late_votes: if random.chance(300) { random.below(500) } else { 0 },
            unreported: bad(random, 100),
            latency_ms,
            write_ms: random.between(1, 30),
            proposal_ms: random.between(15, 60),
            signature_ms: random.between(30, 200),
        }
    }

    /// When faults have ended: the same cluster in a good world.
    #[must_use]
    pub fn healed(self) -> Self {
        Self {
            lost: 0,
            duplicated: 0,
            delayed: 0,
            late_votes: 0,
            unreported: 0,
            latency_ms: 10,
            write_ms: 5,
            ..self
        }
    }
}
