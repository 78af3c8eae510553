//! The nodes that may sign, over time.

use std::collections::BTreeMap;

use coco_crypto::{Certificate, EcPublicKey, PublicKey};
use coco_wire::Digest;
use serde::Deserialize;

use crate::{
    damage::{NodeDamage, SignatureDamage},
    entry::Row,
};

/// All nodes with a row in the ledger so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Nodes(BTreeMap<Digest, Node>);

#[derive(Clone, Debug)]
struct Node {
    status: NodeStatus,
    /// Known once it has a certificate.
    key: Option<EcPublicKey>,
    /// The last certificate that a signature held, already checked.
    embedded: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
enum NodeStatus {
    Pending,
    Trusted,
    Retired,
}

/// The fields of a row that matter.
#[derive(Deserialize)]
struct Info {
    status: NodeStatus,
    /// Self-signed certificate, in CCF 1.x only.
    #[serde(default)]
    cert: Option<String>,
    /// PEM, since CCF 2.0.
    #[serde(default)]
    public_key: Option<String>,
    #[serde(default)]
    retired_committed: bool,
}

impl Nodes {
    /// The nodes of a snapshot, whose rows were checked when they were written. Certificates of retired nodes may be of an
    /// earlier service, which issues none that counts.
    pub(crate) fn of_snapshot(
        infos: &[Row<'_>],
        certificates: &[Row<'_>],
        service: &Certificate,
    ) -> Result<Self, NodeDamage> {
        let mut nodes = Self::default();
        for (key, value) in infos {
            let info: Info =
                serde_json::from_slice(value.ok_or(NodeDamage::Row)?).map_err(|_| NodeDamage::Row)?;
            let (id, status) = (node_id(key)?, info.status);
            let key = info.cert.as_deref().map(|pem| certified_key(id, pem)).transpose()?;
            nodes.0.insert(id, Node { status, key: key.map(|(_, key)| key), embedded: None });
        }
        for (key, value) in certificates {
            let id = node_id(key)?;
            let endorsed = nodes.endorse(id, value.ok_or(NodeDamage::Row)?, Some(service));
            let retired = nodes.0.get(&id).is_some_and(|node| node.status == NodeStatus::Retired);
            match endorsed {
                Err(NodeDamage::NotIssued) if retired => {}
                endorsed => endorsed?,
            }
        }
        Ok(nodes)
    }

    /// Takes the rows of both tables. `service`: the certificate that issues those of nodes.
    pub(crate) fn apply(
        &mut self,
        infos: &[Row<'_>],
        certificates: &[Row<'_>],
        service: Option<&Certificate>,
    ) -> Result<(), NodeDamage> {
        let mut self_signed = Vec::new();
        for (key, value) in infos {
            let id = node_id(key)?;
            match value {
                None => drop(self.0.remove(&id).ok_or(NodeDamage::Unknown)?),
                Some(value) if self.update(id, value)? => self_signed.push(id),
                Some(_) => {}
            }
        }
        for (key, value) in certificates {
            let id = node_id(key)?;
            if self_signed.contains(&id) {
                return Err(NodeDamage::TwoCertificates);
            }
            match value {
                // Removing what is not there is recorded too.
                None => {
                    if let Some(node) = self.0.get_mut(&id) {
                        node.key = None;
                    }
                }
                Some(pem) => self.endorse(id, pem, service)?,
            }
        }
        Ok(())
    }

    /// The key with which `id` may sign.
    pub(crate) fn signing_key(&self, id: Digest) -> Result<&EcPublicKey, SignatureDamage> {
        let node = self.0.get(&id).filter(|node| node.status != NodeStatus::Pending);
        node.ok_or(SignatureDamage::UnknownNode)?.key.as_ref().ok_or(SignatureDamage::NoCertificate)
    }

    /// Checks the certificate that a signature of `id` holds: of the node's key, issued by `service`.
    pub(crate) fn check_embedded(
        &mut self,
        id: Digest,
        pem: &str,
        service: Option<&Certificate>,
    ) -> Result<(), SignatureDamage> {
        let node = self.0.get_mut(&id).ok_or(SignatureDamage::UnknownNode)?;
        if node.embedded.as_deref() == Some(pem) {
            return Ok(());
        }
        let service = service.ok_or(SignatureDamage::NoService)?;
        let certificate = Certificate::from_pem(pem).map_err(|_| SignatureDamage::EmbeddedCertificate)?;
        let issued = certificate.verify_issued_by(service).is_ok();
        if !issued || certificate.public_key().id() != id {
            return Err(SignatureDamage::EmbeddedCertificate);
        }
        node.embedded = Some(pem.to_owned());
        Ok(())
    }

    /// Forgets which certificates were checked: the service that issues them has changed.
    pub(crate) fn forget_embedded(&mut self) {
        self.0.values_mut().for_each(|node| node.embedded = None);
    }

    /// Takes a row of the table of nodes; yields whether it holds a self-signed certificate.
    fn update(&mut self, id: Digest, value: &[u8]) -> Result<bool, NodeDamage> {
        use NodeStatus::{Pending, Retired, Trusted};

        let info: Info = serde_json::from_slice(value).map_err(|_| NodeDamage::Row)?;
        if info.retired_committed && info.status != Retired {
            return Err(NodeDamage::Row);
        }
        let previous = self.0.get(&id);
        let legal = match (previous.map(|node| node.status), info.status) {
            (None, Pending | Trusted) | (Some(Pending | Trusted), Trusted | Retired) => true,
            (Some(from), to) => from == to,
            (None, Retired) => false,
        };
        if !legal {
            return Err(NodeDamage::Transition);
        }
        if let Some(pem) = &info.public_key {
            let key = PublicKey::from_spki_pem(pem).map_err(|_| NodeDamage::Row)?;
            if key.id() != id {
                return Err(NodeDamage::Key);
            }
        }
        let mut key = previous.and_then(|node| node.key.clone());
        let self_signed = info.cert.is_some();
        if let Some(pem) = &info.cert {
            key = Some(certified_key(id, pem)?.1);
        }
        let embedded = previous.and_then(|node| node.embedded.clone());
        self.0.insert(id, Node { status: info.status, key, embedded });
        Ok(self_signed)
    }

    fn endorse(&mut self, id: Digest, pem: &[u8], service: Option<&Certificate>) -> Result<(), NodeDamage> {
        let node = self.0.get_mut(&id).ok_or(NodeDamage::Unknown)?;
        // Early versions of CCF 2 end the text with a zero byte.
        let pem = str::from_utf8(pem.strip_suffix(b"\0").unwrap_or(pem)).map_err(|_| NodeDamage::Row)?;
        let (certificate, key) = certified_key(id, pem)?;
        let service = service.ok_or(NodeDamage::NotIssued)?;
        certificate.verify_issued_by(service).map_err(|_| NodeDamage::NotIssued)?;
        node.key = Some(key);
        Ok(())
    }
}

fn node_id(key: &[u8]) -> Result<Digest, NodeDamage> {
    let text = str::from_utf8(key).map_err(|_| NodeDamage::Row)?;
    Ok(text.parse()?)
}

/// A certificate of the key that `id` is the digest of.
fn certified_key(id: Digest, pem: &str) -> Result<(Certificate, EcPublicKey), NodeDamage> {
    let certificate = Certificate::from_pem(pem).map_err(|_| NodeDamage::Row)?;
    let key = certificate.public_key().as_ec().ok_or(NodeDamage::Row)?.clone();
    if key.id() == id { Ok((certificate, key)) } else { Err(NodeDamage::Key) }
}
