//! Keys and certificates of a node, and those of its service once it belongs to one.

use std::sync::{Arc, OnceLock};

use arc_swap::{ArcSwap, ArcSwapOption};
use coco_attest::{Evidence, Platform, ra_tls};
use coco_boundary::{Evidence as BoundaryEvidence, EvidenceFormat};
use coco_crypto::{
    EcPublicKey, FixedSignature, Signer,
    ec::{Curve, EcKey},
    entropy::Entropy,
    rsa::{RsaBits, RsaKey},
    x509::{
        Certificate, InvalidTime, Name, Request, SubjectAltName, UnixTime, Validity, issue_endorsed,
        issue_self_signed, issue_self_signed_with, renew_self_signed,
    },
};
use coco_ledger::LedgerSecrets;
use coco_wire::Digest;

/// Keys of one node. Those that are secret never leave the enclave, but for the service's, which a joining node is given.
pub struct Keys {
    /// Names the node: SHA-256 of its public key (DER).
    pub node_id: Digest,
    /// Signs for the node.
    pub node: Arc<EcKey>,
    /// The node's own certificate, self-signed.
    pub self_signed: ArcSwap<Certificate>,
    /// Request for the certificate that the service endorses.
    pub request: Request,
    /// Others encrypt ledger secrets to it.
    pub encryption: Arc<RsaKey>,
    service: Arc<OnceLock<ServiceIdentity>>,
    /// What its own certificate says of what it runs.
    evidence: OnceLock<Vec<u8>>,
}

/// What a node holds of the service that it belongs to.
pub struct ServiceIdentity {
    /// Signs for the service; the same on all its nodes.
    pub key: Arc<EcKey>,
    /// The service's certificate, self-signed.
    pub certificate: ArcSwap<Certificate>,
    /// The node's certificate as endorsed by the service.
    pub endorsed: ArcSwap<Certificate>,
    /// Issuer and subject that ledger signatures name.
    pub cose: CoseNames,
}

/// Issuer and subject claims (RFC 8392) of the signatures over the ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CoseNames {
    /// `iss`
    pub issuer: String,
    /// `sub`
    pub subject: String,
}

/// What a node's certificates are to say.
#[derive(Clone, Debug)]
pub struct NodeNaming {
    /// Curve of the node's key.
    pub curve: Curve,
    /// Subject of its certificates.
    pub subject: Name,
    /// Alternative names of its certificates.
    pub alt_names: Vec<SubjectAltName>,
    /// Days for which they are valid at first.
    pub validity_days: u32,
}

/// What a service's certificate and signatures are to say.
#[derive(Clone, Debug)]
pub struct ServiceNaming {
    /// Subject of its certificate.
    pub subject: Name,
    /// Days for which it is valid at first.
    pub validity_days: u32,
    /// Claims of ledger signatures.
    pub cose: CoseNames,
}

impl Keys {
    /// Makes new keys of a node, and a certificate valid from `now`. It belongs to no service yet.
    ///
    /// # Errors
    /// If the certificate would end after the year 9999.
    pub fn generate(naming: &NodeNaming, now: UnixTime, entropy: &dyn Entropy) -> Result<Self, InvalidTime> {
        let node = Arc::new(EcKey::generate(naming.curve, entropy));
        let validity = Validity::days(now, naming.validity_days)?;
        let self_signed = issue_self_signed(&*node, &naming.subject, &naming.alt_names, validity, entropy);
        let request = Request::create(&*node, &naming.subject, &naming.alt_names);
        Ok(Self::new(node, self_signed, request, Arc::new(RsaKey::generate(RsaBits::B2048))))
    }

    /// Keys that were made before, with certificate and request for `node`. They belong to no service yet.
    #[must_use]
    pub fn new(
        node: Arc<EcKey>,
        self_signed: Certificate,
        request: Request,
        encryption: Arc<RsaKey>,
    ) -> Self {
        let node_id = node.public_key().id();
        let self_signed = ArcSwap::from_pointee(self_signed);
        Self {
            node_id,
            node,
            self_signed,
            request,
            encryption,
            service: Arc::default(),
            evidence: OnceLock::new(),
        }
    }

