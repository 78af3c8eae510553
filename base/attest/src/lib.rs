//! Attestation: evidence in, claims or a typed refusal out.
//!
//! A node proves what code it runs with evidence that its hardware signs. [`verify`] says whether evidence
//! is authentic and bound to a key; it is pure, so that every replica and auditor comes to the same answer.
//! Whether its claims are welcome is for the service's governed tables to say, elsewhere. Modules in
//! reading order.

mod chain;
mod cursor;
pub mod evidence;
mod fields;
pub mod insecure_virtual;
pub mod nitro;
pub mod sev_snp;
pub mod tpm;

pub mod dcap;
pub mod sgx;
pub mod tdx;

pub mod azure_cvm;
pub mod vbs;

use coco_wire::Digest;
pub use evidence::{Evidence, Measurement, Platform, ReportData};

/// What authentic evidence says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// Who signed it.
    pub platform: Platform,
    /// The code that runs.
    pub measurement: Measurement,
    /// Digest of what the host configured at launch: the executable on [`Platform::InsecureVirtual`].
    pub host_data: Digest,
    /// What the code had signed beside: the key that the evidence is for.
    pub report_data: ReportData,
}

/// Why evidence is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Longer than any evidence of its platform.
    #[error("attestation evidence too large")]
    TooLarge,
    /// Not in the form of its platform.
    #[error("malformed attestation evidence")]
    Malformed,
    /// Endorsements beside evidence that needs none.
    #[error("endorsements for a platform without")]
    UnexpectedEndorsements,
    /// Made for another key.
    #[error("attestation evidence is bound to another key")]
    ReportData,
}

/// The hardware, or what stands for it, did not give evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the platform gave no attestation evidence")]
pub struct Unavailable;

/// Makes evidence about the machine it runs on. Hardware signs it, so the untrusted host may carry it.
pub trait Attester: Send {
    /// The kind of evidence it makes.
    fn platform(&self) -> Platform;

    /// Evidence bound to `report_data`.
    ///
    /// # Errors
    /// When the hardware refuses or cannot be reached.
    fn evidence(&self, report_data: &ReportData) -> Result<Evidence, Unavailable>;
}

/// Checks that `evidence` is authentic and bound to `expected`.
///
/// # Errors
/// See [`Refusal`].
pub fn verify(evidence: &Evidence, expected: &ReportData) -> Result<Claims, Refusal> {
    let claims = match evidence.platform {
        Platform::InsecureVirtual => insecure_virtual::appraise(evidence)?,
    };
    if claims.report_data == *expected { Ok(claims) } else { Err(Refusal::ReportData) }
}

#[cfg(test)]
mod tests;
