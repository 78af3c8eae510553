//! JavaScript engine and the `ccf.*` API.
//!
//! Scripts come from people whom nobody trusts: members propose constitutions, cast ballots that are
//! programs and install applications. [`execute`] runs one function of one script in an engine of its
//! own, on a transaction lent to it, within [`Limits`]; [`Application`] serves the endpoints of an application that
//! the members installed, or whomever a native application lets do so. Modules in reading order.

mod console;
mod error;
mod governance;
mod limits;
mod modules;

mod interpreter;

mod application;

mod api;
mod budget;
mod clock;
mod compile;
mod constitution;
mod ffi;
mod occasion;
mod realm;
mod state;

pub use application::{
    Application, Extension, Flaw, NativeFunction, NativeObject, Restriction, Senses, Surroundings,
    check_application,
};

pub use budget::Deadline;
pub use clock::Elapsed;
pub use compile::check_modules;
pub use console::{Console, ConsoleLevel, ConsoleLine};
pub use constitution::{InvalidConstitution, validate as validate_constitution};
pub use error::{ErrorKind, ScriptError};
pub use ffi::engine_version;
pub use governance::{GovernanceHost, HostRefusal};
pub use interpreter::{Capabilities, Environment, Finished, Returned, Script, execute};
pub use limits::Limits;
pub use modules::Modules;
