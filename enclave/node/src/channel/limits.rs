//! How much, how often, how long.

/// Limits of a channel. Times are in milliseconds of the host's clock, which may lie: they bound work and help
/// liveness, and nothing that must hold rests on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Frames of one direction after which a session is renewed; after four times as many it is given up.
    pub rekey_frames: u64,
    /// Bytes of both directions after which a session is renewed; after four times as many it is given up.
    pub rekey_bytes: u64,
    /// Age at which a session is renewed.
    pub rekey_after_ms: u64,
    /// How long a peer may say nothing after a message before a session is renewed.
    pub silence_ms: u64,
    /// How long the first attempt at a handshake may take before there is another; doubled each time.
    pub retry_ms: u64,
    /// At most that long.
    pub retry_max_ms: u64,
    /// Least time between two initiations of a peer that are answered.
    pub answer_ms: u64,
    /// How long an answered initiation may remain unfinished, and a replaced session can be heard.
    pub linger_ms: u64,
    /// Most messages that wait for a session.
    pub queue_messages: usize,
    /// Most bytes of them; a single message may have more.
    pub queue_bytes: usize,
}

impl Default for Limits {
    /// At most 64 GiB, 2^32 blocks, are ever sealed under a key. By the bound for a random permutation (NIST SP
    /// 800-38D, and Iwata, Ohashi and Minematsu 2012) an attacker's advantage then stays around 2^-64.
    fn default() -> Self {
        Self {
            rekey_frames: 1 << 26,
            rekey_bytes: 16 << 30,
            rekey_after_ms: 15 * 60 * 1000,
            silence_ms: 3000,
            retry_ms: 500,
            retry_max_ms: 2000,
            answer_ms: 100,
            linger_ms: 5000,
            queue_messages: 256,
            queue_bytes: 8 << 20,
        }
    }
}
