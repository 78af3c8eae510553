//! The parts of an entry that a verifier looks at.

use coco_crypto::hash::{sha256, sha256_parts};
use coco_wire::{
    Digest,
    domain::{self, Change, Commitments, DomainError, KeyOrder, PublicHeader},
    entry::Entry,
    signature,
};

use crate::damage::{Reason, SignatureDamage};

pub(crate) const SERVICE_INFO: &str = "public:ccf.gov.service.info";
pub(crate) const NODES_INFO: &str = "public:ccf.gov.nodes.info";
pub(crate) const NODES_CERTIFICATES: &str = "public:ccf.gov.nodes.endorsed_certificates";
const SNAPSHOT_EVIDENCE: &str = "public:ccf.internal.snapshot_evidence";

/// Key and new value of a row, none when removed.
pub(crate) type Row<'a> = (&'a [u8], Option<&'a [u8]>);

/// Rows of the tables that matter.
#[derive(Debug, Default)]
pub(crate) struct Rows<'a> {
    pub(crate) service: Vec<Row<'a>>,
    pub(crate) nodes: Vec<Row<'a>>,
    pub(crate) certificates: Vec<Row<'a>>,
    pub(crate) snapshot_evidence: Vec<Row<'a>>,
    signature: SignatureRows<'a>,
    /// Rows of other tables.
    others: u64,
}

#[derive(Debug, Default)]
struct SignatureRows<'a> {
    node: Option<Row<'a>>,
    service: Option<Row<'a>>,
    tree: Option<Row<'a>>,
    /// Rows beyond the first of a table.
    surplus: u64,
}

/// Values of a signature transaction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SignatureValues<'a> {
    pub(crate) node: Option<&'a [u8]>,
    pub(crate) service: Option<&'a [u8]>,
    pub(crate) tree: &'a [u8],
}

impl<'a> Rows<'a> {
    /// Header and rows of an entry.
    pub(crate) fn read(entry: &Entry<'a>) -> Result<(PublicHeader, Self), DomainError> {
        let mut rows = Self::default();
        let header = domain::visit_public(entry.public_domain(), KeyOrder::Any, |change| rows.add(change))?;
        Ok((header, rows))
    }

    /// The signature that the entry is, if it writes to any table of signatures.
    pub(crate) fn signature(&self, entry: &Entry<'_>) -> Result<Option<SignatureValues<'a>>, Reason> {
        let rows = &self.signature;
        if rows.node.is_none() && rows.service.is_none() && rows.tree.is_none() {
            return Ok(None);
        }
        let other_rows = self.service.len() + self.nodes.len() + self.certificates.len();
        let alone = self.others + rows.surplus == 0 && other_rows + self.snapshot_evidence.len() == 0;
        let singleton = |row: Option<Row<'a>>| match row {
            None => Ok(None),
            Some((key, Some(value))) if key == signature::SINGLETON_KEY => Ok(Some(value)),
            Some(_) => Err(SignatureDamage::Rows),
        };
        let (node, service) = (singleton(rows.node)?, singleton(rows.service)?);
        match singleton(rows.tree)? {
            Some(tree)
                if alone && entry.private_domain().is_empty() && (node.is_some() || service.is_some()) =>
            {
                Ok(Some(SignatureValues { node, service, tree }))
            }
            _ => Err(SignatureDamage::Rows.into()),
        }
    }

    fn add(&mut self, change: Change<'a>) {
        let row = (change.key, change.value);
        if !change.table.starts_with("public:ccf.") {
            self.others += 1;
            return;
        }
        let single = match change.table {
            signature::SIGNATURES => &mut self.signature.node,
            signature::COSE_SIGNATURES => &mut self.signature.service,
            signature::TREE => &mut self.signature.tree,
            SERVICE_INFO => return self.service.push(row),
            NODES_INFO => return self.nodes.push(row),
            NODES_CERTIFICATES => return self.certificates.push(row),
            SNAPSHOT_EVIDENCE => return self.snapshot_evidence.push(row),
            _ => {
                self.others += 1;
                return;
            }
        };
        if single.replace(row).is_some() {
            self.signature.surplus += 1;
        }
    }
}

/// Leaf of the Merkle tree.
pub(crate) fn leaf(entry: &Entry<'_>, commitments: Commitments) -> Result<Digest, Reason> {
    let write_set = sha256(entry.bytes());
    match commitments {
        Commitments::None => Ok(write_set),
        Commitments::Evidence(evidence) => Ok(sha256_parts(&[&write_set.0, &evidence.0])),
        Commitments::EvidenceAndClaims { evidence, claims } => {
            Ok(sha256_parts(&[&write_set.0, &evidence.0, &claims.0]))
        }
        Commitments::Claims(_) => Err(Reason::Commitments),
    }
}
