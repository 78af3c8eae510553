//! Key agreement with keys of one use: X25519 (RFC 7748).

use std::fmt;

use aws_lc_rs::agreement::{PrivateKey, UnparsedPublicKey, X25519, agree};
use zeroize::Zeroizing;

use crate::NotAuthentic;

/// Bytes of a share and of the secret number behind it.
pub const SHARE_LEN: usize = 32;

/// The public half of an [`EphemeralKey`].
pub type Share = [u8; SHARE_LEN];

/// A private key for one agreement, which uses it up. Its memory is wiped when it is dropped.
pub struct EphemeralKey {
    key: PrivateKey,
    share: Share,
}

impl EphemeralKey {
    /// The key of a secret number, of which any 32 unpredictable bytes will do (RFC 7748 section 5).
    #[must_use]
    pub fn from_secret(secret: &[u8; SHARE_LEN]) -> Self {
        let key = PrivateKey::from_private_key(&X25519, secret).expect("any 32 bytes are an X25519 key");
        let public = key.compute_public_key().expect("a valid key has a public half");
        let share = public.as_ref().try_into().expect("an X25519 share has 32 bytes");
        Self { key, share }
    }

    /// What the other side needs.
    #[must_use]
    pub fn share(&self) -> &Share {
        &self.share
    }

    /// The secret that this key and the owner of `peer` share. It depends on both shares; use it as
    /// input of a key derivation only.
    ///
    /// # Errors
    /// When `peer` is a point of low order, with which the secret would be known to everybody.
    pub fn agree(self, peer: &Share) -> Result<Zeroizing<[u8; SHARE_LEN]>, NotAuthentic> {
        agree(&self.key, UnparsedPublicKey::new(&X25519, peer), NotAuthentic, |secret| {
            let secret = secret.try_into().expect("an X25519 secret has 32 bytes");
            Ok(Zeroizing::new(secret))
        })
    }
}

impl fmt::Debug for EphemeralKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EphemeralKey").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
