//! Parameters of requests.

use std::borrow::Cow;

use alloy_primitives::{Address, B256, U256};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::RpcError;
use crate::hex::{self, NotHex};

/// The parameters of a request, by position.
pub(crate) struct Params<'a>(Vec<&'a RawValue>);

/// Which block is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BlockId {
    /// The last one. As every block that is shown is final, `latest`, `safe` and `finalized` are the same; what is not
    /// committed is shown to nobody, so that `pending` is, too.
    Head,
    /// The first one.
    First,
    /// That of a number.
    Number(u64),
    /// That of a hash.
    Hash(B256),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ByField<'a> {
    #[serde(borrow)]
    block_number: Option<Cow<'a, str>>,
    #[serde(borrow)]
    block_hash: Option<Cow<'a, str>>,
    #[serde(default)]
    require_canonical: Option<bool>,
}

impl<'a> Params<'a> {
    /// Reads parameters: none, or an array of at most `most`.
    ///
    /// # Errors
    /// If they are anything else.
    pub(crate) fn read(json: &'a [u8], most: usize) -> Result<Self, RpcError> {
        if json.is_empty() || json == b"null" {
            return Ok(Self(Vec::new()));
        }
        let params: Vec<&RawValue> =
            serde_json::from_slice(json).map_err(|_| RpcError::params("non-array args"))?;
        if params.len() > most {
            return Err(RpcError::params(format!("too many arguments, want at most {most}")));
        }
        Ok(Self(params))
    }

    /// The JSON of a parameter, if it is there.
    pub(crate) fn json(&self, at: usize) -> Option<&'a str> {
        self.0.get(at).map(|param| param.get()).filter(|json| *json != "null")
    }

    /// A parameter that may be missing.
    pub(crate) fn optional<T: DeserializeOwned>(&self, at: usize) -> Result<Option<T>, RpcError> {
        let wrong = |error: serde_json::Error| RpcError::params(format!("invalid argument {at}: {error}"));
        self.json(at).map(|json| serde_json::from_str(json).map_err(wrong)).transpose()
    }

    /// A parameter.
    pub(crate) fn required<T: DeserializeOwned>(&self, at: usize) -> Result<T, RpcError> {
        self.optional(at)?.ok_or_else(|| missing(at))
    }

    pub(crate) fn address(&self, at: usize) -> Result<Address, RpcError> {
        self.text(at, hex::read_address)
    }

    pub(crate) fn hash(&self, at: usize) -> Result<B256, RpcError> {
        self.text(at, hex::read_hash)
    }

    pub(crate) fn data(&self, at: usize) -> Result<Vec<u8>, RpcError> {
        self.text(at, hex::read_data)
    }

    /// A number; clients write some of them without quotes.
    pub(crate) fn number(&self, at: usize) -> Result<u64, RpcError> {
        match self.json(at).map(str::parse) {
            Some(Ok(number)) => Ok(number),
            _ => self.text(at, hex::read_small),
        }
    }

    /// A slot: a number or 32 bytes, of which those in front may be missing.
    pub(crate) fn slot(&self, at: usize) -> Result<U256, RpcError> {
        self.text(at, read_slot)
    }

    /// A block; the last one if none is named.
    pub(crate) fn block(&self, at: usize) -> Result<BlockId, RpcError> {
        let Some(json) = self.json(at) else { return Ok(BlockId::Head) };
        read_block(json).map_err(|why| RpcError::params(format!("invalid argument {at}: {why}")))
    }

    fn text<T>(&self, at: usize, read: impl FnOnce(&str) -> Result<T, NotHex>) -> Result<T, RpcError> {
        let text: String = self.required(at)?;
        read(&text).map_err(|why| RpcError::params(format!("invalid argument {at}: {why}")))
    }
}

pub(crate) fn read_slot(text: &str) -> Result<U256, NotHex> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    if digits.is_empty() {
        return Err(NotHex::NoDigits);
    }
    if digits.len() > 64 {
        return Err(NotHex::Length { found: digits.len(), want: 64 });
    }
    U256::from_str_radix(digits, 16).map_err(|_| NotHex::Digits)
}

/// Reads which block is meant, from JSON (EIP-1898).
pub(crate) fn read_block(json: &str) -> Result<BlockId, String> {
    if json.starts_with('{') {
        let fields: ByField<'_> = serde_json::from_str(json).map_err(|error| error.to_string())?;
        // Nothing here is anything but canonical.
        let _ = fields.require_canonical;
        return match (fields.block_number, fields.block_hash) {
            (Some(number), None) => by_name(&number),
            (None, Some(hash)) => hex::read_hash(&hash).map(BlockId::Hash).map_err(|why| why.to_string()),
            (Some(_), Some(_)) => {
                Err("cannot specify both BlockHash and BlockNumber, choose one or the other".into())
            }
            (None, None) => Err("neither a block number nor a block hash".into()),
        };
    }
    let text: Cow<'_, str> = serde_json::from_str(json).map_err(|error| error.to_string())?;
    if text.len() == 66 {
        return hex::read_hash(&text).map(BlockId::Hash).map_err(|why| why.to_string());
    }
    by_name(&text)
}

fn by_name(text: &str) -> Result<BlockId, String> {
    match text {
        "latest" | "safe" | "finalized" | "pending" => Ok(BlockId::Head),
        "earliest" => Ok(BlockId::First),
        number => hex::read_small(number).map(BlockId::Number).map_err(|why| why.to_string()),
    }
}

fn missing(at: usize) -> RpcError {
    RpcError::params(format!("missing value for required argument {at}"))
}
