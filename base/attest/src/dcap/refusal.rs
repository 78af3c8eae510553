//! Why a quote is not believed.

use coco_crypto::x509::InvalidRevocationList;
use coco_wire::text::encode_hex;

use super::{Demand, Fmspc, TcbStatus};
use crate::{fields::NotZero, tdx};

/// Why a quote is not believed: one variant for each reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Longer than any quote or collateral.
    #[error("quote or collateral too large")]
    TooLarge,
    /// Too short, or its lengths contradict each other.
    #[error("malformed quote")]
    Malformed,
    /// Of another kind of hardware: 0 is SGX, 129 is TDX.
    #[error("quote of another platform: {_0}")]
    Tee(u32),
    /// A version of the format that we do not read.
    #[error("quote version {_0} is not supported")]
    Version(u16),
    /// A kind of body that we do not read.
    #[error("quote body of type {_0} is not supported")]
    Body(u16),
    /// Signed with another kind of key than ECDSA on P-256.
    #[error("quote with an unsupported kind of attestation key")]
    KeyType,
    /// Made by a quoting enclave of somebody else.
    #[error("quote by a quoting enclave of another vendor")]
    Vendor,
    /// Without the certificates of the machine's key.
    #[error("quote with certification data of type {_0}")]
    CertificationData(u16),
    /// There is something behind it.
    #[error("bytes behind the quote")]
    TrailingBytes,
    /// A bit is set that has no meaning, in the field at this offset of the body.
    #[error("reserved bits are set at offset {offset:#x} of the body of the quote")]
    Reserved {
        /// In bytes.
        offset: usize,
    },

    /// Not in the form of collateral.
    #[error("malformed collateral")]
    Collateral,
    /// A document cannot be read.
    #[error("malformed {_0}")]
    Document(Document),
    /// A document is for the other kind of hardware.
    #[error("{_0} for another platform")]
    OtherPlatform(Document),
    /// Who signed the document is not who certifies it.
    #[error("the {_0} was not signed by its issuer")]
    DocumentSignature(Document),
    /// A document is dated in the future.
    #[error("the {_0} is not valid yet")]
    DocumentNotYetValid(Document),
    /// The next version of a document was due.
    #[error("the {_0} has expired")]
    DocumentExpired(Document),
    /// A document or a revocation list is older than allowed.
    #[error("collateral too old")]
    TooOld,

    /// Not as many certificates as there must be, or something between them.
    #[error("malformed certificates of the {_0}")]
    Chain(Chain),
    /// Certificates do not end in the trusted root.
    #[error("the root of trust is not the expected one")]
    Root,
    /// A certificate cannot be read, or may not be used as it is.
    #[error("a certificate is malformed or may not be used so")]
    Certificate,
    /// A certificate is not signed by the next one.
    #[error("the chain of signatures is broken")]
    ChainSignature,
    /// A certificate is not valid yet.
    #[error("a certificate is not valid yet")]
    NotYetValid,
    /// A certificate is not valid any more.
    #[error("a certificate has expired")]
    Expired,
    /// The certificate of the machine's key does not say for which machine.
    #[error("the certificate of the machine's key lacks its description")]
    MachineExtension,

    /// A revocation list cannot be read.
    #[error("{_0}")]
    RevocationList(#[from] InvalidRevocationList),
    /// A revocation list was not signed by the authority that it names.
    #[error("a revocation list was not signed by its issuer")]
    RevocationListSignature,
    /// A revocation list is of the future, or the next one was due.
    #[error("a revocation list is out of date")]
    RevocationListDate,
    /// No revocation list is of the authority of a certificate.
    #[error("a certificate without a revocation list")]
    NoRevocationList,
    /// A certificate was revoked.
    #[error("a certificate was revoked")]
    Revoked,

    /// The machine's key did not sign the report of the quoting enclave.
    #[error("the report of the quoting enclave was not signed by the machine")]
    QeSignature,
    /// The report of the quoting enclave is of another key than the one that signed the quote.
    #[error("the quoting enclave vouches for another key")]
    AttestationKey,
    /// The quoting enclave is none that Intel's document describes.
    #[error("the quoting enclave is not Intel's: {_0:?}")]
    QuotingEnclave(QeField),
    /// The key of the quoting enclave did not sign the quote.
    #[error("the quote was not signed by its key")]
    QuoteSignature,

    /// The document is for another kind of machine.
    #[error("TCB info for another FMSPC")]
    Fmspc,
    /// The document is for another certifying enclave.
    #[error("TCB info for another PCE")]
    PceId,
    /// Older than all that the documents know.
    #[error("no TCB level for the {_0:?}")]
    NoTcbLevel(Level),
    /// The module of TDX is none that Intel's document describes.
    #[error("the TDX module is not Intel's: {_0:?}")]
    TdxModule(TdxModuleField),
    /// A kind of machine that is not the required one: this one.
    #[error("machines of kind {} are not accepted", encode_hex(_0))]
    Kind(Fmspc),
    /// Its keys are known to be broken.
    #[error("the TCB was revoked")]
    RevokedTcb,
    /// The trusted computing base is worth less than required.
    #[error("TCB status {} is not accepted", _0.name())]
    Status(TcbStatus),
    /// There is an advisory that one cannot live with.
    #[error("advisory {_0} is not accepted")]
    Advisory(String),
    /// The documents are of an earlier evaluation than required: of this one.
    #[error("TCB evaluation data number {_0} is below the minimum")]
    Evaluation(u32),
    /// Something else that is required of the machine is not so.
    #[error("the machine does not meet {_0:?}")]
    Demand(Demand),

    /// The enclave or domain is not protected as all must be.
    #[error("{_0}")]
    Forbidden(Forbidden),
    /// Something else that is required of the domain is not so.
    #[error("the domain does not meet {_0:?}")]
    Domain(tdx::Demand),
    /// Made for something else.
    #[error("the report data is not the expected one")]
    ReportData,
    /// dcap-qvl refuses it for a reason without a name here.
    #[error("the quote is not genuine")]
    Unnamed,
}

