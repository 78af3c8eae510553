//! AES-256-GCM with explicit IVs (NIST SP 800-38D).

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::NotAuthentic;

/// Initialisation vector; never used twice with one key.
pub type Iv = [u8; 12];

/// Authentication tag.
pub type Tag = [u8; 16];

/// Length of a key in bytes.
pub const KEY_LEN: usize = 32;

/// Bytes that [`GcmKey::seal_packed`] adds to the plaintext: tag and IV.
pub const PACKED_OVERHEAD: usize = size_of::<Tag>() + size_of::<Iv>();

/// AES-256-GCM key, its schedule computed once.
pub struct GcmKey(LessSafeKey);

impl GcmKey {
    /// Prepares a key.
    #[must_use]
    pub fn new(key: &[u8; KEY_LEN]) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, key).expect("AES-256 takes 32 bytes");
        Self(LessSafeKey::new(key))
    }

    /// Encrypts `buffer` in place and authenticates it with `aad`. The caller guarantees that `iv`
    /// is new for this key.
    ///
    /// # Panics
    /// When `buffer` exceeds the limit of GCM (64 GiB).
    #[must_use]
    pub fn seal_in_place(&self, iv: &Iv, aad: &[u8], buffer: &mut [u8]) -> Tag {
        let tag = self
            .0
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(*iv), Aad::from(aad), buffer)
            .expect("what is sealed is below 64 GiB");
        tag.as_ref().try_into().expect("a GCM tag has 16 bytes")
    }

    /// Decrypts `buffer` in place after checking `tag` over it and `aad`.
    ///
    /// # Errors
    /// When the tag does not fit; `buffer` then holds nothing of use.
    pub fn open_in_place(
        &self,
        iv: &Iv,
        aad: &[u8],
        buffer: &mut [u8],
        tag: &Tag,
    ) -> Result<(), NotAuthentic> {
        self.0
            .open_in_place_separate_tag(Nonce::assume_unique_for_key(*iv), Aad::from(aad), tag, buffer)
            .map(|_| ())
            .map_err(|_| NotAuthentic)
    }

    /// Encrypts into `tag ‖ iv ‖ ciphertext`, the form in which CCF stores wrapped secrets
    /// (`GcmCipher` in CCF's `include/ccf/crypto/symmetric_key.h`). The caller guarantees that `iv`
    /// is new for this key.
    #[must_use]
    pub fn seal_packed(&self, iv: &Iv, aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
        let mut packed = vec![0; PACKED_OVERHEAD];
        packed.extend_from_slice(plaintext);
        let tag = self.seal_in_place(iv, aad, &mut packed[PACKED_OVERHEAD..]);
        packed[..tag.len()].copy_from_slice(&tag);
        packed[tag.len()..PACKED_OVERHEAD].copy_from_slice(iv);
        packed
    }

    /// Reverses [`GcmKey::seal_packed`].
    ///
    /// # Errors
    /// When the tag does not fit or the bytes are too few.
    pub fn open_packed(&self, aad: &[u8], packed: &[u8]) -> Result<Zeroizing<Vec<u8>>, NotAuthentic> {
        let (tag, rest) = packed.split_first_chunk::<16>().ok_or(NotAuthentic)?;
        let (iv, ciphertext) = rest.split_first_chunk::<12>().ok_or(NotAuthentic)?;
        let mut plaintext = Zeroizing::new(ciphertext.to_vec());
        self.open_in_place(iv, aad, &mut plaintext, tag)?;
        Ok(plaintext)
    }
}

impl fmt::Debug for GcmKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GcmKey").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
