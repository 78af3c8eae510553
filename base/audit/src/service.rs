//! The identity of the service over time.

use coco_crypto::{Certificate, EcPublicKey};
use coco_wire::{TxId, View, signature::SINGLETON_KEY};
use serde::Deserialize;

use crate::{
    damage::ServiceDamage,
    entry::Row,
    report::{ServiceEpoch, ServiceStatus},
};

/// The service as the ledger describes it so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Service(Option<Current>);

#[derive(Clone, Debug)]
struct Current {
    status: ServiceStatus,
    certificate: Certificate,
    key: EcPublicKey,
    created: Option<TxId>,
    recoveries: Option<u64>,
}

/// The fields of a row that this version knows; later ones may add more.
#[derive(Deserialize)]
struct Info {
    cert: String,
    status: ServiceStatus,
    #[serde(default)]
    current_service_create_txid: Option<TxId>,
    #[serde(default)]
    recovery_count: Option<u64>,
    #[serde(default)]
    previous_service_identity_version: Option<u64>,
}

impl Info {
    /// The only row of the table, if it is written.
    fn read(rows: &[Row<'_>]) -> Result<Option<Self>, ServiceDamage> {
        match rows {
            [] => Ok(None),
            [(key, Some(value))] if *key == SINGLETON_KEY => {
                serde_json::from_slice(value).map(Some).map_err(|_| ServiceDamage::Row)
            }
            _ => Err(ServiceDamage::Row),
        }
    }

    /// The self-signed certificate and its key.
    fn identity(&self) -> Result<(Certificate, EcPublicKey), ServiceDamage> {
        let certificate = Certificate::from_pem(&self.cert).map_err(|_| ServiceDamage::Certificate)?;
        certificate.verify_issued_by(&certificate).map_err(|_| ServiceDamage::Certificate)?;
        let key = certificate.public_key().as_ec().ok_or(ServiceDamage::Certificate)?.clone();
        Ok((certificate, key))
    }
}

impl Service {
    pub(crate) fn certificate(&self) -> Option<&Certificate> {
        self.0.as_ref().map(|current| &current.certificate)
    }

    pub(crate) fn key(&self) -> Option<&EcPublicKey> {
        self.0.as_ref().map(|current| &current.key)
    }

    pub(crate) fn status(&self) -> Option<ServiceStatus> {
        self.0.as_ref().map(|current| current.status)
    }

    /// The service of a snapshot, and the transaction that created it if that is written down.
    pub(crate) fn of_snapshot(rows: &[Row<'_>]) -> Result<(Self, Option<TxId>), ServiceDamage> {
        let info = Info::read(rows)?.ok_or(ServiceDamage::Row)?;
        let (certificate, key) = info.identity()?;
        let created = info.current_service_create_txid;
        let recoveries = info.recovery_count;
        let current = Current { status: info.status, certificate, key, created, recoveries };
        Ok((Self(Some(current)), created))
    }

    /// Takes the rows that the transaction `id` writes; yields the new identity, if it is one.
    pub(crate) fn apply(
        &mut self,
        rows: &[Row<'_>],
        id: TxId,
        previous_view: View,
    ) -> Result<Option<ServiceEpoch>, ServiceDamage> {
        let Some(info) = Info::read(rows)? else { return Ok(None) };
        if info.previous_service_identity_version.is_some_and(|version| version >= id.seqno.0) {
            return Err(ServiceDamage::Row);
        }
        if !may_follow(self.status(), info.status) {
            return Err(ServiceDamage::Transition { from: self.status(), to: info.status });
        }
        let (certificate, key) = info.identity()?;

        let same = self.0.as_ref().is_some_and(|current| current.key == key);
        self.check_recovery(&info, same, id, previous_view)?;
        let identity = key.id();
        self.0 = Some(Current {
            status: info.status,
            certificate,
            key,
            created: info.current_service_create_txid,
            recoveries: info.recovery_count,
        });
        Ok((!same).then_some(ServiceEpoch { identity, from: id }))
    }

    /// Whether a new identity may come now, and what the row says about it is right.
    fn check_recovery(
        &self,
        info: &Info,
        same: bool,
        id: TxId,
        previous_view: View,
    ) -> Result<(), ServiceDamage> {
        let Some(current) = &self.0 else {
            let created = info.current_service_create_txid.is_none_or(|created| created == id);
            let count = info.recovery_count.is_none_or(|count| count == 0);
            return if created && count { Ok(()) } else { Err(ServiceDamage::Recovery) };
        };
        if same {
            let created = current.created.is_none() || current.created == info.current_service_create_txid;
            let count = current.recoveries.is_none() || current.recoveries == info.recovery_count;
            return if created && count { Ok(()) } else { Err(ServiceDamage::Recovery) };
        }
        let starts = matches!(info.status, ServiceStatus::Recovering | ServiceStatus::Opening);
        if !starts || id.view <= previous_view {
            return Err(ServiceDamage::Identity);
        }
        let created = match info.current_service_create_txid {
            Some(created) => created == id,
            None => current.created.is_none(),
        };
        let count = match info.recovery_count {
            Some(count) => count == current.recoveries.unwrap_or(0).saturating_add(1),
            None => current.recoveries.is_none(),
        };
        if created && count { Ok(()) } else { Err(ServiceDamage::Recovery) }
    }
}

/// Legal changes of status; disaster recovery may start a new service at any time.
fn may_follow(from: Option<ServiceStatus>, to: ServiceStatus) -> bool {
    use ServiceStatus::{Open, Opening, Recovering, WaitingForRecoveryShares};
    match (from, to) {
        (_, Opening) | (Some(Opening), Open | WaitingForRecoveryShares) => true,
        (Some(Recovering), WaitingForRecoveryShares) => true,
        (Some(WaitingForRecoveryShares), Open) | (Some(Open), Recovering) => true,
        (Some(from), to) => from == to,
        (None, _) => false,
    }
}

#[cfg(test)]
mod tests;
