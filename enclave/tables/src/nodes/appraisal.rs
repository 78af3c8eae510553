//! What was found when evidence of nodes was judged, and for how long that counts.

use std::fmt;

use coco_kv::JsonValue;
use coco_wire::{Digest, WriteSet};
use serde::{Deserialize, Serialize};

use super::{APPRAISALS, ENDORSED_CERTIFICATES, INFO, QuoteInfo};
use crate::value::is_default;

/// The last time that evidence of a node was judged, and found good by the tables of the same transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Appraisal {
    /// When, in seconds since 1970, by the clock of the primary.
    pub time: u64,
    /// What the node has shown since it joined; before that, its evidence is that in `nodes.info`, bound to its key.
    #[serde(default, skip_serializing_if = "is_default")]
    pub renewal: Option<Renewal>,
    /// Why the node was retired, if it was because it may no longer take part.
    #[serde(default, skip_serializing_if = "is_default")]
    pub eviction: Option<Eviction>,
}

impl JsonValue for Appraisal {}

/// A node had to leave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Eviction {
    /// When, in seconds since 1970, by the clock of the primary.
    pub time: u64,
    /// Why.
    pub reason: Reason,
}

/// Why a node has to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Reason {
    /// Its evidence is not admitted by the tables any more.
    Unwelcome,
    /// It has shown no new evidence in time.
    Expired,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unwelcome => "what it runs is no longer admitted",
            Self::Expired => "it has shown no new evidence in time",
        })
    }
}

/// Evidence of a node that takes part, made when it was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renewal {
    /// The evidence.
    pub quote_info: QuoteInfo,
    /// What it was to be bound to, beside the service and the node.
    pub challenge: Digest,
}

/// How long evidence of a node counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Seconds since it was judged.
    pub seconds: u64,
}

impl JsonValue for Lease {}

/// Whether a transaction may change which nodes are welcome, or for how long.
#[must_use]
pub fn changes_rules(writes: &WriteSet) -> bool {
    const RULES: [&str; 2] = ["ccf.gov.nodes.", "coco.gov.nodes."];
    const NODES: [&str; 3] = [INFO, ENDORSED_CERTIFICATES, APPRAISALS];
    writes.tables().any(|(name, _)| {
        let public = name.as_str().strip_prefix("public:").unwrap_or_default();
        RULES.iter().any(|prefix| public.starts_with(prefix)) && !NODES.contains(&name.as_str())
    })
}
