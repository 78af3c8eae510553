//! A machine that Azure never had, as the verifier takes it.

pub(super) use coco_imitated::azure::{Azure, Signed, TDX, runtime};

use super::super::{Claims, Demand, Evidence, Refusal, Requirements, verify_snp, verify_tdx};
use crate::{
    sev_snp,
    tests::{
        snp::Verify as _,
        tpm::{NONCE, NOW, structure},
    },
    tpm::{self, PcrSet, Quoted},
};

/// What is required of it.
pub(super) const STRICT: Requirements<'static> = Requirements {
    tpm: tpm::Requirements { nonce: NONCE, replayed: PcrSet::of(&[0, 7]), ..tpm::Requirements::STRICT },
    user_data: Some([0xab; 64]),
    demands: &[Demand::SecureBoot, Demand::NoConsole],
};

fn quoted(signed: &Signed) -> Quoted<'_> {
    Quoted { message: &signed.tpm.message, signature: structure(&signed.tpm), pcrs: &signed.tpm.pcrs }
}

fn evidence(signed: &Signed) -> Evidence<'_> {
    Evidence { report: &signed.report, quoted: quoted(signed), log: Some(&signed.tpm.log) }
}

/// What is done with evidence.
pub(super) trait Verify {
    fn verify_with(
        &self,
        snp: &sev_snp::Requirements<'_>,
        requirements: &Requirements<'_>,
    ) -> Result<(sev_snp::Claims, Claims<'_>), Refusal>;

    fn verify(&self) -> Result<(sev_snp::Claims, Claims<'_>), Refusal>;

    fn verify_tdx(&self, report_data: &[u8; 64]) -> Result<Claims<'_>, Refusal>;
}

impl Verify for Signed {
    fn verify_with(
        &self,
        snp: &sev_snp::Requirements<'_>,
        requirements: &Requirements<'_>,
    ) -> Result<(sev_snp::Claims, Claims<'_>), Refusal> {
        let endorsements =
            sev_snp::Endorsements { certificates: &self.snp.certificates, revocation_lists: &[], uvm: None };
        let snp = sev_snp::Requirements { roots: self.snp.trusted(), ..*snp };
        verify_snp(&evidence(self), &endorsements, &snp, requirements, NOW)
    }

    fn verify(&self) -> Result<(sev_snp::Claims, Claims<'_>), Refusal> {
        self.verify_with(&sev_snp::Requirements::STRICT, &STRICT)
    }

    fn verify_tdx(&self, report_data: &[u8; 64]) -> Result<Claims<'_>, Refusal> {
        verify_tdx(&evidence(self), report_data, &STRICT, NOW)
    }
}
