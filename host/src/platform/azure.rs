//! Confidential virtual machines of Azure on AMD SEV-SNP: the report that the paravisor keeps in the machine's TPM, a quote
//! of this TPM, and certificates of the processor from a file or of servers.

use std::{path::Path, sync::Mutex};

use coco_attest::{
    azure_cvm::{self, Frame, Hardware},
    sev_snp::{self, Report},
    tpm::{Form, PcrSet},
};
use coco_boundary::{Evidence, EvidenceFormat, Log, QuoteFault};
use coco_wire::{Digest, text::Base64};

use super::{
    EvidenceSource, fault,
    sev_snp::{Certificates, Endorser, NoCertificates},
    tpm::{DEVICE, Device, NotShown, Shown, Tpm},
};

/// Where the TPM has the paravisor's report (Azure, guest attestation design for confidential virtual machines).
const REPORT: u32 = 0x0140_0001;
/// Where the TPM has the key that the report names.
const KEY: u32 = 0x8100_0003;
/// What is quoted: all that firmware, boot loaders and the kernel measure. What IMA measures (10) may change at any time,
/// and 15 is the machine's own.
const PCRS: PcrSet = PcrSet::of(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14]);

/// Why a machine gives no evidence.
#[derive(Debug, thiserror::Error)]
pub enum NoEvidence {
    /// Its TPM shows nothing.
    #[error(transparent)]
    Tpm(#[from] NotShown),
    /// The TPM keeps something else than a paravisor's report.
    #[error("the report in the TPM: {0}")]
    Report(#[from] azure_cvm::Refusal),
    /// The machine runs on other hardware.
    #[error("the machine is not on AMD SEV-SNP")]
    OtherHardware,
    /// A report of the hardware of another form.
    #[error("the hardware's report: {0}")]
    Hardware(#[from] sev_snp::Refusal),
    /// No certificates that go with it.
    #[error(transparent)]
    Certificates(#[from] NoCertificates),
}

/// A confidential machine of Azure.
pub struct AzurePlatform {
    tpm: Tpm,
    certificates: Certificates,
    log: Log,
}

impl AzurePlatform {
    /// Whether this is such a machine, on SEV-SNP; `root` is the root of all paths.
    #[must_use]
    pub fn is_there(root: &Path) -> bool {
        root.join(DEVICE).exists() && is_behind(&Tpm::new(Box::new(Device::new(root))))
    }

    /// The machine with this TPM. `file` has certificates of the processor, as Azure leaves them in a file of a container:
    /// JSON; servers are asked if those do not go with the report. Why there is no evidence later is logged.
    ///
    /// # Errors
    /// If it gives no evidence now.
    pub fn start(
        tpm: Tpm,
        file: Option<Vec<u8>>,
        servers: Box<dyn Endorser>,
        log: &Log,
    ) -> Result<Self, NoEvidence> {
        let certificates = Certificates { file, servers, fetched: Mutex::default() };
        let platform = Self { tpm, certificates, log: log.clone() };
        // Whoever starts a node is to be told now, not when it joins.
        platform.evidence(Digest::ZERO)?;
        Ok(platform)
    }

    fn evidence(&self, report_data: Digest) -> Result<Evidence, NoEvidence> {
        let report = self.tpm.read_area(REPORT)?;
        let Hardware::Snp(hardware) = Frame::read(&report)?.hardware else {
            return Err(NoEvidence::OtherHardware);
        };
        let parsed = Report::read(hardware)?;
        let endorsements = self.certificates.for_report(hardware, &parsed, None, &self.log)?;
        let Shown { message, signature, pcrs, .. } = self.tpm.quote(KEY, PCRS, &report_data.0)?;
        let form = Form {
            report: Base64(report),
            message: Base64(message),
            signature: Base64(signature),
            pcrs: Base64(pcrs),
            event_log: None,
        };
        let format = EvidenceFormat::AzureCvm;
        Ok(Evidence { format, quote: form.to_json(), endorsements, uvm_endorsements: None })
    }
}

/// Whether a paravisor of Azure keeps a report of SEV-SNP in a TPM.
fn is_behind(tpm: &Tpm) -> bool {
    let report = tpm.read_area(REPORT).unwrap_or_default();
    Frame::read(&report).is_ok_and(|frame| matches!(frame.hardware, Hardware::Snp(_)))
}

impl EvidenceSource for AzurePlatform {
    fn quote(&self, report_data: Digest) -> Result<Evidence, QuoteFault> {
        self.evidence(report_data).map_err(|error| fault(&self.log, "AzureCVM", &error))
    }
}
