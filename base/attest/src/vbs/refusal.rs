//! Why an enclave of Windows is not believed.

use coco_crypto::x509::InvalidCertificate;

use super::Demand;
use crate::tpm;

/// Why an enclave of Windows is not believed: one variant for each reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Longer than any.
    #[error("VBS: report or certificates too large")]
    TooLarge,
    /// Not in the form that it must have.
    #[error("VBS: malformed {_0}")]
    Malformed(Malformed),
    /// A version of the package that we do not read.
    #[error("VBS: package of version {_0}")]
    Version(u32),
    /// A version of the report that we do not read.
    #[error("VBS: report of version {_0}")]
    ReportVersion(u32),
    /// Another signature than RSASSA-PSS with SHA-256.
    #[error("VBS: unsupported signature scheme {_0}")]
    SignatureScheme(u32),
    /// A part of the report that we do not know.
    #[error("VBS: unknown block {_0} in the report")]
    UnknownBlock(u32),
    /// No enclave that the hypervisor protects.
    #[error("VBS: enclave of type {_0:#x}")]
    EnclaveType(u32),
    /// The secure kernel's key did not sign the report.
    #[error("VBS: the key of the secure kernel did not sign this report")]
    Signature,
    /// The enclave can be debugged.
    #[error("VBS: the enclave can be debugged")]
    Debug,
    /// A flag is set that has no meaning to us.
    #[error("VBS: unknown flags {_0:#x}")]
    Flags(u32),
    /// Another enclave.
    #[error("VBS: the enclave is not an accepted one")]
    Enclave,
    /// Something else is loaded in the enclave.
    #[error("VBS: module {_0} of the enclave is not an accepted one")]
    Module(usize),
    /// The secure kernel is too old.
    #[error("VBS: the secure kernel has SVN {_0}")]
    SecureKernelSvn(u32),
    /// The platform is too old.
    #[error("VBS: the platform has SVN {_0}")]
    PlatformSvn(u32),
    /// Made for something else.
    #[error("VBS: the enclave data are not the expected ones")]
    EnclaveData,
    /// Not two certificates: of the key and of the root.
    #[error("VBS: expected 2 health certificates but got {_0}")]
    Certificates(usize),
    /// A certificate cannot be read.
    #[error("VBS: health certificates: {_0}")]
    Certificate(#[from] InvalidCertificate),
    /// The key of the root is no accepted one.
    #[error("VBS: the root of the health certificate is not an accepted one")]
    HealthRoot,
    /// A certificate is not signed by the next one, or the last one not by itself.
    #[error("VBS: health certificate {_0} is not signed by the next one")]
    ChainSignature(usize),
    /// A certificate may not stand where it does.
    #[error("VBS: health certificate {_0} may not be used so")]
    Constraints(usize),
    /// A certificate is not valid at this time.
    #[error("VBS: health certificate {_0} is not valid now")]
    Date(usize),
    /// The TPM is not believed.
    #[error("VBS: {_0}")]
    Tpm(#[from] tpm::Refusal),
    /// Windows was not started as it must be.
    #[error("VBS: boot: {_0}")]
    Boot(#[from] BootRefusal),
}

/// What is not in the form that it must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// The header, or the lengths in it.
    Package,
    /// What is signed.
    Statement,
    /// The description of a module.
    Module,
}

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Package => "package",
            Self::Statement => "statement",
            Self::Module => "module",
        })
    }
}

/// Why a boot is not believed to have been one of Windows with a secure kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BootRefusal {
    /// The data of an event are not what was measured.
    #[error("an event of PCR {_0} has other data than what was measured")]
    NotMeasured(u8),
    /// Something was measured that we do not know.
    #[error("something unknown was measured into PCR {_0}")]
    Unknown(u8),
    /// Nothing says where the measurements of the boot end.
    #[error("no separator in PCR {_0}")]
    NoSeparator(u8),
    /// Something was measured when the boot was over.
    #[error("something was measured into PCR {_0} behind its separator")]
    BehindSeparator(u8),
    /// Secure boot is off, or its variables were not measured as they must be.
    #[error("secure boot is not on")]
    SecureBoot,
    /// Nobody vouched for what was started.
    #[error("nobody vouched for what was started")]
    NoAuthority,
    /// Somebody else vouched for something that was started.
    #[error("somebody vouched for what was started who is not accepted")]
    Authority,
    /// Boot loaders can be debugged.
    #[error("boot loaders can be debugged")]
    BootDebugging,
    /// The kernel can be debugged.
    #[error("the kernel can be debugged")]
    KernelDebugging,
    /// The hypervisor can be debugged.
    #[error("the hypervisor can be debugged")]
    HypervisorDebugging,
    /// Code with signatures for tests is loaded.
    #[error("test signing is on")]
    TestSigning,
    /// Code with signatures for previews is loaded.
    #[error("flight signing is on")]
    FlightSigning,
    /// Code is loaded without signatures.
    #[error("code integrity is off")]
    CodeIntegrity,
    /// Started in safe mode.
    #[error("started in safe mode")]
    SafeMode,
    /// Started to install Windows.
    #[error("started as a preinstallation environment")]
    Preinstallation,
    /// The secure kernel was not started.
    #[error("VSM is off")]
    VsmOff,
    /// The hypervisor was not started.
    #[error("the hypervisor is off")]
    HypervisorOff,
    /// Something else that is required is not so.
    #[error("the boot does not meet {_0:?}")]
    Demand(Demand),
    /// The key of the secure kernel was not measured.
    #[error("no signing key of the secure kernel")]
    NoSigningKey,
    /// Several keys were measured.
    #[error("several signing keys of the secure kernel")]
    SigningKeys,
    /// The key cannot be read.
    #[error("malformed signing key of the secure kernel")]
    SigningKey,
}
