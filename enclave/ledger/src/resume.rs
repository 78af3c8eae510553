//! A ledger that goes on after entries that this node does not have.

use coco_wire::{
    Seqno,
    snapshot::SnapshotHeader,
    tree::{SerialisedTree, TreeError},
};

use crate::{
    ledger::{Ledger, LedgerConfig},
    lineage::Lineage,
    secrets::LedgerSecrets,
    tree::{InvalidTree, Tree},
};

/// Where a ledger goes on: after a signature transaction, the last one of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResumePoint {
    tree: Tree,
    lineage: Lineage,
}

/// A snapshot after which no ledger goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResumeError {
    /// The tree does not read.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The tree reads, but cannot be.
    #[error(transparent)]
    InvalidTree(#[from] InvalidTree),
    /// The tree does not end before the last transaction of the snapshot: that is no signature.
    #[error("the snapshot does not end with a signature")]
    NotASignature,
}

impl ResumePoint {
    /// After a snapshot. `tree`: the row of its table [`TREE`](coco_wire::signature::TREE), which covers everything
    /// before the signature that the snapshot ends with; the header has that one's own leaf.
    ///
    /// # Errors
    /// If they do not fit together.
    pub fn of_snapshot(header: &SnapshotHeader, tree: &[u8]) -> Result<Self, ResumeError> {
        let mut tree = Tree::restore(&SerialisedTree::decode(tree)?)?;
        if tree.last().next() != header.seqno {
            return Err(ResumeError::NotASignature);
        }
        tree.append(header.leaf);
        let leaves = (tree.begin().0..=tree.last().0).filter_map(|seqno| tree.leaf(Seqno(seqno)));
        let lineage = Lineage::new(tree.begin(), leaves.collect());
        tree.flush(header.seqno);
        Ok(Self { tree, lineage })
    }

    /// What proves the entries that this node does not have.
    #[must_use]
    pub fn lineage(&self) -> Lineage {
        self.lineage.clone()
    }

    /// The last entry before.
    #[must_use]
    pub fn last(&self) -> Seqno {
        self.tree.last()
    }
}

impl Ledger {
    /// A ledger whose next entry follows `point`. Chunks are counted from there: it is meant to be the end of one.
    #[must_use]
    pub fn resume(secrets: LedgerSecrets, config: LedgerConfig, point: ResumePoint) -> Self {
        Self::following(secrets, config, point.tree)
    }
}
