//! Governance from the first acknowledgement to the open service, through the adapter and over a real store.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod consortium;
mod constitutions;
mod offered;

mod ballots;
mod nodes;
mod opening;
mod proposals;
mod rekey;
mod service;
mod shares;
mod signatures;
mod tokens;
