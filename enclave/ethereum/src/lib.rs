//! Ethereum as an application of the service.
//!
//! An [`Ethereum`] is an adapter like any other: transactions of Ethereum are transactions of the store, executed by
//! [`coco_evm`] and ordered by the service. A block is what lies between two signatures of the ledger, so that whatever is
//! shown is final. Clients speak JSON-RPC at `/eth`. Modules in reading order.

mod network;
mod records;
mod tables;

mod block;
mod chain;
mod state;
mod window;

mod access;
mod filters;
mod hex;
mod render;

mod rpc;

mod methods;
mod submit;

mod adapter;
mod conversation;

pub use adapter::Ethereum;
pub use network::{NativeBalance, Network, Visibility};

#[cfg(test)]
mod tests;
