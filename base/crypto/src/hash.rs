//! SHA-2.

use aws_lc_rs::digest;
use coco_wire::Digest;

/// SHA-256 of bytes that arrive in pieces.
#[derive(Clone)]
pub struct Sha256(digest::Context);

impl Sha256 {
    /// Nothing hashed yet.
    #[must_use]
    pub fn new() -> Self {
        Self(digest::Context::new(&digest::SHA256))
    }

    /// Appends `bytes` to what is hashed.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of everything appended.
    #[must_use]
    pub fn finish(self) -> Digest {
        to_digest(&self.0.finish())
    }
}

impl Default for Sha256 {
    fn default() -> Self {
        Self::new()
    }
}

/// SHA-256 of `bytes`.
#[must_use]
pub fn sha256(bytes: &[u8]) -> Digest {
    to_digest(&digest::digest(&digest::SHA256, bytes))
}

/// SHA-256 of the concatenation of `parts`.
#[must_use]
pub fn sha256_parts(parts: &[&[u8]]) -> Digest {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finish()
}

/// SHA-256 of two digests in a row: the parent of two nodes of a Merkle tree.
#[must_use]
pub fn sha256_pair(left: &Digest, right: &Digest) -> Digest {
    let mut both = [0; 2 * Digest::LEN];
    both[..Digest::LEN].copy_from_slice(&left.0);
    both[Digest::LEN..].copy_from_slice(&right.0);
    sha256(&both)
}

/// The SHA-2 functions in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashAlgorithm {
    /// 32 bytes.
    Sha256,
    /// 48 bytes.
    Sha384,
    /// 64 bytes.
    Sha512,
}

impl HashAlgorithm {
    /// The digest of `bytes`: 32, 48 or 64 bytes.
    #[must_use]
    pub fn digest(self, bytes: &[u8]) -> Vec<u8> {
        digest::digest(self.algorithm(), bytes).as_ref().to_vec()
    }

    /// A digest of bytes that arrive in pieces.
    #[must_use]
    pub fn begin(self) -> Hashing {
        Hashing(digest::Context::new(self.algorithm()))
    }

    pub(crate) fn algorithm(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        }
    }
}

/// A digest in the making, by a function chosen at run time.
#[derive(Clone)]
pub struct Hashing(digest::Context);

impl Hashing {
    /// Appends `bytes` to what is hashed.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of everything appended: 32, 48 or 64 bytes.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.0.finish().as_ref().to_vec()
    }
}

fn to_digest(digest: &digest::Digest) -> Digest {
    Digest(digest.as_ref().try_into().expect("SHA-256 gives 32 bytes"))
}

#[cfg(test)]
mod tests;