/// A document that Intel signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Document {
    /// What each version of a trusted computing base is worth.
    TcbInfo,
    /// Which enclaves may sign quotes.
    QeIdentity,
}

/// Certificates that stand in one text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chain {
    /// Of the machine's key.
    Quote,
    /// Of the key that signed a document.
    Document(Document),
}

/// What an enclave that signs quotes is recognised by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QeField {
    /// The key that signed it (MRSIGNER).
    Signer,
    /// Number of the product (ISVPRODID).
    Product,
    /// Extended features (MISCSELECT).
    MiscSelect,
    /// Attributes, of which one is debugging.
    Attributes,
    /// What it has signed besides the digest of its key.
    ReportData,
}

/// What the module of TDX is recognised by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TdxModuleField {
    /// The key that signed it (MRSIGNERSEAM).
    Signer,
    /// Its attributes (SEAMATTRIBUTES).
    Attributes,
}

/// A part with a level of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Processor and firmware.
    Machine,
    /// The module of TDX.
    TdxModule,
    /// The quoting enclave.
    QuotingEnclave,
}

/// What is refused of an enclave or a domain unless it is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// The host can read it.
    #[error("debugging must not be enabled")]
    Debug,
    /// The host can measure its course.
    #[error("profiling must not be enabled")]
    Profiling,
    /// It can be moved to another machine.
    #[error("migration must not be enabled")]
    Migration,
    /// A service domain may change it.
    #[error("service domains must not be bound")]
    ServiceDomain,
    /// The host can have it run code of its choice when pages are missing.
    #[error("conversion of EPT violations must be disabled (SEPT_VE_DISABLE)")]
    EptViolations,
    /// An attribute that must be zero.
    #[error("reserved attributes of the domain are set")]
    Attributes,
    /// The enclave was not initialised.
    #[error("the enclave is not initialised")]
    Uninitialised,
    /// Its code is not of 64 bits.
    #[error("the enclave is not of 64 bits")]
    NotMode64,
    /// It can derive the key that names the machine to Intel.
    #[error("the enclave has the provisioning key")]
    ProvisioningKey,
    /// It can decide which enclaves are launched.
    #[error("the enclave has the launch key")]
    LaunchKey,
}

impl std::fmt::Display for Document {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::TcbInfo => "TCB info",
            Self::QeIdentity => "QE identity",
        })
    }
}

impl std::fmt::Display for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Quote => f.write_str("quote"),
            Self::Document(document) => document.fmt(f),
        }
    }
}

impl From<NotZero> for Refusal {
    fn from(NotZero { offset }: NotZero) -> Self {
        Self::Reserved { offset }
    }
}
