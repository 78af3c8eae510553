//! AES-256-GCM over text that arrives in pieces (NIST SP 800-38D): AES-CTR of aws-lc, and GHASH beside it.
//!
//! For snapshots, which are too large to be held as one buffer. Everything else is sealed with
//! [`GcmKey`](crate::GcmKey), in one piece and faster.

use std::fmt;

use aws_lc_rs::cipher::{AES_256, EncryptionContext, StreamingEncryptingKey, UnboundCipherKey};
use ghash::{Block, GHash, Key, universal_hash::UniversalHash as _};
use zeroize::Zeroizing;

use crate::{
    NotAuthentic,
    aead::{Iv, KEY_LEN, Tag},
    constant_time_eq,
};

const BLOCK_LEN: usize = 16;
/// Bytes that go through the cipher at once.
const STRIDE: usize = 4096;

/// Most bytes of text under one IV: 2^32 - 2 blocks.
pub const MAX_TEXT: u64 = ((1 << 32) - 2) * BLOCK_LEN as u64;

/// The cipher of GCM alone, for text whose tag is known from an earlier pass over the same text.
pub struct GcmCipher {
    keystream: StreamingEncryptingKey,
    left: u64,
    /// What the tag is masked with.
    mask: Zeroizing<[u8; BLOCK_LEN]>,
    /// The cipher does not work in place.
    out: Zeroizing<Vec<u8>>,
}

/// Makes ciphertext and tag.
#[derive(Debug)]
pub struct GcmSealer {
    cipher: GcmCipher,
    mac: Mac,
}

/// Gives out plaintext before the tag is checked: nothing may come of it until [`GcmOpener::finish`] agrees.
#[derive(Debug)]
pub struct GcmOpener {
    cipher: GcmCipher,
    mac: Mac,
}

impl GcmCipher {
    /// The caller guarantees that `iv` has never been used under `key` with another text.
    #[must_use]
    pub fn new(key: &[u8; KEY_LEN], iv: &Iv) -> Self {
        let mut counter = [0; BLOCK_LEN];
        counter[..iv.len()].copy_from_slice(iv);
        counter[BLOCK_LEN - 1] = 1;
        let mut cipher = Self {
            keystream: keystream(key, counter),
            left: MAX_TEXT + BLOCK_LEN as u64,
            mask: Zeroizing::default(),
            out: Zeroizing::new(vec![0; STRIDE + BLOCK_LEN]),
        };
        let mut mask = Zeroizing::new([0; BLOCK_LEN]);
        cipher.apply(&mut *mask);
        Self { mask, ..cipher }
    }

    /// Encrypts the next piece, or decrypts it, in place.
    ///
    /// # Panics
    /// After more than [`MAX_TEXT`] bytes.
    pub fn apply(&mut self, text: &mut [u8]) {
        self.left = self.left.checked_sub(text.len() as u64).expect("no text exceeds 64 GiB");
        for piece in text.chunks_mut(STRIDE) {
            let written =
                self.keystream.update(piece, &mut self.out).expect("the output has room").written().len();
            assert_eq!(written, piece.len(), "CTR mode holds nothing back");
            piece.copy_from_slice(&self.out[..written]);
        }
    }
}

impl GcmSealer {
    /// As [`GcmCipher::new`].
    #[must_use]
    pub fn new(key: &[u8; KEY_LEN], iv: &Iv) -> Self {
        Self { cipher: GcmCipher::new(key, iv), mac: Mac::new(key) }
    }

    /// Authenticates the next piece of additional data; all of it comes before the text.
    ///
    /// # Panics
    /// If text came before.
    pub fn aad(&mut self, piece: &[u8]) {
        self.mac.aad(piece);
    }

    /// Encrypts the next piece of text in place.
    ///
    /// # Panics
    /// After more than [`MAX_TEXT`] bytes.
    pub fn seal(&mut self, text: &mut [u8]) {
        self.cipher.apply(text);
        self.mac.text(text);
    }

    /// The tag over everything.
    #[must_use]
    pub fn finish(self) -> Tag {
        self.mac.finish(&self.cipher.mask)
    }
}

impl GcmOpener {
    /// For what was sealed under this key and IV.
    #[must_use]
    pub fn new(key: &[u8; KEY_LEN], iv: &Iv) -> Self {
        Self { cipher: GcmCipher::new(key, iv), mac: Mac::new(key) }
    }

