//! What a run sends, how, and for how long.

use std::time::Duration;

use serde::Serialize;

/// What a run sends, how, and for how long.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What one request does.
    pub mode: Mode,
    /// How requests travel.
    pub protocol: Protocol,
    /// Connections, each with its own TLS session.
    pub connections: usize,
    /// Requests a second over all connections; none for a closed loop.
    pub rate: Option<f64>,
    /// Time under load before anything is counted.
    pub warm_up: Duration,
    /// Time that is counted.
    pub duration: Duration,
    /// Keys are drawn uniformly from `0..keys`.
    pub keys: u64,
    /// Bytes of the message that a write stores.
    pub value: usize,
    /// Messages of a write, at most [`MAX_BATCH`]; if more than one, the service must have `POST /app/log/private/batch`.
    pub batch: usize,
    /// The table of the logging application.
    pub table: Table,
    /// Share of reads in [`Mode::Mixed`], from 0 to 1.
    pub reads: f64,
    /// Threads of the generator, each with its own event loop.
    pub threads: usize,
    /// Whether every key is written before the run.
    pub preload: Preload,
    /// Seed of keys and messages.
    pub seed: u64,
    /// Percent of the machine's CPU that other processes may use before the run is refused.
    pub max_foreign: f64,
}

/// Most messages that one request may write: what the logging application takes.
pub const MAX_BATCH: usize = 1_000;

impl Default for Plan {
    fn default() -> Self {
        Self {
            mode: Mode::Write,
            protocol: Protocol::Http1 { depth: 1 },
            connections: 64,
            rate: None,
            warm_up: Duration::from_secs(2),
            duration: Duration::from_secs(8),
            keys: 10_000,
            value: 128,
            batch: 1,
            table: Table::Private,
            reads: 0.5,
            threads: 1,
            preload: Preload::Auto,
            seed: 1,
            max_foreign: 5.0,
        }
    }
}

/// What one request does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mode {
    /// `POST /app/log/TABLE`, answered at local execution.
    Write,
    /// `GET /app/log/TABLE?id=KEY`.
    Read,
    /// Reads and writes in the share of [`Plan::reads`].
    Mixed,
    /// A write, followed until it is committed.
    Commit(Follow),
    /// A new mutual TLS handshake, without resumption; no HTTP.
    Handshake,
}

impl Mode {
    /// The name used in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Write => "write",
            Self::Read => "read",
            Self::Mixed => "mixed",
            Self::Commit(Follow::Wait { .. }) => "commit-wait",
            Self::Commit(Follow::Poll { .. }) => "commit-poll",
            Self::Handshake => "handshake",
        }
    }
}

/// How a write is followed to its commit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Follow {
    /// The request carries `Prefer: wait=SECONDS` (RFC 7240), so the answer comes at commit.
    Wait {
        /// The longest wait that is asked for.
        seconds: u32,
    },
    /// `GET /app/tx` is asked again and again until it says Committed.
    Poll {
        /// Pause between two questions.
        every: Duration,
    },
}

/// How requests travel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Protocol {
    /// HTTP/1.1, up to `depth` requests in flight on a connection.
    Http1 {
        /// Requests in flight on a connection.
        depth: usize,
    },
    /// HTTP/2, up to `streams` requests in flight on a connection.
    Http2 {
        /// Requests in flight on a connection.
        streams: usize,
    },
}

impl Protocol {
    /// Requests in flight on a connection.
    #[must_use]
    pub fn in_flight(self) -> usize {
        match self {
            Self::Http1 { depth } => depth,
            Self::Http2 { streams } => streams,
        }
    }

    /// The name used in reports and in ALPN's terms.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Http1 { .. } => "http/1.1",
            Self::Http2 { .. } => "h2",
        }
    }
}

/// The table of the logging application.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Table {
    /// Encrypted in the ledger.
    Private,
    /// Readable in the ledger.
    Public,
}

impl Table {
    /// The last part of the endpoint's path.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Private => "/app/log/private",
            Self::Public => "/app/log/public",
        }
    }
}

/// Whether every key is written before the run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Preload {
    /// When the run reads.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}
