//! SHA-1, for what old devices have made with it, and for WebSockets (RFC 6455), whose handshake proves with it that the
//! server speaks them: nothing is kept secret or believed by that.
//!
//! Collisions can be found, so that nobody should believe what rests on it alone.

use aws_lc_rs::{
    digest,
    signature::{RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, UnparsedPublicKey},
};

use crate::{NotAuthentic, RsaPublicKey};

/// SHA-1 of `bytes`.
#[must_use]
pub fn sha1(bytes: &[u8]) -> [u8; 20] {
    let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, bytes);
    digest.as_ref().try_into().expect("SHA-1 gives 20 bytes")
}

/// Checks an RSASSA-PKCS1-v1_5 signature over SHA-1 of `message`.
///
/// # Errors
/// When the signature is not one of this key.
pub fn verify_rsa_pkcs1(key: &RsaPublicKey, message: &[u8], signature: &[u8]) -> Result<(), NotAuthentic> {
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, key.spki_der());
    key.verify(message, signature).map_err(|_| NotAuthentic)
}

#[cfg(test)]
mod tests;
