//! The report that the secure processor signs: `ATTESTATION_REPORT` of AMD, SEV-SNP firmware ABI (publication 56860),
//! section 7.3.

use super::{Product, Refusal, UnknownProduct};
use crate::fields::{Fields, NotZero};

/// Versions of the format that we read.
const VERSIONS: [u32; 3] = [2, 3, 5];
/// The first version that names the processor.
const FIRST_WITH_PROCESSOR: u32 = 3;
/// The first version with mitigations.
const FIRST_WITH_MITIGATIONS: u32 = 5;

/// Bytes of one half of a signature, little-endian.
pub const SIGNATURE_HALF_LEN: usize = 72;

/// An attestation report, read but not verified. Versions of trusted computing bases are packed; see
/// [`Product::tcb_version`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Of the format.
    pub version: u32,
    /// Security version of the guest, by its owner.
    pub guest_svn: u32,
    /// What the guest demands of its host.
    pub policy: GuestPolicy,
    /// Of the guest, by its owner.
    pub family_id: [u8; 16],
    /// Of the guest, by its owner.
    pub image_id: [u8; 16],
    /// Privilege level that asked for the report: 0 is the highest of a guest, above 3 it was the host.
    pub vmpl: u32,
    /// 1 for ECDSA on P-384 with SHA-384.
    pub signature_algorithm: u32,
    /// Trusted computing base that runs.
    pub current_tcb: u64,
    /// What the host has switched on.
    pub platform_info: PlatformInfo,
    /// Which key signed, and more.
    pub flags: Flags,
    /// What the guest had signed.
    pub report_data: [u8; 64],
    /// Of the guest at its launch.
    pub measurement: [u8; 48],
    /// What the host gave at the launch.
    pub host_data: [u8; 32],
    /// SHA-384 of the key that signed the identity of the guest, or zeros.
    pub id_key_digest: [u8; 48],
    /// SHA-384 of the key that signed that key, or zeros.
    pub author_key_digest: [u8; 48],
    /// Of this guest.
    pub report_id: [u8; 32],
    /// Of its migration agent; all bits set if there is none.
    pub report_id_ma: [u8; 32],
    /// Trusted computing base that the signing key is derived from.
    pub reported_tcb: u64,
    /// The processor, from version 3 on.
    pub processor: Option<Processor>,
    /// Of the chip, or zeros.
    pub chip_id: [u8; 64],
    /// Trusted computing base that the host cannot go back behind.
    pub committed_tcb: u64,
    /// Firmware that runs.
    pub current: FirmwareVersion,
    /// Firmware that the host cannot go back behind.
    pub committed: FirmwareVersion,
    /// Trusted computing base at the launch of the guest.
    pub launch_tcb: u64,
    /// Mitigations of vulnerabilities, from version 5 on.
    pub mitigations: Option<Mitigations>,
    /// r of the signature.
    pub signature_r: [u8; SIGNATURE_HALF_LEN],
    /// s of the signature.
    pub signature_s: [u8; SIGNATURE_HALF_LEN],
}

/// Policy of a guest (section 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuestPolicy(pub u64);

/// What the host has switched on (`PLATFORM_INFO`, section 7.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlatformInfo(pub u64);

/// Which key signed a report (section 7.3, offset 48h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags(pub u32);

/// A processor, as CPUID function 1 names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Processor {
    /// Base and extended family together.
    pub family: u8,
    /// Base and extended model together.
    pub model: u8,
    /// Stepping.
    pub stepping: u8,
}

/// Version of SNP firmware.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirmwareVersion {
    /// Major number.
    pub major: u8,
    /// Minor number.
    pub minor: u8,
    /// Number of the build.
    pub build: u8,
}

/// Bits of mitigations of vulnerabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mitigations {
    /// At the launch of the guest.
    pub launch: u64,
    /// Now.
    pub current: u64,
}

impl GuestPolicy {
    /// Bits that no version of the ABI gives a meaning to.
    const UNKNOWN: u64 = !0 << 26;

    /// Least minor version of the ABI.
    #[must_use]
    pub fn abi_minor(self) -> u8 {
        self.0.to_le_bytes()[0]
    }

    /// Least major version of the ABI.
    #[must_use]
    pub fn abi_major(self) -> u8 {
        self.0.to_le_bytes()[1]
    }

    /// Whether the guest may run where threads share a core.
    #[must_use]
    pub fn allows_smt(self) -> bool {
        self.0 >> 16 & 1 == 1
    }

    /// Whether a migration agent may be associated.
    #[must_use]
    pub fn allows_migration(self) -> bool {
        self.0 >> 18 & 1 == 1
    }

    /// Whether the host may read the guest to debug it.
    #[must_use]
    pub fn allows_debug(self) -> bool {
        self.0 >> 19 & 1 == 1
    }

    /// Whether the guest may run on one socket only.
    #[must_use]
    pub fn demands_single_socket(self) -> bool {
        self.0 >> 20 & 1 == 1
    }

    /// Whether the host must not see the ciphertext of memory.
    #[must_use]
    pub fn demands_hidden_ciphertext(self) -> bool {
        self.0 >> 24 & 1 == 1
    }
}

impl PlatformInfo {
    /// Whether threads share cores.
    #[must_use]
    pub fn smt(self) -> bool {
        self.0 & 1 == 1
    }

