//! The service: identity, status, configuration.

use coco_kv::{JsonValue, Singleton};
use coco_wire::{Digest, Seqno, TxId, text::Base64};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::value::{JsonText, is_default};

/// Tables of the service itself.
pub struct Service {
    /// `service.info`: identity and standing of the service. Written by the first transaction,
    /// `transition_service_to_open` and `set_service_certificate_validity`.
    pub info: Singleton<ServiceInfo>,
    /// `service.config`: what members configure. Written by the first transaction, `set_recovery_threshold` and
    /// `set_service_configuration`.
    pub config: Singleton<ServiceConfig>,
    /// `service.previous_service_identity`: PEM certificate of the service before a recovery. Written by the first
    /// transaction of a recovery.
    pub previous_identity: Singleton<JsonText>,
    /// `internal.previous_service_identity_endorsement`: the service's key, signed by the next one, or by itself.
    /// Written by `transition_service_to_open`.
    pub previous_identity_endorsement: Singleton<IdentityEndorsement>,
    /// `internal.previous_service_last_signed_root`: last root signed before a recovery. Written by the first
    /// transaction of a recovery.
    pub previous_last_signed_root: Singleton<LastSignedRoot>,
    /// `internal.last_recovery_type`: how the ledger secrets were found. Written by recoveries.
    pub last_recovery_type: Singleton<RecoveryType>,
}

impl Default for Service {
    fn default() -> Self {
        Self {
            info: Singleton::new("public:ccf.gov.service.info"),
            config: Singleton::new("public:ccf.gov.service.config"),
            previous_identity: Singleton::new("public:ccf.gov.service.previous_service_identity"),
            previous_identity_endorsement: Singleton::new(
                "public:ccf.internal.previous_service_identity_endorsement",
            ),
            previous_last_signed_root: Singleton::new(
                "public:ccf.internal.previous_service_last_signed_root",
            ),
            last_recovery_type: Singleton::new("public:ccf.internal.last_recovery_type"),
        }
    }
}

/// What the service is. Source: CCF `include/ccf/service/tables/service.h`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceInfo {
    /// PEM certificate of the service's identity.
    pub cert: String,
    /// How far it is open.
    pub status: ServiceStatus,
    /// Seqno at which the identity before the last recovery was written.
    #[serde(default, skip_serializing_if = "is_default")]
    pub previous_service_identity_version: Option<Seqno>,
    /// Number of recoveries.
    #[serde(default, skip_serializing_if = "is_default")]
    pub recovery_count: Option<u64>,
    /// Whatever the operator noted; null if nothing.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub service_data: Value,
    /// Transaction that created the service or recovered it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub current_service_create_txid: Option<TxId>,
}

impl JsonValue for ServiceInfo {}

/// How far a service is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServiceStatus {
    /// Members prepare it; users are refused.
    Opening,
    /// Open to users.
    Open,
    /// Opened again, but ledger secrets are missing.
    WaitingForRecoveryShares,
    /// Started from a ledger; members have not yet decided.
    Recovering,
}

/// What members configure. Source: CCF `include/ccf/service/service_config.h`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceConfig {
    /// Number of shares that recover the ledger secret.
    pub recovery_threshold: u64,
    /// Always the default since CCF 3.
    #[serde(default, skip_serializing_if = "is_default")]
    pub consensus: ConsensusType,
    /// Longest validity of a node's certificate, in days.
    #[serde(default, skip_serializing_if = "is_default")]
    pub maximum_node_certificate_validity_days: Option<u64>,
    /// Longest validity of the service's certificate, in days.
    #[serde(default, skip_serializing_if = "is_default")]
    pub maximum_service_certificate_validity_days: Option<u64>,
    /// Unused; from older services.
    #[serde(default, skip_serializing_if = "is_default")]
    pub reconfiguration_type: Option<ReconfigurationType>,
    /// Number of recent proposals that a new one must not be older than.
    #[serde(default, skip_serializing_if = "is_default")]
    pub recent_cose_proposals_window_size: Option<u64>,
}

impl JsonValue for ServiceConfig {}

/// Kind of consensus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConsensusType {
    /// Tolerates crashes.
    #[default]
    #[serde(rename = "CFT")]
    Cft,
    /// Byzantine; never finished.
    #[serde(rename = "BFT")]
    Bft,
}

/// How the set of nodes changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReconfigurationType {
    /// In one transaction.
    OneTransaction,
    /// In two; never finished.
    TwoTransaction,
}

/// The service's key, signed by the next one. Source: CCF `CoseEndorsement`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityEndorsement {
    /// COSE_Sign1 over the endorsed public key (DER).
    pub endorsement: Base64,
    /// Public key (DER) that signed.
    pub endorsing_key: Base64,
    /// Transaction that created the endorsed service.
    pub endorsement_epoch_begin: TxId,
    /// Last transaction of the endorsed service; none if it endorses itself.
    #[serde(default, skip_serializing_if = "is_default")]
    pub endorsement_epoch_end: Option<TxId>,
    /// Seqno of the endorsement before; none if it endorses itself.
    #[serde(default, skip_serializing_if = "is_default")]
    pub previous_version: Option<Seqno>,
}

impl JsonValue for IdentityEndorsement {}

/// Root of a Merkle tree as JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LastSignedRoot(pub Digest);

impl JsonValue for LastSignedRoot {}

/// How the ledger secrets of the last recovery were found. Source: CCF
/// `src/service/tables/recovery_type.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecoveryType {
    /// There was no recovery.
    None,
    /// From members' shares.
    #[serde(rename = "RECOVERY_SHARES")]
    RecoveryShares,
    /// From a node's sealed copy.
    #[serde(rename = "LOCAL_UNSEALING")]
    LocalUnsealing,
}

impl JsonValue for RecoveryType {}
