//! Receipts, from a transaction and a signature after it.

use coco_wire::{
    Digest, Seqno, TxId, WriteSet,
    receipt::{CoseReceipt, InclusionProof, JsonReceipt, PathStep, ProofLeaf, ReceiptLeaf},
    signature::{
        COSE_SIGNATURES, NodeSignature, RootSignature, SIGNATURES, SINGLETON_KEY, SignatureError, TREE,
        decode_cose_value,
    },
    tree::{SerialisedTree, TreeError},
};

use crate::{
    open::Opened,
    tree::{InvalidTree, Tree},
};

/// A signature transaction, read: a root, its signatures and the tree below it.
///
/// The signatures are not verified here: the ledger that it comes from is the node's own.
#[derive(Clone, Debug)]
pub struct SignedRoot {
    txid: TxId,
    tree: Tree,
    root: Digest,
    by_node: Option<NodeSignature>,
    by_service: Option<RootSignature>,
}

/// Why there is no receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// Not a signature transaction: neither signature, or no tree.
    #[error("not a signature transaction")]
    NotASignature,
    /// A signature does not read.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// The tree does not read.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The tree reads, but cannot be.
    #[error(transparent)]
    InvalidTree(#[from] InvalidTree),
    /// Its parts speak of different roots or transactions.
    #[error("signature transaction contradicts itself")]
    Contradiction,
    /// The signature's tree does not have the transaction: it is later, or an earlier signature covers it.
    #[error("the signature does not cover the transaction")]
    NotCovered,
    /// The transaction is not the one that was signed at its position.
    #[error("the transaction is not what was signed")]
    NotSigned,
    /// The ledger has no signature of this kind here, or the transaction is too old for such a receipt.
    #[error("no receipt of this kind")]
    Unavailable,
}

impl SignedRoot {
    /// Reads a signature transaction.
    ///
    /// # Errors
    /// If it is none, or damaged.
    pub fn from_writes(txid: TxId, writes: &WriteSet) -> Result<Self, ReceiptError> {
        let value = |table| writes.table(table)?.get(&SINGLETON_KEY[..])?.as_ref();
        let by_node = value(SIGNATURES).map(|value| NodeSignature::decode(value)).transpose()?;
        let by_service = match value(COSE_SIGNATURES) {
            Some(value) => {
                Some(RootSignature::decode(&decode_cose_value(value)?).map_err(SignatureError::from)?)
            }
            None => None,
        };
        let Some(tree) = value(TREE).filter(|_| by_node.is_some() || by_service.is_some()) else {
            return Err(ReceiptError::NotASignature);
        };
        let tree = Tree::restore(&SerialisedTree::decode(tree)?)?;
        let root = tree.root();
        let agrees = by_node.as_ref().is_none_or(|by| by.root == root && by.tx_id() == txid)
            && by_service.as_ref().is_none_or(|by| by.header.tx_id == txid)
            && tree.last().next() == txid.seqno;
        if agrees {
            Ok(Self { txid, tree, root, by_node, by_service })
        } else {
            Err(ReceiptError::Contradiction)
        }
    }

    /// The signature transaction.
    #[must_use]
    pub fn txid(&self) -> TxId {
        self.txid
    }

    /// The signed root.
    #[must_use]
    pub fn root(&self) -> Digest {
        self.root
    }

    /// Whether it gives receipts for a position: from the previous signature up to the entry before this one.
    #[must_use]
    pub fn covers(&self, seqno: Seqno) -> bool {
        seqno > Seqno::ZERO && (self.tree.begin()..=self.tree.last()).contains(&seqno)
    }

    /// JSON receipt of a transaction.
    ///
    /// # Errors
    /// If the signature does not cover it, or is not by a node.
    pub fn receipt(&self, transaction: &Opened) -> Result<JsonReceipt, ReceiptError> {
        self.json(transaction.receipt_leaf.clone(), self.path(transaction)?)
    }

