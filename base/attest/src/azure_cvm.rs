//! Confidential virtual machines of Azure: a paravisor inside holds the machine's TPM, and the hardware's report names the
//! TPM's key.
//!
//! Verification is pure and bounded, and takes the time as an argument. Modules in reading order. What is believed here
//! rests on Azure's paravisor, too: the hardware measures it, and it says what its TPM says.
//!
//! Which bytes can be changed in accepted evidence: of the frame around the hardware's report, its version, of which two
//! are read in the same way; of a frame with a TDX report, all of that report but its type and its report data, because
//! only a processor can check it and nothing else is taken from it; what [`crate::sev_snp`] and [`crate::tpm`] say of
//! reports, signatures and logs.

mod frame;
mod node;
pub mod refusal;
mod runtime;

use coco_crypto::{PublicKey, x509::UnixTime};

use crate::{
    sev_snp::{self, Vmpl},
    tpm,
};
pub use frame::{Frame, Hardware};
pub(crate) use node::appraise;
pub use node::{CODE, NodeClaims, reported};
pub use refusal::{Malformed, Refusal};
pub use runtime::{Configuration, Runtime};

/// What a machine has to show.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// What the paravisor keeps in the TPM (NV index 0x01400001): a report of the hardware with a frame around it.
    pub report: &'a [u8],
    /// What the TPM signed.
    pub quoted: tpm::Quoted<'a>,
    /// What was measured.
    pub log: Option<&'a [u8]>,
}

/// What is required of a machine beyond being genuine.
#[derive(Clone, Copy, Debug)]
pub struct Requirements<'a> {
    /// Of the TPM. The hardware's report says which key may sign.
    pub tpm: tpm::Requirements<'a>,
    /// What the machine had written into the report (NV index 0x01400002), if it must be something.
    pub user_data: Option<[u8; 64]>,
    /// What else must be so.
    pub demands: &'a [Demand],
}

/// What else can be required.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// The firmware starts only what somebody signed whom it knows.
    SecureBoot,
    /// The host has no console of the machine.
    NoConsole,
}

/// What a believed machine says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims<'a> {
    /// What the hardware binds the TPM's key and the machine's configuration to.
    pub runtime: Runtime,
    /// What the TPM says.
    pub tpm: tpm::Claims<'a>,
}

impl Requirements<'_> {
    /// What is required of a node, but for what governance adds.
    pub const STRICT: Self = Self { tpm: tpm::Requirements::STRICT, user_data: None, demands: &[] };
}

/// Checks that a machine with SEV-SNP is genuine at `now` and meets the requirements. Its report must be bound to the
/// runtime data, and be of the most privileged level, which is the paravisor's; what `snp` says of these plays no part.
///
/// # Errors
/// See [`Refusal`].
pub fn verify_snp<'a>(
    evidence: &Evidence<'a>,
    endorsements: &sev_snp::Endorsements<'_>,
    snp: &sev_snp::Requirements<'_>,
    requirements: &Requirements<'_>,
    now: UnixTime,
) -> Result<(sev_snp::Claims, Claims<'a>), Refusal> {
    let frame = Frame::read(evidence.report)?;
    let Hardware::Snp(report) = frame.hardware else { return Err(Refusal::OtherHardware) };
    let bound =
        sev_snp::Requirements { report_data: Some(frame.must_bind()), vmpl: Vmpl::Exactly(0), ..*snp };
    let hardware = sev_snp::verify(report, endorsements, &bound, now)?;
    Ok((hardware, verify_machine(&frame, evidence, requirements, now)?))
}

/// Checks that a machine with TDX is genuine at `now` and meets the requirements, if its hardware has signed
/// `report_data`: a quote of the machine must have been verified before.
///
/// # Errors
/// See [`Refusal`].
pub fn verify_tdx<'a>(
    evidence: &Evidence<'a>,
    report_data: &[u8; 64],
    requirements: &Requirements<'_>,
    now: UnixTime,
) -> Result<Claims<'a>, Refusal> {
    let frame = Frame::read(evidence.report)?;
    let Hardware::Tdx(reported) = frame.hardware else { return Err(Refusal::OtherHardware) };
    let bound = frame.must_bind();
    if *reported != bound || *report_data != bound {
        return Err(Refusal::ReportData);
    }
    verify_machine(&frame, evidence, requirements, now)
}

/// The report data that the hardware must have signed for the machine whose paravisor keeps `report`.
///
/// # Errors
/// When `report` is malformed.
pub fn must_bind(report: &[u8]) -> Result<[u8; 64], Refusal> {
    Frame::read(report).map(|frame| frame.must_bind())
}

/// What follows from a frame to which the hardware's report is bound.
fn verify_machine<'a>(
    frame: &Frame<'_>,
    evidence: &Evidence<'a>,
    requirements: &Requirements<'_>,
    now: UnixTime,
) -> Result<Claims<'a>, Refusal> {
    let runtime = Runtime::read(frame.runtime)?;
    if let Some(demand) = requirements.demands.iter().find(|demand| !demand.is_met(&runtime.configuration)) {
        return Err(Refusal::Demand(*demand));
    }
    if requirements.user_data.is_some() && requirements.user_data != runtime.user_data {
        return Err(Refusal::UserData);
    }
    let key = PublicKey::Rsa(runtime.key.clone());
    let shown = tpm::Evidence { quoted: evidence.quoted, key: tpm::Key::Known(key), log: evidence.log };
    let tpm = tpm::verify(&shown, &requirements.tpm, now)?;
    Ok(Claims { runtime, tpm })
}

impl Demand {
    fn is_met(self, configuration: &Configuration) -> bool {
        match self {
            Self::SecureBoot => configuration.secure_boot == Some(true),
            Self::NoConsole => configuration.console == Some(false),
        }
    }
}

#[cfg(test)]
mod tests;
