//! Platforms on a kernel that is imitated.

mod intel;
mod kernel;
mod sev_guest;
mod sev_snp;
mod tpm;
mod tsm;
