//! A public key of any kind, as certificates carry it.

use coco_wire::Digest;

use crate::{
    EcPublicKey, NotAuthentic, RsaPublicKey, ed25519::Ed25519PublicKey, hash::sha256, pem,
    signature::SignatureScheme,
};

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicKey {
    /// ECDSA on a NIST curve.
    Ec(EcPublicKey),
    /// RSA of 2048 to 8192 bits.
    Rsa(RsaPublicKey),
    /// Ed25519.
    Ed25519(Ed25519PublicKey),
}

/// Bytes or text that are not a key of the expected kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// The text is not the expected PEM.
    #[error(transparent)]
    Pem(#[from] pem::InvalidPem),
    /// The encoding is not strict DER, or the numbers are not a key.
    #[error("malformed key")]
    Malformed,
    /// A kind, curve, size or encoding that is not supported.
    #[error("unsupported kind of key")]
    Unsupported,
}

impl PublicKey {
    /// Reads DER of SubjectPublicKeyInfo (RFC 5280 section 4.1), of which each key has one encoding.
    ///
    /// # Errors
    /// When the bytes are not such a key.
    pub fn from_spki_der(spki: &[u8]) -> Result<Self, InvalidKey> {
        match EcPublicKey::from_spki_der(spki) {
            Err(InvalidKey::Unsupported) => {}
            result => return result.map(Self::Ec),
        }
        match Ed25519PublicKey::from_spki_der(spki) {
            Err(InvalidKey::Unsupported) => {}
            result => return result.map(Self::Ed25519),
        }
        RsaPublicKey::from_spki_der(spki).map(Self::Rsa)
    }

    /// Reads a PEM block `PUBLIC KEY`.
    ///
    /// # Errors
    /// As [`PublicKey::from_spki_der`], and when the text is not one such block.
    pub fn from_spki_pem(text: &str) -> Result<Self, InvalidKey> {
        Self::from_spki_der(&pem::decode(text, "PUBLIC KEY")?)
    }

    /// DER of SubjectPublicKeyInfo.
    #[must_use]
    pub fn spki_der(&self) -> &[u8] {
        match self {
            Self::Ec(key) => key.spki_der(),
            Self::Rsa(key) => key.spki_der(),
            Self::Ed25519(key) => key.spki_der(),
        }
    }

    /// PEM block `PUBLIC KEY`.
    #[must_use]
    pub fn to_pem(&self) -> String {
        pem::encode("PUBLIC KEY", self.spki_der())
    }

    /// SHA-256 of the DER of SubjectPublicKeyInfo.
    #[must_use]
    pub fn id(&self) -> Digest {
        match self {
            Self::Ec(key) => key.id(),
            Self::Rsa(_) | Self::Ed25519(_) => sha256(self.spki_der()),
        }
    }

    /// The elliptic-curve key, if it is one.
    #[must_use]
    pub fn as_ec(&self) -> Option<&EcPublicKey> {
        match self {
            Self::Ec(key) => Some(key),
            Self::Rsa(_) | Self::Ed25519(_) => None,
        }
    }

    /// Checks a signature of `message` made with `scheme`.
    ///
    /// # Errors
    /// When the signature is not one of this key, or the scheme is for another kind of key.
    pub fn verify(
        &self,
        scheme: SignatureScheme,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), NotAuthentic> {
        match (self, scheme) {
            (Self::Ec(key), SignatureScheme::Ecdsa(hash, form)) => {
                key.verify_any_digest(&hash.digest(message), signature, form)
            }
            (Self::Rsa(key), SignatureScheme::RsaPkcs1(hash)) => key.verify_pkcs1(hash, message, signature),
            (Self::Rsa(key), SignatureScheme::RsaPss(hash)) => key.verify_pss(hash, message, signature),
            (Self::Ed25519(key), SignatureScheme::Ed25519) => key.verify(message, signature),
            _ => Err(NotAuthentic),
        }
    }
}

#[cfg(test)]
mod tests;
