//! What a joining node sends and what it is answered, in JSON (CCF `src/node/rpc/node_call_types.h`,
//! `JoinNetworkNodeToNode`).

use std::collections::BTreeMap;

use coco_crypto::{Certificate, EcKey, LedgerSecret};
use coco_ledger::LedgerSecrets;
use coco_tables::{
    nodes::{NodeNetwork, NodeStatus, QuoteInfo},
    service::ServiceStatus,
};
use coco_wire::{
    Digest, Seqno,
    text::{decode_base64, encode_base64},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::keys::{CoseNames, ServiceIdentity};

/// Asks a service to take a node in. The node's key is that of the certificate shown in TLS.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct JoinRequest {
    /// Its interfaces.
    pub(crate) node_info_network: NodeNetwork,
    /// What it runs; bound to the node's key.
    pub(crate) quote_info: QuoteInfo,
    /// RSA key (PEM) that ledger secrets are encrypted to.
    pub(crate) public_encryption_key: String,
    /// The snapshot that it begins with.
    pub(crate) startup_seqno: Option<Seqno>,
    /// Request (PEM) for its certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) certificate_signing_request: Option<String>,
    /// What its operator noted.
    #[serde(default)]
    pub(crate) node_data: Value,
    /// What it runs now, bound to its key and to the challenge of the last answer. Ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fresh_quote_info: Option<QuoteInfo>,
}

/// How the node stands.
#[derive(Serialize, Deserialize)]
pub(crate) struct JoinAnswer {
    pub(crate) node_status: NodeStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) node_id: Option<Digest>,
    /// To a trusted node: what fresh evidence is to be bound to. Ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) challenge: Option<Digest>,
    /// All that is secret, to a trusted node that showed fresh evidence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) network_info: Option<NetworkInfo>,
}

/// What a trusted node is given.
#[derive(Serialize, Deserialize)]
pub(crate) struct NetworkInfo {
    pub(crate) public_only: bool,
    pub(crate) last_recovered_signed_idx: Seqno,
    /// By the first entry that each is for, ascending.
    pub(crate) ledger_secrets: Vec<(Seqno, SecretInfo)>,
    pub(crate) identity: Identity,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) service_status: Option<ServiceStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) endorsed_certificate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cose_signatures_config: Option<CoseConfig>,
    /// Where the trusted nodes listen for others: a node that has no ledger yet knows nobody. Ours; CCF's nodes are found by
    /// those that know them.
    #[serde(default)]
    pub(crate) nodes: BTreeMap<Digest, String>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct SecretInfo {
    /// Base64.
    raw_key: SecretText,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_secret_stored_version: Option<Seqno>,
}

/// The service's certificate and key, both PEM.
#[derive(Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) cert: String,
    pub(crate) priv_key: SecretText,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct CoseConfig {
    issuer: String,
    subject: String,
}

/// Text that leaves no copy behind.
pub(crate) struct SecretText(Zeroizing<String>);

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Zeroizing::new(text)))
    }
}

impl NetworkInfo {
    /// What a node of `service` tells another: those of its `secrets` that are in force up to `upto`.
    pub(crate) fn new(
        service: &ServiceIdentity,
        secrets: &LedgerSecrets,
        upto: Seqno,
        status: ServiceStatus,
        endorsed_certificate: Option<String>,
        nodes: BTreeMap<Digest, String>,
    ) -> Self {
        let secrets = secrets.iter().take_while(|(from, _)| *from <= upto);
        let info = |(from, secret): (Seqno, &LedgerSecret)| {
            let raw_key = SecretText(Zeroizing::new(encode_base64(secret.as_bytes())));
            (from, SecretInfo { raw_key, previous_secret_stored_version: None })
        };
        let CoseNames { issuer, subject } = service.cose.clone();
        Self {
            public_only: false,
            last_recovered_signed_idx: Seqno::ZERO,
            ledger_secrets: secrets.map(info).collect(),
            identity: Identity {
                cert: service.certificate.load().to_pem(),
                priv_key: SecretText(service.key.to_pem()),
            },
            service_status: Some(status),
            endorsed_certificate,
            cose_signatures_config: Some(CoseConfig { issuer, subject }),
            nodes,
        }
    }

    /// The service's certificate with its key, if they belong together.
    pub(crate) fn identity(&self) -> Option<(EcKey, Certificate)> {
        let key = EcKey::from_pem(&self.identity.priv_key.0).ok()?;
        let certificate = Certificate::from_pem(&self.identity.cert).ok()?;
        let own = coco_crypto::Signer::public_key(&key).spki_der() == certificate.public_key().spki_der();
        own.then_some((key, certificate))
    }

    /// The ledger secrets, if there are any and each is one.
    pub(crate) fn secrets(&self) -> Option<LedgerSecrets> {
        let secret = |(from, info): &(Seqno, SecretInfo)| {
            let bytes = Zeroizing::new(decode_base64(&info.raw_key.0).ok()?);
            Some((*from, LedgerSecret::from_bytes(bytes.as_slice().try_into().ok()?)))
        };
        let secrets = self.ledger_secrets.iter().map(secret).collect();
        if self.ledger_secrets.is_empty() { None } else { secrets }
    }

    pub(crate) fn cose(&self) -> CoseNames {
        let names = |it: &CoseConfig| CoseNames { issuer: it.issuer.clone(), subject: it.subject.clone() };
        self.cose_signatures_config.as_ref().map(names).unwrap_or_default()
    }
}
