//! Why evidence is refused, and what to do about it.

use coco_attest::{
    azure_cvm, dcap, nitro,
    sev_snp::{self, uvm},
    tpm, vbs,
};

/// Why evidence is refused.
#[derive(Clone, Debug, thiserror::Error)]
pub(in crate::attest) enum Refused {
    #[error(transparent)]
    Virtual(#[from] coco_attest::Refusal),
    #[error("anybody can write evidence of the virtual platform, so that it proves nothing")]
    ProvesNothing,
    #[error(transparent)]
    SevSnp(#[from] sev_snp::Refusal),
    #[error("{0}")]
    Dcap(#[from] dcap::Refusal),
    #[error(transparent)]
    Tpm(#[from] tpm::Refusal),
    #[error(transparent)]
    Azure(#[from] azure_cvm::Refusal),
    #[error(transparent)]
    Vbs(#[from] vbs::Refusal),
    #[error(transparent)]
    Nitro(#[from] nitro::Refusal),
    /// Genuine, but not what was asked for.
    #[error("the {what} is {found}, which is not what was asked for")]
    Other { what: &'static str, found: String },
}

impl Refused {
    /// Whether the evidence may be good, but was made for something else.
    pub(in crate::attest) fn is_of_binding(&self) -> bool {
        let refusal = match self.clone() {
            Self::Virtual(refusal) => refusal,
            Self::SevSnp(refusal) => refusal.into(),
            Self::Dcap(refusal) => refusal.into(),
            Self::Azure(refusal) => refusal.into(),
            Self::Vbs(refusal) => refusal.into(),
            Self::Nitro(refusal) => refusal.into(),
            Self::Tpm(_) | Self::ProvesNothing | Self::Other { .. } => return false,
        };
        refusal == coco_attest::Refusal::ReportData
    }

    /// What somebody can do who wants it accepted, or what it means that one cannot.
    pub(super) fn advice(&self) -> Option<String> {
        match self {
            Self::ProvesNothing => Some("for tests, --accept virtual".to_owned()),
            Self::Virtual(_) => None,
            Self::SevSnp(refusal) => of_sev_snp(refusal),
            Self::Azure(azure_cvm::Refusal::Snp(refusal)) => of_sev_snp(refusal),
            Self::Dcap(refusal) => of_dcap(refusal),
            Self::Tpm(refusal) | Self::Azure(azure_cvm::Refusal::Tpm(refusal)) => of_tpm(*refusal),
            Self::Azure(_) => None,
            Self::Vbs(refusal) => of_vbs(refusal),
            Self::Nitro(refusal) => of_nitro(refusal),
            Self::Other { what, .. } => Some(format!(
                "do not trust it as what you asked for, unless you know another {what} to be right"
            )),
        }
    }
}

const EXPOSED: &str = "do not trust it: whoever has the machine can read what it does";
const OTHER_BINDING: &str = "it was made for another key or question; ask for fresh evidence";
const OTHER_TIME: &str = "give the time that it was made at (--at), or fetch what is valid now";

fn of_sev_snp(refusal: &sev_snp::Refusal) -> Option<String> {
    use sev_snp::Refusal::{
        Certificates, Debug, EndorsedTcb, Expired, Migration, MinimumTcb, NoMinimumTcb, NotYetValid,
        Provider, ReportData, ReportSignature, RevocationListDate, Root, Uvm, Version, Vmpl,
    };
    let text = match refusal {
        Version(version @ 2) => {
            format!("reports of this version do not name the processor; --accept version-{version}")
        }
        Certificates(_) => {
            "give the certificates of the signing key, its issuer and the root, in this order: \
                            --endorsements vcek.der --endorsements cert_chain.pem; AMD has them at \
                            https://kdsintf.amd.com/vcek/v1/PRODUCT/cert_chain"
                .to_owned()
        }
        Root => "the certificates are not AMD's; a root of your own is named by --root".to_owned(),
        Expired(_) | NotYetValid(_) | RevocationListDate => OTHER_TIME.to_owned(),
        Vmpl(level @ 1..=3) => format!("if you know what runs at the levels above, --accept vmpl-{level}"),
        Provider => "if you trust the provider of the cloud with the key, --accept provider:NAME".to_owned(),
        Debug | Migration => EXPOSED.to_owned(),
        EndorsedTcb { .. } => "fetch the certificate of the chip for the reported TCB".to_owned(),
        ReportSignature => {
            "the certificates are of another chip or TCB, or the report was changed".to_owned()
        }
        MinimumTcb(_) => "have the firmware of the machine updated".to_owned(),
        NoMinimumTcb => "leave --minimum-tcb out: the report does not name its processor".to_owned(),
        ReportData => OTHER_BINDING.to_owned(),
        Uvm(uvm::Refusal::NotTrusted) => "if you trust whoever endorses it, --accept did:x509:...".to_owned(),
        _ => return None,
    };
    Some(text)
}

fn of_dcap(refusal: &dcap::Refusal) -> Option<String> {
    use dcap::Refusal::{
        Advisory, DocumentExpired, DocumentNotYetValid, Evaluation, Expired, Fmspc, Forbidden, NoTcbLevel,
        NotYetValid, OtherPlatform, ReportData, RevocationListDate, Root, Status,
    };
    let text = match refusal {
        Status(status) => format!("if you can live with that, --accept {}", status.name()),
        Advisory(name) => format!("read Intel's advisory; if you can live with it, --accept {name}"),
        DocumentExpired(_) | DocumentNotYetValid(_) | Expired | NotYetValid | RevocationListDate => {
            OTHER_TIME.to_owned()
        }
        Fmspc | OtherPlatform(_) => "fetch the collateral of this kind of machine".to_owned(),
        Root => "the certificates are not Intel's; a root of your own is named by --root".to_owned(),
        NoTcbLevel(_) | Evaluation(_) => "fetch newer collateral, or have the machine updated".to_owned(),
        Forbidden(dcap::Forbidden::ProvisioningKey) => {
            "if it needs that key, --accept provisioning-key".to_owned()
        }
        Forbidden(dcap::Forbidden::LaunchKey) => "if it needs that key, --accept launch-key".to_owned(),
        Forbidden(_) => EXPOSED.to_owned(),
        ReportData => OTHER_BINDING.to_owned(),
        _ => return None,
    };
    Some(text)
}

fn of_tpm(refusal: tpm::Refusal) -> Option<String> {
    use tpm::Refusal::{Certificates, Date, Nonce, Replay, Root, Signature, WeakBank, WeakSignature};
    let text = match refusal {
        WeakSignature | WeakBank => "SHA-1 is broken; for what does not matter, --accept sha1",
        Root => "name the root of who certifies TPMs by --root",
        Certificates(_) => "give the certificates of the TPM's key by --endorsements",
        Date(_) => OTHER_TIME,
        Nonce => OTHER_BINDING,
        Replay(_) => "the log is of another boot, or something was measured that it does not say",
        Signature => "it was changed, or another key signed it",
        _ => return None,
    };
    Some(text.to_owned())
}

fn of_vbs(refusal: &vbs::Refusal) -> Option<String> {
    use vbs::{BootRefusal, Refusal};
    let text = match refusal {
        Refusal::HealthRoot => "name the root of the Host Guardian Service by --root",
        Refusal::Certificates(_) => "give the health certificate and its root by --endorsements",
        Refusal::Date(_) => OTHER_TIME,
        Refusal::Debug => EXPOSED,
        Refusal::EnclaveData => OTHER_BINDING,
        Refusal::Boot(BootRefusal::Authority) => "name who may vouch for what is started by --boot-authority",
        Refusal::Tpm(refusal) => return of_tpm(*refusal),
        _ => return None,
    };
    Some(text.to_owned())
}

fn of_nitro(refusal: &nitro::Refusal) -> Option<String> {
    use nitro::Refusal::{Debug, FromTheFuture, Root, TooOld, Unexpected};
    let text = match refusal {
        TooOld => {
            "documents count for 5 minutes: ask for a fresh one, or give the time that it was made at (--at)"
        }
        FromTheFuture => "set the clock, or give the time that it was made at (--at)",
        Root => "partitions of AWS other than the commercial one have other roots, which --root names",
        Debug => EXPOSED,
        Unexpected(_) => OTHER_BINDING,
        _ => return None,
    };
    Some(text.to_owned())
}
