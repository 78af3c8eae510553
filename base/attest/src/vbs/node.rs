//! Enclaves of Windows that run nodes.
//!
//! Evidence is bound twice, so that neither half of it can be of another moment: the enclave had the binding signed by the
//! secure kernel, with zeros behind it, and the TPM's quote answers it.

use coco_crypto::PublicKey;
use coco_wire::Digest;

use super::{
    Boot, Demand, Evidence, Measured, Refusal, Report, Requirements, SecureKernel, secure_boot, verify,
};
use crate::{
    Details, Measurement, Policy, ReportData,
    tpm::{self, EventLog, Form, Key, Quote},
};

/// What believed evidence of a node says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeClaims {
    /// The enclave, and what it had signed.
    pub report: Report,
    /// The secure kernel's key.
    pub key: PublicKey,
    /// What the TPM says.
    pub tpm: tpm::Attested,
    /// Who vouched for what firmware started: certificates, each as its SHA-256.
    pub authorities: Vec<Digest>,
    /// All demands that the boot meets.
    pub met: Vec<Demand>,
}

/// What evidence of a node names, of which nothing is believed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The enclave.
    pub report: Report,
    /// By what the TPM's key is to be believed.
    pub signer: tpm::SignerName,
    /// Who is to have vouched for what firmware started: certificates, each as its SHA-256.
    pub authorities: Vec<Digest>,
}

/// What evidence names. A service that a node is the first one of has nobody who says what is required of it, so that it
/// is held against itself, and members see what that was.
///
/// # Errors
/// When it cannot be read.
pub fn named(evidence: &crate::Evidence) -> Result<Named, crate::Refusal> {
    let form = Form::of_node(evidence)?;
    let bank = Quote::read(&form.message.0).map_err(Refusal::Tpm)?.bank;
    let log = form.log().ok_or(Refusal::Tpm(tpm::Refusal::NoLog))?;
    let log = EventLog::read(log).map_err(|refusal| Refusal::Tpm(refusal.into()))?;
    let signer = Key::of_endorsements(&evidence.endorsements).name().map_err(Refusal::Tpm)?;
    Ok(Named {
        report: Report::of_package(&form.report.0)?,
        signer,
        authorities: secure_boot::authorities(&log.events, bank).map_err(Refusal::Boot)?,
    })
}

/// The claims of evidence of a node.
pub(crate) fn appraise(
    evidence: &crate::Evidence,
    expected: &ReportData,
    policy: &Policy<'_>,
) -> Result<crate::Claims, crate::Refusal> {
    let form = Form::of_node(evidence)?;
    let key = Key::of_endorsements(&evidence.endorsements);
    let shown = tpm::Evidence { quoted: form.quoted(), key, log: form.log() };
    let requirements = Requirements {
        enclave_data: Some(expected.padded()),
        tpm: tpm::Requirements { nonce: &expected.0.0, ..policy.vbs.tpm },
        ..policy.vbs
    };
    let evidence = Evidence { report: &form.report.0, secure_kernel: SecureKernel::Measured(shown) };
    let claims = verify(&evidence, &requirements, policy.now)?;
    let Boot::Measured(boot) = claims.boot else { unreachable!("nobody certified the boot") };
    let Measured { tpm, authorities, met } = *boot;
    Ok(crate::Claims {
        measurement: Measurement::of_bytes(&claims.report.identity.image.unique_id),
        details: Details::Vbs(Box::new(NodeClaims {
            report: claims.report,
            key: claims.key,
            tpm: tpm.into(),
            authorities,
            met,
        })),
    })
}
