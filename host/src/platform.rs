//! Evidence of the platform, made in the host: real hardware signs it, so the host may carry it.

pub mod report;
pub mod tpm;
pub mod vbs;

#[cfg(unix)]
pub mod azure;
#[cfg(unix)]
pub mod insecure_virtual;
#[cfg(unix)]
pub mod intel;
#[cfg(unix)]
pub mod nitro;
#[cfg(unix)]
pub mod sev_guest;
#[cfg(unix)]
pub mod sev_snp;
#[cfg(unix)]
pub mod sgx;
#[cfg(unix)]
pub mod tdx;
#[cfg(unix)]
pub mod tsm;

use std::fmt::Display;

use coco_boundary::{Evidence, Log, QuoteFault};
use coco_wire::Digest;

/// Gives evidence of what runs here.
pub trait EvidenceSource: Send + Sync {
    /// Evidence that is bound to `report_data`.
    ///
    /// # Errors
    /// If the platform gives none.
    fn quote(&self, report_data: Digest) -> Result<Evidence, QuoteFault>;
}

/// Logs why there is no evidence.
fn fault(log: &Log, platform: &str, error: &impl Display) -> QuoteFault {
    log.fail(format_args!("{platform}: {error}"));
    QuoteFault
}

#[cfg(test)]
mod tests;