    /// Has the node's own certificate say what holds its key, by evidence that is bound to that; without, if it is too
    /// large for a certificate. Once, before the certificate is shown: whoever trusts it compares all of it.
    pub fn attest(&self, evidence: &BoundaryEvidence, entropy: &dyn Entropy) {
        let BoundaryEvidence { format, quote, endorsements, uvm_endorsements } = evidence.clone();
        let platform = match format {
            EvidenceFormat::Virtual => Platform::InsecureVirtual,
            EvidenceFormat::SevSnp => Platform::SevSnp,
            EvidenceFormat::Sgx => Platform::Sgx,
            EvidenceFormat::Tdx => Platform::Tdx,
            EvidenceFormat::Vbs => Platform::Vbs,
            EvidenceFormat::AzureCvm => Platform::AzureCvm,
            EvidenceFormat::Nitro => Platform::Nitro,
        };
        let evidence = Evidence { platform, quote, endorsements, uvm_endorsements };
        if let Some(content) = ra_tls::write(&evidence, &self.node_id) {
            drop(self.evidence.set(content));
            self.renew_self_signed(self.self_signed.load().validity(), entropy);
        }
    }

    /// Replaces the node's own certificate by one that is valid then.
    pub(crate) fn renew_self_signed(&self, validity: Validity, entropy: &dyn Entropy) {
        let previous = self.self_signed.load();
        let (subject, names) = (previous.subject_name(), previous.subject_alt_names());
        let own = match self.evidence.get() {
            Some(content) => {
                let extension = (&ra_tls::EXTENSION, content.as_slice());
                issue_self_signed_with(&*self.node, subject, names, extension, validity, entropy)
            }
            None => renew_self_signed(&*self.node, &previous, validity, entropy),
        };
        self.self_signed.store(Arc::new(own));
    }

    /// Makes a new service, with a key on P-384, that the node belongs to.
    ///
    /// # Errors
    /// If the service's certificate would end after the year 9999.
    pub fn found(
        &self,
        naming: &ServiceNaming,
        now: UnixTime,
        entropy: &dyn Entropy,
    ) -> Result<(), InvalidTime> {
        let key = EcKey::generate(Curve::P384, entropy);
        let validity = Validity::days(now, naming.validity_days)?;
        let certificate = issue_self_signed(&key, &naming.subject, &[], validity, entropy);
        let endorsed = self.endorse(&key, &certificate, entropy);
        self.enter(ServiceIdentity {
            key: Arc::new(key),
            certificate: ArcSwap::from_pointee(certificate),
            endorsed: ArcSwap::from_pointee(endorsed),
            cose: naming.cose.clone(),
        });
        Ok(())
    }

    fn endorse(&self, key: &EcKey, certificate: &Certificate, entropy: &dyn Entropy) -> Certificate {
        issue_endorsed(key, certificate, &self.request, self.self_signed.load().validity(), entropy)
    }

    /// Makes the node one of a service. It stays with the first.
    pub fn enter(&self, service: ServiceIdentity) {
        // A node belongs to one service for life.
        drop(self.service.set(service));
    }

    /// The service, if the node belongs to one.
    #[must_use]
    pub fn service(&self) -> Option<&ServiceIdentity> {
        self.service.get()
    }

    /// Signs for the service once the node belongs to one.
    #[must_use]
    pub fn service_signer(&self) -> ServiceSigner {
        ServiceSigner(Arc::clone(&self.service))
    }
}

/// The service's key, wherever it is needed before the node belongs to a service. Nothing is to be signed before.
pub struct ServiceSigner(Arc<OnceLock<ServiceIdentity>>);

impl ServiceSigner {
    fn key(&self) -> &EcKey {
        &self.0.get().expect("only nodes of a service sign for it").key
    }
}

impl Signer for ServiceSigner {
    fn public_key(&self) -> &EcPublicKey {
        self.key().public_key()
    }

    fn sign(&self, message: &[u8]) -> FixedSignature {
        self.key().sign(message)
    }

    fn sign_digest(&self, digest: &Digest) -> FixedSignature {
        self.key().sign_digest(digest)
    }
}

/// The ledger secrets that a node knows: none before it has joined. Clones share them.
#[derive(Clone, Default)]
pub struct SecretSlot(Arc<ArcSwapOption<LedgerSecrets>>);

impl SecretSlot {
    /// Replaces them.
    pub fn set(&self, secrets: LedgerSecrets) {
        self.0.store(Some(Arc::new(secrets)));
    }

    /// The secrets as they are now.
    #[must_use]
    pub fn load(&self) -> Option<Arc<LedgerSecrets>> {
        self.0.load_full()
    }
}

impl From<LedgerSecrets> for SecretSlot {
    fn from(secrets: LedgerSecrets) -> Self {
        let slot = Self::default();
        slot.set(secrets);
        slot
    }
}

#[cfg(test)]
mod tests;
