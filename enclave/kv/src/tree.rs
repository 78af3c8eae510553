//! Rows of one table: a persistent B+ tree whose leaves keep their rows in one block of memory.
//!
//! While a snapshot is held, a change copies the nodes on its path. Copying a node whose keys and
//! values are shared pointers touches the reference count of each, which are scattered over memory;
//! here a leaf is copied as plain bytes, and only the children of branches are counted.

mod back;
mod branch;
mod head;
mod leaf;
mod walk;

use std::{ops::RangeBounds, sync::Arc};

use coco_wire::{Seqno, Value};

pub(crate) use back::Back;
use branch::{Branch, Separator};
use leaf::Leaf;
pub(crate) use leaf::Stored;
pub(crate) use walk::Range;
use walk::Walk;

/// A value and the transaction that wrote it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) version: Seqno,
    pub(crate) value: Value,
}

/// Ordered map from keys to rows; a clone costs one reference count.
#[derive(Clone, Default)]
pub(crate) struct Tree {
    root: Option<Node>,
    len: usize,
}

#[derive(Clone)]
enum Node {
    Leaf(Arc<Leaf>),
    Branch(Arc<Branch>),
}

/// Right half of a node that was split, and what separates it from the left half.
type Split = Option<(Separator, Node)>;

impl Tree {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn get(&self, key: &[u8]) -> Option<Stored<'_>> {
        let mut node = self.root.as_ref()?;
        loop {
            match node {
                Node::Branch(branch) => node = branch.child(branch.find(key)),
                Node::Leaf(leaf) => return leaf.find(key).ok().map(|at| leaf.row(at)),
            }
        }
    }

    /// Sets the row of a key; returns the row before.
    pub(crate) fn insert(&mut self, key: &[u8], row: &Row) -> Option<Row> {
        let root = self.root.get_or_insert_with(|| Node::Leaf(Arc::default()));
        let (previous, split) = root.insert(key, row);
        if let Some((separator, right)) = split {
            let left = root.clone();
            *root = Node::Branch(Arc::new(Branch::of_two(left, separator, right)));
        }
        self.len += usize::from(previous.is_none());
        previous
    }

    /// Removes the row of a key and returns it.
    pub(crate) fn remove(&mut self, key: &[u8]) -> Option<Row> {
        // Nothing is copied for an absent key.
        let previous = self.get(key)?.to_row();
        let root = self.root.as_mut()?;
        root.remove(key);
        while let Node::Branch(branch) = root
            && branch.len() == 1
        {
            *root = branch.child(0).clone();
        }
        self.len -= 1;
        Some(previous)
    }

    /// Rows within the bounds, which some key can satisfy, in the byte order of keys.
    pub(crate) fn range(&self, bounds: impl RangeBounds<[u8]>) -> Range<'_> {
        Range::new(self.root.as_ref(), bounds)
    }

    /// The same, the last first.
    pub(crate) fn range_back(&self, bounds: impl RangeBounds<[u8]>) -> Back<'_> {
        Back::new(self.root.as_ref(), bounds)
    }

    /// Whether `other` has the same rows at all keys that `matters` holds for. What both trees share
    /// is skipped, so that this costs about the number of differences.
    pub(crate) fn same_where(&self, other: &Self, matters: impl Fn(&[u8]) -> bool) -> bool {
        Walk::same_where(Walk::new(self.root.as_ref()), Walk::new(other.root.as_ref()), matters)
    }
}

impl Node {
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Leaf(one), Self::Leaf(other)) => Arc::ptr_eq(one, other),
            (Self::Branch(one), Self::Branch(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }

    /// Number of levels below.
    fn height(&self) -> usize {
        match self {
            Self::Leaf(_) => 0,
            Self::Branch(branch) => branch.height(),
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Leaf(leaf) => leaf.len() == 0,
            Self::Branch(branch) => branch.len() == 0,
        }
    }

    fn insert(&mut self, key: &[u8], row: &Row) -> (Option<Row>, Split) {
        match self {
            Self::Leaf(leaf) => {
                let (mut changed, previous) = match leaf.find(key) {
                    Ok(at) => {
                        let previous = Some(leaf.row(at).to_row());
                        if Arc::get_mut(leaf).is_some_and(|leaf| leaf.overwrite(at, row)) {
                            return (previous, None);
                        }
                        (leaf.with(at, 1, key, row), previous)
                    }
                    Err(at) => (leaf.with(at, 0, key, row), None),
                };
                let right = changed.split();
                let split = right.map(|right| (Separator::between(&changed, &right), right));
                *leaf = Arc::new(changed);
                (previous, split.map(|(separator, right)| (separator, Self::Leaf(Arc::new(right)))))
            }
            Self::Branch(branch) => {
                let at = branch.find(key);
                let branch = Arc::make_mut(branch);
                let (previous, split) = branch.child_mut(at).insert(key, row);
                let split = split.and_then(|(separator, right)| branch.insert(at, separator, right));
                (previous, split.map(|(separator, right)| (separator, Self::Branch(Arc::new(right)))))
            }
        }
    }

    /// Removes a key that is there; may leave an empty node.
    fn remove(&mut self, key: &[u8]) {
        match self {
            Self::Leaf(leaf) => {
                let at = leaf.find(key).expect("the key was looked up before");
                *leaf = Arc::new(leaf.without(at));
            }
            Self::Branch(branch) => {
                let at = branch.find(key);
                let branch = Arc::make_mut(branch);
                branch.child_mut(at).remove(key);
                if branch.child(at).is_empty() {
                    branch.remove(at);
                } else {
                    branch.merge_small(at);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
