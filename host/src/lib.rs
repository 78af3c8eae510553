//! The untrusted host: sockets, ledger files, clock, process.
//!
//! Everything here sees ciphertext and sealed entries only. Modules in reading order.

pub mod machine;

pub mod files;
pub mod ledger;

pub mod disk;
pub mod record;

pub mod net;
pub mod peers;

pub mod clock;
pub mod jobs;
pub mod lanes;
pub mod log;
pub mod memory;
pub mod platform;
pub mod process;
pub mod rest;
