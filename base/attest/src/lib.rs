//! Attestation: evidence in, claims or a typed refusal out.
//!
//! A node proves what code it runs with evidence that its hardware signs. [`verify`] says whether evidence
//! is authentic and bound to a key; it is pure, so that every replica and auditor comes to the same answer.
//! Whether its claims are welcome is for the service's governed tables to say, elsewhere. Modules in
//! reading order.

pub mod binding;
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

pub mod ra_tls;

use coco_crypto::x509::UnixTime;
use coco_wire::{Digest, text::encode_hex};
pub use evidence::{Evidence, Measurement, Platform, ReportData};

/// What authentic evidence says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// The code that runs.
    pub measurement: Measurement,
    /// Who signed it, and what only such hardware says.
    pub details: Details,
}

/// What one kind of hardware says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Details {
    /// Nothing but what stands for host data of hardware.
    InsecureVirtual {
        /// SHA-256 of the executable.
        host_data: Digest,
    },
    /// See there.
    SevSnp(Box<sev_snp::Claims>),
    /// See there.
    Sgx(Box<sgx::Claims>),
    /// See there.
    Tdx(Box<tdx::Claims>),
    /// See there.
    Vbs(Box<vbs::NodeClaims>),
    /// See there.
    AzureCvm(Box<azure_cvm::NodeClaims>),
    /// See there.
    Nitro(Box<nitro::Document>),
}

impl Claims {
    /// The measurement in hexadecimal, as CCF records it for each node.
    #[must_use]
    pub fn code_digest(&self) -> String {
        let measurement = self.measurement.as_str();
        match self.details {
            Details::InsecureVirtual { .. } => encode_hex(measurement.as_bytes()),
            _ => measurement.to_owned(),
        }
    }

    /// What the host configured at the launch: 32 bytes, on [`Platform::Sgx`] 64 (CONFIGID), on [`Platform::Tdx`] 48
    /// (MRCONFIGID), on [`Platform::Nitro`] none.
    #[must_use]
    pub fn host_data(&self) -> &[u8] {
        match &self.details {
            Details::InsecureVirtual { host_data } => &host_data.0,
            Details::SevSnp(claims) => &claims.report.host_data,
            Details::Sgx(claims) => &claims.enclave.config_id,
            Details::Tdx(claims) => &claims.domain.config_id,
            Details::Vbs(claims) => &claims.report.identity.owner_id,
            Details::AzureCvm(claims) => &claims.hardware.report.host_data,
            Details::Nitro(_) => &[],
        }
    }
}

/// Whose signatures count, platform by platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roots {
    /// Of [`Platform::SevSnp`] and [`Platform::AzureCvm`].
    pub sev_snp: sev_snp::Roots,
    /// Of [`Platform::Sgx`] and [`Platform::Tdx`]: SHA-256 of the root key's SubjectPublicKeyInfo.
    pub intel: Digest,
    /// Of [`Platform::Nitro`]: SHA-256 of the root certificate. Of TPMs there are many makers: tables say which count.
    pub nitro: Digest,
}

impl Roots {
    /// Those of the makers.
    pub const MAKERS: Self =
        Self { sev_snp: sev_snp::Roots::AMD, intel: dcap::INTEL_ROOT, nitro: nitro::ROOT_G1 };
}

/// What is required of evidence beyond being genuine, and when it is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Policy<'a> {
    /// Certificates must be valid then.
    pub now: UnixTime,
    /// Of evidence of [`Platform::SevSnp`], and of the hardware of [`Platform::AzureCvm`]; the report data is that of the
    /// binding.
    pub sev_snp: sev_snp::Requirements<'a>,
    /// The same for [`Platform::Sgx`].
    pub sgx: sgx::Requirements<'a>,
    /// The same for [`Platform::Tdx`].
    pub tdx: tdx::Requirements<'a>,
    /// The same for [`Platform::Vbs`]; enclave data and nonce are the binding.
    pub vbs: vbs::Requirements<'a>,
    /// Of the machine of [`Platform::AzureCvm`]; the nonce is the binding.
    pub azure_cvm: azure_cvm::Requirements<'a>,
    /// Of [`Platform::Nitro`]; the user data are the binding.
    pub nitro: nitro::Requirements<'a>,
}

