//! Offline verification of ledgers and receipts; shares only `wire` and `crypto` with the writer.
//!
//! Nothing is read from disk here: the caller gives the bytes of files. Modules in reading order.

pub mod ledger;
pub mod report;

pub mod snapshot;

mod damage;
mod entry;
mod files;
mod merkle;
mod nodes;
mod service;
mod signature;

pub use coco_crypto::receipt;
pub use damage::{Damage, NodeDamage, Reason, ServiceDamage, SignatureDamage};
pub use files::{RecoveryFiles, in_order};
pub use ledger::{BeginningRefusal, Verifier};
pub use report::{Coverage, Report, ServiceEpoch, ServiceStatus, Tail, Weakness};
