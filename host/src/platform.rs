//! Evidence of the platform, made in the host: real hardware signs it, so the host may carry it.

use std::{
    io,
    path::{Path, PathBuf},
    process,
};

use coco_attest::{
    Attester, Platform, ReportData,
    insecure_virtual::{NodeFile, VirtualAttester},
};
use coco_boundary::{Evidence, EvidenceFormat, QuoteFault};
use coco_wire::Digest;

use crate::process::write_output;

/// A machine without TEE, which also writes what it claims into files for operators and tests.
pub struct VirtualPlatform {
    attester: VirtualAttester,
    directory: PathBuf,
}

impl VirtualPlatform {
    /// Writes the measurement file. `executable` is the SHA-256 of the node's executable file, and
    /// `directory` the node's working directory.
    ///
    /// # Errors
    /// Of the system.
    pub fn start(executable: Digest, directory: &Path) -> io::Result<Self> {
        let this = Self { attester: VirtualAttester::new(executable), directory: directory.to_path_buf() };
        this.write(&this.attester.measurement_file(process::id()))?;
        Ok(this)
    }

    /// Makes evidence and writes the attestation file.
    ///
    /// # Errors
    /// If there is none, or the file cannot be written.
    pub fn quote(&self, report_data: Digest) -> Result<Evidence, QuoteFault> {
        let report_data = ReportData(report_data);
        let evidence = self.attester.evidence(&report_data).map_err(|_| QuoteFault)?;
        let file = self.attester.attestation_file(process::id(), &report_data);
        self.write(&file).map_err(|_| QuoteFault)?;
        let format = match evidence.platform {
            Platform::InsecureVirtual => EvidenceFormat::Virtual,
        };
        Ok(Evidence { format, quote: evidence.quote, endorsements: evidence.endorsements })
    }

    fn write(&self, file: &NodeFile) -> io::Result<()> {
        write_output(&self.directory.join(&file.name), file.content.as_bytes())
    }
}

#[cfg(test)]
mod tests;