    /// Takes in the next piece of additional data; all of it comes before the text.
    ///
    /// # Panics
    /// If text came before.
    pub fn aad(&mut self, piece: &[u8]) {
        self.mac.aad(piece);
    }

    /// Decrypts the next piece of text in place; not authentic yet.
    ///
    /// # Panics
    /// After more than [`MAX_TEXT`] bytes.
    pub fn open(&mut self, text: &mut [u8]) {
        self.mac.text(text);
        self.cipher.apply(text);
    }

    /// Checks the tag over everything.
    ///
    /// # Errors
    /// When it does not fit; what was decrypted must then be forgotten.
    pub fn finish(self, tag: &Tag) -> Result<(), NotAuthentic> {
        let made = self.mac.finish(&self.cipher.mask);
        if constant_time_eq(&made, tag) { Ok(()) } else { Err(NotAuthentic) }
    }
}

impl fmt::Debug for GcmCipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GcmCipher").finish_non_exhaustive()
    }
}

/// GHASH over additional data and ciphertext, each padded to whole blocks, and their lengths.
struct Mac {
    hash: GHash,
    /// Beginning of a block that is not full yet.
    partial: [u8; BLOCK_LEN],
    filled: usize,
    aad_len: u64,
    text_len: u64,
}

impl Mac {
    fn new(key: &[u8; KEY_LEN]) -> Self {
        // The key of GHASH is a block of zeros, encrypted: the keystream at counter zero.
        let mut hash_key = Zeroizing::new([0; BLOCK_LEN]);
        let mut out = Zeroizing::new([0; 2 * BLOCK_LEN]);
        let written = keystream(key, [0; BLOCK_LEN])
            .update(&*hash_key, &mut *out)
            .expect("the output has room")
            .written()
            .len();
        hash_key.copy_from_slice(&out[..written]);
        let hash = GHash::new(&Key::from(*hash_key));
        Self { hash, partial: [0; BLOCK_LEN], filled: 0, aad_len: 0, text_len: 0 }
    }

    fn aad(&mut self, piece: &[u8]) {
        assert_eq!(self.text_len, 0, "additional data comes before the text");
        self.aad_len += piece.len() as u64;
        self.update(piece);
    }

    fn text(&mut self, piece: &[u8]) {
        if self.text_len == 0 && !piece.is_empty() {
            self.pad();
        }
        self.text_len += piece.len() as u64;
        self.update(piece);
    }

    fn update(&mut self, mut piece: &[u8]) {
        if self.filled > 0 {
            let (head, rest) = piece.split_at(piece.len().min(BLOCK_LEN - self.filled));
            self.partial[self.filled..self.filled + head.len()].copy_from_slice(head);
            self.filled += head.len();
            piece = rest;
            if self.filled < BLOCK_LEN {
                return;
            }
            self.pad();
        }
        let (blocks, rest) = Block::slice_as_chunks(piece);
        self.hash.update(blocks);
        self.partial[..rest.len()].copy_from_slice(rest);
        self.filled = rest.len();
    }

    /// Fills up the current block, if one was begun.
    fn pad(&mut self) {
        if self.filled > 0 {
            self.partial[self.filled..].fill(0);
            self.hash.update(&[Block::from(self.partial)]);
            self.filled = 0;
        }
    }

    fn finish(mut self, mask: &[u8; BLOCK_LEN]) -> Tag {
        self.pad();
        let mut lens = [0; BLOCK_LEN];
        lens[..8].copy_from_slice(&(8 * self.aad_len).to_be_bytes());
        lens[8..].copy_from_slice(&(8 * self.text_len).to_be_bytes());
        self.hash.update(&[Block::from(lens)]);
        let mut tag = Tag::default();
        for (byte, (hash, mask)) in tag.iter_mut().zip(self.hash.finalize().iter().zip(mask)) {
            *byte = hash ^ mask;
        }
        tag
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mac").finish_non_exhaustive()
    }
}

fn keystream(key: &[u8; KEY_LEN], counter: [u8; BLOCK_LEN]) -> StreamingEncryptingKey {
    let key = UnboundCipherKey::new(&AES_256, key).expect("AES-256 takes 32 bytes");
    let context = EncryptionContext::Iv128(counter.into());
    StreamingEncryptingKey::less_safe_ctr(key, context).expect("CTR mode takes 16 bytes")
}

#[cfg(test)]
mod tests;
