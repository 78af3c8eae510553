//! Signatures over the ledger and evidence of snapshots.

use coco_kv::{JsonValue, Singleton};
use coco_wire::{
    Digest, Seqno,
    signature::{COSE_SIGNATURES, NodeSignature, SIGNATURES, TREE},
    text::Base64,
};
use serde::{Deserialize, Serialize};

/// Tables of signature and snapshot transactions.
pub struct Signatures {
    /// `internal.signatures`: by the node.
    pub node: Singleton<NodeSignature>,
    /// `internal.cose_signatures`: COSE_Sign1 by the service.
    pub cose: Singleton<Base64>,
    /// `internal.tree`: the Merkle tree signed, as [`coco_wire::tree::SerialisedTree`].
    pub tree: Singleton<Vec<u8>>,
    /// `internal.snapshot_evidence`.
    pub snapshot_evidence: Singleton<SnapshotEvidence>,
}

impl Default for Signatures {
    fn default() -> Self {
        Self {
            node: Singleton::new(SIGNATURES),
            cose: Singleton::new(COSE_SIGNATURES),
            tree: Singleton::new(TREE),
            snapshot_evidence: Singleton::new("public:ccf.internal.snapshot_evidence"),
        }
    }
}

/// Digest of a snapshot. Source: CCF `src/service/tables/snapshot_evidence.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotEvidence {
    /// SHA-256 of the snapshot.
    pub hash: Digest,
    /// Seqno of the state in it.
    pub version: Seqno,
}

impl JsonValue for SnapshotEvidence {}
