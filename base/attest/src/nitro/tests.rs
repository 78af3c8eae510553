//! Documents of a made-up hypervisor, whose keys are drawn for each run, and of hypervisors that exist.

mod enclave;
mod fuzz;
mod mutations;
mod refusals;
mod vectors;
