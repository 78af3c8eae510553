//! Numbers and bytes as JSON-RPC has them (Ethereum execution APIs, `schemas/base-types`).

use alloy_primitives::{Address, B256, U256, hex, ruint::UintTryFrom};
use serde_json::Value;

/// A number: hexadecimal without zeros in front.
pub(crate) fn quantity<T>(number: T) -> Value
where
    U256: UintTryFrom<T>,
{
    Value::String(format!("{:#x}", U256::from(number)))
}

/// Bytes.
pub(crate) fn data(bytes: impl AsRef<[u8]>) -> Value {
    Value::String(hex::encode_prefixed(bytes))
}

/// Why text is no value; the words are geth's (go-ethereum, `common/hexutil`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotHex {
    #[error("empty hex string")]
    Empty,
    #[error("hex string without 0x prefix")]
    Prefix,
    #[error("hex string \"0x\"")]
    NoDigits,
    #[error("hex number with leading zero digits")]
    Zeros,
    #[error("hex string of odd length")]
    Odd,
    #[error("invalid hex string")]
    Digits,
    #[error("hex number > {0} bits")]
    Large(usize),
    #[error("hex string has length {found}, want {want}")]
    Length { found: usize, want: usize },
}

/// Reads a number of at most 256 bits.
pub(crate) fn read_quantity(text: &str) -> Result<U256, NotHex> {
    let digits = digits(text)?;
    if digits.is_empty() {
        return Err(NotHex::NoDigits);
    }
    if digits.len() > 1 && digits.starts_with('0') {
        return Err(NotHex::Zeros);
    }
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(NotHex::Digits);
    }
    if digits.len() > 64 {
        return Err(NotHex::Large(256));
    }
    U256::from_str_radix(digits, 16).map_err(|_| NotHex::Digits)
}

/// Reads a number of at most 64 bits.
pub(crate) fn read_small(text: &str) -> Result<u64, NotHex> {
    read_quantity(text)?.try_into().map_err(|_| NotHex::Large(64))
}

/// Reads bytes.
pub(crate) fn read_data(text: &str) -> Result<Vec<u8>, NotHex> {
    let digits = digits(text)?;
    if digits.len() % 2 != 0 {
        return Err(NotHex::Odd);
    }
    hex::decode(digits).map_err(|_| NotHex::Digits)
}

/// Reads 32 bytes.
pub(crate) fn read_hash(text: &str) -> Result<B256, NotHex> {
    fixed::<32>(text).map(B256::from)
}

/// Reads an address; its letters may be of either case.
pub(crate) fn read_address(text: &str) -> Result<Address, NotHex> {
    fixed::<20>(text).map(Address::from)
}

fn fixed<const N: usize>(text: &str) -> Result<[u8; N], NotHex> {
    let bytes = read_data(text)?;
    let found = 2 * bytes.len();
    bytes.try_into().map_err(|_| NotHex::Length { found, want: 2 * N })
}

fn digits(text: &str) -> Result<&str, NotHex> {
    if text.is_empty() {
        return Err(NotHex::Empty);
    }
    text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).ok_or(NotHex::Prefix)
}
