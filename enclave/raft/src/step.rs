//! The steps of the protocol, by event.

mod append;
mod commit;
pub(crate) mod read;
mod replicate;
mod vote;
