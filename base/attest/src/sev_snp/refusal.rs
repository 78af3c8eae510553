//! Why a report is not believed.

use coco_crypto::x509::{InvalidCertificate, InvalidRevocationList};

use super::{Demand, Report, UnknownProduct, uvm};
use crate::fields::NotZero;

/// Why a report is not believed: one variant for each reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not as long as a report.
    #[error("SEV-SNP: attestation report is not of expected size {}: {_0}", Report::LEN)]
    Size(usize),
    /// A version of the format that we do not read, or older than required.
    #[error("SEV-SNP: attestation version {_0} is not supported")]
    Version(u32),
    /// A bit is set that has no meaning, in the field at this offset.
    #[error("SEV-SNP: reserved bits are set at offset {offset:#x} of the attestation report")]
    Reserved {
        /// In bytes.
        offset: usize,
    },
    /// Another algorithm than ECDSA on P-384 with SHA-384.
    #[error("SEV-SNP: unsupported signature algorithm {_0}")]
    SignatureAlgorithm(u32),
    /// The certificates or revocation lists are longer than any.
    #[error("SEV-SNP: endorsements too large")]
    EndorsementsTooLarge,
    /// Not three certificates: of the end, the intermediate, the root.
    #[error("SEV-SNP: Expected 3 endorsement certificates but got {_0}")]
    Certificates(usize),
    /// One of them cannot be read.
    #[error("SEV-SNP: endorsement certificates: {_0}")]
    Certificate(#[from] InvalidCertificate),
    /// The key of the root is none of AMD's.
    #[error("SEV-SNP: The root of trust public key for this attestation was not the expected one")]
    Root,
    /// A certificate is not signed by the next one, or the root not by itself.
    #[error(
        "SEV-SNP: The chain of signatures from the root of trust to this attestation is broken at the {_0}"
    )]
    ChainSignature(Link),
    /// A certificate may not stand where it does.
    #[error("SEV-SNP: the {_0} may not be used so")]
    Constraints(Link),
    /// A certificate is not valid yet.
    #[error("SEV-SNP: the {_0} is not valid yet")]
    NotYetValid(Link),
    /// A certificate is not valid any more.
    #[error("SEV-SNP: the {_0} has expired")]
    Expired(Link),
    /// A revocation list cannot be read.
    #[error("SEV-SNP: {_0}")]
    RevocationList(#[from] InvalidRevocationList),
    /// A revocation list is of no authority of the chain.
    #[error("SEV-SNP: a revocation list was not signed by an authority of the chain")]
    ForeignRevocationList,
    /// A revocation list is from the future, or the next one was due.
    #[error("SEV-SNP: a revocation list is not in date")]
    RevocationListDate,
    /// A revocation list of the root is required, and there is none.
    #[error("SEV-SNP: no revocation list of the root of trust")]
    NoRevocationList,
    /// A certificate is revoked.
    #[error("SEV-SNP: the {_0} is revoked")]
    Revoked(Link),
    /// The end certificate lacks an extension, or it has another form.
    #[error("SEV-SNP: no usable {_0} in the end certificate")]
    Extension(Extension),
    /// The end certificate is for another line of processors than its root.
    #[error("SEV-SNP: the end certificate is for another line of processors than its root")]
    ProductName,
    /// The processor of the report is of no line that we know.
    #[error(transparent)]
    UnknownProduct(#[from] UnknownProduct),
    /// The processor of the report is of another line than its certificates.
    #[error("SEV-SNP: the processor is of another line than its certificates")]
    Processor,
    /// The end certificate's key did not sign the report.
    #[error("SEV-SNP: the key of the end certificate did not sign this attestation")]
    ReportSignature,
    /// The report says that another kind of key signed it.
    #[error("SEV-SNP: Attestation report names another signing key: {_0}")]
    SigningKey(u32),
    /// Signed by the key of a provider, and no key of that provider is accepted.
    #[error("SEV-SNP: Attestation report must be signed by VCEK, or by an accepted provider")]
    Provider,
    /// The host hid which chip it is.
    #[error("SEV-SNP: Mask chip key must not be set")]
    MaskedChip,
    /// Made by another chip than the certified one.
    #[error("SEV-SNP: Chip ID in attestation does not match endorsed chip ID")]
    ChipId,
    /// The certificate is for another trusted computing base than the reported one.
    #[error("SEV-SNP: Reported TCB {reported:016x} is not the endorsed TCB {endorsed:016x}")]
    EndorsedTcb {
        /// By the certificate.
        endorsed: u64,
        /// By the report.
        reported: u64,
    },
    /// Reported, committed and current trusted computing base are not in this order.
    #[error("SEV-SNP: reported, committed and current TCB are not in this order")]
    TcbOrder,
    /// Another trusted computing base is expected.
    #[error("SEV-SNP: endorsed TCB {expected:016x} does not match reported TCB {reported:016x}")]
    ExpectedTcb {
        /// By the caller.
        expected: u64,
        /// By the report.
        reported: u64,
    },
    /// A least trusted computing base is required, and none is known for the processor.
    #[error("SEV-SNP: no minimum TCB for this processor")]
    NoMinimumTcb,
    /// A trusted computing base is older than required.
    #[error("SEV-SNP: the {_0} TCB is older than the minimum TCB")]
    MinimumTcb(Tcb),
    /// Asked for at another privilege level than expected.
    #[error("SEV-SNP: unexpected VMPL {_0}; above 3, the report is host generated")]
    Vmpl(u32),
    /// The host may read the guest.
    #[error("SEV-SNP: SNP attestation report guest policy debugging must not be enabled")]
    Debug,
    /// The guest may be migrated.
    #[error("SEV-SNP: SNP attestation report guest policy migration must not be enabled")]
    Migration,
    /// Something else that is required is not so.
    #[error("SEV-SNP: the attestation report does not meet {_0:?}")]
    Demand(Demand),
    /// Made for something else.
    #[error("SEV-SNP: the report data is not the expected one")]
    ReportData,
    /// The endorsements of the utility VM are not believed.
    #[error("SEV-SNP: UVM endorsements: {_0}")]
    Uvm(#[from] uvm::Refusal),
}

/// A certificate of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Of the key that signs reports: VCEK or VLEK.
    End,
    /// Of the key that signs that: ASK or ASVK.
    Intermediate,
    /// Of AMD: ARK.
    Root,
}

impl Link {
    /// In the order of a chain.
    pub(super) const ALL: [Self; 3] = [Self::End, Self::Intermediate, Self::Root];
}

impl std::fmt::Display for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::End => "end certificate",
            Self::Intermediate => "intermediate certificate",
            Self::Root => "root certificate",
        })
    }
}

/// An extension of the end certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extension {
    /// The line of processors.
    ProductName,
    /// A part of the trusted computing base.
    Tcb,
    /// The chip, of a VCEK, or the provider, of a VLEK: one of them.
    Identity,
}

impl std::fmt::Display for Extension {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::ProductName => "product name",
            Self::Tcb => "TCB version",
            Self::Identity => "chip or provider",
        })
    }
}

/// One of the trusted computing bases that a report names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tcb {
    /// That the signing key is derived from.
    Reported,
    /// That the host cannot go back behind.
    Committed,
    /// That was there when the guest was launched.
    Launch,
}

impl std::fmt::Display for Tcb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Reported => "reported",
            Self::Committed => "committed",
            Self::Launch => "launch",
        })
    }
}

impl From<NotZero> for Refusal {
    fn from(NotZero { offset }: NotZero) -> Self {
        Self::Reserved { offset }
    }
}
