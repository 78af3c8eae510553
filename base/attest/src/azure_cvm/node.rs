//! Confidential virtual machines of Azure that run nodes, on hardware with SEV-SNP.
//!
//! The quote of the machine's TPM answers the binding. The hardware's report was made when the machine was booted and names
//! the TPM's key; the user data in it say nothing of the node, and are not looked at.

use super::{Evidence, Requirements, Runtime, verify_snp};
use crate::{
    Details, Measurement, Policy, ReportData, sev_snp,
    tpm::{self, Form},
};

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
