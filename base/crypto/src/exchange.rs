//! Key agreement with keys of one use: X25519 (RFC 7748).

use std::fmt;

use aws_lc_rs::agreement::{PrivateKey, UnparsedPublicKey, X25519, agree};
use zeroize::Zeroizing;

use crate::{InvalidKey, NotAuthentic, pem};

/// DER of PKCS#8 up to the secret number.
const PKCS8_PREFIX: &[u8] = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x6e\x04\x22\x04\x20";
/// DER of SubjectPublicKeyInfo up to the share.
const SPKI_PREFIX: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x6e\x03\x21\x00";

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

    /// PEM block `PRIVATE KEY` (PKCS#8, RFC 8410) of a secret number.
    #[must_use]
    pub fn secret_pem(secret: &[u8; SHARE_LEN]) -> Zeroizing<String> {
        let der = Zeroizing::new([PKCS8_PREFIX, secret].concat());
        Zeroizing::new(pem::encode("PRIVATE KEY", &der))
    }

    /// Reads what [`EphemeralKey::secret_pem`] gives.
    ///
    /// # Errors
    /// [`InvalidKey::Unsupported`] when the text is a key of another kind, otherwise that of the PEM.
    pub fn secret_from_pem(text: &str) -> Result<Zeroizing<[u8; SHARE_LEN]>, InvalidKey> {
        let der = pem::decode(text, "PRIVATE KEY")?;
        let secret = der.strip_prefix(PKCS8_PREFIX).and_then(|secret| secret.try_into().ok());
        secret.map(Zeroizing::new).ok_or(InvalidKey::Unsupported)
    }

    /// PEM block `PUBLIC KEY` (RFC 8410) of what the other side needs.
    #[must_use]
    pub fn share_pem(&self) -> String {
        share_pem(&self.share)
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

/// PEM block `PUBLIC KEY` (RFC 8410) of a share.
#[must_use]
pub fn share_pem(share: &Share) -> String {
    pem::encode("PUBLIC KEY", &[SPKI_PREFIX, share].concat())
}

/// Reads what [`share_pem`] gives.
///
/// # Errors
/// [`InvalidKey::Unsupported`] when the text is a key of another kind, otherwise that of the PEM.
pub fn share_from_pem(text: &str) -> Result<Share, InvalidKey> {
    let der = pem::decode(text, "PUBLIC KEY")?;
    der.strip_prefix(SPKI_PREFIX).and_then(|share| share.try_into().ok()).ok_or(InvalidKey::Unsupported)
}

impl fmt::Debug for EphemeralKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EphemeralKey").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
