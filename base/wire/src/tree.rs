//! Serialised Merkle tree, as each signature transaction stores it.
//!
//! ```text
//! u64 number of leaves | u64 number of flushed leaves
//! [32] each leaf | [32] root of each full subtree of flushed leaves, the smallest first
//! ```
//! All integers are big-endian, unlike everywhere else. Source: merklecpp,
//! `TreeT::serialise`, in CCF `3rdparty/exported/merklecpp`.

use crate::id::Digest;

/// Bytes or parts that are not a serialised tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// Shorter or longer than its counts say.
    #[error("serialised tree of {0} bytes does not match its counts")]
    Len(usize),
    /// Flushed leaves and none left: such a tree has no root.
    #[error("serialised tree without leaves")]
    NoLeaves,
    /// Not one subtree for each bit of the number of flushed leaves.
    #[error("{0} roots of flushed subtrees do not match their count")]
    FlushedRoots(usize),
}

/// A Merkle tree whose oldest leaves may have been replaced by the roots of full subtrees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SerialisedTree {
    flushed: u64,
    flushed_roots: Vec<Digest>,
    leaves: Vec<Digest>,
}

impl SerialisedTree {
    /// `flushed`: how many leaves were replaced; `flushed_roots`: one root for each bit of that
    /// number, the least significant first; `leaves`: those after them.
    ///
    /// # Errors
    /// When the parts do not fit together.
    pub fn new(flushed: u64, flushed_roots: Vec<Digest>, leaves: Vec<Digest>) -> Result<Self, TreeError> {
        if flushed_roots.len() != flushed.count_ones() as usize {
            return Err(TreeError::FlushedRoots(flushed_roots.len()));
        }
        if leaves.is_empty() && flushed > 0 {
            return Err(TreeError::NoLeaves);
        }
        Ok(Self { flushed, flushed_roots, leaves })
    }

    /// Strict.
    ///
    /// # Errors
    /// When the length is not exactly what the counts say.
    pub fn decode(bytes: &[u8]) -> Result<Self, TreeError> {
        let wrong_len = || TreeError::Len(bytes.len());
        let (counts, digests) = bytes.split_at_checked(16).ok_or_else(wrong_len)?;
        let (counts, _) = counts.as_chunks();
        let [leaves, flushed] = counts else { return Err(wrong_len()) };
        let (leaves, flushed) = (u64::from_be_bytes(*leaves), u64::from_be_bytes(*flushed));
        let (digests, partial) = digests.as_chunks();
        let expected = leaves.checked_add(u64::from(flushed.count_ones()));
        if !partial.is_empty() || expected != Some(digests.len() as u64) {
            return Err(wrong_len());
        }
        let split = digests.len() - flushed.count_ones() as usize;
        let (leaves, roots) = digests.split_at(split);
        let digests = |bytes: &[[u8; 32]]| bytes.iter().map(|digest| Digest(*digest)).collect();
        Self::new(flushed, digests(roots), digests(leaves))
    }

    /// The bytes stored in the ledger.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let digests = self.leaves.len() + self.flushed_roots.len();
        let mut out = Vec::with_capacity(16 + Digest::LEN * digests);
        out.extend_from_slice(&(self.leaves.len() as u64).to_be_bytes());
        out.extend_from_slice(&self.flushed.to_be_bytes());
        for digest in self.leaves.iter().chain(&self.flushed_roots) {
            out.extend_from_slice(&digest.0);
        }
        out
    }

    /// Number of leaves that were replaced: the index of the first one still there.
    #[must_use]
    pub fn flushed(&self) -> u64 {
        self.flushed
    }

    /// Root of each full subtree of flushed leaves, the smallest first.
    #[must_use]
    pub fn flushed_roots(&self) -> &[Digest] {
        &self.flushed_roots
    }

    /// Leaves still there, at indices from [`flushed`](Self::flushed).
    #[must_use]
    pub fn leaves(&self) -> &[Digest] {
        &self.leaves
    }
}

#[cfg(test)]
mod tests;
