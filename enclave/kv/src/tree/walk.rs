//! Walking over a tree in the order of keys.

use std::{
    cmp::Ordering,
    ops::{Bound, RangeBounds},
};

use coco_wire::Key;

use super::{Branch, Leaf, Node, Stored};

/// A place in a tree: before a node, or before a row of a leaf.
pub(super) struct Walk<'a> {
    /// Branches above, each with the child to go on with.
    above: Vec<(&'a Branch, usize)>,
    /// None at the end.
    node: Option<&'a Node>,
    /// Row of the leaf; zero at a branch.
    at: usize,
}

impl<'a> Walk<'a> {
    pub(super) fn new(root: Option<&'a Node>) -> Self {
        Self { above: Vec::new(), node: root, at: 0 }
    }

    /// Goes down to the first key at or after the bound.
    fn seek(&mut self, from: Bound<&[u8]>) {
        let (Bound::Included(key) | Bound::Excluded(key)) = from else { return };
        while let Some(Node::Branch(branch)) = self.node {
            self.down(branch, branch.find(key));
        }
        if let Some(Node::Leaf(leaf)) = self.node {
            self.at = match leaf.find(key) {
                Ok(at) => at + usize::from(matches!(from, Bound::Excluded(_))),
                Err(at) => at,
            };
        }
    }

    fn down(&mut self, branch: &'a Branch, at: usize) {
        self.above.push((branch, at + 1));
        self.node = Some(branch.child(at));
    }

    /// Goes on behind the node.
    fn skip(&mut self) {
        self.node = None;
        self.at = 0;
        while let Some((branch, next)) = self.above.last_mut() {
            if *next < branch.len() {
                self.node = Some(branch.child(*next));
                *next += 1;
                return;
            }
            self.above.pop();
        }
    }

    /// Goes on to the next row, and says where it is.
    fn row(&mut self) -> Option<(&'a Leaf, usize)> {
        loop {
            match self.node? {
                Node::Branch(branch) => self.down(branch, 0),
                Node::Leaf(leaf) if self.at < leaf.len() => return Some((leaf, self.at)),
                Node::Leaf(_) => self.skip(),
            }
        }
    }

    /// Skips nodes that both trees have at this place.
    fn skip_shared(&mut self, other: &mut Self) {
        while let (Some(one), Some(two)) = (self.node, other.node) {
            let aligned = self.at == 0 && other.at == 0;
            match (one, two) {
                _ if aligned && one.is_same(two) => {
                    self.skip();
                    other.skip();
                }
                (Node::Leaf(_), Node::Leaf(_)) => return,
                (Node::Branch(branch), _) if one.height() >= two.height() => self.down(branch, 0),
                (_, Node::Branch(branch)) => other.down(branch, 0),
                (Node::Branch(branch), Node::Leaf(_)) => self.down(branch, 0),
            }
        }
    }

    /// See [`super::Tree::same_where`].
    pub(super) fn same_where(mut self, mut other: Self, matters: impl Fn(&[u8]) -> bool) -> bool {
        loop {
            self.skip_shared(&mut other);
            let changed = match (self.row(), other.row()) {
                (None, None) => return true,
                (Some((leaf, at)), None) => {
                    self.at += 1;
                    leaf.key(at)
                }
                (None, Some((leaf, at))) => {
                    other.at += 1;
                    leaf.key(at)
                }
                (Some((one, at)), Some((two, other_at))) => {
                    let (key, other_key) = (one.key(at), two.key(other_at));
                    let order = key.cmp(other_key);
                    self.at += usize::from(order != Ordering::Greater);
                    other.at += usize::from(order != Ordering::Less);
                    if order == Ordering::Equal && one.row(at).is_same(two.row(other_at)) {
                        continue;
                    }
                    key.min(other_key)
                }
            };
            if matters(changed) {
                return false;
            }
        }
    }
}

/// Iterator over the rows within some bounds.
pub(crate) struct Range<'a> {
    walk: Walk<'a>,
    to: Bound<Key>,
}

impl<'a> Range<'a> {
    pub(super) fn new(root: Option<&'a Node>, bounds: impl RangeBounds<[u8]>) -> Self {
        let mut walk = Walk::new(root);
        walk.seek(bounds.start_bound());
        Self { walk, to: bounds.end_bound().map(Key::new) }
    }
}

impl<'a> Iterator for Range<'a> {
    type Item = (&'a [u8], Stored<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let (leaf, at) = self.walk.row()?;
        let key = leaf.key(at);
        let inside = match &self.to {
            Bound::Unbounded => true,
            Bound::Included(to) => key <= &**to,
            Bound::Excluded(to) => key < &**to,
        };
        if !inside {
            self.walk = Walk::new(None);
            return None;
        }
        self.walk.at += 1;
        Some((key, leaf.row(at)))
    }
}
