//! Opens the service to its users.

use coco_crypto::{Certificate, cose::CoseAlgorithm};
use coco_js::HostRefusal;
use coco_kv::Tx;
use coco_tables::service::{IdentityEndorsement, ServiceInfo, ServiceStatus};
use coco_wire::{
    TxId,
    cbor::Cbor,
    cose::{self, Headers},
    text::Base64,
};

use crate::{adapter::Governance, host::refused};

/// Claim "issued at" of the CWT claims (RFC 8392).
const ISSUED_AT: i64 = 6;
/// First transaction that the endorsed key stands for.
const EPOCH_BEGIN: &str = "epoch.start.txid";

impl Governance {
    /// Opens a service that is being prepared: issues recovery shares, and endorses the service's key by itself,
    /// which begins the chain of endorsements of later identities. Nothing happens if it is open already.
    pub(crate) fn open_service(
        &self,
        tx: &mut Tx,
        next_identity: &str,
        now_s: u64,
    ) -> Result<(), HostRefusal> {
        let table = &self.tables.service.info;
        let info = table
            .get(tx)
            .map_err(refused)?
            .ok_or_else(|| refused("Service information cannot be found to transition service to open"))?;
        match info.status {
            ServiceStatus::Open | ServiceStatus::WaitingForRecoveryShares => return Ok(()),
            ServiceStatus::Recovering => return Err(HostRefusal::Unsupported),
            ServiceStatus::Opening => {}
        }
        check_identity(next_identity, &info.cert)?;
        self.issue_shares(tx)
            .map_err(|refusal| refused(format!("Failed to issue recovery shares: {refusal}")))?;
        let created = info.current_service_create_txid;
        table.put(tx, &ServiceInfo { status: ServiceStatus::Open, ..info });
        let created =
            created.ok_or_else(|| refused("The transaction that created the service is unknown"))?;
        let endorsement = self.endorse_identity(created, now_s);
        self.tables.service.previous_identity_endorsement.put(tx, &endorsement);
        Ok(())
    }

    /// CCF `cddl/ccf-cose-endorsement-service-identity.cddl`.
    fn endorse_identity(&self, created: TxId, now_s: u64) -> IdentityEndorsement {
        let key = &self.authority.service_key;
        let public_key = key.public_key();
        let protected = endorsement_header(CoseAlgorithm::of(public_key).label(), created, now_s);
        let to_be_signed = cose::to_be_signed(&protected, public_key.spki_der());
        let signature = key.sign(&to_be_signed);
        let endorsement =
            cose::encode(&protected, &Headers::empty(), Some(public_key.spki_der()), signature.as_fixed());
        IdentityEndorsement {
            endorsement: Base64(endorsement),
            endorsing_key: Base64(public_key.spki_der().to_vec()),
            endorsement_epoch_begin: created,
            endorsement_epoch_end: None,
            previous_version: None,
        }
    }
}

fn endorsement_header(algorithm: i64, created: TxId, now_s: u64) -> Vec<u8> {
    let issued_at = i64::try_from(now_s).unwrap_or(i64::MAX);
    let created = created.to_string();
    let claims = Cbor::Map(vec![(Cbor::Int(ISSUED_AT), Cbor::Int(issued_at))]);
    let epoch = Cbor::Map(vec![(Cbor::Text(EPOCH_BEGIN), Cbor::Text(&created))]);
    Headers::new(vec![
        (Cbor::Int(cose::ALG), Cbor::Int(algorithm)),
        (Cbor::Int(cose::CWT_CLAIMS), claims),
        (Cbor::Text(cose::CCF), epoch),
    ])
    .encode()
}

/// The members must have meant this service.
fn check_identity(next: &str, current: &str) -> Result<(), HostRefusal> {
    let same = match (Certificate::from_pem(next), Certificate::from_pem(current)) {
        (Ok(next), Ok(current)) => next.der() == current.der(),
        _ => false,
    };
    if same {
        return Ok(());
    }
    Err(refused(format!(
        "Service identity mismatch: the next service identity in the transition_service_to_open proposal does not \
         match the current service identity:\nNext:\n{next}\nCurrent:\n{current}"
    )))
}

#[cfg(test)]
mod tests;
