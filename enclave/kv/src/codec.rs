//! How typed keys and values are written as bytes, as CCF writes them.

use std::borrow::Cow;

use serde::{Serialize, de::DeserializeOwned};

/// What can be stored; equal values have equal bytes.
pub trait Encode {
    /// The bytes stored.
    fn encode(&self) -> Cow<'_, [u8]>;
}

/// What can be read back. Anyone who may write a table may write bytes that are no `Self`.
pub trait Decode: Sized {
    /// None for bytes that [`Encode::encode`] does not make.
    fn decode(bytes: &[u8]) -> Option<Self>;
}

/// Stored as JSON, compact, the keys of objects sorted: CCF `include/ccf/ds/json.h`.
pub trait JsonValue: Serialize + DeserializeOwned {}

impl JsonValue for serde_json::Value {}
impl JsonValue for bool {}
impl JsonValue for coco_wire::text::Base64 {}
impl JsonValue for coco_wire::signature::NodeSignature {}
impl JsonValue for coco_wire::snapshot::SnapshotEvidence {}

/// The JSON form of a [`JsonValue`].
///
/// # Panics
/// If `value` has no JSON form, as maps do whose keys are not text.
pub fn to_json(value: &impl Serialize) -> Vec<u8> {
    // Through a tree, whose objects are sorted maps.
    let tree = serde_json::to_value(value).expect("stored types have a JSON form");
    serde_json::to_vec(&tree).expect("a JSON tree can be written")
}

impl<T: JsonValue> Encode for T {
    fn encode(&self) -> Cow<'_, [u8]> {
        to_json(self).into()
    }
}

impl<T: JsonValue> Decode for T {
    /// Accepts any JSON form: governance scripts write their own.
    fn decode(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

/// Raw bytes.
impl Encode for [u8] {
    fn encode(&self) -> Cow<'_, [u8]> {
        self.into()
    }
}

/// Raw bytes.
impl Encode for Vec<u8> {
    fn encode(&self) -> Cow<'_, [u8]> {
        self.into()
    }
}

impl Decode for Vec<u8> {
    fn decode(bytes: &[u8]) -> Option<Self> {
        Some(bytes.into())
    }
}

/// UTF-8 without any frame.
impl Encode for str {
    fn encode(&self) -> Cow<'_, [u8]> {
        self.as_bytes().into()
    }
}

/// UTF-8 without any frame.
impl Encode for String {
    fn encode(&self) -> Cow<'_, [u8]> {
        self.as_bytes().into()
    }
}

impl Decode for String {
    fn decode(bytes: &[u8]) -> Option<Self> {
        String::from_utf8(bytes.into()).ok()
    }
}

/// Eight bytes, little-endian: CCF `include/ccf/kv/serialisers/blit_serialiser.h`.
impl Encode for u64 {
    fn encode(&self) -> Cow<'_, [u8]> {
        self.to_le_bytes().to_vec().into()
    }
}

impl Decode for u64 {
    fn decode(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::from_le_bytes)
    }
}

/// The 64 hexadecimal digits: how CCF names members, users and nodes.
impl Encode for coco_wire::Digest {
    fn encode(&self) -> Cow<'_, [u8]> {
        self.to_hex().into_bytes().into()
    }
}

impl Decode for coco_wire::Digest {
    fn decode(bytes: &[u8]) -> Option<Self> {
        str::from_utf8(bytes).ok()?.parse().ok()
    }
}

#[cfg(test)]
mod tests;
