//! Root of a growing Merkle tree in constant memory.
//!
//! Leaf 0 is 32 zero bytes, leaf i is the transaction at seqno i; a parent is the SHA-256 of its
//! children, and a node without sibling moves up unchanged (merklecpp).

use coco_crypto::hash::sha256_pair;
use coco_wire::{Digest, tree::SerialisedTree};

/// Roots of the full subtrees, one for each set bit of the number of leaves.
#[derive(Clone, Debug)]
pub(crate) struct Frontier {
    leaves: u64,
    roots: [Digest; 64],
}

impl Frontier {
    /// A tree of leaf 0 alone.
    pub(crate) fn new() -> Self {
        let mut tree = Self::empty();
        tree.append(Digest::ZERO);
        tree
    }

    /// Whether `serialised`, as stored by a signature transaction, is this tree, whatever part of it was
    /// flushed.
    pub(crate) fn is_that_of(&self, serialised: &SerialisedTree) -> bool {
        let leaves = serialised.flushed().checked_add(serialised.leaves().len() as u64);
        leaves == Some(self.leaves) && Self::of_serialised(serialised).root() == self.root()
    }

    pub(crate) fn append(&mut self, leaf: Digest) {
        let full_levels = self.leaves.trailing_ones() as usize;
        let root = self.roots[..full_levels].iter().fold(leaf, |right, left| sha256_pair(left, &right));
        self.roots[full_levels] = root;
        self.leaves += 1;
    }

    /// None of a tree without leaves.
    pub(crate) fn root(&self) -> Option<Digest> {
        (0..64)
            .filter(|level| self.leaves >> level & 1 == 1)
            .map(|level| self.roots[level])
            .reduce(|right, left| sha256_pair(&left, &right))
    }

    /// Of at most 2^64 - 1 leaves.
    pub(crate) fn of_serialised(serialised: &SerialisedTree) -> Self {
        let mut tree = Self { leaves: serialised.flushed(), ..Self::empty() };
        let levels = (0..64).filter(|level| serialised.flushed() >> level & 1 == 1);
        for (level, root) in levels.zip(serialised.flushed_roots()) {
            tree.roots[level] = *root;
        }
        serialised.leaves().iter().for_each(|leaf| tree.append(*leaf));
        tree
    }

    fn empty() -> Self {
        Self { leaves: 0, roots: [Digest::ZERO; 64] }
    }
}

#[cfg(test)]
mod tests;
