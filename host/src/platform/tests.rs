//! Platforms on a kernel that is imitated.

mod azure;
mod chip;
mod intel;
mod kernel;
mod nitro;
mod sev_guest;
mod sev_snp;
mod tpm;
mod tsm;
mod vbs;
