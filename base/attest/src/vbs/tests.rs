//! Enclaves on a made-up machine, on a software TPM, and one that existed.

mod boots;
mod fuzz;
mod machine;
mod mutations;
mod refusals;
mod software_tpm;
mod vectors;
