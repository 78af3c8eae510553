//! Governance from the first acknowledgement to the open service, through the adapter and over a real store.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod console;
mod consortium;
mod constitutions;
mod join_policy;
mod offered;

mod actions;
mod ballots;
mod intel;
mod lifecycle;
mod machines;
mod mutants;
mod nodes;
mod opening;
mod policies;
mod proposals;
mod refusals;
mod rekey;
mod rules;
mod samples;
mod service;
mod shares;
mod signatures;
mod tokens;
