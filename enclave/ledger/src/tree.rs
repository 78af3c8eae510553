//! The Merkle tree over the ledger: one leaf for each entry.

use std::collections::VecDeque;

use coco_crypto::hash::sha256_pair;
use coco_wire::{Digest, Seqno, receipt::PathStep, tree::SerialisedTree};

/// Append-only Merkle tree that can forget its beginning and take back its end.
///
/// Leaf 0 is 32 zero bytes, leaf `s` belongs to the entry at seqno `s`. A parent is the SHA-256 of its two
/// children; the last node of a level with an odd number of nodes moves up unchanged (the shape of merklecpp).
///
/// Only the hashes of complete subtrees are kept, so none ever changes: appending costs two hashes on average.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// `levels[k]` holds complete subtrees of `2^k` leaves.
    levels: Vec<Level>,
    /// Leaves before this one are forgotten; the roots of the subtrees that cover them are kept.
    begin: u64,
    /// Number of leaves, the forgotten ones included; never zero.
    size: u64,
}

/// Consecutive nodes of one height, from node number `first` on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Level {
    first: u64,
    nodes: VecDeque<Digest>,
}

/// A serialised tree with no leaf or with more than 2^63.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("serialised tree has an impossible number of leaves")]
pub struct InvalidTree;

impl Default for Tree {
    /// A tree with leaf 0 only.
    fn default() -> Self {
        let mut tree = Self { levels: Vec::new(), begin: 0, size: 0 };
        tree.push(Digest::ZERO);
        tree
    }
}

impl Tree {
    /// Adds the leaf of the next entry.
    pub fn append(&mut self, leaf: Digest) {
        self.push(leaf);
    }

    /// First leaf that is kept.
    #[must_use]
    pub fn begin(&self) -> Seqno {
        Seqno(self.begin)
    }

    /// Last leaf.
    #[must_use]
    pub fn last(&self) -> Seqno {
        Seqno(self.size - 1)
    }

    /// A leaf that is kept.
    #[must_use]
    pub fn leaf(&self, seqno: Seqno) -> Option<Digest> {
        self.covers(seqno).then(|| self.node(0, seqno.0))
    }

    /// The digest of everything up to the last leaf.
    #[must_use]
    pub fn root(&self) -> Digest {
        let mut root = None;
        for level in 0..self.levels.len() {
            root = self.extend_edge(level, root);
        }
        root.expect("a tree has at least one leaf")
    }

    /// Takes back all leaves after `last`.
    ///
    /// # Panics
    /// If `last` is forgotten.
    pub fn retract(&mut self, last: Seqno) {
        assert!(last.0 >= self.begin, "cannot retract to {last}: leaves before {} are flushed", self.begin);
        self.size = self.size.min(last.0 + 1);
        for (height, level) in self.levels.iter_mut().enumerate() {
            let kept = (self.size >> height).saturating_sub(level.first);
            level.nodes.truncate(usize::try_from(kept).unwrap_or(usize::MAX));
        }
        while self.levels.last().is_some_and(|level| level.nodes.is_empty()) {
            self.levels.pop();
        }
    }

    /// Forgets the leaves before `begin`; the last leaf always stays.
    pub fn flush(&mut self, begin: Seqno) {
        let begin = begin.0.min(self.size - 1);
        if begin <= self.begin {
            return;
        }
        self.begin = begin;
        for (height, level) in self.levels.iter_mut().enumerate() {
            let first = first_kept(begin, height);
            let dropped = first.saturating_sub(level.first);
            level
                .nodes
                .drain(..usize::try_from(dropped).map_or(level.nodes.len(), |n| n.min(level.nodes.len())));
            level.first = first.max(level.first);
        }
    }

