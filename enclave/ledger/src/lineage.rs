//! What the entries before a snapshot must be, down to the last bit of their headers.
//!
//! The tag of an entry does not authenticate its header, but its leaf is made of the whole entry, and a signature stores
//! the leaves from the signature before it on. So a signature whose own leaf is known proves what was before it, and the
//! first of these is the next signature to go on from: that of the snapshot proves everything, run by run, towards the
//! beginning. It takes neither secrets nor keys.

use coco_crypto::hash::sha256;
use coco_wire::{
    Digest, Seqno,
    domain::{self, KeyOrder},
    entry::{Entry, EntryFlags},
    signature::{SINGLETON_KEY, TREE},
    tree::SerialisedTree,
};

use crate::seal::leaf;

/// A run of entries whose leaves are known, and how many of them were proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lineage {
    /// First entry of the run: a signature, or the first of all.
    first: Seqno,
    /// Leaves from there on.
    leaves: Vec<Digest>,
    /// Entries before this one are not of interest, and may be nowhere to be read.
    floor: Seqno,
    /// How many of the leaves are done with, from the first on: found in their place, or before the floor.
    found: usize,
    /// Flags of these, where there are any.
    flags: Vec<(Seqno, EntryFlags)>,
    /// What the first signature among them stores.
    earlier: Option<SerialisedTree>,
}

/// Entries that were proved, down to the first of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvedRun {
    /// The first of them; the last is the one before those proved earlier.
    pub first: Seqno,
    /// Those with flags.
    pub flags: Vec<(Seqno, EntryFlags)>,
}

/// An entry that is not the one that was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry {0} is not the one that was signed")]
pub struct NotSigned(pub Seqno);

impl Lineage {
    /// The run that these leaves are of, all of interest; leaf 0 is that of no entry.
    pub(crate) fn new(first: Seqno, mut leaves: Vec<Digest>) -> Self {
        if first == Seqno::ZERO && !leaves.is_empty() {
            leaves.remove(0);
        }
        let (first, floor) = (first.max(Seqno(1)), Seqno(1));
        Self { first, leaves, floor, found: 0, flags: Vec::new(), earlier: None }
    }

    /// The same without entries before `floor`.
    #[must_use]
    pub fn down_to(self, floor: Seqno) -> Self {
        let skipped = usize::try_from(floor.0.saturating_sub(self.first.0)).unwrap_or(usize::MAX);
        Self { floor, found: skipped.clamp(self.found, self.leaves.len()), ..self }
    }

    /// The entries to read next, first and last; none if nothing more can be proved.
    #[must_use]
    pub fn wanted(&self) -> Option<(Seqno, Seqno)> {
        let at = |index: usize| Seqno(self.first.0 + index as u64);
        (self.found < self.leaves.len()).then(|| (at(self.found), at(self.leaves.len() - 1)))
    }

    /// Takes in the entries that are wanted, or the first of them. Yields a run when it is proved; then the run before it
    /// is wanted.
    ///
    /// # Errors
    /// On the first that is not the one that was signed; those before it are proved.
    pub fn prove(&mut self, entries: &[Vec<u8>]) -> Result<Option<ProvedRun>, NotSigned> {
        for bytes in entries.iter().take(self.leaves.len() - self.found) {
            let seqno = Seqno(self.first.0 + self.found as u64);
            let read = Read::of(bytes).filter(|read| read.leaf == self.leaves[self.found]);
            let Read { flags, tree, .. } = read.ok_or(NotSigned(seqno))?;
            if flags != EntryFlags::NONE {
                self.flags.push((seqno, flags));
            }
            if self.earlier.is_none() {
                self.earlier = tree;
            }
            self.found += 1;
        }
        if self.found < self.leaves.len() {
            return Ok(None);
        }
        let nothing = || Self::new(self.first, Vec::new());
        let earlier = self.earlier.as_ref().map_or_else(nothing, |tree| self.before(tree));
        let run = std::mem::replace(self, earlier.down_to(self.floor));
        Ok(Some(ProvedRun { first: run.first.max(run.floor), flags: run.flags }))
    }

    /// The run before this one, of which a signature in this one stores the leaves.
    fn before(&self, tree: &SerialisedTree) -> Self {
        let len = self.first.0.saturating_sub(tree.flushed());
        let len = usize::try_from(len).unwrap_or(usize::MAX).min(tree.leaves().len());
        Self::new(Seqno(tree.flushed()), tree.leaves()[..len].to_vec())
    }
}

/// What an entry shows without being decrypted.
struct Read {
    flags: EntryFlags,
    leaf: Digest,
    tree: Option<SerialisedTree>,
}

impl Read {
    fn of(bytes: &[u8]) -> Option<Self> {
        let entry = Entry::decode(bytes).ok()?;
        let mut tree = None;
        let header = domain::visit_public(entry.public_domain(), KeyOrder::Any, |change| {
            if change.table == TREE && change.key == SINGLETON_KEY {
                tree = change.value.and_then(|value| SerialisedTree::decode(value).ok());
            }
        });
        let leaf = leaf(sha256(bytes), header.ok()?.commitments);
        Some(Self { flags: entry.header().flags(), leaf, tree })
    }
}

#[cfg(test)]
mod tests;
