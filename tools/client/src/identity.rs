//! Who sends a request: a member, a user, or anyone with a certificate.

use std::sync::Arc;

use coco_crypto::{Certificate, EcKey, EcPublicKey, InvalidKey, Signer as _, x509::InvalidCertificate};
use coco_wire::Digest;

/// A certificate and its private key.
#[derive(Clone)]
pub struct Identity {
    certificate: Certificate,
    key: Arc<EcKey>,
}

/// A certificate or key that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidIdentity {
    /// The certificate is not PEM of an X.509 certificate.
    #[error("the certificate cannot be read: {0}")]
    Certificate(#[from] InvalidCertificate),
    /// The key is not PEM of an elliptic private key.
    #[error("the private key cannot be read: {0}")]
    Key(#[from] InvalidKey),
    /// The key is another one than that of the certificate.
    #[error("certificate and private key do not belong together")]
    Mismatch,
}

impl Identity {
    /// Reads PEM.
    ///
    /// # Errors
    /// If either cannot be read, or they do not belong together.
    pub fn from_pem(certificate: &str, key: &str) -> Result<Self, InvalidIdentity> {
        Self::new(Certificate::from_pem(certificate)?, EcKey::from_pem(key)?)
    }

    /// A certificate and its key.
    ///
    /// # Errors
    /// [`InvalidIdentity::Mismatch`].
    pub fn new(certificate: Certificate, key: EcKey) -> Result<Self, InvalidIdentity> {
        let certified = certificate.public_key().as_ec().map(EcPublicKey::id);
        if certified != Some(key.public_key().id()) {
            return Err(InvalidIdentity::Mismatch);
        }
        Ok(Self { certificate, key: Arc::new(key) })
    }

    /// How the service names the holder: SHA-256 of the certificate (DER).
    #[must_use]
    pub fn id(&self) -> Digest {
        self.certificate.fingerprint()
    }

    /// The certificate.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    pub(crate) fn key(&self) -> &EcKey {
        &self.key
    }
}

#[cfg(test)]
mod tests;
