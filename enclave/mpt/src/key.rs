//! Keys as the nibbles by which a trie branches.

use alloy_primitives::B256;

/// A key of a trie: at most [`Key::MAX_LEN`] bytes. Accounts and slots have hashes, transactions and receipts an index.
#[derive(Clone, Debug)]
pub struct Key {
    /// The higher half of a byte first; only the first `len` count.
    nibbles: [u8; 2 * Key::MAX_LEN],
    len: usize,
}

/// The key has more bytes than [`Key::MAX_LEN`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key of {0} bytes is too long")]
pub struct TooLong(
    /// Bytes of the key.
    pub usize,
);

impl Key {
    /// The most bytes of a key, which bounds the depth of a trie to 64 branches and a leaf.
    pub const MAX_LEN: usize = 32;

    /// The key of these bytes.
    ///
    /// # Errors
    ///
    /// If there are more than [`Key::MAX_LEN`].
    pub fn new(bytes: &[u8]) -> Result<Self, TooLong> {
        let mut nibbles = [0; 2 * Self::MAX_LEN];
        if bytes.len() > Self::MAX_LEN {
            return Err(TooLong(bytes.len()));
        }
        for (pair, byte) in nibbles.as_chunks_mut::<2>().0.iter_mut().zip(bytes) {
            *pair = [byte >> 4, byte & 0xf];
        }
        Ok(Self { nibbles, len: 2 * bytes.len() })
    }

    /// One nibble a byte.
    pub(crate) fn nibbles(&self) -> &[u8] {
        &self.nibbles[..self.len]
    }
}

impl From<B256> for Key {
    fn from(hash: B256) -> Self {
        Self::new(hash.as_slice()).expect("a hash has 32 bytes")
    }
}

/// How many nibbles two paths have in common at the front.
pub(crate) fn shared(one: &[u8], other: &[u8]) -> usize {
    one.iter().zip(other).take_while(|(a, b)| a == b).count()
}
