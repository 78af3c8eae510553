//! Names of transactions, nodes and identities.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Counts leaderships: each elected leader writes in a view of its own. The first is 2, as in CCF.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct View(pub u64);

/// Position of a transaction in the ledger. The first is 1; 0 stands for "before everything".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seqno(pub u64);

impl Seqno {
    /// Before the first transaction.
    pub const ZERO: Self = Self(0);

    /// The position after this one.
    ///
    /// # Panics
    /// After 2^64 - 1 transactions.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.checked_add(1).expect("a ledger never reaches 2^64 entries"))
    }

    /// The position before this one; that of zero is zero.
    #[must_use]
    pub fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Seqno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Transaction identifier, written `view.seqno`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TxId {
    /// View in which the transaction was appended.
    pub view: View,
    /// Its position in the ledger.
    pub seqno: Seqno,
}

impl TxId {
    /// Appends the text form, in a third of the time that formatting takes.
    pub fn push_to(&self, text: &mut String) {
        let mut digits = itoa::Buffer::new();
        text.push_str(digits.format(self.view.0));
        text.push('.');
        text.push_str(digits.format(self.seqno.0));
    }
}

impl fmt::Display for TxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.view, self.seqno)
    }
}

/// Text that is not an identifier of the expected kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// Not two decimal numbers of at most 64 bits joined by a dot.
    #[error("not a transaction ID of the form view.seqno")]
    TxId,
    /// Not 64 lower-case hexadecimal digits.
    #[error("not 64 lower-case hexadecimal digits")]
    Digest,
}

impl FromStr for TxId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let decimal = |part: &str| {
            let canonical = part == "0" || !part.starts_with('0');
            let digits = part.bytes().all(|b| b.is_ascii_digit());
            if canonical && digits { part.parse().ok() } else { None }
        };
        let (view, seqno) = text.split_once('.').ok_or(InvalidId::TxId)?;
        Ok(Self {
            view: View(decimal(view).ok_or(InvalidId::TxId)?),
            seqno: Seqno(decimal(seqno).ok_or(InvalidId::TxId)?),
        })
    }
}

/// SHA-256 digest, written as 64 lower-case hexadecimal digits.
///
/// Members and users are named by the digest of their certificate (DER), nodes by the digest of
/// their public key (DER of SubjectPublicKeyInfo).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// Length in bytes.
    pub const LEN: usize = 32;
    /// All zeros: what stands where no digest was given.
    pub const ZERO: Self = Self([0; 32]);

    /// The 64 hexadecimal digits.
    #[must_use]
    pub fn to_hex(&self) -> String {
        hex::encode(self.0)
    }

    /// The 64 hexadecimal digits, in a buffer of the caller's.
    #[must_use]
    pub fn hex_digits<'a>(&self, digits: &'a mut [u8; 64]) -> &'a str {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        for (pair, byte) in digits.as_chunks_mut().0.iter_mut().zip(self.0) {
            *pair = [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
        }
        str::from_utf8(digits).expect("hexadecimal digits are ASCII")
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.hex_digits(&mut [0; 64]))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(InvalidId::Digest);
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| InvalidId::Digest)?;
        Ok(Self(bytes))
    }
}

macro_rules! as_text {
    ($($id:ty),*) => {$(
        impl Serialize for $id {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $id {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                std::borrow::Cow::<'de, str>::deserialize(deserializer)?
                    .parse()
                    .map_err(serde::de::Error::custom)
            }
        }
    )*};
}

as_text!(TxId, Digest);

/// Names a TLS 1.3 session: what both ends, and nobody else, derive from it (`tls-exporter`, RFC 9266).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelBinding(pub [u8; ChannelBinding::LEN]);

impl ChannelBinding {
    /// Bytes of the name.
    pub const LEN: usize = 32;
    /// What it is derived for.
    pub const LABEL: &'static [u8] = b"EXPORTER-Channel-Binding";
}

#[cfg(test)]
mod tests;
