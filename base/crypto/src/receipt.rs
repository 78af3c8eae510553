//! Verification of receipts against the certificate of a service.

use coco_wire::{
    Digest, Seqno, TxId,
    cose::CoseError,
    receipt::{
        CoseReceipt, InclusionProof, JsonReceipt, LeafComponents, PathStep, ReceiptError, ReceiptLeaf,
    },
    signature::RootSignature,
};

use crate::{
    Certificate, Ecdsa, Scheme, SignatureForm,
    cose::CoseAlgorithm,
    hash::{sha256, sha256_pair, sha256_parts},
};

/// What a receipt proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// Root that was signed.
    pub root: Digest,
    /// Digest of the key that signed it: a node's in JSON receipts, the service's in COSE receipts.
    pub signer: Digest,
    /// The transaction; none when the receipt gives only a leaf, as for signature transactions.
    pub transaction: Option<ProvenTransaction>,
}

/// A transaction that is in the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenTransaction {
    /// Its identifier, from the commit evidence.
    pub id: TxId,
    /// SHA-256 of its ledger entry.
    pub write_set_digest: Digest,
    /// Digest of the application's claims: zeros when it claims nothing, none in receipts that do not
    /// say.
    pub claims_digest: Option<Digest>,
}

/// Why a receipt proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not a JSON receipt.
    #[error(transparent)]
    Json(#[from] ReceiptError),
    /// Not a COSE receipt.
    #[error(transparent)]
    Cose(#[from] CoseError),
    /// No certificate of the node, or one in the chain that cannot be read.
    #[error("missing or unreadable certificate")]
    Certificate,
    /// The node ID is not the digest of the certified key.
    #[error("the node ID is not the digest of the certified key")]
    NodeId,
    /// The chain of certificates does not lead to the service.
    #[error("certificates do not lead to the service")]
    Chain,
    /// The commit evidence has not the form `ce:view.seqno:nonce`.
    #[error("malformed commit evidence")]
    CommitEvidence,
    /// The path cannot belong to the position in the commit evidence.
    #[error("the path belongs to another position")]
    Path,
    /// Proofs lead to different roots, or past the signature.
    #[error("the proofs do not belong to one signature")]
    Root,
    /// Signed with another key or algorithm than the service's.
    #[error("signed with another key than the service's")]
    Key,
    /// The key did not make the signature over the root.
    #[error("the signature over the root is not authentic")]
    NotAuthentic,
}

/// Why a receipt does not prove a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotReceiptRefusal {
    /// None: the evidence was not committed when the file was written.
    #[error("the snapshot has no receipt")]
    Missing,
    /// It proves nothing.
    #[error(transparent)]
    Receipt(#[from] Refusal),
    /// It proves something else than the digest of this snapshot.
    #[error("the receipt does not claim this snapshot")]
    Claims,
}

/// Verifies a JSON receipt: leaf, path, signature by the node, and the certificates from the node up to
/// `service`.
///
/// # Errors
/// The first thing that does not fit.
pub fn verify_json(receipt: &[u8], service: &Certificate) -> Result<Proven, Refusal> {
    verify_json_with(receipt, service, &Ecdsa)
}

fn verify_json_with(receipt: &[u8], service: &Certificate, scheme: &dyn Scheme) -> Result<Proven, Refusal> {
    let receipt = JsonReceipt::decode(receipt)?;
    let node = receipt.cert.as_deref().ok_or(Refusal::Certificate)?;
    let node = Certificate::from_pem(node).map_err(|_| Refusal::Certificate)?;
    if node.public_key().id() != receipt.node_id {
        return Err(Refusal::NodeId);
    }
    verify_chain(&node, receipt.service_endorsements.as_deref().unwrap_or_default(), service)?;

    let (leaf, transaction) = match receipt.leaf {
        ReceiptLeaf::Digest(leaf) => (leaf, None),
        ReceiptLeaf::Components(components) => {
            let transaction = read_transaction(&components, &receipt.proof)?;
            (leaf_of(&components), Some(transaction))
        }
    };
    let root = root_of_path(leaf, &receipt.proof);
    let key = node.public_key().as_ec().ok_or(Refusal::Certificate)?;
    scheme
        .verifier(key)
        .verify_digest(&root, &receipt.signature, SignatureForm::Der)
        .map_err(|_| Refusal::NotAuthentic)?;
    Ok(Proven { root, signer: receipt.node_id, transaction })
}

/// Verifies a COSE receipt: leaves, paths, and the signature by the key of `service`. One result for
/// each proof inside, at least one.
///
/// # Errors
/// The first thing that does not fit.
pub fn verify_cose(receipt: &[u8], service: &Certificate) -> Result<Vec<Proven>, Refusal> {
    verify_cose_with(receipt, service, &Ecdsa)
}

fn verify_cose_with(
    receipt: &[u8],
    service: &Certificate,
    scheme: &dyn Scheme,
) -> Result<Vec<Proven>, Refusal> {
    let receipt = CoseReceipt::decode(receipt)?;
    let key = service.public_key().as_ec().ok_or(Refusal::Key)?;
    let header = &receipt.signature.header;
    if header.kid != key.id() || header.algorithm != CoseAlgorithm::of(key).label() {
        return Err(Refusal::Key);
    }
    let proven: Vec<_> =
        receipt.proofs.into_iter().map(|proof| prove(proof, header.kid)).collect::<Result<_, _>>()?;
    let root = proven.first().ok_or(Refusal::Root)?.root;
    let fits = |proven: &Proven| {
        let id = proven.transaction.as_ref().map(|transaction| transaction.id);
        proven.root == root && id.is_some_and(|id| precedes(id, header.tx_id))
    };
    if !proven.iter().all(fits) {
        return Err(Refusal::Root);
    }
    let signed = RootSignature::to_be_signed(&receipt.signature.protected, root);
    scheme
        .verifier(key)
        .verify(&signed, &receipt.signature.signature, SignatureForm::Fixed)
        .map_err(|_| Refusal::NotAuthentic)?;
    Ok(proven)
}

/// Verifies the receipt, JSON or COSE, of a snapshot with this digest and last transaction: it must prove that `service`
/// recorded the digest later. Yields the transaction that did.
///
/// # Errors
/// The first thing that does not fit.
pub fn verify_snapshot(
    receipt: &[u8],
    snapshot: Digest,
    last: Seqno,
    service: &Certificate,
) -> Result<TxId, SnapshotReceiptRefusal> {
    verify_snapshot_with(receipt, snapshot, last, service, &Ecdsa)
}

/// The same, with the signature over the root checked in another way. Certificates are checked as ever.
///
/// # Errors
/// The first thing that does not fit.
pub fn verify_snapshot_with(
    receipt: &[u8],
    snapshot: Digest,
    last: Seqno,
    service: &Certificate,
    scheme: &dyn Scheme,
) -> Result<TxId, SnapshotReceiptRefusal> {
    let proven = match receipt.first() {
        None => return Err(SnapshotReceiptRefusal::Missing),
        Some(b'{') => vec![verify_json_with(receipt, service, scheme)?],
        Some(_) => verify_cose_with(receipt, service, scheme)?,
    };
    let [Proven { transaction: Some(transaction), .. }] = proven.as_slice() else {
        return Err(SnapshotReceiptRefusal::Claims);
    };
    if transaction.claims_digest != Some(snapshot) || transaction.id.seqno <= last {
        return Err(SnapshotReceiptRefusal::Claims);
    }
    Ok(transaction.id)
}

fn prove(proof: InclusionProof, signer: Digest) -> Result<Proven, Refusal> {
    let components = LeafComponents {
        claims_digest: Some(proof.leaf.claims_digest),
        commit_evidence: proof.leaf.commit_evidence,
        write_set_digest: proof.leaf.write_set_digest,
    };
    let transaction = read_transaction(&components, &proof.path)?;
    let root = root_of_path(leaf_of(&components), &proof.path);
    Ok(Proven { root, signer, transaction: Some(transaction) })
}

/// A signature at `signature` covers all transactions before it, of no later view.
fn precedes(id: TxId, signature: TxId) -> bool {
    id.seqno < signature.seqno && id.view <= signature.view
}

/// `endorsements` lead from the service that issued the node's certificate to `service`.
fn verify_chain(node: &Certificate, endorsements: &[String], service: &Certificate) -> Result<(), Refusal> {
    let mut subject = node.clone();
    for pem in endorsements {
        let issuer = Certificate::from_pem(pem).map_err(|_| Refusal::Certificate)?;
        if !issuer.is_authority() {
            return Err(Refusal::Chain);
        }
        subject.verify_issued_by(&issuer).map_err(|_| Refusal::Chain)?;
        subject = issuer;
    }
    subject.verify_issued_by(service).map_err(|_| Refusal::Chain)
}

fn leaf_of(components: &LeafComponents) -> Digest {
    let evidence = sha256(components.commit_evidence.as_bytes());
    let write_set = &components.write_set_digest.0;
    match &components.claims_digest {
        Some(claims) => sha256_parts(&[write_set, &evidence.0, &claims.0]),
        None => sha256_parts(&[write_set, &evidence.0]),
    }
}

fn read_transaction(components: &LeafComponents, path: &[PathStep]) -> Result<ProvenTransaction, Refusal> {
    let id = read_evidence(&components.commit_evidence).ok_or(Refusal::CommitEvidence)?;
    if id.seqno == Seqno::ZERO || !path_fits(id.seqno.0, path) {
        return Err(Refusal::Path);
    }
    Ok(ProvenTransaction {
        id,
        write_set_digest: components.write_set_digest,
        claims_digest: components.claims_digest,
    })
}

/// Transaction ID in `ce:view.seqno:nonce` (CCF `src/node/encryptor.h`); the nonce is a digest.
fn read_evidence(evidence: &str) -> Option<TxId> {
    let (id, nonce) = evidence.strip_prefix("ce:")?.split_once(':')?;
    nonce.parse::<Digest>().ok()?;
    id.parse().ok()
}

/// The root that `path` leads to.
fn root_of_path(leaf: Digest, path: &[PathStep]) -> Digest {
    path.iter().fold(leaf, |node, step| match step {
        PathStep::Left(left) => sha256_pair(left, &node),
        PathStep::Right(right) => sha256_pair(&node, right),
    })
}

/// Whether a path with these steps can start at the leaf at `index`: it goes up from the right child
/// exactly where a bit of the index is set, and skips levels only where the bit is not.
fn path_fits(mut index: u64, path: &[PathStep]) -> bool {
    for step in path {
        match step {
            PathStep::Left(_) if index == 0 => return false,
            PathStep::Left(_) => index = index >> index.trailing_zeros() >> 1,
            PathStep::Right(_) if index & 1 == 1 => return false,
            PathStep::Right(_) => index >>= 1,
        }
    }
    index == 0
}

#[cfg(test)]
mod tests;
