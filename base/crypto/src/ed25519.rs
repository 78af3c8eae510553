//! Ed25519 keys (RFC 8032).

use std::fmt;

use aws_lc_rs::signature::{self, Ed25519KeyPair, KeyPair, ParsedPublicKey};
use zeroize::Zeroizing;

use crate::{Entropy, InvalidKey, NotAuthentic, der, pem};

/// DER of SubjectPublicKeyInfo (RFC 8410) up to the 32 bytes of the key.
const SPKI_PREFIX: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
const KEY_LEN: usize = 32;

/// Public Ed25519 key.
#[derive(Clone)]
pub struct Ed25519PublicKey {
    key: ParsedPublicKey,
    spki: [u8; SPKI_PREFIX.len() + KEY_LEN],
}

impl Ed25519PublicKey {
    /// Reads DER of SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// [`InvalidKey::Unsupported`] when the bytes are of another kind, [`InvalidKey::Malformed`] when
    /// they are no point of the curve.
    pub fn from_spki_der(spki: &[u8]) -> Result<Self, InvalidKey> {
        let spki: [u8; SPKI_PREFIX.len() + KEY_LEN] = spki.try_into().map_err(|_| InvalidKey::Unsupported)?;
        let raw = spki.strip_prefix(SPKI_PREFIX).ok_or(InvalidKey::Unsupported)?;
        let key = ParsedPublicKey::new(&signature::ED25519, raw).map_err(|_| InvalidKey::Malformed)?;
        Ok(Self { key, spki })
    }

    /// The key of an encoded point of 32 bytes.
    ///
    /// # Errors
    /// [`InvalidKey::Unsupported`] when there are more or fewer, [`InvalidKey::Malformed`] when they are no point.
    pub fn from_point(point: &[u8]) -> Result<Self, InvalidKey> {
        Self::from_spki_der(&[SPKI_PREFIX, point].concat())
    }

    /// DER of SubjectPublicKeyInfo.
    #[must_use]
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// Checks a signature of 64 bytes.
    ///
    /// # Errors
    /// When the signature is not one of this key over `message`.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), NotAuthentic> {
        self.key.verify_sig(message, signature).map_err(|_| NotAuthentic)
    }
}

impl PartialEq for Ed25519PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.spki == other.spki
    }
}

impl Eq for Ed25519PublicKey {}

impl fmt::Debug for Ed25519PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ed25519PublicKey({:02x?})", &self.spki[SPKI_PREFIX.len()..])
    }
}

/// Private Ed25519 key.
pub struct Ed25519Key(Ed25519KeyPair);

impl Ed25519Key {
    /// A new key whose seed comes from `entropy` alone.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut seed = Zeroizing::new([0; KEY_LEN]);
        entropy.fill(&mut *seed);
        Self(Ed25519KeyPair::from_seed_unchecked(&*seed).expect("any 32 bytes are a seed"))
    }

    /// The key of a seed of 32 bytes.
    ///
    /// # Errors
    /// [`InvalidKey::Malformed`] when there are more or fewer.
    pub fn from_seed(seed: &[u8]) -> Result<Self, InvalidKey> {
        Ed25519KeyPair::from_seed_unchecked(seed).map(Self).map_err(|_| InvalidKey::Malformed)
    }

    /// Reads a PEM block `PRIVATE KEY` (PKCS#8, RFC 8410), not encrypted.
    ///
    /// # Errors
    /// When the text is anything else.
    pub fn from_pem(text: &str) -> Result<Self, InvalidKey> {
        let pkcs8 = pem::decode(text, "PRIVATE KEY")?;
        if !der::is_one_sequence(&pkcs8) {
            return Err(InvalidKey::Malformed);
        }
        Ed25519KeyPair::from_pkcs8(&pkcs8).map(Self).map_err(|_| InvalidKey::Unsupported)
    }

    /// PEM block `PRIVATE KEY` (PKCS#8 version 1).
    #[must_use]
    pub fn to_pem(&self) -> Zeroizing<String> {
        let document = self.0.to_pkcs8v1().expect("a valid key can be written");
        Zeroizing::new(pem::encode("PRIVATE KEY", document.as_ref()))
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> Ed25519PublicKey {
        let spki = [SPKI_PREFIX, self.0.public_key().as_ref()].concat();
        Ed25519PublicKey::from_spki_der(&spki).expect("the public half of a valid key is valid")
    }

    /// Signs `message`.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).as_ref().try_into().expect("an Ed25519 signature has 64 bytes")
    }
}

impl fmt::Debug for Ed25519Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ed25519Key").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
