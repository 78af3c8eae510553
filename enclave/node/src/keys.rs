//! Keys and certificates of a node and its service.

use std::sync::Arc;

use arc_swap::ArcSwap;
use coco_crypto::{
    Signer as _,
    ec::{Curve, EcKey},
    entropy::Entropy,
    rsa::{RsaBits, RsaKey},
    x509::{
        Certificate, InvalidTime, Name, Request, SubjectAltName, UnixTime, Validity, issue_endorsed,
        issue_self_signed,
    },
};
use coco_wire::Digest;

/// Keys of a node that starts a service. They never leave the enclave.
pub struct Keys {
    /// Names the node: SHA-256 of its public key (DER).
    pub node_id: Digest,
    /// Signs for the node.
    pub node: Arc<EcKey>,
    /// The node's first certificate, self-signed.
    pub self_signed: Certificate,
    /// Request for the certificate that the service endorses.
    pub request: Request,
    /// The node's certificate as endorsed by the service.
    pub endorsed: ArcSwap<Certificate>,
    /// Others encrypt ledger secrets to it.
    pub encryption: RsaKey,
    /// Signs for the service.
    pub service: Arc<EcKey>,
    /// The service's certificate, self-signed.
    pub service_certificate: ArcSwap<Certificate>,
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

/// What the certificates are to say.
#[derive(Clone, Debug)]
pub struct Naming {
    /// Curve of the node's key; the service's is always P-384.
    pub curve: Curve,
    /// Subject of the node's certificates.
    pub node_subject: Name,
    /// Alternative names of the node's certificates.
    pub node_alt_names: Vec<SubjectAltName>,
    /// Days for which they are valid at first.
    pub node_validity_days: u32,
    /// Subject of the service's certificate.
    pub service_subject: Name,
    /// Days for which it is valid at first.
    pub service_validity_days: u32,
    /// Claims of ledger signatures.
    pub cose: CoseNames,
}

impl Keys {
    /// Makes new keys, and certificates valid from `now`.
    ///
    /// # Errors
    /// If a certificate would end after the year 9999.
    pub fn generate(naming: &Naming, now: UnixTime, entropy: &dyn Entropy) -> Result<Self, InvalidTime> {
        let node = EcKey::generate(naming.curve, entropy);
        let service = EcKey::generate(Curve::P384, entropy);
        let node_validity = Validity::days(now, naming.node_validity_days)?;
        let service_validity = Validity::days(now, naming.service_validity_days)?;
        let self_signed =
            issue_self_signed(&node, &naming.node_subject, &naming.node_alt_names, node_validity, entropy);
        let service_certificate =
            issue_self_signed(&service, &naming.service_subject, &[], service_validity, entropy);
        let request = Request::create(&node, &naming.node_subject, &naming.node_alt_names);
        let endorsed = issue_endorsed(&service, &service_certificate, &request, node_validity, entropy);
        Ok(Self {
            node_id: node.public_key().id(),
            node: Arc::new(node),
            self_signed,
            request,
            endorsed: ArcSwap::from_pointee(endorsed),
            encryption: RsaKey::generate(RsaBits::B2048),
            service: Arc::new(service),
            service_certificate: ArcSwap::from_pointee(service_certificate),
            cose: naming.cose.clone(),
        })
    }
}
