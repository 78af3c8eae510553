//! Why a node is not to take part, and how it is told.

use coco_attest::{
    Refusal, azure_cvm, dcap, nitro, sev_snp, tpm,
    vbs::{self, BootRefusal},
};
use coco_kv::Malformed;

const UNVERIFIED: &str = "Quote could not be verified";
const BELOW_MINIMUM: &str = "Quote TCB version is below the minimum";
const DEMANDED: &str = "Quote does not meet what is demanded of guests and platforms";

/// Why a node is not to take part. Texts are CCF's (`quote_verification_error` in `src/node/rpc/node_frontend.h`), which
/// operators and tests look for, where it has one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unwelcome {
    /// Not believed, or not by the rules of the members.
    #[error("{}", text(.0))]
    Refused(#[source] Refusal),
    /// Code that the members did not admit.
    #[error("Quote does not contain known enclave measurement")]
    Measurement,
    /// A host configuration, such as an executable, that the members did not admit.
    #[error("Quote host data is not authorised")]
    HostData,
    /// The members list the chips that they admit, and this is none of them.
    #[error("Quote is of a chip that is not authorised")]
    Chip,
    /// Nobody can tell what the members demand.
    #[error(transparent)]
    Rules(#[from] Malformed),
    /// A kind of Intel's machines that the members did not admit.
    #[error("Quote is of a kind of machine that is not authorised")]
    Machine,
    /// A domain that may use what the members did not allow.
    #[error("Quote attributes are not authorised")]
    Attributes,
    /// Registers that something else was measured into than members allow.
    #[error("Quote registers are not authorised")]
    Registers,
    /// Nothing says how old Windows may be.
    #[error("Quote is of Windows without minimum versions")]
    NoMinimums,
}

fn text(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::ReportData => "Quote report data does not contain node's public key hash",
        Refusal::SevSnp(refusal) | Refusal::AzureCvm(azure_cvm::Refusal::Snp(refusal)) => {
            text_of_snp(refusal)
        }
        Refusal::Intel(refusal) => text_of_intel(refusal),
        Refusal::Vbs(refusal) => text_of_windows(refusal),
        Refusal::AzureCvm(azure_cvm::Refusal::Demand(_)) => DEMANDED,
        Refusal::Nitro(nitro::Refusal::TooOld) => "Quote is too old",
        Refusal::AzureCvm(_) | Refusal::Nitro(_) => UNVERIFIED,
        Refusal::TooLarge | Refusal::Malformed | Refusal::UnexpectedEndorsements => UNVERIFIED,
    }
}

fn text_of_snp(refusal: &sev_snp::Refusal) -> &'static str {
    match refusal {
        sev_snp::Refusal::Uvm(_) => "UVM endorsements are not authorised",
        sev_snp::Refusal::NoMinimumTcb => "Quote is of a processor without a minimum TCB version",
        sev_snp::Refusal::MinimumTcb(_) => BELOW_MINIMUM,
        sev_snp::Refusal::Provider => "Quote is signed for a provider that is not authorised",
        sev_snp::Refusal::Demand(_) => DEMANDED,
        _ => UNVERIFIED,
    }
}

fn text_of_windows(refusal: &vbs::Refusal) -> &'static str {
    match refusal {
        vbs::Refusal::Enclave | vbs::Refusal::Module(_) => "Quote does not contain known enclave measurement",
        vbs::Refusal::SecureKernelSvn(_) | vbs::Refusal::PlatformSvn(_) => BELOW_MINIMUM,
        vbs::Refusal::Tpm(tpm::Refusal::UnknownName | tpm::Refusal::Root) => {
            "Quote is of a TPM that is not authorised"
        }
        vbs::Refusal::Boot(BootRefusal::Authority) => {
            "Quote is of a boot by an authority that is not authorised"
        }
        vbs::Refusal::Boot(BootRefusal::Demand(_)) => DEMANDED,
        _ => UNVERIFIED,
    }
}

fn text_of_intel(refusal: &dcap::Refusal) -> &'static str {
    match refusal {
        dcap::Refusal::Status(_) | dcap::Refusal::Advisory(_) => "Quote TCB status is not authorised",
        dcap::Refusal::Evaluation(_) => BELOW_MINIMUM,
        dcap::Refusal::TooOld => "Quote collateral is too old",
        dcap::Refusal::Domain(_) => "Quote attributes are not authorised",
        _ => UNVERIFIED,
    }
}
