//! Pieces of evidence, and how each kind is recognised by its bytes.

use clap::ValueEnum;
use coco_attest::{Evidence, sev_snp, tpm::Form};
use coco_wire::Digest;

/// Kinds of evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Platform {
    /// Unsigned JSON of CCF's virtual platform
    Virtual,
    /// A report of AMD SEV-SNP
    SevSnp,
    /// A quote of Intel SGX
    Sgx,
    /// A quote of Intel TDX
    Tdx,
    /// A quote of a TPM 2.0
    Tpm,
    /// A report of the paravisor of a confidential VM of Azure
    AzureCvm,
    /// A report of a VBS enclave of Windows
    Vbs,
    /// An attestation document of an AWS Nitro Enclave
    Nitro,
    /// A log of what firmware and boot loaders measured
    EventLog,
}

impl From<coco_attest::Platform> for Platform {
    fn from(platform: coco_attest::Platform) -> Self {
        match platform {
            coco_attest::Platform::InsecureVirtual => Self::Virtual,
            coco_attest::Platform::SevSnp => Self::SevSnp,
            coco_attest::Platform::Sgx => Self::Sgx,
            coco_attest::Platform::Tdx => Self::Tdx,
            coco_attest::Platform::Vbs => Self::Vbs,
            coco_attest::Platform::AzureCvm => Self::AzureCvm,
            coco_attest::Platform::Nitro => Self::Nitro,
        }
    }
}

impl Platform {
    /// The name for programs and for `--platform`.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Virtual => "virtual",
            Self::SevSnp => "sev-snp",
            Self::Sgx => "sgx",
            Self::Tdx => "tdx",
            Self::Tpm => "tpm",
            Self::AzureCvm => "azure-cvm",
            Self::Vbs => "vbs",
            Self::Nitro => "nitro",
            Self::EventLog => "event-log",
        }
    }

    /// The name in sentences.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Virtual => "the virtual platform",
            Self::SevSnp => "AMD SEV-SNP",
            Self::Sgx => "Intel SGX",
            Self::Tdx => "Intel TDX",
            Self::Tpm => "a TPM 2.0",
            Self::AzureCvm => "a confidential VM of Azure",
            Self::Vbs => "a VBS enclave of Windows",
            Self::Nitro => "an AWS Nitro Enclave",
            Self::EventLog => "an event log",
        }
    }

    /// What the bytes are, if they are something that we know.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        /// Where the first event of a log of the newer form says so.
        const LOG_HEADER: usize = 32;
        if bytes.starts_with(b"HCLA") {
            return Some(Self::AzureCvm);
        }
        if bytes.starts_with(b"\xff\x54\x43\x47") {
            return Some(Self::Tpm);
        }
        if bytes.get(LOG_HEADER..).is_some_and(|rest| rest.starts_with(b"Spec ID Event")) {
            return Some(Self::EventLog);
        }
        // An array of four in CBOR, whose first is the head of a message of COSE that is signed with ES384.
        if bytes.starts_with(b"\x84\x44\xa1\x01\x38\x22") {
            return Some(Self::Nitro);
        }
        let [first, second, ..] = words(bytes)?;
        if bytes.len() == sev_snp::Report::LEN && first <= 16 {
            return Some(Self::SevSnp);
        }
        if usize::try_from(first) == Ok(bytes.len()) && second == 1 {
            return Some(Self::Vbs);
        }
        // Version 3, 4 or 5, then 2 for ECDSA on P-256; then the kind of hardware.
        match (first, second) {
            (0x2_0003, 0) => Some(Self::Sgx),
            (0x2_0003..=0x2_0005, 0x81) => Some(Self::Tdx),
            _ => None,
        }
    }
}

/// The first two numbers of 32 bits.
fn words(bytes: &[u8]) -> Option<[u32; 2]> {
    let first = u32::from_le_bytes(*bytes.first_chunk()?);
    let second = u32::from_le_bytes(*bytes.get(4..)?.first_chunk()?);
    Some([first, second])
}

/// What a TPM signed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Quote {
    /// `TPMS_ATTEST`.
    pub(super) message: Vec<u8>,
    /// `TPMT_SIGNATURE`, or the bare number of RSASSA with SHA-256.
    pub(super) signature: Vec<u8>,
    /// The values of the PCRs, one behind the other.
    pub(super) pcrs: Vec<u8>,
    /// What was measured.
    pub(super) log: Option<Vec<u8>>,
}

/// A piece of evidence with what stands beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// The file, and its place if it has several.
    pub(super) origin: String,
    pub(super) platform: Platform,
    /// The node that shows it.
    pub(super) node: Option<Digest>,
    /// The report, quote or document.
    pub(super) evidence: Vec<u8>,
    /// Of the TPM, where there is one.
    pub(super) quote: Option<Quote>,
    /// A quote of TDX for the machine whose paravisor reports.
    pub(super) td_quote: Option<Vec<u8>>,
    /// PEM of certificates for the key that signed.
    pub(super) certificates: Vec<u8>,
    /// What Intel publishes about the machine, as JSON.
    pub(super) collateral: Option<Vec<u8>>,
    /// Endorsements of the utility VM.
    pub(super) uvm: Option<Vec<u8>>,
}

impl Piece {
    pub(super) fn new(origin: &str, platform: Platform, evidence: Vec<u8>) -> Self {
        Self {
            origin: origin.to_owned(),
            platform,
            node: None,
            evidence,
            quote: None,
            td_quote: None,
            certificates: Vec::new(),
            collateral: None,
            uvm: None,
        }
    }

    /// What a node shows, taken apart; none if a quote of its TPM cannot be read.
    pub(super) fn of_node(origin: &str, node: Option<Digest>, shown: Evidence) -> Option<Self> {
        let Evidence { platform, quote: evidence, endorsements, uvm_endorsements: uvm } = shown;
        let platform = Platform::from(platform);
        let (certificates, collateral) = match platform {
            Platform::Sgx | Platform::Tdx => (Vec::new(), Some(endorsements)),
            // A bare key of a TPM vouches for nothing: whoever verifies must know it.
            Platform::Vbs if !endorsements.starts_with(b"-----BEGIN") => (Vec::new(), None),
            _ => (endorsements, None),
        };
        let (evidence, quote) = match platform {
            Platform::Vbs | Platform::AzureCvm => {
                let Form { report, message, signature, pcrs, event_log } = Form::from_json(&evidence)?;
                let [message, signature, pcrs] = [message, signature, pcrs].map(|bytes| bytes.0);
                (report.0, Some(Quote { message, signature, pcrs, log: event_log.map(|log| log.0) }))
            }
            _ => (evidence, None),
        };
        Some(Self { node, quote, certificates, collateral, uvm, ..Self::new(origin, platform, evidence) })
    }
}
