//! A made-up confidential machine of Azure, and machines that exist.

mod fuzz;
mod machine;
mod mutations;
mod refusals;
mod vectors;
