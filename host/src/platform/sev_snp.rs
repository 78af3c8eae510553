//! AMD SEV-SNP: reports of the secure processor through the kernel, with certificates from a file, of the host or of
//! servers.

use std::{fmt, io, path::Path, sync::Mutex};

use coco_attest::{
    ReportData,
    sev_snp::{
        self, Report,
        certificates::{InvalidEndorsements, of_azure, of_table},
        check_endorsements,
        servers::NoAnswer,
    },
};
use coco_boundary::{Evidence, EvidenceFormat, Log, QuoteFault};
use coco_wire::Digest;

use super::{
    EvidenceSource,
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

/// Gets certificates of processors from somewhere else.
pub trait Endorser: Send + Sync {
    /// PEM of the certificates that go with a report: signing key, intermediate, root. May take minutes.
    ///
    /// # Errors
    /// See [`Unendorsed`].
    fn certificates(&self, report: &[u8]) -> Result<Vec<u8>, Unendorsed>;
}

/// Why certificates cannot be had from elsewhere.
#[derive(Debug, thiserror::Error)]
pub enum Unendorsed {
    /// Nobody has them.
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
    /// The node stops.
    #[error("the node stops")]
    Stopped,
    /// The system refuses what is needed to ask.
    #[error("the system refuses what is needed to ask: {0}")]
    System(#[from] io::Error),
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

/// Why there are no certificates that go with a report: one reason for each place where they were looked for, in this
/// order.
#[derive(Debug)]
pub struct NoCertificates {
    /// The file, if there is one.
    pub file: Option<InvalidEndorsements>,
    /// What the host gives with a report.
    pub host: InvalidEndorsements,
    /// Servers.
    pub servers: Unendorsed,
}

impl fmt::Display for NoCertificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, host, servers } = self;
        write!(f, "no certificates of the processor: ")?;
        match file {
            Some(why) => write!(f, "`attestation.snp_endorsements_file`: {why}; ")?,
            None => write!(f, "no `attestation.snp_endorsements_file`; ")?,
        }
        write!(f, "with the report: {host}; `attestation.snp_endorsements_servers`: {servers}")
    }
}

impl std::error::Error for NoCertificates {}

/// A guest of SEV-SNP.
pub struct SnpPlatform {
    reports: Box<dyn Reports>,
    endorsements: Endorsements,
    /// What servers gave last.
    fetched: Mutex<Vec<u8>>,
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
        let fetched = Mutex::default();
        let mut platform = Self { reports, endorsements, fetched, host_data: Digest::ZERO, log: log.clone() };
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
        let endorsements = self.certificates(&quote, &report, &auxiliary)?;
        let uvm_endorsements = self.endorsements.uvm.clone();
        Ok((report, Evidence { format: EvidenceFormat::SevSnp, quote, endorsements, uvm_endorsements }))
    }

    /// The first that go with the report: of the file, of the host, of servers.
    fn certificates(
        &self,
        quote: &[u8],
        report: &Report,
        auxiliary: &[u8],
    ) -> Result<Vec<u8>, NoCertificates> {
        let checked = |text: Vec<u8>| {
            check_endorsements(&text, quote)?;
            Ok(text)
        };
        let file = match &self.endorsements.processor {
            Some(json) => match of_azure(json, report).and_then(checked) {
                Ok(text) => return Ok(text),
                Err(why) => {
                    self.log.fail(format_args!("SEV-SNP: `attestation.snp_endorsements_file`: {why}"));
                    Some(why)
                }
            },
            None => None,
        };
        let host = match of_table(auxiliary, report).and_then(checked) {
            Ok(text) => return Ok(text),
            Err(why) => why,
        };
        self.fetch(quote).map_err(|servers| NoCertificates { file, host, servers })
    }

    /// The host may load firmware while the node runs: then there are others.
    fn fetch(&self, quote: &[u8]) -> Result<Vec<u8>, Unendorsed> {
        let mut fetched = self.fetched.lock().expect("nobody panics with certificates");
        if check_endorsements(&fetched, quote).is_err() {
            *fetched = self.endorsements.servers.certificates(quote)?;
        }
        Ok(fetched.clone())
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
