//! Signatures over the ledger and evidence of snapshots.

use coco_kv::{Singleton, Table};
use coco_wire::{
    signature::{COSE_SIGNATURES, NodeSignature, SIGNATURES, TREE},
    snapshot::{SNAPSHOT_EVIDENCE, SnapshotEvidence},
    text::Base64,
};

use crate::value::Present;

/// Key of [`Signatures::snapshot_requests`] for what is due because of its distance to the last periodic one.
pub const PERIODIC: &str = "periodic";
/// Key of [`Signatures::snapshot_requests`] for what members or operators asked for.
pub const ASKED_FOR: &str = "asked_for";
/// Name of [`Signatures::snapshot_requests`].
pub const SNAPSHOT_REQUESTS: &str = "public:coco.internal.snapshot_requests";

/// Tables of signature and snapshot transactions.
pub struct Signatures {
    /// `internal.signatures`: by the node, unless only the service signs. Written by signature transactions of the
    /// primary.
    pub node: Singleton<NodeSignature>,
    /// `internal.cose_signatures`: COSE_Sign1 by the service. Written by signature transactions of the primary.
    pub cose: Singleton<Base64>,
    /// `internal.tree`: the Merkle tree signed, as [`coco_wire::tree::SerialisedTree`]. Written by signature
    /// transactions of the primary.
    pub tree: Singleton<Vec<u8>>,
    /// `internal.snapshot_evidence`: digest and position of a snapshot. Written by the primary when it has made one.
    pub snapshot_evidence: Singleton<SnapshotEvidence>,
    /// `public:coco.internal.snapshot_requests`: a snapshot is made at the first signature after a write. CCF has no
    /// such table: there only the primary knows, and only the primary makes snapshots. Written by the primary,
    /// `trigger_snapshot`, and operators who ask for one.
    pub snapshot_requests: Table<String, Present>,
}

impl Default for Signatures {
    fn default() -> Self {
        Self {
            node: Singleton::new(SIGNATURES),
            cose: Singleton::new(COSE_SIGNATURES),
            tree: Singleton::new(TREE),
            snapshot_evidence: Singleton::new(SNAPSHOT_EVIDENCE),
            snapshot_requests: Table::new(SNAPSHOT_REQUESTS),
        }
    }
}
