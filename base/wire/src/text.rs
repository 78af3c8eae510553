//! Text forms of bytes: canonical base64 and lower-case hexadecimal, one text for each value.

use std::fmt;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Text that is not the one form of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidText {
    /// Not padded base64 (RFC 4648, section 4) with zero trailing bits.
    #[error("not canonical base64")]
    Base64,
    /// Not unpadded base64 of the URL alphabet (RFC 4648, section 5) with zero trailing bits.
    #[error("not canonical base64url")]
    Base64Url,
    /// Not an even number of lower-case hexadecimal digits.
    #[error("not lower-case hexadecimal")]
    Hex,
}

/// Base64 with padding (RFC 4648, section 4).
#[must_use]
pub fn encode_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Accepts exactly what [`encode_base64`] yields.
///
/// # Errors
/// On any other text: white space, missing padding, the URL alphabet, stray trailing bits.
pub fn decode_base64(text: &str) -> Result<Vec<u8>, InvalidText> {
    STANDARD.decode(text).map_err(|_| InvalidText::Base64)
}

/// Base64 of the URL alphabet without padding (RFC 4648, section 5; RFC 7515).
#[must_use]
pub fn encode_base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Accepts exactly what [`encode_base64url`] yields.
///
/// # Errors
/// On any other text: white space, padding, the standard alphabet, stray trailing bits.
pub fn decode_base64url(text: &str) -> Result<Vec<u8>, InvalidText> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidText::Base64Url)
}

/// Lower-case hexadecimal digits.
#[must_use]
pub fn encode_hex(bytes: &[u8]) -> String {
    hex::encode(bytes)
}

/// Accepts exactly what [`encode_hex`] yields.
///
/// # Errors
/// On any other text.
pub fn decode_hex(text: &str) -> Result<Vec<u8>, InvalidText> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(InvalidText::Hex);
    }
    hex::decode(text).map_err(|_| InvalidText::Hex)
}

/// Bytes that are base64 text in JSON.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Base64(pub Vec<u8>);

impl fmt::Debug for Base64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&encode_base64(&self.0))
    }
}

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&encode_base64(&self.0))
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        decode_base64(&text).map(Self).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
