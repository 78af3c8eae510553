//! Enclaves of Windows that the hypervisor protects (VBS enclaves, in virtual secure mode).
//!
//! No one signature says it all. The secure kernel signs which enclave had what signed, with a key that it makes at each
//! boot; the boot loader measures that key, beside how Windows was started; the TPM signs what was measured; and its key
//! is known or certified. Instead of the last three, a Host Guardian Service can have looked at them and have certified
//! the secure kernel's key, which is then to be trusted for that.
//!
//! Verification is pure and bounded, and takes the time as an argument. Modules in reading order.
//!
//! Which bytes can be changed in accepted evidence: none of a report; of the log, in the PCRs that count for this (7, 12
//! and 13) none but kinds of events, digests of other banks and what is not measured; the rest of it, the quote and
//! certificates as [`crate::tpm`] says.

mod boot;
mod health;
mod node;
pub mod refusal;
mod report;
mod requirements;
mod secure_boot;
mod tagged;

use coco_crypto::{
    PublicKey,
    x509::{UnixTime, Validity},
};
use coco_wire::Digest;

use crate::tpm;
pub use boot::PCRS;
pub(crate) use node::appraise;
pub use node::{Named, NodeClaims, named};
pub use refusal::{BootRefusal, Malformed, Refusal};
pub use report::{Flags, Identity, Image, Module, Report};
pub use requirements::{Demand, Pin, Requirements};

/// What an enclave has to show.
#[derive(Clone, Debug)]
pub struct Evidence<'a> {
    /// `VBS_ENCLAVE_REPORT_PKG_HEADER` and what follows it.
    pub report: &'a [u8],
    /// Who signed it.
    pub secure_kernel: SecureKernel<'a>,
}

/// Why a key should be one of a secure kernel.
#[derive(Clone, Debug)]
pub enum SecureKernel<'a> {
    /// It was measured. A log is needed.
    Measured(tpm::Evidence<'a>),
    /// PEM of a health certificate for it, and of the root that signed that.
    Certified(&'a [u8]),
}

/// What a believed enclave says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims<'a> {
    /// The enclave, and what it had signed.
    pub report: Report,
    /// The secure kernel's key, which is another one after each boot.
    pub key: PublicKey,
    /// Why it counts.
    pub boot: Boot<'a>,
}

/// Why the key of a secure kernel counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Boot<'a> {
    /// It was measured.
    Measured(Box<Measured<'a>>),
    /// When both health certificates are valid.
    Certified(Validity),
}

/// A boot in which the key of a secure kernel was measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured<'a> {
    /// What the TPM says: how often the machine was booted, and what was measured.
    pub tpm: tpm::Claims<'a>,
    /// Who vouched for what firmware started: certificates, each as its SHA-256.
    pub authorities: Vec<Digest>,
    /// All demands that the boot meets, required or not.
    pub met: Vec<Demand>,
}

/// Checks that an enclave is genuine at `now` and meets `requirements`.
///
/// # Errors
/// See [`Refusal`].
pub fn verify<'a>(
    evidence: &Evidence<'a>,
    requirements: &Requirements<'_>,
    now: UnixTime,
) -> Result<Claims<'a>, Refusal> {
    let (key, boot) = match &evidence.secure_kernel {
        SecureKernel::Measured(shown) => measured(shown, requirements, now)?,
        SecureKernel::Certified(text) => {
            let (key, validity) = health::signing_key(text, requirements.health_roots, now)?;
            (key, Boot::Certified(validity))
        }
    };
    let report = Report::authenticate(evidence.report, &key)?;
    requirements.check(&report)?;
    Ok(Claims { report, key, boot })
}

/// The key that was measured in a boot that is as required.
fn measured<'a>(
    shown: &tpm::Evidence<'a>,
    requirements: &Requirements<'_>,
    now: UnixTime,
) -> Result<(PublicKey, Boot<'a>), Refusal> {
    let replayed = requirements.tpm.replayed.union(PCRS);
    let tpm = tpm::verify(shown, &tpm::Requirements { replayed, ..requirements.tpm }, now)?;
    let boot::Started { key, authorities, met } = boot::started(&tpm.events, tpm.pcrs.bank(), requirements)?;
    Ok((key, Boot::Measured(Box::new(Measured { tpm, authorities, met }))))
}

#[cfg(test)]
mod tests;
