//! From the bytes of a ledger entry back to its write set, with everything checked that an entry alone can show.

use coco_crypto::hash::sha256;
use coco_wire::{
    Digest, TxId, WriteSet,
    domain::{self, Commitments, DomainError, KeyOrder},
    entry::{Entry, EntryError, EntryFlags},
    receipt::{LeafComponents, ReceiptLeaf},
    signature::{COSE_SIGNATURES, SIGNATURES},
};

use crate::{seal, secrets::LedgerSecrets};

/// An entry, decrypted and checked. It is proved to belong to the ledger only by a signature after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Its place.
    pub txid: TxId,
    /// What it asks of whoever writes chunks.
    pub flags: EntryFlags,
    /// What it changes.
    pub writes: WriteSet,
    /// Digest of the application's claims; zero if there are none.
    pub claims: Digest,
    /// Its leaf in the Merkle tree.
    pub leaf: Digest,
    /// What a receipt shows of the leaf.
    pub receipt_leaf: ReceiptLeaf,
}

/// Why an entry does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The frame is wrong.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// A domain is wrong.
    #[error(transparent)]
    Domain(#[from] DomainError),
    /// No secret is known for its position.
    #[error("no ledger secret is known for {0}")]
    NoSecret(TxId),
    /// Altered, or encrypted under another secret.
    #[error("entry is not authentic")]
    NotAuthentic,
    /// A snapshot, or an entry that names two positions.
    #[error("entry names two positions")]
    Position,
    /// The commit evidence is not that of its position and secret.
    #[error("commit evidence does not match")]
    CommitEvidence,
}

impl Opened {
    /// Whether it signs all entries before it.
    #[must_use]
    pub fn is_signature(&self) -> bool {
        [SIGNATURES, COSE_SIGNATURES].iter().any(|table| self.writes.table(table).is_some())
    }
}

/// Opens exactly one entry, of any type that CCF ever wrote.
///
/// The position is the one that the entry names: the caller compares it with the one that was asked for.
///
/// # Errors
/// On anything but such an entry.
pub fn open(secrets: &LedgerSecrets, bytes: &[u8]) -> Result<Opened, OpenError> {
    let entry = Entry::decode(bytes)?;
    let txid = entry.iv().tx_id();
    let secret = secrets.at(txid.seqno).ok_or(OpenError::NoSecret(txid))?;
    let mut private = entry.private_domain().to_vec();
    secret
        .encryption_key()
        .open_in_place(&entry.iv().0, entry.public_domain(), &mut private, entry.tag())
        .map_err(|_| OpenError::NotAuthentic)?;

    let mut writes = WriteSet::default();
    let header = domain::decode_public(entry.public_domain(), KeyOrder::Any, &mut writes)?;
    domain::decode_private(&private, KeyOrder::Any, &mut writes)?;
    if entry.iv().is_snapshot() || header.seqno != txid.seqno {
        return Err(OpenError::Position);
    }

    let write_set_digest = sha256(bytes);
    let (evidence, claims) = match header.commitments {
        Commitments::None => (None, None),
        Commitments::Claims(claims) => (None, Some(claims)),
        Commitments::Evidence(evidence) => (Some(evidence), None),
        Commitments::EvidenceAndClaims { evidence, claims } => (Some(evidence), Some(claims)),
    };
    let receipt_leaf = match evidence {
        None => ReceiptLeaf::Digest(write_set_digest),
        Some(digest) => {
            let commit_evidence = secret.commit_evidence(txid);
            if sha256(commit_evidence.as_bytes()) != digest {
                return Err(OpenError::CommitEvidence);
            }
            ReceiptLeaf::Components(LeafComponents {
                claims_digest: claims,
                commit_evidence,
                write_set_digest,
            })
        }
    };
    Ok(Opened {
        txid,
        flags: entry.header().flags(),
        writes,
        claims: claims.unwrap_or(Digest::ZERO),
        leaf: seal::leaf(write_set_digest, header.commitments),
        receipt_leaf,
    })
}

#[cfg(test)]
mod tests;
