//! Messages: one request or a batch of them.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::RpcError;

/// Most requests in a batch, as in geth.
const MAX_BATCH: usize = 1_000;
/// Longest name of a request that is written back, in bytes.
const MAX_ID: usize = 1_024;

/// What a client sent.
#[derive(Debug)]
pub(crate) enum Message<'a> {
    /// One request.
    One(Result<Item<'a>, RpcError>),
    /// Several, answered together.
    Batch(Vec<Result<Item<'a>, RpcError>>),
}

/// One request.
#[derive(Debug)]
pub(crate) struct Item<'a> {
    /// What its sender calls it; a notification has no name, and no answer.
    pub(crate) id: Option<&'a RawValue>,
    pub(crate) method: Cow<'a, str>,
    pub(crate) params: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
}

impl<'a> Message<'a> {
    /// Reads a message.
    ///
    /// # Errors
    /// If it is no JSON, or a batch that nobody would answer.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, RpcError> {
        let json = |error: serde_json::Error| RpcError::parse(format!("parse error: {error}"));
        if !bytes.trim_ascii_start().starts_with(b"[") {
            // Whatever is JSON is read to its end before anything is said of what it holds.
            let whole: &RawValue = serde_json::from_slice(bytes).map_err(json)?;
            return Ok(Self::One(Item::read(whole)));
        }
        let items: Vec<&RawValue> = serde_json::from_slice(bytes).map_err(json)?;
        match items.len() {
            0 => Err(RpcError::request("empty batch")),
            1..=MAX_BATCH => Ok(Self::Batch(items.into_iter().map(Item::read).collect())),
            _ => Err(RpcError::request("batch too large")),
        }
    }
}

impl<'a> Item<'a> {
    fn read(json: &'a RawValue) -> Result<Self, RpcError> {
        let invalid = || RpcError::request("invalid request");
        let fields: Fields<'a> = serde_json::from_str(json.get()).map_err(|_| invalid())?;
        let is_name = |id: &&RawValue| {
            let id = id.get();
            id.len() <= MAX_ID && !id.starts_with(['{', '[', 't', 'f'])
        };
        if fields.id.is_some_and(|id| !is_name(&id)) {
            return Err(invalid());
        }
        Ok(Self { id: fields.id, method: fields.method.ok_or_else(invalid)?, params: fields.params })
    }
}

/// A field that is there, though it may be null: then a request has a name, and is no notification.
fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(from).map(Some)
}

/// The answer to a request, where `id` and `result` are JSON.
pub(crate) fn answer(id: &[u8], result: &[u8]) -> Vec<u8> {
    [br#"{"jsonrpc":"2.0","id":"#, id, br#","result":"#, result, b"}"].concat()
}

/// The answer to a request that has none.
pub(crate) fn failure(id: &[u8], error: &RpcError) -> Vec<u8> {
    let error = error.to_json().to_string();
    [br#"{"jsonrpc":"2.0","id":"#, id, br#","error":"#, error.as_bytes(), b"}"].concat()
}
