//! Verifies a signature transaction against everything before it.

use coco_crypto::{SignatureForm, Verifier as _, cose::CoseAlgorithm};
use coco_wire::{
    Digest, TxId,
    domain::Commitments,
    signature::{NodeSignature, RootSignature, SignatureError, decode_cose_value},
    tree::SerialisedTree,
};

use crate::{
    damage::SignatureDamage, entry::SignatureValues, merkle::Frontier, nodes::Nodes, report::Report,
    service::Service,
};

/// What a signature transaction at `id` must agree with.
pub(crate) struct Context<'a> {
    pub(crate) id: TxId,
    pub(crate) commitments: Commitments,
    /// All entries before.
    pub(crate) tree: &'a Frontier,
    pub(crate) nodes: &'a mut Nodes,
    pub(crate) service: &'a Service,
    /// What was read before.
    pub(crate) report: &'a Report,
}

/// Who signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Signers {
    pub(crate) node: Option<EmbeddedCertificate>,
    pub(crate) service: bool,
}

/// Whether the signature of a node holds the node's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EmbeddedCertificate {
    Present,
    Absent,
}

impl Context<'_> {
    /// All signatures in `values` must verify; there is at least one.
    pub(crate) fn verify(&mut self, values: SignatureValues<'_>) -> Result<Signers, SignatureDamage> {
        if let Commitments::EvidenceAndClaims { claims, .. } = self.commitments
            && claims != Digest::ZERO
        {
            return Err(SignatureDamage::Claims);
        }
        let root = self.tree.root().ok_or(SignatureDamage::Root)?;
        if !self.tree.is_that_of(&SerialisedTree::decode(values.tree)?) {
            return Err(SignatureDamage::TreeMismatch);
        }
        let node = values.node.map(|value| self.verify_node(value, root)).transpose()?;
        let service = values.service.map(|value| self.verify_service(value, root)).transpose()?;
        Ok(Signers { node, service: service.is_some() })
    }

    fn verify_node(&mut self, value: &[u8], root: Digest) -> Result<EmbeddedCertificate, SignatureDamage> {
        let signature = NodeSignature::decode(value)?;
        if signature.tx_id() != self.id {
            return Err(SignatureDamage::TxId(signature.tx_id()));
        }
        if signature.root != root {
            return Err(SignatureDamage::Root);
        }
        let committed = TxId { view: signature.commit_view, seqno: signature.commit_seqno };
        let known = self.report.view_at(committed.seqno) == Some(committed.view);
        if signature.hashed_nonce != Digest::ZERO || (committed != TxId::default() && !known) {
            return Err(SignatureDamage::Field);
        }
        let embedded = match &signature.cert {
            None => EmbeddedCertificate::Absent,
            Some(pem) => {
                self.nodes.check_embedded(signature.node, pem, self.service.certificate())?;
                EmbeddedCertificate::Present
            }
        };
        let key = self.nodes.signing_key(signature.node)?;
        key.verify_digest(&root, &signature.sig.0, SignatureForm::Der)
            .map_err(|_| SignatureDamage::NodeNotAuthentic)?;
        Ok(embedded)
    }

    fn verify_service(&self, value: &[u8], root: Digest) -> Result<(), SignatureDamage> {
        let message = decode_cose_value(value)?;
        let signature = RootSignature::decode(&message).map_err(SignatureError::from)?;
        let header = &signature.header;
        if header.tx_id != self.id {
            return Err(SignatureDamage::TxId(header.tx_id));
        }
        let key = self.service.key().ok_or(SignatureDamage::NoService)?;
        if header.kid != key.id() || header.algorithm != CoseAlgorithm::of(key).label() {
            return Err(SignatureDamage::ServiceKey);
        }
        let signed = RootSignature::to_be_signed(&signature.protected, root);
        key.verify(&signed, &signature.signature, SignatureForm::Fixed)
            .map_err(|_| SignatureDamage::ServiceNotAuthentic)
    }
}
