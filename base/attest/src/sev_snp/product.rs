//! Lines of processors, and what the versions of their trusted computing base mean.
//!
//! Source: AMD, SEV-SNP firmware ABI (publication 56860), `TCB_VERSION`; VCEK certificate and KDS interface (publication
//! 57230); CCF `include/ccf/pal/attestation_sev_snp.h`.

use super::Processor;

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

impl TcbVersion {
    /// Whether no part is older than that of `other`. Versions of different lines cannot be compared.
    #[must_use]
    pub fn is_at_least(&self, other: &Self) -> bool {
        let parts = |version: &Self| [version.microcode, version.snp, version.tee, version.boot_loader];
        let fmc = match (self.fmc, other.fmc) {
            (None, None) => true,
            (Some(own), Some(other)) => own >= other,
            _ => false,
        };
        fmc && parts(self).iter().zip(parts(other)).all(|(own, other)| *own >= other)
    }
}

impl Product {
    pub(super) const ALL: [Self; 3] = [Self::Milan, Self::Genoa, Self::Turin];

    /// The line of a processor, by EAX of CPUID function 1.
    ///
    /// # Errors
    /// If it is none of ours.
    pub fn of_cpuid(eax: u32) -> Result<Self, UnknownProduct> {
        Processor::of_cpuid(eax).product()
    }

    /// The line of a processor, by family and model; base and extended numbers are together in both. CCF knows one
    /// model of each line; the processors of others of the line have the same keys and versions.
    ///
    /// # Errors
    /// If it is none of ours.
    pub fn of_model(family: u32, model: u32) -> Result<Self, UnknownProduct> {
        match (family, model) {
            (0x19, 0x00..=0x0f) => Ok(Self::Milan),
            (0x19, 0x10..=0x1f | 0xa0..=0xaf) => Ok(Self::Genoa),
            (0x1a, 0x00..=0x11) => Ok(Self::Turin),
            _ => Err(UnknownProduct { family, model }),
        }
    }

    /// The name, as AMD writes it in addresses and, sometimes followed by a stepping, in certificates.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Milan => "Milan",
            Self::Genoa => "Genoa",
            Self::Turin => "Turin",
        }
    }

    /// Bytes of the identifier of a chip; the rest of the field of reports is zero.
    #[must_use]
    pub fn chip_id_len(self) -> usize {
        match self {
            Self::Milan | Self::Genoa => 64,
            Self::Turin => 8,
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
