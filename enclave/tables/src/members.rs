//! Members of the consortium.

use coco_kv::{JsonValue, Table};
use coco_wire::{Digest, text::Base64};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::value::is_default;

/// Tables of members, by the digest of their certificate (DER).
pub struct Members {
    /// `members.certs`: PEM certificate. Written by the first transaction, `set_member` and `remove_member`.
    pub certs: Table<Digest, String>,
    /// `members.encryption_public_keys`: PEM key that recovery shares are encrypted to. Written by the first
    /// transaction, `set_member` and `remove_member`.
    pub encryption_public_keys: Table<Digest, String>,
    /// `members.info`: standing, data and part in recovery. Written by the first transaction, `set_member`,
    /// `set_member_data`, `remove_member`, and a member's first acknowledgement.
    pub info: Table<Digest, MemberInfo>,
    /// `members.acks`: the state that a member acknowledged last, or was asked to. Written by the first transaction,
    /// `set_member`, `remove_member`, and members who ask for the state or acknowledge it.
    pub acks: Table<Digest, MemberAck>,
}

impl Default for Members {
    fn default() -> Self {
        Self {
            certs: Table::new("public:ccf.gov.members.certs"),
            encryption_public_keys: Table::new("public:ccf.gov.members.encryption_public_keys"),
            info: Table::new("public:ccf.gov.members.info"),
            acks: Table::new("public:ccf.gov.members.acks"),
        }
    }
}

/// What is known of a member. Source: CCF `MemberDetails`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberInfo {
    /// Whether the member may vote.
    pub status: MemberStatus,
    /// Whatever the consortium noted; null if nothing.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub member_data: Value,
    /// Part in recovery; none means that an encryption key alone decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery_role: Option<RecoveryRole>,
}

impl JsonValue for MemberInfo {}

/// Standing of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MemberStatus {
    /// Added, has not yet acknowledged the state.
    Accepted,
    /// May propose and vote.
    Active,
}

/// Part of a member in the recovery of the ledger secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecoveryRole {
    /// Gets no share.
    NonParticipant,
    /// Gets one of the shares.
    Participant,
    /// Gets a share that recovers alone.
    Owner,
}

/// Last state that a member was asked to acknowledge or acknowledged. Source: CCF `MemberAck`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberAck {
    /// Hexadecimal root of the Merkle tree; empty before a first one is asked for.
    pub state_digest: String,
    /// The member's COSE_Sign1 request, once acknowledged.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cose_sign1_req: Option<Base64>,
    /// The member's request in the form of CCF 3 and older.
    #[serde(default, skip_serializing_if = "is_default")]
    pub signed_req: Option<Value>,
}

impl JsonValue for MemberAck {}
