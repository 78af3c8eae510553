//! Wrapping of keys with AES (RFC 5649, `CKM_AES_KEY_WRAP_KWP`), alone or behind RSA (`CKM_RSA_AES_KEY_WRAP`).

use aws_lc_rs::key_wrap::{AES_128, AES_256, AesBlockCipher, AesKek, KeyWrapPadded as _};
use zeroize::Zeroizing;

use crate::{Entropy, NotAuthentic, RsaKey, RsaPublicKey, rsa::TooLong};

/// Largest key that is wrapped, in bytes.
const MAX_LEN: usize = 1 << 20;
/// What wrapping adds at most: a block, and padding to the next one.
const OVERHEAD: usize = 16;

/// Why a key is not wrapped or unwrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrapError {
    /// AES keys have 16 or 32 bytes here.
    #[error("AES keys have 128 or 256 bits")]
    KeySize,
    /// There is nothing to wrap, or too much.
    #[error("the key to be wrapped is empty or too long")]
    Length,
    /// What is to be unwrapped was not wrapped with this key.
    #[error("the wrapped key is not authentic")]
    NotAuthentic,
}

impl From<NotAuthentic> for WrapError {
    fn from(_: NotAuthentic) -> Self {
        Self::NotAuthentic
    }
}

impl From<TooLong> for WrapError {
    fn from(_: TooLong) -> Self {
        Self::Length
    }
}

fn cipher(len: usize) -> Result<&'static AesBlockCipher, WrapError> {
    match len {
        16 => Ok(&AES_128),
        32 => Ok(&AES_256),
        _ => Err(WrapError::KeySize),
    }
}

/// Wraps `key` with the AES key `with`.
///
/// # Errors
/// See [`WrapError`].
pub fn wrap(with: &[u8], key: &[u8]) -> Result<Vec<u8>, WrapError> {
    let kek = AesKek::new(cipher(with.len())?, with).map_err(|_| WrapError::KeySize)?;
    if key.is_empty() || key.len() > MAX_LEN {
        return Err(WrapError::Length);
    }
    let mut output = vec![0; key.len() + OVERHEAD];
    let len = kek.wrap_with_padding(key, &mut output).map_err(|_| WrapError::Length)?.len();
    output.truncate(len);
    Ok(output)
}

/// Reverses [`wrap`].
///
/// # Errors
/// See [`WrapError`].
pub fn unwrap(with: &[u8], wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, WrapError> {
    let kek = AesKek::new(cipher(with.len())?, with).map_err(|_| WrapError::KeySize)?;
    if wrapped.len() > MAX_LEN + OVERHEAD {
        return Err(WrapError::Length);
    }
    let mut output = Zeroizing::new(vec![0; wrapped.len()]);
    let len = kek.unwrap_with_padding(wrapped, &mut output).map_err(|_| WrapError::NotAuthentic)?.len();
    output.truncate(len);
    Ok(output)
}

/// Wraps `key` with a new AES key of `bits` bits, which goes in front, encrypted to `with`.
///
/// # Errors
/// See [`WrapError`].
pub fn wrap_with_rsa(
    with: &RsaPublicKey,
    bits: usize,
    key: &[u8],
    label: Option<&[u8]>,
    entropy: &dyn Entropy,
) -> Result<Vec<u8>, WrapError> {
    cipher(bits / 8)?;
    let mut aes = Zeroizing::new(vec![0; bits / 8]);
    entropy.fill(&mut aes);
    let mut wrapped = with.encrypt_oaep_labelled(&aes, label)?;
    wrapped.extend(wrap(&aes, key)?);
    Ok(wrapped)
}

/// Reverses [`wrap_with_rsa`].
///
/// # Errors
/// See [`WrapError`].
pub fn unwrap_with_rsa(
    with: &RsaKey,
    wrapped: &[u8],
    label: Option<&[u8]>,
) -> Result<Zeroizing<Vec<u8>>, WrapError> {
    let (aes, key) =
        wrapped.split_at_checked(with.public_key().bits().div_ceil(8)).ok_or(WrapError::NotAuthentic)?;
    unwrap(&with.decrypt_oaep_labelled(aes, label)?, key)
}

#[cfg(test)]
mod tests;
