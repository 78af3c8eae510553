//! Values that several tables share.

use std::borrow::Cow;

use coco_kv::{Decode, Encode, JsonValue};
use serde::{Deserialize, Serialize};

/// Text stored as a JSON string.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JsonText(pub String);

impl JsonValue for JsonText {}

impl From<&str> for JsonText {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// Value of a table that is a set of keys: 8 zero bytes.
///
/// Source: CCF `include/ccf/kv/set.h`, `ZeroBlitUnitCreator`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Present;

impl Encode for Present {
    fn encode(&self) -> Cow<'_, [u8]> {
        (&[0; 8][..]).into()
    }
}

impl Decode for Present {
    fn decode(bytes: &[u8]) -> Option<Self> {
        (bytes == [0; 8]).then_some(Self)
    }
}

/// Values that a register may have: hexadecimal digits, 96 of TDX and of Nitro Enclaves, 64 or more of TPMs, by the bank.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Registers(pub Vec<String>);

impl JsonValue for Registers {}

/// Whether a field has the value that is left out.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
