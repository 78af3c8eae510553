//! AMD SEV-SNP: reports of the secure processor through the kernel, with the certificates that the host gives.

use std::{io, path::Path};

use coco_attest::sev_snp::{
    self, Report,
    certificates::{InvalidEndorsements, of_azure, of_table},
};
use coco_boundary::{Evidence, EvidenceFormat, Log, QuoteFault};
use coco_wire::Digest;

use super::{
    EvidenceSource,
    tsm::{self, Kernel, Tsm},
};

/// Device of a guest of SEV-SNP.
const DEVICE: &str = "dev/sev-guest";
/// Name of the kernel's provider of reports.
const PROVIDER: &str = "sev_guest";

/// What goes with reports and the machine does not tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endorsements {
    /// Certificates of the processor, as Azure leaves them in a file of a container: JSON. Else the host must give them.
    pub processor: Option<Vec<u8>>,
    /// Who vouches for the measurement of the utility VM: a COSE_Sign1 message.
    pub uvm: Option<Vec<u8>>,
}

/// Why there is no evidence of a guest of SEV-SNP.
#[derive(Debug, thiserror::Error)]
pub enum NoEvidence {
    /// The kernel gives none.
    #[error("the kernel gives no report (Linux 6.7 or newer does, in /sys/kernel/config/tsm/report): {0}")]
    Kernel(#[from] io::Error),
    /// Something else than SEV-SNP answers.
    #[error("the kernel's reports are of {0}, not of sev_guest")]
    Provider(String),
    /// A report of another form.
    #[error("the kernel's report: {0}")]
    Report(#[from] sev_snp::Refusal),
    /// No certificates, or others than there must be.
    #[error("certificates of the processor (of the host or of `attestation.snp_endorsements_file`): {0}")]
    Certificates(#[from] InvalidEndorsements),
}

/// A guest of SEV-SNP.
pub struct SnpPlatform {
    tsm: Tsm,
    endorsements: Endorsements,
    host_data: Digest,
    log: Log,
}

impl SnpPlatform {
    /// Whether this machine is a guest of SEV-SNP; `root` is the root of all paths.
    #[must_use]
    pub fn is_there(root: &Path) -> bool {
        root.join(DEVICE).exists()
    }

    /// This machine, which must be a guest of SEV-SNP. Why there is no evidence later is logged.
    ///
    /// # Errors
    /// If it gives no evidence now.
    pub fn start(root: &Path, endorsements: Endorsements, log: &Log) -> Result<Self, NoEvidence> {
        Self::with(Tsm::new(Box::new(Kernel), root), endorsements, log)
    }

    pub(super) fn with(tsm: Tsm, endorsements: Endorsements, log: &Log) -> Result<Self, NoEvidence> {
        let mut platform = Self { tsm, endorsements, host_data: Digest::ZERO, log: log.clone() };
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
        let mut all = [0; 64];
        all[..Digest::LEN].copy_from_slice(&report_data.0);
        let tsm::Report { provider, quote, auxiliary } = self.tsm.report(&all)?;
        if provider != PROVIDER {
            return Err(NoEvidence::Provider(provider));
        }
        let report = Report::read(&quote)?;
        let endorsements = match &self.endorsements.processor {
            Some(file) => of_azure(file, &report)?,
            None => of_table(&auxiliary, &report)?,
        };
        let uvm_endorsements = self.endorsements.uvm.clone();
        Ok((report, Evidence { format: EvidenceFormat::SevSnp, quote, endorsements, uvm_endorsements }))
    }
}

impl EvidenceSource for SnpPlatform {
    fn quote(&self, report_data: Digest) -> Result<Evidence, QuoteFault> {
        let evidence = self.evidence(report_data);
        evidence.map(|(_, evidence)| evidence).map_err(|error| {
            self.log.fail(format_args!("SEV-SNP: {error}"));
            QuoteFault
        })
    }
}
