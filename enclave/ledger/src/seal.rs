//! From a write set to the bytes of its ledger entry and the leaf of the Merkle tree.

use coco_crypto::hash::sha256;
use coco_wire::{
    Digest, TxId, WriteSet,
    domain::Commitments,
    entry::{EntryError, EntryFlags, UnsealedEntry},
};

use crate::secrets::LedgerSecrets;

/// A finished entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealing {
    /// What goes to disk and to peers.
    pub bytes: Vec<u8>,
    /// What goes into the Merkle tree.
    pub leaf: Digest,
}

/// Seals one transaction: private tables are encrypted under the secret in force at its position.
///
/// The leaf is SHA-256 of (digest of the entry, digest of the commit evidence, claims digest), as in CCF
/// `src/kv/kv_types.h`; `claims` is zero where the application claims nothing.
///
/// # Errors
/// When the entry would exceed 1 GiB, or the view 31 bits.
///
/// # Panics
/// If no secret is in force at this position.
pub fn seal(
    secrets: &LedgerSecrets,
    txid: TxId,
    writes: &WriteSet,
    claims: Digest,
    flags: EntryFlags,
) -> Result<Sealing, EntryError> {
    let secret = secrets.at(txid.seqno).expect("a secret is in force");
    let evidence = sha256(secret.commit_evidence(txid).as_bytes());
    let commitments = Commitments::EvidenceAndClaims { evidence, claims };
    let bytes = UnsealedEntry::of_writes(txid, flags, commitments, writes)?
        .seal(|iv, public, private| Ok(secret.encryption_key().seal_in_place(&iv.0, public, private)))?;
    let leaf = leaf(sha256(&bytes), commitments);
    Ok(Sealing { bytes, leaf })
}

/// The leaf of an entry with this digest, for all types of entries.
pub(crate) fn leaf(entry: Digest, commitments: Commitments) -> Digest {
    match commitments {
        Commitments::EvidenceAndClaims { evidence, claims } => {
            sha256([entry.0, evidence.0, claims.0].as_flattened())
        }
        Commitments::Evidence(evidence) => sha256([entry.0, evidence.0].as_flattened()),
        Commitments::Claims(_) | Commitments::None => entry,
    }
}