impl Policy<'static> {
    /// What is required of a node, but for what governance adds.
    #[must_use]
    pub const fn strict(now: UnixTime) -> Self {
        Self {
            now,
            sev_snp: sev_snp::Requirements::STRICT,
            sgx: sgx::Requirements::STRICT,
            tdx: tdx::Requirements::STRICT,
            vbs: vbs::Requirements::STRICT,
            azure_cvm: azure_cvm::Requirements::STRICT,
            nitro: nitro::Requirements::STRICT,
        }
    }
}

/// Why evidence is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
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
    /// By the rules of SEV-SNP.
    #[error(transparent)]
    SevSnp(sev_snp::Refusal),
    /// By the rules of SGX or TDX.
    #[error(transparent)]
    Intel(dcap::Refusal),
    /// By the rules of enclaves of Windows.
    #[error(transparent)]
    Vbs(vbs::Refusal),
    /// By the rules of confidential machines of Azure.
    #[error(transparent)]
    AzureCvm(azure_cvm::Refusal),
    /// By the rules of Nitro Enclaves.
    #[error(transparent)]
    Nitro(nitro::Refusal),
}

impl From<sev_snp::Refusal> for Refusal {
    fn from(refusal: sev_snp::Refusal) -> Self {
        match refusal {
            sev_snp::Refusal::ReportData => Self::ReportData,
            other => Self::SevSnp(other),
        }
    }
}

impl From<dcap::Refusal> for Refusal {
    fn from(refusal: dcap::Refusal) -> Self {
        match refusal {
            dcap::Refusal::ReportData => Self::ReportData,
            other => Self::Intel(other),
        }
    }
}

impl From<vbs::Refusal> for Refusal {
    fn from(refusal: vbs::Refusal) -> Self {
        match refusal {
            vbs::Refusal::EnclaveData | vbs::Refusal::Tpm(tpm::Refusal::Nonce) => Self::ReportData,
            other => Self::Vbs(other),
        }
    }
}

impl From<azure_cvm::Refusal> for Refusal {
    fn from(refusal: azure_cvm::Refusal) -> Self {
        match refusal {
            azure_cvm::Refusal::Tpm(tpm::Refusal::Nonce) => Self::ReportData,
            other => Self::AzureCvm(other),
        }
    }
}

impl From<nitro::Refusal> for Refusal {
    fn from(refusal: nitro::Refusal) -> Self {
        match refusal {
            nitro::Refusal::Unexpected(nitro::Field::UserData) => Self::ReportData,
            other => Self::Nitro(other),
        }
    }
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

/// Checks that `evidence` is authentic, meets `policy` and is bound to `expected`: report data that is longer goes on
/// with zeros.
///
/// # Errors
/// See [`Refusal`].
pub fn verify(evidence: &Evidence, expected: &ReportData, policy: &Policy<'_>) -> Result<Claims, Refusal> {
    match evidence.platform {
        Platform::InsecureVirtual => insecure_virtual::appraise(evidence, expected),
        Platform::SevSnp => sev_snp::appraise(evidence, expected, policy),
        Platform::Sgx => sgx::appraise(evidence, expected, policy),
        Platform::Tdx => tdx::appraise(evidence, expected, policy),
        Platform::Vbs => vbs::appraise(evidence, expected, policy),
        Platform::AzureCvm => azure_cvm::appraise(evidence, expected, policy),
        Platform::Nitro => nitro::appraise(evidence, expected, policy),
    }
}

#[cfg(test)]
mod tests;
