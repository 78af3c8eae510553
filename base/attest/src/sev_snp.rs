//! AMD SEV-SNP: what the versions of its trusted computing base mean.
//!
//! Source: AMD, SEV-SNP firmware ABI (publication 56860), `TCB_VERSION`; CCF `include/ccf/pal/attestation_sev_snp.h`.

/// Lines of processors whose trusted computing base we can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    /// Third generation.
    Milan,
    /// Fourth generation.
    Genoa,
    /// Fifth generation.
    Turin,
}

/// A processor of none of these lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("SEV-SNP: Unsupported CPUID family {family} model {model}")]
pub struct UnknownProduct {
    /// Base and extended family together.
    pub family: u32,
    /// Base and extended model together.
    pub model: u32,
}

/// Version numbers of a trusted computing base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcbVersion {
    /// Microcode.
    pub microcode: u8,
    /// SNP firmware.
    pub snp: u8,
    /// Operating system of the secure processor.
    pub tee: u8,
    /// Its boot loader.
    pub boot_loader: u8,
    /// Firmware of the module controller: [`Product::Turin`] has one.
    pub fmc: Option<u8>,
}

impl Product {
    /// The line of a processor, by EAX of CPUID function 1.
    ///
    /// # Errors
    /// If it is none of ours.
    pub fn of_cpuid(eax: u32) -> Result<Self, UnknownProduct> {
        let family = (eax >> 8 & 0xf) + (eax >> 20 & 0xff);
        let model = (eax >> 12 & 0xf0) | (eax >> 4 & 0xf);
        match (family, model) {
            (0x19, 0x01) => Ok(Self::Milan),
            (0x19, 0x11) => Ok(Self::Genoa),
            (0x1a, 0x01) => Ok(Self::Turin),
            _ => Err(UnknownProduct { family, model }),
        }
    }

    /// Takes `TCB_VERSION` apart, which each line of processors composes in its own way.
    #[must_use]
    pub fn tcb_version(self, packed: u64) -> TcbVersion {
        let bytes = packed.to_le_bytes();
        match self {
            Self::Milan | Self::Genoa => {
                let [boot_loader, tee, .., snp, microcode] = bytes;
                TcbVersion { microcode, snp, tee, boot_loader, fmc: None }
            }
            Self::Turin => {
                let [fmc, boot_loader, tee, snp, .., microcode] = bytes;
                TcbVersion { microcode, snp, tee, boot_loader, fmc: Some(fmc) }
            }
        }
    }
}

#[cfg(test)]
mod tests;