    /// JSON receipt of the signature transaction itself: the root, which needs no path.
    ///
    /// # Errors
    /// If the signature is not by a node.
    pub fn own_receipt(&self) -> Result<JsonReceipt, ReceiptError> {
        self.json(ReceiptLeaf::Digest(self.root), Vec::new())
    }

    /// COSE receipt of a transaction (CCF `cddl/ccf-receipt.cddl`).
    ///
    /// # Errors
    /// If the signature does not cover it or is not by the service, or the transaction has no commit evidence.
    pub fn cose_receipt(&self, transaction: &Opened) -> Result<Vec<u8>, ReceiptError> {
        let proofs = vec![self.inclusion(transaction)?];
        let signature = self.by_service.clone().ok_or(ReceiptError::Unavailable)?;
        Ok(CoseReceipt { signature, proofs }.encode())
    }

    /// The proof of a COSE receipt alone: CBOR, without the signature.
    ///
    /// # Errors
    /// If the signature does not cover the transaction, or that has no commit evidence.
    pub fn cose_proof(&self, transaction: &Opened) -> Result<Vec<u8>, ReceiptError> {
        Ok(self.inclusion(transaction)?.encode())
    }

    /// Checks that this transaction is the one signed at its position.
    ///
    /// # Errors
    /// If it is not, or the signature does not cover it.
    pub fn check(&self, transaction: &Opened) -> Result<(), ReceiptError> {
        self.path(transaction).map(drop)
    }

    /// The service's signature as it is in the ledger.
    ///
    /// # Errors
    /// If there is none.
    pub fn cose_signature(&self) -> Result<Vec<u8>, ReceiptError> {
        self.by_service.as_ref().map(RootSignature::encode).ok_or(ReceiptError::Unavailable)
    }

    /// The receipt of a snapshot, given the transaction that recorded its digest: JSON if a node signed, else COSE.
    ///
    /// # Errors
    /// If the signature does not cover the transaction.
    pub fn snapshot_receipt(&self, evidence: &Opened) -> Result<Vec<u8>, ReceiptError> {
        if self.by_node.is_some() {
            Ok(self.receipt(evidence)?.encode())
        } else {
            self.cose_receipt(evidence)
        }
    }

    /// The signatures, by the node and by the service.
    pub(crate) fn into_signatures(self) -> (Option<NodeSignature>, Option<RootSignature>) {
        (self.by_node, self.by_service)
    }

    fn inclusion(&self, transaction: &Opened) -> Result<InclusionProof, ReceiptError> {
        let path = self.path(transaction)?;
        let ReceiptLeaf::Components(components) = &transaction.receipt_leaf else {
            return Err(ReceiptError::Unavailable);
        };
        let leaf = ProofLeaf {
            write_set_digest: components.write_set_digest,
            commit_evidence: components.commit_evidence.clone(),
            claims_digest: components.claims_digest.ok_or(ReceiptError::Unavailable)?,
        };
        Ok(InclusionProof { leaf, path })
    }

    fn path(&self, transaction: &Opened) -> Result<Vec<PathStep>, ReceiptError> {
        let seqno = transaction.txid.seqno;
        match self.tree.leaf(seqno).filter(|_| self.covers(seqno)) {
            None => Err(ReceiptError::NotCovered),
            Some(leaf) if leaf != transaction.leaf => Err(ReceiptError::NotSigned),
            Some(_) => self.tree.path(seqno).ok_or(ReceiptError::NotCovered),
        }
    }

    fn json(&self, leaf: ReceiptLeaf, proof: Vec<PathStep>) -> Result<JsonReceipt, ReceiptError> {
        let by_node = self.by_node.as_ref().ok_or(ReceiptError::Unavailable)?;
        Ok(JsonReceipt {
            cert: by_node.cert.clone(),
            leaf,
            node_id: by_node.node,
            proof,
            service_endorsements: None,
            signature: by_node.sig.0.clone(),
        })
    }
}
