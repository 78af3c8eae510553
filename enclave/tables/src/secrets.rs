//! Ledger secrets, encrypted to nodes and to members.

use std::collections::BTreeMap;

use coco_kv::{Decode as _, JsonValue, Singleton, Table};
use coco_wire::{Digest, Seqno, WriteSet, text::Base64};
use serde::{Deserialize, Serialize};

use crate::value::is_default;

/// Name of [`Secrets::for_nodes`].
pub const FOR_NODES: &str = "public:ccf.internal.encrypted_ledger_secrets";

/// Tables of ledger secrets.
pub struct Secrets {
    /// `internal.encrypted_ledger_secrets`: how nodes receive secrets. Written by `trigger_ledger_rekey`,
    /// `remove_member`, and recoveries.
    pub for_nodes: Singleton<SecretsForNodes>,
    /// `internal.historical_encrypted_ledger_secret`: the chain back to older secrets. Written by
    /// `transition_service_to_open`, and by whatever makes a new secret.
    pub history: Singleton<SecretHistory>,
    /// `internal.recovery_shares`: how members can recover the last secret. Written by `transition_service_to_open`,
    /// `trigger_recovery_shares_refresh`, `set_recovery_threshold`, and by whatever makes a new secret or changes who
    /// recovers.
    pub recovery_shares: Singleton<RecoveryShares>,
    /// `internal.encrypted_submitted_shares`: share of a member, sealed by the last secret. Written by members in a
    /// recovery.
    pub submitted_shares: Table<Digest, Base64>,
}

impl Default for Secrets {
    fn default() -> Self {
        Self {
            for_nodes: Singleton::new(FOR_NODES),
            history: Singleton::new("public:ccf.internal.historical_encrypted_ledger_secret"),
            recovery_shares: Singleton::new("public:ccf.internal.recovery_shares"),
            submitted_shares: Table::new("public:ccf.internal.encrypted_submitted_shares"),
        }
    }
}

/// Secrets of each node. Source: CCF `src/service/tables/secrets.h`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretsForNodes(pub BTreeMap<Digest, Vec<EncryptedSecret>>);

impl JsonValue for SecretsForNodes {}

/// The new secret that a transaction carries to a node, encrypted to it; none if it carries none to it. The secret is
/// for the entries after that transaction.
#[must_use]
pub fn new_secret_for(node: &Digest, writes: &WriteSet) -> Option<Vec<u8>> {
    let row = writes.table(FOR_NODES)?.values().next()?.as_ref()?;
    let SecretsForNodes(mut secrets) = SecretsForNodes::decode(row)?;
    let new = secrets.remove(node)?.into_iter().find(|secret| secret.version.is_none())?;
    Some(new.encrypted_secret.0)
}

/// A secret encrypted to one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncryptedSecret {
    /// First seqno it applies to; null, and then the one after this transaction, but in recovery.
    pub version: Option<Seqno>,
    /// RSA-OAEP (SHA-256) to the node's encryption key.
    pub encrypted_secret: Base64,
    /// Where the chain of older secrets goes on.
    #[serde(default, skip_serializing_if = "is_default")]
    pub previous_secret_stored_version: Option<Seqno>,
}

/// Link in the chain of secrets; never empty. Source: CCF `src/service/tables/shares.h`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretHistory {
    /// The secret before the last one; none when the service was created.
    #[serde(default, skip_serializing_if = "is_default")]
    pub previous_ledger_secret: Option<PreviousSecret>,
    /// First seqno of the last secret; none if it is the one after this transaction.
    #[serde(default, skip_serializing_if = "is_default")]
    pub next_version: Option<Seqno>,
}

impl JsonValue for SecretHistory {}

/// A secret encrypted under the one after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousSecret {
    /// AES-256-GCM: tag (16 bytes), IV (12 bytes), ciphertext.
    pub encrypted_data: Base64,
    /// First seqno it applies to.
    pub version: Seqno,
    /// Where the chain goes on.
    #[serde(default, skip_serializing_if = "is_default")]
    pub previous_secret_stored_version: Option<Seqno>,
}

/// The last secret, for the members. Source: CCF `src/service/tables/shares.h`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryShares {
    /// The secret under the key that is shared: AES-256-GCM with an IV of zeros.
    pub wrapped_latest_ledger_secret: Base64,
    /// Share of each recovery member, RSA-OAEP (SHA-256) to the member's key.
    pub encrypted_shares: BTreeMap<Digest, Base64>,
    /// Where the chain of older secrets starts.
    #[serde(default, skip_serializing_if = "is_default")]
    pub previous_secret_stored_version: Option<Seqno>,
}

impl JsonValue for RecoveryShares {}
