//! Governance: members decide, by signed proposals and ballots, what happens to the service.
//!
//! [`adapter`] makes the endpoints below `/gov`. What the members decide by is the constitution, a script in the
//! store; what their decisions may do beyond the store is in the `host` module, and needs what the enclave lends as
//! [`Authority`]. Every document, table and error is that of CCF (`src/node/gov`, `src/node/share_manager.h`).
//! Modules in reading order.

mod authority;

mod adapter;
mod documents;
mod gate;

mod acks;
mod ballots;
mod console;
mod node_rows;
mod proposals;
mod replay;
mod resolution;
mod scripts;
mod verdict;

mod host;
mod opening;
mod rekey;
mod shares;
mod tokens;

mod identities;
mod join_policy;
mod recovery;
mod service;

pub use adapter::{adapter, rekeying};
pub use authority::{ApplicationConsole, Authority, NewestSecrets};
pub use verdict::Verdict;
