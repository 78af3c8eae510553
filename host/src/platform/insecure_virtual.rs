//! A machine without TEE.

use std::{
    io,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicBool, Ordering},
};

use coco_attest::{
    Attester, ReportData,
    insecure_virtual::{NodeFile, VirtualAttester},
};
use coco_boundary::{Evidence, EvidenceFormat, QuoteFault};
use coco_wire::Digest;

use super::EvidenceSource;
use crate::process::write_output;

/// A machine without TEE, which also writes what it claims into files for operators and tests.
pub struct VirtualPlatform {
    attester: VirtualAttester,
    directory: PathBuf,
    is_written: AtomicBool,
}

impl VirtualPlatform {
    /// Writes the measurement file. `executable` is the SHA-256 of the node's executable file, and
    /// `directory` the node's working directory.
    ///
    /// # Errors
    /// Of the system.
    pub fn start(executable: Digest, directory: &Path) -> io::Result<Self> {
        let (attester, directory) = (VirtualAttester::new(executable), directory.to_path_buf());
        let this = Self { attester, directory, is_written: AtomicBool::new(false) };
        this.write(&this.attester.measurement_file(process::id()))?;
        Ok(this)
    }

    fn write(&self, file: &NodeFile) -> io::Result<()> {
        write_output(&self.directory.join(&file.name), file.content.as_bytes())
    }
}

impl EvidenceSource for VirtualPlatform {
    /// Makes evidence; the first time, which is for the key of the node, writes the attestation file.
    fn quote(&self, report_data: Digest) -> Result<Evidence, QuoteFault> {
        let report_data = ReportData(report_data);
        let evidence = self.attester.evidence(&report_data).map_err(|_| QuoteFault)?;
        if !self.is_written.load(Ordering::Relaxed) {
            let file = self.attester.attestation_file(process::id(), &report_data);
            self.write(&file).map_err(|_| QuoteFault)?;
            self.is_written.store(true, Ordering::Relaxed);
        }
        let coco_attest::Evidence { quote, endorsements, uvm_endorsements, .. } = evidence;
        Ok(Evidence { format: EvidenceFormat::Virtual, quote, endorsements, uvm_endorsements })
    }
}

#[cfg(test)]
mod tests;
