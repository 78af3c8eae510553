//! The untrusted host: sockets, ledger files, clock, process.
//!
//! Everything here sees ciphertext and sealed entries only. On Windows there is only what gives evidence of its enclaves.
//! Modules in reading order.

#[cfg(unix)]
pub mod machine;

#[cfg(unix)]
pub mod files;
#[cfg(unix)]
pub mod ledger;

#[cfg(unix)]
pub mod disk;
#[cfg(unix)]
pub mod record;

#[cfg(unix)]
pub mod net;
#[cfg(unix)]
pub mod peers;

#[cfg(unix)]
pub mod clock;
#[cfg(unix)]
pub mod jobs;
#[cfg(unix)]
pub mod lanes;
#[cfg(unix)]
pub mod log;
#[cfg(unix)]
pub mod memory;
pub mod platform;
#[cfg(unix)]
pub mod process;
#[cfg(unix)]
pub mod rest;