    /// Whether all memory is encrypted.
    #[must_use]
    pub fn tsme(self) -> bool {
        self.0 >> 1 & 1 == 1
    }

    /// Whether no two addresses were found for the same memory since the last reset.
    #[must_use]
    pub fn alias_check_complete(self) -> bool {
        self.0 >> 5 & 1 == 1
    }
}

impl Flags {
    /// Bits that no version of the ABI gives a meaning to.
    const UNKNOWN: u32 = !0 << 5;

    /// Whether the digest of an author's key is there.
    #[must_use]
    pub fn author_key(self) -> bool {
        self.0 & 1 == 1
    }

    /// Whether the host had the identity of the chip hidden.
    #[must_use]
    pub fn mask_chip_key(self) -> bool {
        self.0 >> 1 & 1 == 1
    }

    /// The key that signed: 0 for the chip's (VCEK), 1 for the provider's (VLEK), 7 for none.
    #[must_use]
    pub fn signing_key(self) -> u32 {
        self.0 >> 2 & 7
    }
}

impl Processor {
    /// By EAX of CPUID function 1; the bits that say nothing of the processor are ignored.
    #[must_use]
    pub fn of_cpuid(eax: u32) -> Self {
        let [stepping, model, family] =
            [eax & 0xf, (eax >> 12 & 0xf0) | (eax >> 4 & 0xf), (eax >> 8 & 0xf) + (eax >> 20 & 0xff)]
                .map(|number| u8::try_from(number).unwrap_or(u8::MAX));
        Self { family, model, stepping }
    }

    /// As EAX of CPUID function 1 has it, where a stepping has four bits.
    #[must_use]
    pub fn cpuid(self) -> u32 {
        let [family, model, stepping] = [self.family, self.model, self.stepping].map(u32::from);
        let base = family.min(0xf);
        (stepping & 0xf) | (model & 0xf) << 4 | base << 8 | (model >> 4) << 16 | (family - base) << 20
    }

    /// Its line.
    ///
    /// # Errors
    /// If it is none of ours.
    pub fn product(self) -> Result<Product, UnknownProduct> {
        Product::of_model(self.family.into(), self.model.into())
    }
}

impl Report {
    /// Bytes of a report.
    pub const LEN: usize = 1184;
    /// How many of them, from the first on, are signed.
    pub const SIGNED_LEN: usize = 0x2a0;

    /// Reads a report. Every byte has its place in the result, or must be zero.
    ///
    /// # Errors
    /// [`Refusal::Size`], [`Refusal::Version`] or [`Refusal::Reserved`].
    pub fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        if bytes.len() != Self::LEN {
            return Err(Refusal::Size(bytes.len()));
        }
        let mut fields = Fields::new(bytes);
        let version = fields.u32();
        if !VERSIONS.contains(&version) {
            return Err(Refusal::Version(version));
        }
        let report = Self {
            version,
            guest_svn: fields.u32(),
            policy: GuestPolicy(fields.u64()),
            family_id: fields.array(),
            image_id: fields.array(),
            vmpl: fields.u32(),
            signature_algorithm: fields.u32(),
            current_tcb: fields.u64(),
            platform_info: PlatformInfo(fields.u64()),
            flags: Flags(fields.u32()),
            report_data: {
                fields.zeros(4)?;
                fields.array()
            },
            measurement: fields.array(),
            host_data: fields.array(),
            id_key_digest: fields.array(),
            author_key_digest: fields.array(),
            report_id: fields.array(),
            report_id_ma: fields.array(),
            reported_tcb: fields.u64(),
            processor: processor(&mut fields, version)?,
            chip_id: {
                fields.zeros(21)?;
                fields.array()
            },
            committed_tcb: fields.u64(),
            current: firmware(&mut fields)?,
            committed: firmware(&mut fields)?,
            launch_tcb: fields.u64(),
            mitigations: mitigations(&mut fields, version)?,
            signature_r: {
                fields.zeros(152)?;
                fields.array()
            },
            signature_s: fields.array(),
        };
        fields.zeros(368)?;
        let reserved =
            [(8, report.policy.0 & GuestPolicy::UNKNOWN), (0x48, u64::from(report.flags.0 & Flags::UNKNOWN))];
        match reserved.into_iter().find(|(_, bits)| *bits != 0) {
            Some((offset, _)) => Err(Refusal::Reserved { offset }),
            None => Ok(report),
        }
    }
}

fn processor(fields: &mut Fields<'_>, version: u32) -> Result<Option<Processor>, NotZero> {
    if version < FIRST_WITH_PROCESSOR {
        return fields.zeros(3).map(|()| None);
    }
    let [family, model, stepping] = fields.array();
    Ok(Some(Processor { family, model, stepping }))
}

fn firmware(fields: &mut Fields<'_>) -> Result<FirmwareVersion, NotZero> {
    let [build, minor, major] = fields.array();
    fields.zeros(1)?;
    Ok(FirmwareVersion { major, minor, build })
}

fn mitigations(fields: &mut Fields<'_>, version: u32) -> Result<Option<Mitigations>, NotZero> {
    if version < FIRST_WITH_MITIGATIONS {
        return fields.zeros(16).map(|()| None);
    }
    Ok(Some(Mitigations { launch: fields.u64(), current: fields.u64() }))
}
