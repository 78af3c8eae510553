//! VBS enclaves of Windows: the secure kernel's report of the enclave, a quote of the machine's TPM, and the log of its
//! boot, which leads to what is quoted.

#[cfg(windows)]
mod windows;

use std::io;

use coco_attest::{
    ReportData,
    tpm::{EventLog, Form, Hash, LogRefusal, form::MAX_LEN},
    vbs::{self, PCRS, Report},
};
use coco_boundary::{Evidence, EvidenceFormat, Log, QuoteFault};
use coco_wire::{Digest, text::Base64};

use super::{
    EvidenceSource, fault,
    tpm::{NotShown, Shown, Tpm},
};

/// How often a quote is asked for while something is measured.
const ATTEMPTS: u32 = 5;

/// What Windows gives whoever runs in an enclave.
pub trait System: Send + Sync {
    /// The secure kernel's report of the enclave, with these data in it.
    ///
    /// # Errors
    /// Of the system, as outside of enclaves.
    fn report(&self, data: &[u8; 64]) -> io::Result<Vec<u8>>;

    /// The log of what was measured since the machine was started.
    ///
    /// # Errors
    /// Of the system.
    fn boot_log(&self) -> io::Result<Vec<u8>>;
}

/// Why an enclave gives no evidence.
#[derive(Debug, thiserror::Error)]
pub enum NoEvidence {
    /// The secure kernel reports nothing.
    #[error("the secure kernel gives no report (it does in enclaves of Windows 10, 1709, or later): {0}")]
    SecureKernel(io::Error),
    /// A report of another form.
    #[error("the secure kernel's report: {0}")]
    Report(#[from] vbs::Refusal),
    /// A report with other data.
    #[error("the secure kernel's report is for another question")]
    Disturbed,
    /// The TPM shows nothing.
    #[error(transparent)]
    Tpm(#[from] NotShown),
    /// There is no log.
    #[error("Windows gives no log of its boot: {0}")]
    NoLog(io::Error),
    /// A log of another form.
    #[error("the log of the boot: {0}")]
    Log(#[from] LogRefusal),
    /// The log leads to other values than the TPM has.
    #[error("the log of the boot does not say all that was measured into the TPM")]
    Incomplete,
    /// More than anybody reads.
    #[error("the log of the boot is too long: evidence with it has {0} bytes, and may have {MAX_LEN}")]
    TooLong(usize),
}

/// A VBS enclave.
pub struct VbsPlatform {
    system: Box<dyn System>,
    tpm: Tpm,
    key: u32,
    certificates: Option<Vec<u8>>,
    log: Log,
}

impl VbsPlatform {
    /// An enclave of this Windows, on a machine with this TPM, which has a key that attests at the persistent handle `key`.
    /// `certificates` are PEM of those that vouch for the key, up to a root; without them whoever verifies must know it.
    /// Why there is no evidence later is logged.
    ///
    /// # Errors
    /// If it gives no evidence now.
    pub fn start(
        system: Box<dyn System>,
        tpm: Tpm,
        key: u32,
        certificates: Option<Vec<u8>>,
        log: &Log,
    ) -> Result<Self, NoEvidence> {
        let platform = Self { system, tpm, key, certificates, log: log.clone() };
        // Whoever starts a node is to be told now, not when it joins.
        platform.evidence(Digest::ZERO)?;
        Ok(platform)
    }

    fn evidence(&self, report_data: Digest) -> Result<Evidence, NoEvidence> {
        let data = ReportData(report_data).padded();
        let report = self.system.report(&data).map_err(NoEvidence::SecureKernel)?;
        if Report::of_package(&report)?.enclave_data != data {
            return Err(NoEvidence::Disturbed);
        }
        let (shown, event_log) = self.quote(&report_data)?;
        let Shown { message, signature, pcrs, public } = shown;
        let form = Form {
            report: Base64(report),
            message: Base64(message),
            signature: Base64(signature),
            pcrs: Base64(pcrs),
            event_log: Some(Base64(event_log)),
        };
        let quote = form.to_json();
        if quote.len() > MAX_LEN {
            return Err(NoEvidence::TooLong(quote.len()));
        }
        let endorsements = self.certificates.clone().unwrap_or(public);
        Ok(Evidence { format: EvidenceFormat::Vbs, quote, endorsements, uvm_endorsements: None })
    }

    /// A quote, and the log that leads to it: Windows goes on measuring.
    fn quote(&self, nonce: &Digest) -> Result<(Shown, Vec<u8>), NoEvidence> {
        for _ in 0..ATTEMPTS {
            let shown = self.tpm.quote(self.key, PCRS, &nonce.0)?;
            let log = self.system.boot_log().map_err(NoEvidence::NoLog)?;
            let replayed = EventLog::read(&log)?.replay(Hash::Sha256)?;
            let expected: Vec<u8> =
                PCRS.numbers().flat_map(|number| &replayed[usize::from(number)]).copied().collect();
            if shown.pcrs == expected {
                return Ok((shown, log));
            }
        }
        Err(NoEvidence::Incomplete)
    }
}

impl EvidenceSource for VbsPlatform {
    fn quote(&self, report_data: Digest) -> Result<Evidence, QuoteFault> {
        self.evidence(report_data).map_err(|error| fault(&self.log, "VBS", &error))
    }
}
