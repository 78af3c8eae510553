//! Confidential virtual machines of Azure that run nodes, on hardware with SEV-SNP.
//!
//! The quote of the machine's TPM answers the binding. The hardware's report was made when the machine was booted and names
//! the TPM's key; the user data in it say nothing of the node, and are not looked at.

use super::{Evidence, Frame, Hardware, Refusal, Requirements, Runtime, verify_snp};
use crate::{
    Details, Measurement, Policy, ReportData, sev_snp,
    tpm::{self, Form, PcrSet},
};

/// PCRs that say what a machine runs, and what its firmware was told to start. The rest differ from machine to machine (1, 5
/// and 6: configuration, partitions, names; 15) or change while it runs (10: IMA).
pub const CODE: PcrSet = PcrSet::of(&[0, 2, 3, 4, 7, 8, 9, 11, 12, 13, 14]);

/// What believed evidence of a node says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeClaims {
    /// What the hardware says: of the paravisor.
    pub hardware: sev_snp::Claims,
    /// What the paravisor says of the machine.
    pub runtime: Runtime,
    /// What the machine's TPM says.
    pub tpm: tpm::Attested,
}

/// What the hardware reports in a node's quote, of which nothing is believed yet.
///
/// # Errors
/// When it cannot be read, or is of other hardware.
pub fn reported(quote: &[u8]) -> Result<sev_snp::Report, crate::Refusal> {
    let form = Form::from_json(quote).ok_or(crate::Refusal::Malformed)?;
    let Hardware::Snp(report) = Frame::read(&form.report.0)?.hardware else {
        return Err(Refusal::OtherHardware.into());
    };
    Ok(sev_snp::Report::read(report)?)
}

/// The claims of evidence of a node.
pub(crate) fn appraise(
    evidence: &crate::Evidence,
    expected: &ReportData,
    policy: &Policy<'_>,
) -> Result<crate::Claims, crate::Refusal> {
    let form = Form::of_node(evidence)?;
    let endorsements =
        sev_snp::Endorsements { certificates: &evidence.endorsements, revocation_lists: &[], uvm: None };
    let tpm = tpm::Requirements { nonce: &expected.0.0, ..policy.azure_cvm.tpm };
    let requirements = Requirements { tpm, ..policy.azure_cvm };
    let machine = Evidence { report: &form.report.0, quoted: form.quoted(), log: form.log() };
    let (hardware, claims) = verify_snp(&machine, &endorsements, &policy.sev_snp, &requirements, policy.now)?;
    Ok(crate::Claims {
        measurement: Measurement::of_bytes(&hardware.report.measurement),
        details: Details::AzureCvm(Box::new(NodeClaims {
            hardware,
            runtime: claims.runtime,
            tpm: claims.tpm.into(),
        })),
    })
}
