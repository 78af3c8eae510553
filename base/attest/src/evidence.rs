//! What a node shows to prove what it runs.

use std::fmt;

use coco_crypto::EcPublicKey;
use coco_wire::{Digest, text::encode_hex};

/// The kinds of hardware that can vouch for a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    /// None: a process that vouches for itself, for development.
    InsecureVirtual,
    /// AMD SEV-SNP.
    SevSnp,
    /// Intel SGX.
    Sgx,
    /// Intel TDX.
    Tdx,
    /// Enclaves of Windows, in virtual secure mode.
    Vbs,
    /// Confidential virtual machines of Azure on AMD SEV-SNP.
    AzureCvm,
    /// AWS Nitro Enclaves.
    Nitro,
}

impl Platform {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::InsecureVirtual, Self::SevSnp, Self::Sgx, Self::Tdx, Self::Vbs, Self::AzureCvm, Self::Nitro];

    /// The name, as CCF logs it at start.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::InsecureVirtual => "Virtual",
            Self::SevSnp => "SNP",
            Self::Sgx => "SGX",
            Self::Tdx => "TDX",
            Self::Vbs => "VBS",
            Self::AzureCvm => "AzureCVM",
            Self::Nitro => "Nitro",
        }
    }

    /// The `format` of a quote in CCF's tables and replies (`include/ccf/ds/quote_info.h`). All but the first two are
    /// ours: CCF has none for them, and of SGX only what Open Enclave wrapped around quotes.
    #[must_use]
    pub fn quote_format(self) -> &'static str {
        match self {
            Self::InsecureVirtual => "Insecure_Virtual",
            Self::SevSnp => "AMD_SEV_SNP_v1",
            Self::Sgx => "Intel_SGX_DCAP_v1",
            Self::Tdx => "Intel_TDX_v1",
            Self::Vbs => "Windows_VBS_v1",
            Self::AzureCvm => "Azure_CVM_SNP_v1",
            Self::Nitro => "AWS_Nitro_v1",
        }
    }

    /// The platform of a quote format, if supported.
    #[must_use]
    pub fn from_quote_format(format: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|platform| platform.quote_format() == format)
    }
}

/// Evidence as CCF keeps it for each node, undecoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Its kind.
    pub platform: Platform,
    /// The signed report; on [`Platform::Vbs`] and [`Platform::AzureCvm`] the JSON of [`crate::tpm::Form`].
    pub quote: Vec<u8>,
    /// What leads to the maker of the hardware: PEM of certificates on [`Platform::SevSnp`] and [`Platform::AzureCvm`], JSON
    /// of [`crate::dcap::Collateral`] on those of Intel, PEM of certificates of the TPM's key or its `TPM2B_PUBLIC` on
    /// [`Platform::Vbs`], nothing on [`Platform::Nitro`] and [`Platform::InsecureVirtual`].
    pub endorsements: Vec<u8>,
    /// Who vouches for the measurement of a utility VM: a COSE_Sign1 message, on [`Platform::SevSnp`].
    pub uvm_endorsements: Option<Vec<u8>>,
}

/// 32 bytes that the code has signed within its evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportData(pub Digest);

impl ReportData {
    /// All 64 bytes that hardware signs: zeros follow.
    #[must_use]
    pub fn padded(&self) -> [u8; 64] {
        let mut all = [0; 64];
        all[..Digest::LEN].copy_from_slice(&self.0.0);
        all
    }

    /// Binds evidence to the key of a node: SHA-256 of its SubjectPublicKeyInfo, which is also the node's
    /// name.
    #[must_use]
    pub fn of_node(key: &EcPublicKey) -> Self {
        Self(key.id())
    }
}

/// Names the code that runs, as governed tables spell it: a text on [`Platform::InsecureVirtual`], hexadecimal digits on
/// others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measurement(String);

impl Measurement {
    /// The text, of at most 256 bytes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn of_bytes(bytes: &[u8]) -> Self {
        Self(encode_hex(bytes))
    }

    pub(crate) fn new(text: String) -> Option<Self> {
        let printable = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        ((1..=256).contains(&text.len()) && printable).then_some(Self(text))
    }
}

impl fmt::Display for Measurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
