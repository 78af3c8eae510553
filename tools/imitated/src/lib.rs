//! Hardware that was never built, as tests show it: certificates of its maker, its reports, and what others say of it.
//!
//! All keys are drawn for each run. Nothing here is believed but by a test that says whose signatures count: production
//! code has the makers' keys, and no switch. The crate knows nothing of those who verify, so that they can use it, too.

pub mod der;

pub mod intel;
pub mod snp;
pub mod uvm;

pub mod software_tpm;
pub mod tpm;

pub mod azure;
pub mod windows;

pub mod nitro;
