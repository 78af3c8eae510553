//! A machine of Intel's that was never built, as the verifier takes it.

use coco_crypto::x509::UnixTime;
use coco_imitated::intel::{Document, Published};
pub(crate) use coco_imitated::intel::{Evidence, Kind, List, Machine, NOW, keys, to_pem};

use super::super::{Collateral, Refusal, Requirements, Signed};
use crate::{sgx, tdx};

/// What was believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Claims {
    Sgx(Box<sgx::Claims>),
    Tdx(Box<tdx::Claims>),
}

/// What the vendor publishes, as the verifier takes it.
pub(crate) fn collateral(published: &Published) -> Collateral {
    let signed = |document: &Document| {
        let Document { text, signature, issuers } = document.clone();
        Signed { text, signature, issuers }
    };
    Collateral {
        tcb_info: signed(&published.tcb_info),
        qe_identity: signed(&published.qe_identity),
        root_list: published.root_list.clone(),
        machine_list: published.machine_list.clone(),
    }
}

/// What is done with evidence.
pub(crate) trait Verify {
    fn verify(&self, requirements: &Requirements<'_>, now: UnixTime) -> Result<Claims, Refusal>;

    fn verify_sgx(&self, requirements: &sgx::Requirements<'_>, now: UnixTime)
    -> Result<sgx::Claims, Refusal>;

    fn verify_tdx(&self, requirements: &tdx::Requirements<'_>, now: UnixTime)
    -> Result<tdx::Claims, Refusal>;
}

/// Verifies with as little required of what runs as of a node.
pub(crate) fn verify(
    kind: Kind,
    quote: &[u8],
    collateral: &Collateral,
    machine: &Requirements<'_>,
    now: UnixTime,
) -> Result<Claims, Refusal> {
    let machine = *machine;
    if kind.is_tdx() {
        let requirements = tdx::Requirements { machine, ..tdx::Requirements::STRICT };
        tdx::verify(quote, collateral, &requirements, now).map(|claims| Claims::Tdx(Box::new(claims)))
    } else {
        let requirements = sgx::Requirements { machine, ..sgx::Requirements::STRICT };
        sgx::verify(quote, collateral, &requirements, now).map(|claims| Claims::Sgx(Box::new(claims)))
    }
}

impl Verify for Evidence {
    fn verify(&self, requirements: &Requirements<'_>, now: UnixTime) -> Result<Claims, Refusal> {
        let machine = Requirements { root: self.root, ..*requirements };
        verify(self.kind, &self.quote, &collateral(&self.collateral), &machine, now)
    }

    fn verify_sgx(
        &self,
        requirements: &sgx::Requirements<'_>,
        now: UnixTime,
    ) -> Result<sgx::Claims, Refusal> {
        let machine = Requirements { root: self.root, ..requirements.machine };
        sgx::verify(
            &self.quote,
            &collateral(&self.collateral),
            &sgx::Requirements { machine, ..*requirements },
            now,
        )
    }

    fn verify_tdx(
        &self,
        requirements: &tdx::Requirements<'_>,
        now: UnixTime,
    ) -> Result<tdx::Claims, Refusal> {
        let machine = Requirements { root: self.root, ..requirements.machine };
        tdx::verify(
            &self.quote,
            &collateral(&self.collateral),
            &tdx::Requirements { machine, ..*requirements },
            now,
        )
    }
}
