//! Signing and verifying as capabilities, and the two ways to write an ECDSA signature.

use std::sync::Arc;

use coco_wire::Digest;

use crate::{EcKey, EcPublicKey, der, hash::HashAlgorithm};

/// A private elliptic-curve key that signs; a simulation brings a deterministic one.
pub trait Signer: Send + Sync {
    /// The public half.
    fn public_key(&self) -> &EcPublicKey;

    /// Signs `message`, hashed with the hash of the curve ([`crate::Curve::hash`]).
    fn sign(&self, message: &[u8]) -> FixedSignature;

    /// Signs the 32 bytes of `digest` as they are, whatever the curve: CCF's signature of a Merkle
    /// root (`src/node/history.h`).
    fn sign_digest(&self, digest: &Digest) -> FixedSignature;
}

/// Checks signatures made by one elliptic-curve key.
pub trait Verifier: Send + Sync {
    /// Checks a signature of `message`, hashed with the hash of the curve.
    ///
    /// # Errors
    /// When the signature is not one of this key over these bytes in this form.
    fn verify(&self, message: &[u8], signature: &[u8], form: SignatureForm) -> Result<(), NotAuthentic>;

    /// Checks a signature made by [`Signer::sign_digest`].
    ///
    /// # Errors
    /// When the signature is not one of this key over this digest in this form.
    fn verify_digest(
        &self,
        digest: &Digest,
        signature: &[u8],
        form: SignatureForm,
    ) -> Result<(), NotAuthentic>;
}

/// How keys sign, and how that is checked; a simulation brings something cheaper than [`Ecdsa`].
pub trait Scheme: Send + Sync {
    /// What signs with a key.
    fn signer(&self, key: &Arc<EcKey>) -> Arc<dyn Signer>;

    /// What checks the signatures that [`Scheme::signer`] makes with the private half of a key.
    fn verifier(&self, key: &EcPublicKey) -> Arc<dyn Verifier>;
}

/// Keys themselves sign and check (FIPS 186-5).
#[derive(Clone, Copy, Debug)]
pub struct Ecdsa;

impl Scheme for Ecdsa {
    fn signer(&self, key: &Arc<EcKey>) -> Arc<dyn Signer> {
        Arc::<EcKey>::clone(key)
    }

    fn verifier(&self, key: &EcPublicKey) -> Arc<dyn Verifier> {
        Arc::new(key.clone())
    }
}

/// A signature, tag or ciphertext that its key did not make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not authentic")]
pub struct NotAuthentic;

/// How an ECDSA signature is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureForm {
    /// DER SEQUENCE of r and s: X.509 and CCF's `sig` fields.
    Der,
    /// r ‖ s, each as long as the order of the curve: COSE (RFC 9053) and JOSE.
    Fixed,
}

/// What a signature claims to be made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureScheme {
    /// ECDSA over the given hash of the message.
    Ecdsa(HashAlgorithm, SignatureForm),
    /// RSASSA-PKCS1-v1_5 over the given hash.
    RsaPkcs1(HashAlgorithm),
    /// RSASSA-PSS over the given hash, MGF1 with the same, salt as long as it.
    RsaPss(HashAlgorithm),
    /// Ed25519 (RFC 8032).
    Ed25519,
}

/// An ECDSA signature as r ‖ s.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FixedSignature(Vec<u8>);

impl FixedSignature {
    /// Wraps r ‖ s; none unless both halves have one length, of at most 66 bytes.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Option<Self> {
        let valid = !bytes.is_empty() && bytes.len().is_multiple_of(2) && bytes.len() <= 2 * 66;
        valid.then_some(Self(bytes))
    }

    /// Reads DER SEQUENCE of r and s, each of at most `half_len` bytes, as long as a half is to be; none if it is anything
    /// else.
    #[must_use]
    pub fn from_der(der: &[u8], half_len: usize) -> Option<Self> {
        let (numbers, rest) = der::read(der::SEQUENCE, der)?;
        let (r, numbers) = der::read(der::INTEGER, numbers)?;
        let (s, end) = der::read(der::INTEGER, numbers)?;
        if !rest.is_empty() || !end.is_empty() {
            return None;
        }
        let mut fixed = Vec::with_capacity(2 * half_len);
        for number in [r, s] {
            let digits = &number[number.iter().take_while(|byte| **byte == 0).count()..];
            let zeros = half_len.checked_sub(digits.len())?;
            fixed.resize(fixed.len() + zeros, 0);
            fixed.extend_from_slice(digits);
        }
        // Only the shortest form of non-negative numbers: what `to_der` writes.
        Self::new(fixed).filter(|signature| signature.to_der() == der)
    }

    /// r ‖ s.
    #[must_use]
    pub fn as_fixed(&self) -> &[u8] {
        &self.0
    }

    /// r ‖ s.
    #[must_use]
    pub fn into_fixed(self) -> Vec<u8> {
        self.0
    }

    /// DER SEQUENCE of r and s.
    #[must_use]
    pub fn to_der(&self) -> Vec<u8> {
        let (r, s) = self.0.split_at(self.0.len() / 2);
        der::sequence(&[&der::unsigned(r), &der::unsigned(s)])
    }
}

#[cfg(test)]
mod tests;
