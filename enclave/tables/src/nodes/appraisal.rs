//! What was found when evidence of nodes was judged, and for how long that counts.

use coco_kv::JsonValue;
use coco_wire::Digest;
use serde::{Deserialize, Serialize};

use super::QuoteInfo;
use crate::value::is_default;

/// The last time that evidence of a node was judged, and found good by the tables of the same transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Appraisal {
    /// When, in seconds since 1970, by the clock of the primary.
    pub time: u64,
    /// What the node has shown since it joined; before that, its evidence is that in `nodes.info`, bound to its key.
    #[serde(default, skip_serializing_if = "is_default")]
    pub renewal: Option<Renewal>,
}

impl JsonValue for Appraisal {}

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
