//! The cases of the suite and the goals they are held against.

use crate::plan::{Follow, Mode, Protocol};

/// A workload of the suite.
pub struct Case {
    /// Its name on the command line and in the tables.
    pub name: &'static str,
    /// What it shows.
    pub about: &'static str,
    pub(crate) mode: Mode,
    pub(crate) protocol: Protocol,
    pub(crate) connections: usize,
    /// Messages of a write.
    pub(crate) batch: usize,
    pub(crate) rate: Option<f64>,
    pub(crate) keys: u64,
    /// Whether the yardsticks run it too.
    pub(crate) beside: bool,
    /// What the service must reach.
    pub goals: &'static [Goal],
}

/// A floor or ceiling for one figure of a case.
#[derive(Clone, Copy, Debug)]
pub struct Goal {
    /// The figure.
    pub measure: Measure,
    /// What the service must reach.
    pub must: f64,
    /// What it should reach.
    pub aim: f64,
}

/// A figure of a case.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Measure {
    /// Answers a second, divided by the ceiling's in the same case; higher is better.
    OfCeiling,
    /// [`Measure::OfCeiling`], divided by that of the named case; higher is better.
    OfCase(&'static str),
    /// Answers a second; higher is better.
    PerSecond,
    /// CPU time of the server for each request in microseconds; lower is better.
    ServerMicros,
    /// Median latency in milliseconds; lower is better.
    MedianMillis,
}

const BASE: Case = Case {
    name: "write",
    about: "64 connections, answered at local execution",
    mode: Mode::Write,
    protocol: Protocol::Http1 { depth: 1 },
    connections: 64,
    batch: 1,
    rate: None,
    keys: 10_000,
    beside: true,
    goals: &[
        Goal { measure: Measure::OfCeiling, must: 0.60, aim: 0.85 },
        Goal { measure: Measure::ServerMicros, must: 16.0, aim: 12.0 },
    ],
};

/// All cases.
pub const CASES: &[Case] = &[
    BASE,
    Case {
        name: "write-pipelined",
        about: "64 connections, 8 requests in flight on each",
        protocol: Protocol::Http1 { depth: 8 },
        goals: &[Goal { measure: Measure::ServerMicros, must: 8.3, aim: 5.0 }],
        ..BASE
    },
    Case {
        name: "write-batch",
        about: "64 connections, 16 messages in a request; figures are per message",
        batch: 16,
        goals: &[Goal { measure: Measure::ServerMicros, must: 5.0, aim: 3.3 }],
        ..BASE
    },
    Case {
        name: "write-http2",
        about: "16 HTTP/2 connections, 4 streams on each",
        protocol: Protocol::Http2 { streams: 4 },
        connections: 16,
        beside: false,
        goals: &[],
        ..BASE
    },
    Case {
        name: "read",
        about: "64 connections",
        mode: Mode::Read,
        goals: &[Goal { measure: Measure::OfCeiling, must: 0.70, aim: 0.95 }],
        ..BASE
    },
    Case {
        name: "write-alone",
        about: "one connection",
        connections: 1,
        goals: &[Goal { measure: Measure::MedianMillis, must: 0.20, aim: 0.10 }],
        ..BASE
    },
    Case {
        name: "commit-idle",
        about: "one connection, 20 writes a second, answered at commit",
        mode: Mode::Commit(Follow::Wait { seconds: 5 }),
        connections: 1,
        rate: Some(20.0),
        beside: false,
        goals: &[Goal { measure: Measure::MedianMillis, must: 2.0, aim: 2.0 }],
        ..BASE
    },
    Case {
        name: "handshake",
        about: "new mutual P-384 handshakes, 4 at a time",
        mode: Mode::Handshake,
        connections: 4,
        goals: &[Goal { measure: Measure::PerSecond, must: 600.0, aim: 800.0 }],
        ..BASE
    },
    Case {
        name: "write-1m",
        about: "as write, over 1,000,000 keys",
        keys: 1_000_000,
        goals: &[Goal { measure: Measure::OfCase("write"), must: 0.70, aim: 0.85 }],
        ..BASE
    },
];

impl Measure {
    /// How the figure is called in tables.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::OfCeiling => "of ceiling".to_owned(),
            Self::OfCase(case) => format!("of {case}"),
            Self::PerSecond => "per second".to_owned(),
            Self::ServerMicros => "server µs".to_owned(),
            Self::MedianMillis => "p50 ms".to_owned(),
        }
    }

    /// True if `value` is at least as good as `bound`.
    #[must_use]
    pub fn reaches(self, value: f64, bound: f64) -> bool {
        match self {
            Self::OfCeiling | Self::OfCase(_) | Self::PerSecond => value >= bound,
            Self::ServerMicros | Self::MedianMillis => value <= bound,
        }
    }
}
