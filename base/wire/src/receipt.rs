//! Receipts: proof that a transaction is in the ledger, as JSON or as a COSE message.
//!
//! Sources: CCF `src/node/historical_queries_adapter.cpp` (`describe_receipt_v1`),
//! `cddl/ccf-receipt.cddl`, draft-birkholz-cose-receipts-ccf-profile.

use serde::{Deserialize, Serialize};

use crate::{
    cbor::Cbor,
    cose::{self, CoseError, CoseSign1, Headers},
    id::Digest,
    signature::RootSignature,
    text::Base64,
};

/// Most steps of a path: one for each level of a tree over all seqnos.
pub const MAX_PATH_LEN: usize = 64;
/// Most certificates between the node's and the current service's.
pub const MAX_ENDORSEMENTS: usize = 256;
/// Most bytes of a commit evidence.
pub const MAX_EVIDENCE_LEN: usize = 1024;

const INCLUSION_PROOFS: i64 = -1;
const PROOF_LEAF: i64 = 1;
const PROOF_PATH: i64 = 2;

/// One step from a leaf up to the root: the digest of the other child.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PathStep {
    /// The other child is on the left.
    Left(Digest),
    /// The other child is on the right.
    Right(Digest),
}

/// What the leaf of a transaction in JSON receipts is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeafComponents {
    /// Digest of the application's claims, zeros for none; absent before CCF 2.0.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub claims_digest: Option<Digest>,
    /// Text whose digest is in the entry; known only once the transaction is committed.
    pub commit_evidence: String,
    /// SHA-256 of the whole entry.
    pub write_set_digest: Digest,
}

/// The start of the path in a JSON receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReceiptLeaf {
    /// The leaf itself: the signed root for a signature transaction (with an empty path), or the
    /// write-set digest of a CCF 1.x entry.
    Digest(Digest),
    /// To be hashed into the leaf.
    Components(LeafComponents),
}

/// Receipts that do not decode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// Not JSON of the expected fields, with digests and signature in canonical text.
    #[error("malformed JSON receipt")]
    Json,
    /// Neither a leaf nor its components, or both.
    #[error("a receipt has either a leaf or its components")]
    Leaf,
    /// More steps, certificates or evidence than any ledger yields.
    #[error("receipt exceeds limits")]
    Limit,
}

/// JSON receipt, as `GET /app/receipt` answers and snapshots carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonReceipt {
    /// PEM certificate of the node that signed, endorsed by its service.
    pub cert: Option<String>,
    /// Start of the path.
    pub leaf: ReceiptLeaf,
    /// Digest of the node's public key.
    pub node_id: Digest,
    /// From leaf to root.
    pub proof: Vec<PathStep>,
    /// PEM certificates that lead from the node's service to the current one; absent when equal.
    pub service_endorsements: Option<Vec<String>>,
    /// ECDSA signature (DER) over the 32 bytes of the root, taken as the digest.
    pub signature: Vec<u8>,
}

/// The JSON object, keys in order.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonFields {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    cert: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    leaf: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    leaf_components: Option<LeafComponents>,
    node_id: Digest,
    proof: Vec<PathStep>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    service_endorsements: Option<Vec<String>>,
    signature: Base64,
}

impl JsonReceipt {
    /// White space and the order of keys are free; unknown and repeated keys are refused.
    ///
    /// # Errors
    /// On anything else than a receipt.
    pub fn decode(json: &[u8]) -> Result<Self, ReceiptError> {
        let fields: JsonFields = serde_json::from_slice(json).map_err(|_| ReceiptError::Json)?;
        let leaf = match (fields.leaf, fields.leaf_components) {
            (Some(digest), None) => ReceiptLeaf::Digest(digest),
            (None, Some(components)) => ReceiptLeaf::Components(components),
            _ => return Err(ReceiptError::Leaf),
        };
        let evidence_len = match &leaf {
            ReceiptLeaf::Digest(_) => 0,
            ReceiptLeaf::Components(components) => components.commit_evidence.len(),
        };
        let endorsements = fields.service_endorsements.as_ref().map_or(0, Vec::len);
        if fields.proof.len() > MAX_PATH_LEN
            || endorsements > MAX_ENDORSEMENTS
            || evidence_len > MAX_EVIDENCE_LEN
        {
            return Err(ReceiptError::Limit);
        }
        Ok(Self {
            cert: fields.cert,
            leaf,
            node_id: fields.node_id,
            proof: fields.proof,
            service_endorsements: fields.service_endorsements,
            signature: fields.signature.0,
        })
    }

    /// Compact JSON with sorted keys.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let (leaf, leaf_components) = match &self.leaf {
            ReceiptLeaf::Digest(digest) => (Some(*digest), None),
            ReceiptLeaf::Components(components) => (None, Some(components.clone())),
        };
        let fields = JsonFields {
            cert: self.cert.clone(),
            leaf,
            leaf_components,
            node_id: self.node_id,
            proof: self.proof.clone(),
            service_endorsements: self.service_endorsements.clone(),
            signature: Base64(self.signature.clone()),
        };
        serde_json::to_vec(&fields).expect("plain fields have a JSON form")
    }
}

