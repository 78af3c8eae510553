//! Why a confidential machine of Azure is not believed.

use super::Demand;
use crate::{sev_snp, tpm};

/// Why a confidential machine of Azure is not believed: one variant for each reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Longer than any.
    #[error("Azure: paravisor report too large")]
    TooLarge,
    /// Not from a paravisor.
    #[error("Azure: not a paravisor report")]
    Magic,
    /// A version of the frame that we do not read.
    #[error("Azure: paravisor report of version {_0}")]
    Version(u32),
    /// Not in the form that it must have.
    #[error("Azure: malformed {_0}")]
    Malformed(Malformed),
    /// A kind of hardware that we do not know.
    #[error("Azure: unknown kind of hardware {_0}")]
    UnknownHardware(u32),
    /// Hardware of another kind than expected.
    #[error("Azure: hardware of another kind than expected")]
    OtherHardware,
    /// The report is said to have another digest than SHA-256 in it.
    #[error("Azure: runtime data bound by hash algorithm {_0}")]
    HashAlgorithm(u32),
    /// The hardware is not bound to the runtime data.
    #[error("Azure: the hardware's report data are not the digest of the runtime data")]
    ReportData,
    /// The runtime data do not name one RSA key that attests.
    #[error("Azure: the runtime data do not name the key of the TPM")]
    Key,
    /// Something else that is required is not so.
    #[error("Azure: the machine does not meet {_0:?}")]
    Demand(Demand),
    /// The machine had something else written into its report.
    #[error("Azure: the user data are not the expected ones")]
    UserData,
    /// The hardware's report is not believed.
    #[error("Azure: {_0}")]
    Snp(#[from] sev_snp::Refusal),
    /// The TPM is not believed.
    #[error("Azure: {_0}")]
    Tpm(#[from] tpm::Refusal),
}

/// What is not in the form that it must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// The first header.
    Header,
    /// The header of the runtime data.
    RuntimeHeader,
    /// The runtime data.
    Runtime,
    /// What is behind them.
    Padding,
    /// The report of the hardware.
    Report,
}

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Header => "header",
            Self::RuntimeHeader => "header of the runtime data",
            Self::Runtime => "runtime data",
            Self::Padding => "bytes behind the runtime data",
            Self::Report => "report of the hardware",
        })
    }
}
