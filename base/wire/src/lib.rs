//! Identifiers and every byte format of a Coco service.
//!
//! This crate does no input or output and no cryptography: it turns bytes into types that
//! cannot be wrong, and back. Modules in reading order.

pub mod id;
pub mod writes;

pub mod domain;
pub mod entry;

pub mod chunk;
pub mod snapshot;

pub mod peer;

pub mod cbor;
pub mod cose;
pub mod receipt;
pub mod signature;
pub mod tree;

pub mod text;

mod reader;

pub use id::{ChannelBinding, Digest, InvalidId, Seqno, TxId, View};
pub use writes::{Domain, Key, TableName, Value, WriteSet};
