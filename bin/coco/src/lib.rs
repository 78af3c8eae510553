//! One executable: node, sandbox, and the tools of operator, member, user and auditor.
//!
//! [`main_with`] is the `coco` command. An application that is an executable of its own calls
//! [`application`] from its `main`; see `examples/native_app.rs`.
//!
//! Exit statuses, of every command:
//!
//! | | |
//! |-|-|
//! | 0 | done; of `ledger verify`: verified to its end |
//! | 1 | the node stopped because of a fault; the ledger is damaged or shorter than asked; the receipt is not valid; evidence is refused; a service has no primary or no majority; the service or its constitution refuses what a member says |
//! | 2 | wrong arguments, or something needed cannot be read or written |
//! | 3 | of `ledger verify`: verified, but an unsigned or torn tail follows |
//! | 105 | of a node: its configuration is not valid |

pub mod adapters;
mod cli;
pub mod config;

mod node;
pub mod run;

mod app;
mod attest;
mod gov;
mod keygen;
mod ledger;
mod measurement;
mod network;
mod receipt;
mod sandbox;

mod bundle;
mod connection;

mod columns;
mod exit;
mod input;
mod version;

pub use adapters::Adapters;
pub use cli::{application, main_with};
pub use config::NodeConfig;
