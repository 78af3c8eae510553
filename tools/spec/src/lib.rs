//! The rules of `spec/consensus.tla` in Rust, action by action and property by property, and every state that they reach
//! within bounds.
//!
//! The TLA+ text is the specification; this is its copy for a machine in a hurry. Within the bounds of the files
//! `spec/*.cfg` both must reach the same number of states (`cargo xtask spec`). Modules in reading order.

pub mod state;

pub mod rules;

pub mod properties;

pub mod explore;

pub mod runs;

pub use explore::{Broken, Explored, explore};
pub use rules::{Action, Flaw, Model, Rules};
