//! Intel TDX: quotes through the kernel, with collateral from a file.

use std::path::Path;

use coco_attest::{ReportData, tdx::Domain};
use coco_boundary::{Evidence, EvidenceFormat, Log, QuoteFault};
use coco_wire::Digest;

use super::{
    EvidenceSource, fault,
    intel::{CollateralFile, NoEvidence},
    report::{self, Reports as _},
    tsm::Tsm,
};

/// Device of a domain.
const DEVICE: &str = "dev/tdx_guest";
/// Name of the kernel's provider of reports.
const PROVIDER: &str = "tdx_guest";

/// A domain of TDX.
pub struct TdxPlatform {
    tsm: Tsm,
    collateral: CollateralFile,
    log: Log,
}

impl TdxPlatform {
    /// Whether this machine is a domain of TDX; `root` is the root of all paths.
    #[must_use]
    pub fn is_there(root: &Path) -> bool {
        root.join(DEVICE).exists()
    }

    /// The machine of this kernel, which must be a domain. Why there is no evidence later is logged.
    ///
    /// # Errors
    /// If it gives no evidence now.
    pub fn start(tsm: Tsm, collateral: CollateralFile, log: &Log) -> Result<Self, NoEvidence> {
        let platform = Self { tsm, collateral, log: log.clone() };
        // Whoever starts a node is to be told now, not when it joins.
        platform.evidence(Digest::ZERO)?;
        Ok(platform)
    }

    fn evidence(&self, report_data: Digest) -> Result<Evidence, NoEvidence> {
        let report_data = ReportData(report_data).padded();
        let answer = self.tsm.report(&report_data).map_err(NoEvidence::Kernel)?;
        let report::Report { provider, quote, .. } = answer;
        if provider != PROVIDER {
            return Err(NoEvidence::Provider(provider));
        }
        if Domain::of_quote(&quote)?.report_data != report_data {
            return Err(NoEvidence::Disturbed);
        }
        let endorsements = self.collateral.for_quote(&quote)?;
        Ok(Evidence { format: EvidenceFormat::Tdx, quote, endorsements, uvm_endorsements: None })
    }
}

impl EvidenceSource for TdxPlatform {
    fn quote(&self, report_data: Digest) -> Result<Evidence, QuoteFault> {
        self.evidence(report_data).map_err(|error| fault(&self.log, "TDX", &error))
    }
}
