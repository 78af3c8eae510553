//! What an application printed, kept by its adapter for the members.

use std::sync::Arc;

use coco_wire::TxId;
use serde::Serialize;

/// Which lines a member asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Route of the endpoint; none asks for all.
    pub endpoint: Option<String>,
    /// Number of the last line that the member knows: the first lines behind it are wanted. Without it, the last ones.
    pub after: Option<u64>,
    /// Most lines.
    pub limit: usize,
}

/// Some lines in the order in which they were printed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Page {
    /// The lines.
    #[serde(rename = "value")]
    pub lines: Vec<Line>,
    /// How many lines of the endpoints asked for are not kept any more.
    pub dropped: u64,
    /// Number of the last line that this node printed, for whatever endpoint and application; zero if none.
    pub last: u64,
}

/// A line, or an exception with its trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// Counts the lines of a node from one on, for as long as it runs.
    pub number: u64,
    /// When the call ended, by the host's untrusted clock: milliseconds since 1970.
    pub time_ms: u64,
    /// Route of the endpoint.
    pub endpoint: Arc<str>,
    /// The state that the call read; of a historical call, the transaction.
    pub read_at: TxId,
    /// Its kind.
    pub level: Level,
    /// The text; may hold anything that the script has read.
    pub text: String,
}

/// Kinds of lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Printed.
    Info,
    /// Printed as a warning or an error.
    Fail,
    /// What the call threw.
    Exception,
}
