//! The node: stages, lifecycle and the order of things; sans-IO.
//!
//! [`Core`] owns consensus, store and ledger, and is fed events; one owner calls it. [`View`] is what Core publishes
//! and what calls are executed on, from any thread.

pub mod admin;
pub mod call;
pub mod channel;
pub mod core;
pub mod genesis;
pub mod history;
pub mod index;
pub mod keys;
pub mod streams;
pub mod view;

pub use call::{Mount, Mounts, Planned, Ran, Write};
pub use core::{Core, Output, Refusal, SigningJob};
pub use genesis::Genesis;
pub use history::Decoding;
pub use keys::Keys;
pub use view::{Shared, Stage, State, View};
