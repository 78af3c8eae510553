//! Reports of a made-up machine, whose vendor's keys are drawn for each run, and of machines that exist.

mod fuzz;
mod mutations;
mod oracle;
mod refusals;
mod reports;
mod uvm;
mod vectors;

use crate::tests::{der, snp as machine};