/// Leaf of a transaction in COSE receipts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofLeaf {
    /// SHA-256 of the whole entry.
    pub write_set_digest: Digest,
    /// Text whose digest is in the entry, 1 to 1024 bytes.
    pub commit_evidence: String,
    /// Digest of the application's claims, zeros for none.
    pub claims_digest: Digest,
}

/// Path of one transaction to a signed root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InclusionProof {
    /// The transaction.
    pub leaf: ProofLeaf,
    /// From leaf to root, 1 to 64 steps.
    pub path: Vec<PathStep>,
}

impl InclusionProof {
    /// CBOR, as inside a COSE receipt.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let leaf = Cbor::Array(vec![
            Cbor::Bytes(&self.leaf.write_set_digest.0),
            Cbor::Text(&self.leaf.commit_evidence),
            Cbor::Bytes(&self.leaf.claims_digest.0),
        ]);
        let path = self.path.iter().map(|step| {
            let (left, Digest(digest)) = match step {
                PathStep::Left(digest) => (true, digest),
                PathStep::Right(digest) => (false, digest),
            };
            Cbor::Array(vec![Cbor::Bool(left), Cbor::Bytes(digest)])
        });
        let path = Cbor::Array(path.collect());
        Cbor::Map(vec![(Cbor::Int(PROOF_LEAF), leaf), (Cbor::Int(PROOF_PATH), path)]).encode()
    }

    /// Accepts exactly what [`encode`](Self::encode) yields, within the limits.
    ///
    /// # Errors
    /// [`CoseError::Cbor`], [`CoseError::Proof`].
    pub fn decode(bytes: &[u8]) -> Result<Self, CoseError> {
        let Cbor::Map(entries) = Cbor::decode(bytes)? else { return Err(CoseError::Proof) };
        let [(Cbor::Int(PROOF_LEAF), Cbor::Array(leaf)), (Cbor::Int(PROOF_PATH), Cbor::Array(path))] =
            entries.as_slice()
        else {
            return Err(CoseError::Proof);
        };
        let [Cbor::Bytes(write_set), Cbor::Text(evidence), Cbor::Bytes(claims)] = leaf.as_slice() else {
            return Err(CoseError::Proof);
        };
        let evidence_fits = (1..=MAX_EVIDENCE_LEN).contains(&evidence.len());
        if !evidence_fits || !(1..=MAX_PATH_LEN).contains(&path.len()) {
            return Err(CoseError::Proof);
        }
        let leaf = ProofLeaf {
            write_set_digest: digest(write_set)?,
            commit_evidence: (*evidence).to_owned(),
            claims_digest: digest(claims)?,
        };
        let path = path.iter().map(|step| {
            let Cbor::Array(step) = step else { return Err(CoseError::Proof) };
            match step.as_slice() {
                [Cbor::Bool(true), Cbor::Bytes(left)] => digest(left).map(PathStep::Left),
                [Cbor::Bool(false), Cbor::Bytes(right)] => digest(right).map(PathStep::Right),
                _ => Err(CoseError::Proof),
            }
        });
        Ok(Self { leaf, path: path.collect::<Result<_, _>>()? })
    }
}

/// COSE receipt: a signed root, and proofs of transactions under it in the unprotected header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoseReceipt {
    /// Signature over the root that all proofs lead to.
    pub signature: RootSignature,
    /// At least one.
    pub proofs: Vec<InclusionProof>,
}

impl CoseReceipt {
    /// Exactly the header parameters of such a receipt.
    ///
    /// # Errors
    /// On any other message.
    pub fn decode(bytes: &[u8]) -> Result<Self, CoseError> {
        let message = CoseSign1::decode(bytes)?;
        let signature = RootSignature::of_message(&message)?;
        let [(Cbor::Int(cose::VDP), Cbor::Map(proofs))] = message.unprotected.parameters() else {
            return Err(CoseError::Parameters);
        };
        let [(Cbor::Int(INCLUSION_PROOFS), Cbor::Array(proofs))] = proofs.as_slice() else {
            return Err(CoseError::Parameters);
        };
        let decode = |proof: &Cbor<'_>| match proof {
            Cbor::Bytes(proof) => InclusionProof::decode(proof),
            _ => Err(CoseError::Proof),
        };
        let proofs: Vec<_> = proofs.iter().map(decode).collect::<Result<_, _>>()?;
        if proofs.is_empty() { Err(CoseError::Proof) } else { Ok(Self { signature, proofs }) }
    }

    /// The message.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let proofs: Vec<_> = self.proofs.iter().map(InclusionProof::encode).collect();
        let proofs = Cbor::Array(proofs.iter().map(|proof| Cbor::Bytes(proof)).collect());
        let unprotected = Headers::new(vec![(
            Cbor::Int(cose::VDP),
            Cbor::Map(vec![(Cbor::Int(INCLUSION_PROOFS), proofs)]),
        )]);
        cose::encode(&self.signature.protected, &unprotected, None, &self.signature.signature)
    }
}

fn digest(bytes: &[u8]) -> Result<Digest, CoseError> {
    bytes.try_into().map(Digest).map_err(|_| CoseError::Proof)
}

#[cfg(test)]
mod tests;
