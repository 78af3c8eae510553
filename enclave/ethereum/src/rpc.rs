//! JSON-RPC 2.0, as Ethereum's clients speak it: messages, batches, errors.

mod ask;
mod error;
mod message;
mod params;

pub(crate) use ask::Ask;
pub(crate) use error::RpcError;
pub(crate) use message::{Item, Message, answer, failure};
pub(crate) use params::{BlockId, Params, read_block, read_slot};
