//! Ethereum's virtual machine over the store.
//!
//! Accounts, code and storage are rows of private tables. A transaction is read and its sender recovered without any state
//! ([`Verified`]); then it is executed on a [`coco_kv::Tx`], whose reads decide whether it must be executed again, and whose
//! writes are the only trace that it leaves. Nothing here has a clock, a source of randomness or a key: what a block says of
//! these comes with [`Block`]. Modules in reading order.

pub mod genesis;
pub mod rules;

pub mod database;
pub mod world;

pub mod execute;
pub mod random;
pub mod system;
pub mod transaction;

pub mod access_list;
pub mod estimate;
pub mod simulate;

pub use access_list::Accessed;
pub use alloy_primitives;
pub use estimate::Unestimable;
pub use execute::{Block, Execution, Halted, Outcome, Refused};
pub use genesis::Genesis;
pub use rules::{Fees, Fork, Rules, Schedule};
pub use simulate::{Call, Override, Overrides, Price, Simulation, Slots};
pub use transaction::{Unreadable, Verified};
pub use world::{Account, World};

#[cfg(test)]
mod tests;
