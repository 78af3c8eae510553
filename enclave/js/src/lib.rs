//! JavaScript engine and the `ccf.*` API.
//!
//! Scripts come from people whom nobody trusts: members propose constitutions, cast ballots that are
//! programs and install applications. [`execute`] runs one function of one script in an engine of its
//! own, on a transaction lent to it, within [`Limits`]. Modules in reading order.

mod console;
mod error;
mod governance;
mod limits;
mod modules;

mod interpreter;

mod api;
mod budget;
mod constitution;
mod ffi;
mod realm;
mod state;

pub use budget::Deadline;
pub use console::{Console, ConsoleLevel, ConsoleLine};
pub use constitution::{InvalidConstitution, validate as validate_constitution};
pub use error::{ErrorKind, ScriptError};
pub use ffi::engine_version;
pub use governance::{GovernanceHost, HostRefusal};
pub use interpreter::{Capabilities, Environment, Finished, Returned, Script, execute};
pub use limits::Limits;
pub use modules::Modules;
