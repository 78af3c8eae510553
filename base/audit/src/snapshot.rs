//! Verification of snapshot files against the certificate of a service.

use coco_crypto::{
    Certificate,
    hash::sha256,
    receipt::{self, SnapshotReceiptRefusal},
};
use coco_wire::{
    Seqno, TxId,
    snapshot::{SnapshotError, SnapshotFile},
};

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
    /// Its receipt.
    #[error(transparent)]
    Receipt(#[from] SnapshotReceiptRefusal),
}

/// Verifies the file of a committed snapshot: its receipt, JSON or COSE, must prove that `service` recorded
/// the digest of the snapshot after its last transaction. The tables inside are not read.
///
/// # Errors
/// The first thing that does not fit.
pub fn verify(file: &[u8], service: &Certificate) -> Result<ProvenSnapshot, SnapshotRefusal> {
    let snapshot = SnapshotFile::decode(file)?;
    let seqno = snapshot.header.seqno;
    let digest = sha256(snapshot.entry.bytes());
    let evidence = receipt::verify_snapshot(snapshot.receipt, digest, seqno, service)?;
    Ok(ProvenSnapshot { seqno, evidence })
}
