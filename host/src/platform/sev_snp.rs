//! AMD SEV-SNP: reports of the secure processor through the kernel, with certificates from a file, of the host or of
//! servers.

mod certificates;

use std::{io, path::Path, sync::Mutex};

use coco_attest::{
    ReportData,
    sev_snp::{self, Report},
};
use coco_boundary::{Evidence, EvidenceFormat, Log, QuoteFault};
use coco_wire::Digest;

pub(super) use self::certificates::Certificates;
pub use self::certificates::{Endorser, NoCertificates, Unendorsed};
use super::{
    EvidenceSource, fault,
    report::{self, Reports},
    sev_guest::{DEVICE, PROVIDER},
};

/// What goes with reports and the machine does not tell.
pub struct Endorsements {
    /// Certificates of the processor, as Azure leaves them in a file of a container: JSON.
    pub processor: Option<Vec<u8>>,
    /// Whom to ask for them if neither the file nor the host has those that go with a report.
    pub servers: Box<dyn Endorser>,
    /// Who vouches for the measurement of the utility VM: a COSE_Sign1 message.
    pub uvm: Option<Vec<u8>>,
}

/// Why there is no evidence of a guest of SEV-SNP.
#[derive(Debug, thiserror::Error)]
pub enum NoEvidence {
    /// The kernel gives none.
    #[error(
        "the kernel gives no report (Linux 6.7 or newer does, in /sys/kernel/config/tsm/report; 5.19 or newer, through /dev/sev-guest): {0}"
    )]
    Kernel(#[from] io::Error),
    /// Something else than SEV-SNP answers.
    #[error("the kernel's reports are of {0}, not of sev_guest")]
    Provider(String),
    /// A report of another form.
    #[error("the kernel's report: {0}")]
    Report(#[from] sev_snp::Refusal),
    /// No certificates that go with it.
    #[error(transparent)]
    Certificates(#[from] NoCertificates),
}

/// A guest of SEV-SNP.
pub struct SnpPlatform {
    reports: Box<dyn Reports>,
    certificates: Certificates,
    uvm: Option<Vec<u8>>,
    host_data: Digest,
    log: Log,
}

impl SnpPlatform {
    /// Whether this machine is a guest of SEV-SNP; `root` is the root of all paths.
    #[must_use]
    pub fn is_there(root: &Path) -> bool {
        root.join(DEVICE).exists()
    }

    /// The machine of this kernel, which must be a guest of SEV-SNP. Why there is no evidence later is logged.
    ///
    /// # Errors
    /// If it gives no evidence now.
    pub fn start(
        reports: Box<dyn Reports>,
        endorsements: Endorsements,
        log: &Log,
    ) -> Result<Self, NoEvidence> {
        let Endorsements { processor, servers, uvm } = endorsements;
        let certificates = Certificates { file: processor, servers, fetched: Mutex::default() };
        let mut platform = Self { reports, certificates, uvm, host_data: Digest::ZERO, log: log.clone() };
        // Whoever starts a node is to be told now, not when it joins.
        let (report, _) = platform.evidence(Digest::ZERO)?;
        platform.host_data = Digest(report.host_data);
        Ok(platform)
    }

    /// What the host configured at the launch, by the processor's report.
    #[must_use]
    pub fn host_data(&self) -> Digest {
        self.host_data
    }

    fn evidence(&self, report_data: Digest) -> Result<(Report, Evidence), NoEvidence> {
        let all = ReportData(report_data).padded();
        let report::Report { provider, quote, auxiliary } = self.reports.report(&all)?;
        if provider != PROVIDER {
            return Err(NoEvidence::Provider(provider));
        }
        let report = Report::read(&quote)?;
        let endorsements = self.certificates.for_report(&quote, &report, Some(&auxiliary), &self.log)?;
        let uvm_endorsements = self.uvm.clone();
        Ok((report, Evidence { format: EvidenceFormat::SevSnp, quote, endorsements, uvm_endorsements }))
    }
}

impl EvidenceSource for SnpPlatform {
    fn quote(&self, report_data: Digest) -> Result<Evidence, QuoteFault> {
        let evidence = self.evidence(report_data).map(|(_, evidence)| evidence);
        evidence.map_err(|error| fault(&self.log, "SEV-SNP", &error))
    }
}
