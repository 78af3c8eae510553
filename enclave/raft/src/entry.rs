//! Entries of the log and the sets of nodes that agree on them.

use std::collections::BTreeSet;

use coco_wire::{Digest, TxId};

/// A node is named by the SHA-256 of its public key. A restarted node has a new key, so a new name.
pub type NodeId = Digest;

/// What raft needs to know of a ledger entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Its place.
    pub txid: TxId,
    /// Whether it is a signature over all entries before it, so that it can be committed.
    pub signature: bool,
    /// The nodes that agree from this entry on, if it changes them.
    pub configuration: Option<Configuration>,
    /// The nodes that it marks as retired-committed: once it is committed, nobody needs them any more.
    pub retired: Vec<NodeId>,
}

/// The nodes of which a majority must agree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Configuration(BTreeSet<NodeId>);

impl Configuration {
    /// Whether the node takes part.
    #[must_use]
    pub fn contains(&self, node: &NodeId) -> bool {
        self.0.contains(node)
    }

    /// The nodes in the order of their names.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = &NodeId> {
        self.0.iter()
    }

    /// Nodes that make a majority.
    #[must_use]
    pub fn quorum(&self) -> usize {
        self.0.len() / 2 + 1
    }

    /// Whether those of its nodes for which `is_counted` holds are a majority.
    #[must_use]
    pub fn has_quorum(&self, is_counted: impl Fn(&NodeId) -> bool) -> bool {
        self.0.iter().filter(|node| is_counted(node)).count() >= self.quorum()
    }
}

impl FromIterator<NodeId> for Configuration {
    fn from_iter<I: IntoIterator<Item = NodeId>>(nodes: I) -> Self {
        Self(nodes.into_iter().collect())
    }
}
