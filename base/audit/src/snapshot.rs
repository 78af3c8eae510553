//! Verification of snapshot files against the certificate of a service.

use coco_crypto::{Certificate, hash::sha256};
use coco_wire::{
    Seqno, TxId,
    snapshot::{SnapshotError, SnapshotFile},
};

use crate::receipt::{self, Proven, Refusal};

/// What a snapshot file proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProvenSnapshot {
    /// Last transaction inside.
    pub seqno: Seqno,
    /// Transaction that records the digest of the snapshot in the ledger.
    pub evidence: TxId,
}

/// Why a snapshot file proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotRefusal {
    /// Not a snapshot.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// No receipt: the evidence was not committed when the file was written.
    #[error("the snapshot has no receipt")]
    NoReceipt,
    /// The receipt.
    #[error(transparent)]
    Receipt(#[from] Refusal),
    /// The receipt proves something else than the digest of this snapshot.
    #[error("the receipt does not claim this snapshot")]
    Claims,
}

/// Verifies the file of a committed snapshot: its receipt, JSON or COSE, must prove that `service` recorded
/// the digest of the snapshot after its last transaction. The tables inside are not read.
///
/// # Errors
/// The first thing that does not fit.
pub fn verify(file: &[u8], service: &Certificate) -> Result<ProvenSnapshot, SnapshotRefusal> {
    let snapshot = SnapshotFile::decode(file)?;
    let proven = match snapshot.receipt.first() {
        None => return Err(SnapshotRefusal::NoReceipt),
        Some(b'{') => vec![receipt::verify_json(snapshot.receipt, service)?],
        Some(_) => receipt::verify_cose(snapshot.receipt, service)?,
    };
    let [Proven { transaction: Some(transaction), .. }] = proven.as_slice() else {
        return Err(SnapshotRefusal::Claims);
    };
    let claimed = transaction.claims_digest == Some(sha256(snapshot.entry.bytes()));
    if !claimed || transaction.id.seqno <= snapshot.header.seqno {
        return Err(SnapshotRefusal::Claims);
    }
    Ok(ProvenSnapshot { seqno: snapshot.header.seqno, evidence: transaction.id })
}
