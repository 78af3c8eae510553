//! A private key of any kind, as applications keep and use them.

use zeroize::Zeroizing;

use crate::{
    EcKey, InvalidKey, NotAuthentic, PublicKey, RsaKey, Signer as _,
    ed25519::Ed25519Key,
    signature::{SignatureForm, SignatureScheme},
};

/// A private key.
#[derive(Debug)]
pub enum PrivateKey {
    /// ECDSA on a NIST curve.
    Ec(EcKey),
    /// RSA of 2048 to 8192 bits.
    Rsa(RsaKey),
    /// Ed25519.
    Ed25519(Ed25519Key),
}

impl PrivateKey {
    /// Reads the first private key of a PEM text, not encrypted.
    ///
    /// # Errors
    /// When there is none, or it is of another kind.
    pub fn from_pem(text: &str) -> Result<Self, InvalidKey> {
        match EcKey::from_pem(text) {
            Err(InvalidKey::Unsupported) => {}
            result => return result.map(Self::Ec),
        }
        match Ed25519Key::from_pem(text) {
            Ok(key) => Ok(Self::Ed25519(key)),
            Err(_) => RsaKey::from_pem(text).map(Self::Rsa),
        }
    }

    /// PEM block `PRIVATE KEY` (PKCS#8).
    #[must_use]
    pub fn to_pem(&self) -> Zeroizing<String> {
        match self {
            Self::Ec(key) => key.to_pem(),
            Self::Rsa(key) => key.to_pem(),
            Self::Ed25519(key) => key.to_pem(),
        }
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        match self {
            Self::Ec(key) => PublicKey::Ec(key.public_key().clone()),
            Self::Rsa(key) => PublicKey::Rsa(key.public_key().clone()),
            Self::Ed25519(key) => PublicKey::Ed25519(key.public_key()),
        }
    }

    /// Signs `message` with `scheme`.
    ///
    /// # Errors
    /// When the scheme is for another kind of key.
    pub fn sign(&self, scheme: SignatureScheme, message: &[u8]) -> Result<Vec<u8>, NotAuthentic> {
        match (self, scheme) {
            (Self::Ec(key), SignatureScheme::Ecdsa(hash, form)) => {
                let signature = key.sign_any_digest(&hash.digest(message));
                Ok(match form {
                    SignatureForm::Fixed => signature.into_fixed(),
                    SignatureForm::Der => signature.to_der(),
                })
            }
            (Self::Rsa(key), SignatureScheme::RsaPss(hash)) => Ok(key.sign_pss(hash, message)),
            (Self::Ed25519(key), SignatureScheme::Ed25519) => Ok(key.sign(message).to_vec()),
            _ => Err(NotAuthentic),
        }
    }
}

#[cfg(test)]
mod tests;
