//! Keys of nodes and of the service, made once and used by all seeds.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use coco_crypto::{
    Curve, LedgerSecret,
    ec::EcKey,
    entropy::Entropy,
    rsa::{RsaBits, RsaKey},
    x509::{Certificate, Name, Request, UnixTime, Validity, issue_endorsed, issue_self_signed},
};
use coco_ledger::LedgerSecrets;
use coco_node::{
    Joined, Keys,
    keys::{CoseNames, ServiceIdentity},
};
use coco_tables::service::ServiceStatus;
use coco_wire::{Digest, Seqno};

use super::consortium::Consortium;
use crate::random::Random;

/// Most nodes in one run, gone ones included.
pub(super) const MAX_NODES: usize = 20;
/// Keys follow from it, so that nodes have the same names in every process.
const SEED: u64 = 7;
/// Start of all certificates, in seconds since 1970.
pub(super) const BEGIN_S: u32 = 1_780_000_000;

/// Everything that takes long to make.
pub(super) struct Identities {
    nodes: Vec<Identity>,
    service: Arc<EcKey>,
    certificate: Certificate,
    encryption: Arc<RsaKey>,
    secrets: LedgerSecrets,
    pub(super) consortium: Consortium,
}

struct Identity {
    node: Arc<EcKey>,
    self_signed: Certificate,
    request: Request,
    endorsed: Certificate,
}

/// Random bytes that follow from a seed.
pub(super) struct Seeded(Mutex<Random>);

impl Seeded {
    pub(super) fn new(seed: u64) -> Self {
        Self(Mutex::new(Random::new(seed)))
    }
}

impl Entropy for Seeded {
    fn fill(&self, out: &mut [u8]) {
        let mut random = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for chunk in out.chunks_mut(8) {
            chunk.copy_from_slice(&random.draw().to_le_bytes()[..chunk.len()]);
        }
    }
}

impl Identities {
    /// Keys on P-256, whose signatures are the cheapest; those of the service too.
    pub(super) fn new() -> Self {
        let entropy = Seeded::new(SEED);
        let name = |text: &str| text.parse::<Name>().expect("a subject name");
        let validity = Validity::days(UnixTime(BEGIN_S.into()), 365).expect("a year that is near");
        let service = EcKey::generate(Curve::P256, &entropy);
        let certificate = issue_self_signed(&service, &name("CN=Service"), &[], validity, &entropy);
        let identity = |_| {
            let node = EcKey::generate(Curve::P256, &entropy);
            let request = Request::create(&node, &name("CN=Node"), &[]);
            Identity {
                self_signed: issue_self_signed(&node, &name("CN=Node"), &[], validity, &entropy),
                endorsed: issue_endorsed(&service, &certificate, &request, validity, &entropy),
                node: Arc::new(node),
                request,
            }
        };
        Self {
            consortium: Consortium::new(&entropy, validity),
            nodes: (0..MAX_NODES).map(identity).collect(),
            encryption: Arc::new(RsaKey::generate(RsaBits::B2048)),
            secrets: LedgerSecrets::new(Seqno(1), LedgerSecret::generate(&entropy)),
            service: Arc::new(service),
            certificate,
        }
    }

    /// Keys of a node that belongs to no service.
    pub(super) fn keys(&self, place: usize) -> Keys {
        let Identity { node, self_signed, request, .. } = &self.nodes[place];
        Keys::new(Arc::clone(node), self_signed.clone(), request.clone(), Arc::clone(&self.encryption))
    }

    /// What a node holds of the service.
    pub(super) fn service(&self, place: usize) -> ServiceIdentity {
        ServiceIdentity {
            key: Arc::clone(&self.service),
            certificate: ArcSwap::from_pointee(self.certificate.clone()),
            endorsed: ArcSwap::from_pointee(self.nodes[place].endorsed.clone()),
            cose: CoseNames { issuer: "issuer".into(), subject: "subject".into() },
        }
    }

    /// What the service gives to a node that it lets in.
    pub(super) fn welcome(&self, place: usize, nodes: BTreeMap<Digest, String>) -> Joined {
        Joined {
            service: self.service(place),
            secrets: self.secrets.clone(),
            status: ServiceStatus::Opening,
            startup_seqno: Seqno::ZERO,
            nodes,
        }
    }

    /// That of the service.
    pub(super) fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    pub(super) fn secrets(&self) -> LedgerSecrets {
        self.secrets.clone()
    }

    /// The certificate that the service gives to a node.
    pub(super) fn endorsed(&self, place: usize) -> String {
        self.nodes[place].endorsed.to_pem()
    }
}
