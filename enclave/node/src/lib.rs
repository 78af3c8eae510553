//! The node: stages, lifecycle and the order of things; sans-IO.
//!
//! [`Core`] owns consensus, store and ledger, and is fed events; one owner calls it. [`View`] is what Core publishes
//! and what calls are executed on, from any thread.

pub mod admin;
pub mod call;
pub mod channel;
pub mod core;
pub mod evidence;
mod feed;
pub mod forward;
pub mod genesis;
pub mod history;
pub mod index;
pub mod join;
pub mod keys;
pub mod lease;
pub mod peers;
pub mod reads;
pub mod redirect;
mod renewal;
mod secrets;
pub mod startup;
pub mod streams;
pub mod token_keys;
pub mod view;

pub use call::{Instead, Mount, Mounts, Offered, Planned, Ran, Write};
pub use core::{
    Certificates, Core, Done, Job, Outgoing, Output, Readable, Refusal, SnapshotPolicy, SnapshotTime,
    is_requested_by_core,
};
pub use genesis::Genesis;
pub use history::Decoding;
pub use join::{Joined, Joiner};
pub use keys::Keys;
pub use renewal::Renewed;
pub use startup::{Beginning, Inspection, Opening};
pub use view::{Shared, Stage, State, View};
