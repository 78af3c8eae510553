//! The adapter as a node drives it: requests in, transactions of the store, blocks with signatures.

mod access;
mod blocks;
mod calls;
mod conversations;
mod messages;
mod service;
mod transactions;
