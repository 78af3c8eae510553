//! Intel SGX below a library that runs whole processes in an enclave (Gramine, Occlum): quotes through the files that it
//! imitates, with collateral from a file of the host.
//!
//! Sources: Gramine, "Attestation and Secret Provisioning", section "Low-level /dev/attestation interface"; Occlum has the
//! same two files.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Mutex,
};

use coco_attest::{ReportData, sgx::Enclave};
use coco_boundary::{Evidence, EvidenceFormat, Log, QuoteFault};
use coco_wire::Digest;

use super::{
    EvidenceSource, fault,
    intel::{CollateralFile, NoEvidence},
    tsm::Files,
};

/// Where the files are.
const DIRECTORY: &str = "dev/attestation";
/// The question: 64 bytes of report data.
const REPORT_DATA: &str = "user_report_data";
/// How often a question is put again into which somebody else wrote.
pub(super) const ATTEMPTS: u32 = 5;

/// An enclave that runs this process.
pub struct SgxPlatform {
    /// One question at a time: there is one file for all of the process.
    files: Mutex<Box<dyn Files>>,
    directory: PathBuf,
    collateral: CollateralFile,
    log: Log,
}

impl SgxPlatform {
    /// Whether this process runs in an enclave; `root` is the root of all paths.
    #[must_use]
    pub fn is_there(root: &Path) -> bool {
        root.join(DIRECTORY).join(REPORT_DATA).exists()
    }

    /// The enclave of this process, whose paths begin at `root`. Why there is no evidence later is logged.
    ///
    /// # Errors
    /// If it gives no evidence now.
    pub fn start(
        files: Box<dyn Files>,
        root: &Path,
        collateral: CollateralFile,
        log: &Log,
    ) -> Result<Self, NoEvidence> {
        let directory = root.join(DIRECTORY);
        if let Ok(kind) = files.read(&directory.join("attestation_type")) {
            let kind = String::from_utf8_lossy(&kind).trim().to_owned();
            if kind != "dcap" {
                return Err(NoEvidence::Kind(kind));
            }
        }
        let platform = Self { files: Mutex::new(files), directory, collateral, log: log.clone() };
        // Whoever starts a node is to be told now, not when it joins.
        platform.evidence(Digest::ZERO)?;
        Ok(platform)
    }

    fn evidence(&self, report_data: Digest) -> Result<Evidence, NoEvidence> {
        let quote = self.ask(&ReportData(report_data).padded())?;
        let endorsements = self.collateral.for_quote(&quote)?;
        Ok(Evidence { format: EvidenceFormat::Sgx, quote, endorsements, uvm_endorsements: None })
    }

    fn ask(&self, report_data: &[u8; 64]) -> Result<Vec<u8>, NoEvidence> {
        let files = self.files.lock().expect("nobody panics with a question");
        let mut disturbed = 0;
        while disturbed < ATTEMPTS {
            let taken = files.write(&self.directory.join(REPORT_DATA), report_data);
            if taken.map_err(NoEvidence::Library)? != report_data.len() {
                return Err(NoEvidence::Library(io::ErrorKind::WriteZero.into()));
            }
            let quote = files.read(&self.directory.join("quote")).map_err(NoEvidence::Library)?;
            if Enclave::of_quote(&quote)?.report_data == *report_data {
                return Ok(quote);
            }
            disturbed += 1;
        }
        Err(NoEvidence::Disturbed)
    }
}

impl EvidenceSource for SgxPlatform {
    fn quote(&self, report_data: Digest) -> Result<Evidence, QuoteFault> {
        self.evidence(report_data).map_err(|error| fault(&self.log, "SGX", &error))
    }
}
