//! A branch: children in order, and the least key that each but the first may hold.

use std::sync::Arc;

use super::{Node, head::Head, leaf::Leaf};

/// Most children of a branch. Copying a branch counts a reference to each, which may be anywhere in
/// memory, so this is small.
const MAX_CHILDREN: usize = 8;
/// Longest separator that is kept in the branch itself.
const MAX_INLINE: usize = 22;

#[derive(Clone, Default)]
pub(super) struct Branch {
    /// Levels below, at least one.
    height: usize,
    len: usize,
    /// Of the separators, together in memory.
    heads: [Head; MAX_CHILDREN - 1],
    /// The first `len` are there.
    children: [Option<Node>; MAX_CHILDREN],
    /// The first `len - 1` are in use: keys of child `i + 1` are at least separator `i`.
    separators: [Separator; MAX_CHILDREN - 1],
}

/// A prefix of a key, as short as it may be.
#[derive(Clone)]
pub(super) enum Separator {
    Inline { len: u8, bytes: [u8; MAX_INLINE] },
    Shared(Arc<[u8]>),
}

impl Branch {
    pub(super) fn of_two(left: Node, separator: Separator, right: Node) -> Self {
        let mut branch = Self { height: left.height() + 1, len: 1, ..Self::default() };
        branch.children[0] = Some(left);
        branch.place(0, separator, right);
        branch
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn height(&self) -> usize {
        self.height
    }

    /// The child that has the key if any has.
    pub(super) fn find(&self, key: &[u8]) -> usize {
        let head = Head::of(key);
        let (heads, separators) = (&self.heads[..self.len - 1], &self.separators[..self.len - 1]);
        let mut separators = heads.iter().zip(separators);
        let at =
            separators.position(|(it, separator)| it.cmp_or(head, || separator.bytes().cmp(key)).is_gt());
        at.unwrap_or(self.len - 1)
    }

    pub(super) fn child(&self, at: usize) -> &Node {
        self.children[at].as_ref().expect("indexes are below the length")
    }

    pub(super) fn child_mut(&mut self, at: usize) -> &mut Node {
        self.children[at].as_mut().expect("indexes are below the length")
    }

    /// Adds a child after the one at `at`. A full branch keeps its left half and returns the right
    /// one, and what separates them.
    pub(super) fn insert(
        &mut self,
        at: usize,
        separator: Separator,
        node: Node,
    ) -> Option<(Separator, Self)> {
        if self.len < MAX_CHILDREN {
            self.place(at, separator, node);
            return None;
        }
        let middle = MAX_CHILDREN / 2;
        let mut right = Self { height: self.height, len: self.len - middle, ..Self::default() };
        let middle_separator = std::mem::take(&mut self.separators[middle - 1]);
        for (to, from) in (middle..self.len).enumerate() {
            right.children[to] = self.children[from].take();
        }
        for (to, from) in (middle..self.len - 1).enumerate() {
            right.heads[to] = self.heads[from];
            right.separators[to] = std::mem::take(&mut self.separators[from]);
        }
        self.len = middle;
        if at < middle {
            self.place(at, separator, node);
        } else {
            right.place(at - middle, separator, node);
        }
        Some((middle_separator, right))
    }

    pub(super) fn remove(&mut self, at: usize) {
        self.children[at..self.len].rotate_left(1);
        self.children[self.len - 1] = None;
        if self.len > 1 {
            let separator = at.saturating_sub(1);
            self.heads.copy_within(separator + 1.., separator);
            self.separators[separator..self.len - 1].rotate_left(1);
            self.separators[self.len - 2] = Separator::default();
        }
        self.len -= 1;
    }

    /// Joins the child to a neighbour if both are leaves that fit in one.
    pub(super) fn merge_small(&mut self, at: usize) {
        let left = if at + 1 < self.len { at } else { at.saturating_sub(1) };
        if let Some(Some(Node::Leaf(right))) = self.children.get(left + 1)
            && let Node::Leaf(leaf) = self.child(left)
            && leaf.should_join(right)
        {
            let joined = leaf.joined(right);
            self.children[left] = Some(Node::Leaf(Arc::new(joined)));
            self.remove(left + 1);
        }
    }

    fn place(&mut self, at: usize, separator: Separator, node: Node) {
        self.children[self.len] = Some(node);
        self.children[at + 1..=self.len].rotate_right(1);
        self.heads[self.len - 1] = Head::of(separator.bytes());
        self.heads[at..self.len].rotate_right(1);
        self.separators[self.len - 1] = separator;
        self.separators[at..self.len].rotate_right(1);
        self.len += 1;
    }
}

impl Separator {
    /// The shortest prefix of the first key of `right` that lies after the last key of `left`.
    pub(super) fn between(left: &Leaf, right: &Leaf) -> Self {
        let (last, first) = (left.key(left.len() - 1), right.key(0));
        let common = last.iter().zip(first).take_while(|(one, other)| one == other).count();
        Self::new(&first[..=common])
    }

    fn new(key: &[u8]) -> Self {
        let mut bytes = [0; MAX_INLINE];
        match (bytes.get_mut(..key.len()), u8::try_from(key.len())) {
            (Some(inline), Ok(len)) => {
                inline.copy_from_slice(key);
                Self::Inline { len, bytes }
            }
            _ => Self::Shared(key.into()),
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Inline { len, bytes } => &bytes[..usize::from(*len)],
            Self::Shared(bytes) => bytes,
        }
    }
}

impl Default for Separator {
    fn default() -> Self {
        Self::new(&[])
    }
}
