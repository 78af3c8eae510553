//! Walking over a tree against the order of keys.

use std::ops::{Bound, RangeBounds};

use super::{Branch, Leaf, Node, Stored};

/// Iterator over the rows within some bounds, the last first.
pub(crate) struct Back<'a> {
    /// Branches above, each with the child that is walked.
    above: Vec<(&'a Branch, usize)>,
    /// A leaf, and how many of its rows are left; none at the end.
    leaf: Option<(&'a Leaf, usize)>,
    from: Bound<Box<[u8]>>,
}

impl<'a> Back<'a> {
    pub(super) fn new(root: Option<&'a Node>, bounds: impl RangeBounds<[u8]>) -> Self {
        let mut back = Self { above: Vec::new(), leaf: None, from: bounds.start_bound().map(Box::from) };
        if let Some(root) = root {
            back.seek(root, bounds.end_bound());
        }
        back
    }

    /// Goes down to the last key at or before the bound, below a node.
    fn seek(&mut self, mut node: &'a Node, to: Bound<&[u8]>) {
        loop {
            match node {
                Node::Branch(branch) => {
                    let at = match to {
                        Bound::Unbounded => branch.len() - 1,
                        Bound::Included(key) | Bound::Excluded(key) => branch.find(key),
                    };
                    self.above.push((branch, at));
                    node = branch.child(at);
                }
                Node::Leaf(leaf) => {
                    let left = match to {
                        Bound::Unbounded => leaf.len(),
                        Bound::Included(key) => leaf.find(key).map_or_else(|at| at, |at| at + 1),
                        Bound::Excluded(key) => leaf.find(key).unwrap_or_else(|at| at),
                    };
                    self.leaf = Some((leaf, left));
                    return;
                }
            }
        }
    }

    /// Goes on before the leaf.
    fn skip(&mut self) {
        self.leaf = None;
        while let Some((branch, at)) = self.above.last_mut() {
            if *at > 0 {
                *at -= 1;
                let child = branch.child(*at);
                return self.seek(child, Bound::Unbounded);
            }
            self.above.pop();
        }
    }
}

impl<'a> Iterator for Back<'a> {
    type Item = (&'a [u8], Stored<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let (leaf, at) = loop {
            match self.leaf.as_mut()? {
                (_, 0) => self.skip(),
                (leaf, left) => {
                    *left -= 1;
                    break (*leaf, *left);
                }
            }
        };
        let key = leaf.key(at);
        let inside = match &self.from {
            Bound::Unbounded => true,
            Bound::Included(from) => key >= &**from,
            Bound::Excluded(from) => key > &**from,
        };
        if !inside {
            self.leaf = None;
            self.above.clear();
            return None;
        }
        Some((key, leaf.row(at)))
    }
}