    /// The steps from a leaf to the root; none if the leaf is forgotten or not there yet.
    #[must_use]
    pub fn path(&self, seqno: Seqno) -> Option<Vec<PathStep>> {
        if !self.covers(seqno) {
            return None;
        }
        let mut steps = Vec::with_capacity(self.levels.len());
        // Hash of the incomplete subtree at the right edge, of the height of the current level.
        let mut edge = None;
        for level in 0..self.levels.len() {
            let at = seqno.0 >> level;
            let complete = self.size >> level;
            if at % 2 == 1 {
                steps.push(PathStep::Left(self.node(level, at - 1)));
            } else if at + 1 < complete {
                steps.push(PathStep::Right(self.node(level, at + 1)));
            } else if at + 1 == complete {
                steps.extend(edge.map(PathStep::Right));
            }
            edge = self.extend_edge(level, edge);
        }
        Some(steps)
    }

    /// The tree from leaf `begin`, or the first that is kept if that is later, to the last.
    #[must_use]
    pub fn serialise(&self, begin: Seqno) -> SerialisedTree {
        let begin = begin.0.clamp(self.begin, self.size - 1);
        let level = &self.levels[0];
        let skipped = usize::try_from(begin - level.first).expect("the leaves are in memory");
        let leaves = level.nodes.range(skipped..).copied().collect();
        let roots = set_bits(begin).map(|height| self.node(height, (begin >> height) - 1)).collect();
        SerialisedTree::new(begin, roots, leaves).expect("one root for each set bit, and the last leaf")
    }

    /// Undoes [`Tree::serialise`].
    ///
    /// # Errors
    /// Without a leaf, or with more than 2^63.
    pub fn restore(serialised: &SerialisedTree) -> Result<Self, InvalidTree> {
        let begin = serialised.flushed();
        if serialised.leaves().is_empty() || begin >= 1 << 63 {
            return Err(InvalidTree);
        }
        let mut tree = Self { levels: Vec::new(), begin, size: begin };
        for (height, root) in set_bits(begin).zip(serialised.flushed_roots()) {
            tree.level(height).nodes.push_back(*root);
        }
        for leaf in serialised.leaves() {
            tree.push(*leaf);
        }
        Ok(tree)
    }

    fn covers(&self, seqno: Seqno) -> bool {
        (self.begin..self.size).contains(&seqno.0)
    }

    fn push(&mut self, leaf: Digest) {
        let mut node = leaf;
        let mut at = self.size;
        self.level(0).nodes.push_back(node);
        for height in 0.. {
            if at.is_multiple_of(2) {
                break;
            }
            node = sha256_pair(&self.node(height, at - 1), &node);
            at /= 2;
            self.level(height + 1).nodes.push_back(node);
        }
        self.size += 1;
    }

    /// A level, made empty if it does not exist yet.
    fn level(&mut self, height: usize) -> &mut Level {
        for missing in self.levels.len()..=height {
            self.levels.push(Level { first: first_kept(self.begin, missing), nodes: VecDeque::new() });
        }
        &mut self.levels[height]
    }

    fn node(&self, height: usize, at: u64) -> Digest {
        let level = &self.levels[height];
        level.nodes[usize::try_from(at - level.first).expect("the nodes are in memory")]
    }

    /// The right edge one level higher: joined with the last node of this level where that has no pair.
    fn extend_edge(&self, height: usize, edge: Option<Digest>) -> Option<Digest> {
        let complete = self.size >> height;
        if complete.is_multiple_of(2) {
            return edge;
        }
        let last = self.node(height, complete - 1);
        Some(edge.map_or(last, |edge| sha256_pair(&last, &edge)))
    }
}

/// The root that a leaf and its path lead to.
#[must_use]
pub fn root_from(leaf: Digest, path: &[PathStep]) -> Digest {
    path.iter().fold(leaf, |node, step| match step {
        PathStep::Left(left) => sha256_pair(left, &node),
        PathStep::Right(right) => sha256_pair(&node, right),
    })
}

/// First node of a level that is still needed when leaves before `begin` are forgotten: the node that covers
/// `begin`, and its left sibling, which may be a root of forgotten leaves.
fn first_kept(begin: u64, height: usize) -> u64 {
    (begin >> height) & !1
}

fn set_bits(number: u64) -> impl Iterator<Item = usize> {
    (0..u64::BITS as usize).filter(move |bit| number >> bit & 1 == 1)
}

#[cfg(test)]
mod tests;
