//! What a constitution may ask of the node.

use coco_kv::Tx;
use coco_wire::Seqno;
use serde_json::Value;

/// Effects of governance that are more than writes to tables; implemented by the node. All are called
/// while `apply` runs, within its transaction, and do what the methods of the same name in `ccf.node`,
/// `ccf.network` and `ccf` do. An error is thrown into the constitution, which normally ends the
/// proposal as failed.
pub trait GovernanceHost {
    /// `ccf.node.triggerLedgerRekey`
    ///
    /// # Errors
    /// See [`HostRefusal`].
    fn rekey_ledger(&mut self, tx: &mut Tx) -> Result<(), HostRefusal>;

    /// `ccf.node.transitionServiceToOpen`; both identities are certificates in PEM. Without a next one
    /// the service stays closed.
    ///
    /// # Errors
    /// See [`HostRefusal`].
    fn transition_service_to_open(
        &mut self,
        tx: &mut Tx,
        previous_identity: Option<&str>,
        next_identity: &str,
    ) -> Result<(), HostRefusal>;

    /// `ccf.node.triggerRecoverySharesRefresh`
    ///
    /// # Errors
    /// See [`HostRefusal`].
    fn refresh_recovery_shares(&mut self, tx: &mut Tx) -> Result<(), HostRefusal>;

    /// `ccf.node.triggerLedgerChunk`
    ///
    /// # Errors
    /// See [`HostRefusal`].
    fn trigger_ledger_chunk(&mut self, tx: &mut Tx) -> Result<(), HostRefusal>;

    /// `ccf.node.triggerSnapshot`
    ///
    /// # Errors
    /// See [`HostRefusal`].
    fn trigger_snapshot(&mut self, tx: &mut Tx) -> Result<(), HostRefusal>;

    /// `ccf.network.getLatestLedgerSecretSeqno`: where the newest ledger secret came into use.
    ///
    /// # Errors
    /// See [`HostRefusal`].
    fn latest_ledger_secret_seqno(&mut self, tx: &mut Tx) -> Result<Seqno, HostRefusal>;

    /// `ccf.network.generateEndorsedCertificate`: certificate in PEM for a request in PEM, signed by the
    /// service, valid for some days from a time in X.509 or ISO 8601 form.
    ///
    /// # Errors
    /// See [`HostRefusal`].
    fn endorse_certificate(
        &mut self,
        request_pem: &str,
        valid_from: &str,
        validity_days: u32,
    ) -> Result<String, HostRefusal>;

    /// `ccf.network.generateNetworkCertificate`: the service's own certificate, renewed.
    ///
    /// # Errors
    /// See [`HostRefusal`].
    fn renew_service_certificate(
        &mut self,
        valid_from: &str,
        validity_days: u32,
    ) -> Result<String, HostRefusal>;

    /// `ccf.refreshAppBytecodeCache`
    ///
    /// # Errors
    /// See [`HostRefusal`].
    fn refresh_app_bytecode_cache(&mut self, tx: &mut Tx) -> Result<(), HostRefusal>;

    /// `ccf.setJwtPublicSigningKeys`: replaces the keys of an issuer by a JSON web key set.
    ///
    /// # Errors
    /// See [`HostRefusal`].
    fn set_jwt_public_signing_keys(
        &mut self,
        tx: &mut Tx,
        issuer: &str,
        metadata: &Value,
        key_set: &Value,
    ) -> Result<(), HostRefusal>;

    /// `ccf.removeJwtPublicSigningKeys`
    ///
    /// # Errors
    /// See [`HostRefusal`].
    fn remove_jwt_public_signing_keys(&mut self, tx: &mut Tx, issuer: &str) -> Result<(), HostRefusal>;
}

/// Why the node does not do what the constitution asks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostRefusal {
    /// This service cannot do it.
    #[error("not supported by this service")]
    Unsupported,
    /// The arguments or the state of the service forbid it.
    #[error("{0}")]
    Refused(String),
}
