//! Who a node is towards its peers, and whom it believes.

use std::sync::Arc;

use coco_crypto::{Certificate, EcPublicKey, NotAuthentic, SignatureForm, Signer, Verifier as _};
use coco_raft::NodeId;
use coco_wire::{Digest, peer::MAX_ADDRESS};

use super::Refusal;

/// Key and certificate of this node, and the service that endorses both its own and its peers'.
///
/// How long certificates are valid is not looked at. The host owns the clock, so the check would keep nobody out; and
/// nodes whose certificates have run out must still agree, or they could never agree on new ones. Who takes part is
/// decided by the configuration.
pub struct Identity {
    id: NodeId,
    address: Arc<str>,
    signer: Arc<dyn Signer>,
    certificate: Certificate,
    service: Certificate,
    service_id: Digest,
}

/// The certificate is not one of this key endorsed by this service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the node's certificate is not endorsed by the service")]
pub struct NotEndorsed;

impl Identity {
    /// `certificate` is that of `signer`'s key, issued by `service`; other nodes reach this one at `address`, host and
    /// port. One of more than 259 bytes is told to nobody.
    ///
    /// # Errors
    /// When it is not, or `service` may not issue any.
    pub fn new(
        address: Arc<str>,
        signer: Arc<dyn Signer>,
        certificate: Certificate,
        service: Certificate,
    ) -> Result<Self, NotEndorsed> {
        let id = signer.public_key().id();
        let certifies = certificate.public_key().id() == id && service.is_authority();
        if !certifies || certificate.verify_issued_by(&service).is_err() {
            return Err(NotEndorsed);
        }
        let service_id = service.public_key().id();
        let address = if address.len() > MAX_ADDRESS { Arc::default() } else { address };
        Ok(Self { id, address, signer, certificate, service, service_id })
    }

    /// Names this node.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.id
    }

    /// Where other nodes reach this one; empty if that cannot be told.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Names the service: the digest of its public key, which a renewed certificate keeps.
    #[must_use]
    pub fn service_id(&self) -> Digest {
        self.service_id
    }

    pub(super) fn certificate(&self) -> &[u8] {
        self.certificate.der()
    }

    pub(super) fn sign(&self, statement: &[u8]) -> Vec<u8> {
        self.signer.sign(statement).into_fixed()
    }

    /// Checks that `peer` made `signature` over `statement` and is endorsed. Cheap checks come first: two signatures are
    /// verified, about 0.4 ms.
    pub(super) fn verify(
        &self,
        peer: &NodeId,
        certificate: &[u8],
        statement: &[u8],
        signature: &[u8],
    ) -> Result<(), Refusal> {
        let certificate = Certificate::from_der(certificate).map_err(|_| Refusal::Certificate)?;
        let key: &EcPublicKey = certificate.public_key().as_ec().ok_or(Refusal::Certificate)?;
        if key.id() != *peer {
            return Err(Refusal::WrongNode);
        }
        key.verify(statement, signature, SignatureForm::Fixed)?;
        certificate.verify_issued_by(&self.service).map_err(|NotAuthentic| Refusal::Certificate)
    }
}
