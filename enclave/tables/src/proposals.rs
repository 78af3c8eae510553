//! Proposals, ballots and the history of governance.

use std::collections::BTreeMap;

use coco_kv::{JsonValue, Table};
use coco_wire::{Digest, text::Base64};
use serde::{Deserialize, Serialize};

use crate::value::{JsonText, is_default};

/// Tables of proposals. A proposal is named by 64 hexadecimal digits.
pub struct Proposals {
    /// `proposals`: the proposal as sent. Written by members who propose; the service removes those that are long
    /// decided.
    pub proposals: Table<String, Vec<u8>>,
    /// `proposals_info`: who proposed it, ballots and state. Written by members who propose, vote or withdraw, and by
    /// actions that leave other proposals behind.
    pub info: Table<String, ProposalInfo>,
    /// `cose_history`: last COSE_Sign1 request of each member. Written by members who propose, vote or withdraw.
    pub cose_history: Table<Digest, Base64>,
    /// `cose_recent_proposals`: `created_at:digest` of the request to the name of the proposal. Written by members who
    /// propose.
    pub cose_recent_proposals: Table<String, JsonText>,
}

impl Default for Proposals {
    fn default() -> Self {
        Self {
            proposals: Table::new("public:ccf.gov.proposals"),
            info: Table::new("public:ccf.gov.proposals_info"),
            cose_history: Table::new("public:ccf.gov.cose_history"),
            cose_recent_proposals: Table::new("public:ccf.gov.cose_recent_proposals"),
        }
    }
}

/// Fate of a proposal. Source: CCF `include/ccf/service/tables/gov.h`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposalInfo {
    /// Member who proposed it.
    pub proposer_id: Digest,
    /// Where it stands.
    pub state: ProposalState,
    /// Script of each member that decides the vote.
    pub ballots: BTreeMap<Digest, String>,
    /// Votes that closed it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub final_votes: Option<BTreeMap<Digest, bool>>,
    /// Ballots that threw when it was closed.
    #[serde(default, skip_serializing_if = "is_default")]
    pub vote_failures: Option<BTreeMap<Digest, Failure>>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "is_default")]
    pub failure: Option<Failure>,
}

impl JsonValue for ProposalInfo {}

/// Where a proposal stands. Source: CCF `include/ccf/service/tables/proposals.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProposalState {
    /// Can be voted on.
    Open,
    /// Voted for and carried out.
    Accepted,
    /// Taken back by its proposer.
    Withdrawn,
    /// Voted against.
    Rejected,
    /// Voted for, but could not be carried out.
    Failed,
    /// Closed because its meaning may have changed.
    Dropped,
}

/// What a script threw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Text of the exception.
    pub reason: String,
    /// Where it was thrown.
    #[serde(default, skip_serializing_if = "is_default")]
    pub trace: Option<String>,
}
