//! The trie: reads, changes, root and proofs.

use std::{fmt, sync::Arc};

use alloy_primitives::{B256, Bytes, b256};

use crate::{
    key::{Key, shared},
    node::{Branch, Kind, Node},
};

/// The root of a trie that has nothing in it: Keccak-256 of RLP's empty string.
pub const EMPTY_ROOT: B256 = b256!("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421");

/// A map of keys to values with a root hash. A clone costs one reference, and neither sees what changes in the other.
///
/// A leaf with a key and a value of 32 bytes each takes some 230 bytes: 160 of its own, and its share of the branches, at 240
/// each. Dropping a version frees what no other one has.
#[derive(Clone, Default)]
pub struct Trie {
    root: Option<Arc<Node>>,
}

impl Trie {
    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<&[u8]> {
        let mut path = key.nibbles();
        let mut node = self.root.as_ref()?;
        loop {
            match node.kind() {
                Kind::Leaf(leaf) => return leaf.ends(path).then(|| leaf.value()),
                Kind::Branch(branch) => {
                    path = path.strip_prefix(&branch.path[..])?;
                    let Some((nibble, rest)) = path.split_first() else { return branch.value.as_deref() };
                    node = branch.child(*nibble)?;
                    path = rest;
                }
            }
        }
    }

    /// Gives a key a value. An empty value removes the key, as a trie has no empty ones.
    pub fn insert(&mut self, key: &Key, value: &[u8]) {
        if value.is_empty() {
            return self.remove(key);
        }
        // What is there already keeps its nodes, and their hashes.
        if self.get(key) != Some(value) {
            put(&mut self.root, key.nibbles(), value);
        }
    }

    /// Takes a key out; one that is not there changes nothing.
    pub fn remove(&mut self, key: &Key) {
        if self.get(key).is_some() {
            take(&mut self.root, key.nibbles());
        }
    }

    /// The hash of all that is in it. What was hashed before, by this version or another, is not hashed again.
    #[must_use]
    pub fn root(&self) -> B256 {
        self.root.as_ref().map_or(EMPTY_ROOT, |node| node.root())
    }

    /// The encoded nodes from the root on the way to a key, as `eth_getProof` has them (EIP-1186): they prove its value, or
    /// that it has none. Nodes of fewer than 32 bytes stand in their parents. Nothing proves what is absent from an empty trie.
    #[must_use]
    pub fn prove(&self, key: &Key) -> Vec<Bytes> {
        let mut proof = Vec::new();
        let mut path = key.nibbles();
        let mut next = self.root.as_ref();
        while let Some(node) = next {
            next = None;
            let below = match node.kind() {
                Kind::Leaf(_) => None,
                Kind::Branch(branch) => path.strip_prefix(&branch.path[..]).map(|rest| (branch, rest)),
            };
            node.prove(below.is_some(), &mut proof);
            if let Some((branch, [nibble, rest @ ..])) = below {
                next = branch.child(*nibble);
                path = rest;
            }
        }
        proof
    }
}

/// By its root, as it may have millions of nodes.
impl fmt::Debug for Trie {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Trie").field(&self.root()).finish()
    }
}

/// Puts a value at `path` below `slot`. Recursion ends with the path, after 64 nibbles at most.
fn put(slot: &mut Option<Arc<Node>>, path: &[u8], value: &[u8]) {
    let Some(node) = slot else {
        *slot = Some(Node::leaf(path, value));
        return;
    };
    match node.kind() {
        Kind::Leaf(leaf) if leaf.ends(path) => *node = Node::leaf(path, value),
        Kind::Leaf(leaf) => {
            let own = leaf.path();
            let common = shared(&own, path);
            let mut fork = Branch { path: path[..common].into(), ..Branch::default() };
            fork.place(&own[common..], leaf.value());
            fork.place(&path[common..], value);
            *node = Kind::Branch(Box::new(fork)).into();
        }
        Kind::Branch(branch) => {
            let common = shared(&branch.path, path);
            let Kind::Branch(branch) = Arc::make_mut(node).change() else { return };
            let Some((nibble, rest)) = branch.path[common..].split_first() else {
                return match path[common..].split_first() {
                    Some((nibble, rest)) => put(branch.child_mut(*nibble), rest, value),
                    None => branch.value = Some(value.into()),
                };
            };
            let mut fork = Branch { path: path[..common].into(), ..Branch::default() };
            fork.place(&path[common..], value);
            let below = fork.child_mut(*nibble);
            branch.path = rest.into();
            *below = slot.take();
            *slot = Some(Kind::Branch(Box::new(fork)).into());
        }
    }
}

/// Takes out the value at `path` below `slot`, where there is one. Recursion ends with the path.
fn take(slot: &mut Option<Arc<Node>>, path: &[u8]) {
    let Some(node) = slot else { return };
    if let Kind::Leaf(_) = node.kind() {
        *slot = None;
        return;
    }
    let Kind::Branch(branch) = Arc::make_mut(node).change() else { return };
    match path[branch.path.len()..].split_first() {
        Some((nibble, rest)) => take(branch.child_mut(*nibble), rest),
        None => branch.value = None,
    }
    if let Some(last) = branch.last() {
        *node = last;
    }
}

impl Branch {
    /// Adds a value below or at the end of the path, where there is nothing yet.
    fn place(&mut self, path: &[u8], value: &[u8]) {
        match path.split_first() {
            Some((nibble, rest)) => *self.child_mut(*nibble) = Some(Node::leaf(rest, value)),
            None => self.value = Some(value.into()),
        }
    }

    /// If only one thing is left, the node that takes the place of this one.
    fn last(&mut self) -> Option<Arc<Node>> {
        let mut children = (0..).zip(&mut self.children).filter(|(_, child)| child.is_some());
        match (children.next(), children.next(), &self.value) {
            (None, _, Some(value)) => Some(Node::leaf(&self.path, value)),
            (Some((nibble, child)), None, None) => {
                let path = [&self.path[..], &[nibble]].concat();
                child.take().map(|child| lengthen(child, path))
            }
            _ => None,
        }
    }
}

/// The node with a longer path.
fn lengthen(mut node: Arc<Node>, mut path: Vec<u8>) -> Arc<Node> {
    if let Kind::Leaf(leaf) = node.kind() {
        path.extend(leaf.path());
        return Node::leaf(&path, leaf.value());
    }
    if let Kind::Branch(branch) = Arc::make_mut(&mut node).change() {
        path.extend(&branch.path);
        branch.path = path.into();
    }
    node
}

#[cfg(test)]
mod tests;
