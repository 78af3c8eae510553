//! Ledger and store joined as a node joins them: snapshots, resuming, entries of other nodes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod ccf;
mod node;
mod receive;
mod snapshot;
