//! Object identifiers (ITU-T X.660), as extensions and purposes are named.

use std::{fmt, str::FromStr};

/// Most numbers of an identifier.
const MAX_NUMBERS: usize = 32;

/// An object identifier, kept as the content of its DER.
#[derive(Clone, PartialEq, Eq)]
pub struct ObjectId(std::borrow::Cow<'static, [u8]>);

/// Text that is not an object identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an object identifier of the form 1.2.3")]
pub struct InvalidObjectId;

impl ObjectId {
    /// 2.5.29.37: purposes of a key (RFC 5280 section 4.2.1.12).
    pub(crate) const EXTENDED_KEY_USAGE: Self = Self::from_der(&[0x55, 0x1d, 0x25]);

    /// The identifier with this content of DER, which is not checked.
    #[must_use]
    pub const fn from_der(content: &'static [u8]) -> Self {
        Self(std::borrow::Cow::Borrowed(content))
    }

    /// The content of its DER.
    #[must_use]
    pub fn as_der(&self) -> &[u8] {
        &self.0
    }
}

/// Reads numbers with dots between, without zeros in front.
impl FromStr for ObjectId {
    type Err = InvalidObjectId;

    fn from_str(text: &str) -> Result<Self, InvalidObjectId> {
        let mut numbers = Vec::new();
        for number in text.split('.') {
            let canonical = number == "0" || !number.starts_with('0');
            let digits = number.bytes().all(|byte| byte.is_ascii_digit());
            if !canonical || !digits || numbers.len() == MAX_NUMBERS {
                return Err(InvalidObjectId);
            }
            numbers.push(number.parse::<u32>().map_err(|_| InvalidObjectId)?);
        }
        let [first @ 0..=2, second, rest @ ..] = numbers.as_slice() else { return Err(InvalidObjectId) };
        if *first < 2 && *second >= 40 {
            return Err(InvalidObjectId);
        }
        let mut content = Vec::new();
        write(u64::from(*first) * 40 + u64::from(*second), &mut content);
        rest.iter().for_each(|number| write(u64::from(*number), &mut content));
        Ok(Self(content.into()))
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectId({:02x?})", self.as_der())
    }
}

/// Groups of seven bits, the highest first, all but the last with the high bit set.
fn write(number: u64, out: &mut Vec<u8>) {
    let groups = (64 - number.leading_zeros()).div_ceil(7).max(1);
    for group in (0..groups).rev() {
        let [low, ..] = (number >> (7 * group) & 0x7f).to_le_bytes();
        out.push(if group == 0 { low } else { low | 0x80 });
    }
}

#[cfg(test)]
mod tests;
