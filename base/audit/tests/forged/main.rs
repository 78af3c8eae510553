//! Ledgers and receipts made with valid keys, right and wrong.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod forge;
mod ledger;
mod receipts;
