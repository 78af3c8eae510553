//! Load generator for any service with CCF's logging API, and the ceiling it is measured against.
//!
//! A [`Plan`] says what to send, a [`Target`] where; [`run()`] sends it and returns a [`Report`].
//! The [`ceiling`] is a server that does nothing but TLS, so that speeds can be quoted as ratios.

mod arrivals;
mod commit;
mod connection;
mod cpu;
mod error;
mod handshake;
mod histogram;
mod http1;
mod http2;
mod preload;
mod recorder;
mod workload;

pub mod ceiling;
pub mod identity;
pub mod nginx;
pub mod plan;
pub mod report;
pub mod run;
pub mod suite;
pub mod target;

pub use cpu::{Processes, foreign_percent};
pub use error::Error;
pub use plan::Plan;
pub use report::Report;
pub use run::run;
pub use target::Target;
