//! Quotes of made-up machines, whose root key is drawn for each run, and of machines that exist.

mod fuzz;
pub(crate) mod machine;
mod mutations;
mod nodes;
mod refusals;
mod speed;
mod vectors;
