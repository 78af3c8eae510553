//! AMD SEV-SNP: the secure processor signs what it launched, with a key that AMD vouches for.
//!
//! Verification is pure and bounded, and takes the time as an argument. Modules in reading order.
//!
//! Which bytes can be changed in accepted evidence: none of a report, as those behind its signature must be zero; none of
//! a certificate or revocation list; of the PEM around certificates, whatever [`coco_crypto::pem`] skips; of a message
//! with UVM endorsements, the unprotected header, from which nothing is taken. The two ECDSA signatures (r, s) and
//! (r, −s) of a report are both accepted: nothing is ever named by the bytes of a report.

pub mod certificates;
pub mod endorsements;
pub mod product;
pub mod refusal;
pub mod report;
pub mod requirements;
pub mod roots;
pub mod servers;
pub mod uvm;

use coco_crypto::{
    SignatureForm,
    hash::HashAlgorithm,
    signature::SignatureScheme,
    x509::{UnixTime, Validity},
};
use endorsements::Endorsed;
pub use endorsements::{Endorsements, Signer};
pub use product::{Product, TcbVersion, UnknownProduct};
pub use refusal::{Extension, Link, Refusal, Tcb};
pub use report::{GuestPolicy, Processor, Report};
pub use requirements::{Demand, Providers, Requirements, Revocation, Vmpl};
pub use roots::Roots;

use crate::{Details, Measurement, Policy, ReportData};

/// The only algorithm of signatures of reports: ECDSA on P-384 with SHA-384.
const ECDSA_P384_SHA384: u32 = 1;
/// Bytes of each half of such a signature.
const HALF_LEN: usize = 48;

/// What a believed report says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// The line of processors.
    pub product: Product,
    /// Who has the key that signed.
    pub signer: Signer,
    /// The reported trusted computing base, taken apart.
    pub tcb: TcbVersion,
    /// Everything else: measurement, host data, report data.
    pub report: Report,
    /// When all certificates and revocation lists are valid.
    pub validity: Validity,
    /// Who endorsed the utility VM, if someone did.
    pub uvm: Option<uvm::Claims>,
}

/// Checks that a report is genuine at `now` and meets `requirements`.
///
/// # Errors
/// See [`Refusal`].
pub fn verify(
    report: &[u8],
    endorsements: &Endorsements<'_>,
    requirements: &Requirements<'_>,
    now: UnixTime,
) -> Result<Claims, Refusal> {
    let parsed = Report::read(report)?;
    if parsed.version < requirements.oldest_version {
        return Err(Refusal::Version(parsed.version));
    }
    let endorsed = Endorsed::verify(endorsements, requirements, now)?;
    check_signature(report, &parsed, &endorsed)?;
    check_identity(&parsed, &endorsed)?;
    check_tcb(&parsed, &endorsed)?;
    requirements.check(&parsed, &endorsed)?;
    let uvm = endorsements.uvm.map(|message| requirements.uvm.verify(message, &parsed.measurement));
    Ok(Claims {
        product: endorsed.product,
        tcb: endorsed.product.tcb_version(parsed.reported_tcb),
        uvm: uvm.transpose()?,
        report: parsed,
        signer: endorsed.signer,
        validity: endorsed.validity,
    })
}

/// Checks that certificates are those of the key that signed a report, which is of the chip and the trusted computing base
/// that they name. Whether their root is AMD's, and when they are valid, is for [`verify`]: here is told apart what is
/// worth showing to whoever verifies from what is not.
///
/// # Errors
/// See [`Refusal`].
pub fn check_endorsements(certificates: &[u8], report: &[u8]) -> Result<(), Refusal> {
    let parsed = Report::read(report)?;
    let endorsed = Endorsed::by_anyone(certificates)?;
    check_signature(report, &parsed, &endorsed)?;
    check_identity(&parsed, &endorsed)?;
    check_tcb(&parsed, &endorsed)
}

/// The claims of evidence of a node.
pub(crate) fn appraise(
    evidence: &crate::Evidence,
    expected: &ReportData,
    policy: &Policy<'_>,
) -> Result<crate::Claims, crate::Refusal> {
    let requirements = Requirements { report_data: Some(expected.padded()), ..policy.sev_snp };
    let endorsements = Endorsements {
        certificates: &evidence.endorsements,
        revocation_lists: &[],
        uvm: evidence.uvm_endorsements.as_deref(),
    };
    let claims = verify(&evidence.quote, &endorsements, &requirements, policy.now)?;
    Ok(crate::Claims {
        measurement: Measurement::of_bytes(&claims.report.measurement),
        details: Details::SevSnp(Box::new(claims)),
    })
}

fn check_signature(bytes: &[u8], report: &Report, endorsed: &Endorsed) -> Result<(), Refusal> {
    if report.signature_algorithm != ECDSA_P384_SHA384 {
        return Err(Refusal::SignatureAlgorithm(report.signature_algorithm));
    }
    let mut signature = Vec::with_capacity(2 * HALF_LEN);
    for half in [&report.signature_r, &report.signature_s] {
        let (number, zeros) = half.split_at(HALF_LEN);
        if zeros.iter().any(|byte| *byte != 0) {
            return Err(Refusal::ReportSignature);
        }
        signature.extend(number.iter().rev());
    }
    let scheme = SignatureScheme::Ecdsa(HashAlgorithm::Sha384, SignatureForm::Fixed);
    let verified = endorsed.key.verify(scheme, &bytes[..Report::SIGNED_LEN], &signature);
    verified.map_err(|_| Refusal::ReportSignature)
}

/// The report must have been made by the machine that the certificate is for.
fn check_identity(report: &Report, endorsed: &Endorsed) -> Result<(), Refusal> {
    if let Some(processor) = report.processor
        && processor.product()? != endorsed.product
    {
        return Err(Refusal::Processor);
    }
    let signing_key = match endorsed.signer {
        Signer::Chip(_) => 0,
        Signer::Provider(_) => 1,
    };
    if report.flags.signing_key() != signing_key {
        return Err(Refusal::SigningKey(report.flags.signing_key()));
    }
    if report.flags.mask_chip_key() {
        return Err(Refusal::MaskedChip);
    }
    match &endorsed.signer {
        Signer::Chip(chip) if *chip != report.chip_id => Err(Refusal::ChipId),
        _ => Ok(()),
    }
}

/// The signing key belongs to the reported trusted computing base. The host may report an older one than it has, and
/// may run a newer one than it has committed to.
fn check_tcb(report: &Report, endorsed: &Endorsed) -> Result<(), Refusal> {
    if endorsed.tcb != report.reported_tcb {
        return Err(Refusal::EndorsedTcb { endorsed: endorsed.tcb, reported: report.reported_tcb });
    }
    let [reported, committed, current] = [report.reported_tcb, report.committed_tcb, report.current_tcb]
        .map(|packed| endorsed.product.tcb_version(packed));
    if committed.is_at_least(&reported) && current.is_at_least(&committed) {
        Ok(())
    } else {
        Err(Refusal::TcbOrder)
    }
}

#[cfg(test)]
mod tests;
