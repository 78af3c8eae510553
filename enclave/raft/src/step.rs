//! The steps of the protocol, by event.

mod append;
mod commit;
mod replicate;
mod vote;
