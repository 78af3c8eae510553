//! Signature algorithms of COSE (RFC 9053, RFC 8230).
//!
//! The structure of a COSE_Sign1 message, and so the bytes to be signed, belong to `coco-wire`. To sign,
//! give those bytes to a [`crate::Signer`] and write the signature as r ‖ s.

use crate::{
    Curve, EcPublicKey, NotAuthentic, PublicKey,
    hash::HashAlgorithm::{Sha256, Sha384, Sha512},
    signature::{SignatureForm, SignatureScheme},
};

/// The value of the protected header 1, `alg`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CoseAlgorithm {
    /// −7: ECDSA with SHA-256; here on P-256 only.
    Es256,
    /// −35: ECDSA with SHA-384; here on P-384 only.
    Es384,
    /// −36: ECDSA with SHA-512; here on P-521 only.
    Es512,
    /// −8: EdDSA; here Ed25519 only.
    EdDsa,
    /// −37: RSASSA-PSS with SHA-256.
    Ps256,
    /// −38: RSASSA-PSS with SHA-384.
    Ps384,
    /// −39: RSASSA-PSS with SHA-512.
    Ps512,
}

impl CoseAlgorithm {
    const ALL: [Self; 7] =
        [Self::Es256, Self::Es384, Self::Es512, Self::EdDsa, Self::Ps256, Self::Ps384, Self::Ps512];

    /// The algorithm with which `key` verifies.
    #[must_use]
    pub fn of(key: &EcPublicKey) -> Self {
        match key.curve() {
            Curve::P256 => Self::Es256,
            Curve::P384 => Self::Es384,
            Curve::P521 => Self::Es512,
        }
    }

    /// The integer of the IANA registry.
    #[must_use]
    pub fn label(self) -> i64 {
        match self {
            Self::Es256 => -7,
            Self::Es384 => -35,
            Self::Es512 => -36,
            Self::EdDsa => -8,
            Self::Ps256 => -37,
            Self::Ps384 => -38,
            Self::Ps512 => -39,
        }
    }

    /// The name of the IANA registry, by which key vaults know it too.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::EdDsa => "EdDSA",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
        }
    }

    /// The algorithm of an integer of the IANA registry, if known.
    #[must_use]
    pub fn from_label(label: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.label() == label)
    }

    /// Checks the signature of a COSE_Sign1 message over its Sig_structure, `to_be_signed`.
    ///
    /// # Errors
    /// When the signature is not one of `key`, or the algorithm does not belong to its kind and curve.
    pub fn verify(self, key: &PublicKey, to_be_signed: &[u8], signature: &[u8]) -> Result<(), NotAuthentic> {
        if key.as_ec().is_some_and(|key| Self::of(key) != self) {
            return Err(NotAuthentic);
        }
        let scheme = match self {
            Self::Es256 => SignatureScheme::Ecdsa(Sha256, SignatureForm::Fixed),
            Self::Es384 => SignatureScheme::Ecdsa(Sha384, SignatureForm::Fixed),
            Self::Es512 => SignatureScheme::Ecdsa(Sha512, SignatureForm::Fixed),
            Self::EdDsa => SignatureScheme::Ed25519,
            Self::Ps256 => SignatureScheme::RsaPss(Sha256),
            Self::Ps384 => SignatureScheme::RsaPss(Sha384),
            Self::Ps512 => SignatureScheme::RsaPss(Sha512),
        };
        key.verify(scheme, to_be_signed, signature)
    }
}

#[cfg(test)]
mod tests;
