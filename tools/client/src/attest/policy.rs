//! What a client accepts.

use std::collections::{BTreeMap, BTreeSet};

use coco_attest::{
    Claims, Details, Platform, Refusal, Roots, azure_cvm,
    dcap::{self, Advisories, TcbStatus},
    nitro,
    sev_snp::{Processor, Requirements, TcbVersion, uvm},
    sgx, tdx, tpm, vbs, verify,
};
use coco_crypto::x509::UnixTime;
use coco_wire::{Digest, text::encode_hex};

use super::{Fresh, NotVerified};

/// PCRs that firmware and what it starts are measured into.
const OF_FIRMWARE: std::ops::RangeInclusive<u8> = 0..=7;

/// What a node must be, for a client to talk to it. A platform that is not named is not accepted.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Tells the time, in which certificates must be valid.
    pub now: fn() -> UnixTime,
    /// Whose signatures count.
    pub roots: Roots,
    /// Of the virtual platform, whose evidence anybody can write: for tests.
    pub insecure_virtual: Option<Code>,
    /// Of AMD SEV-SNP.
    pub sev_snp: Option<SevSnp>,
    /// Of Intel SGX.
    pub sgx: Option<Intel>,
    /// Of Intel TDX.
    pub tdx: Option<Intel>,
    /// Of enclaves of Windows.
    pub vbs: Option<Vbs>,
    /// Of confidential machines of Azure on AMD SEV-SNP.
    pub azure_cvm: Option<AzureCvm>,
    /// Of AWS Nitro Enclaves.
    pub nitro: Option<Nitro>,
}

/// Which code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// What was measured when it was launched: hexadecimal digits, but a text on the virtual platform.
    pub measurements: Accepted,
    /// What the host configured then: hexadecimal digits.
    pub host_data: Accepted,
}

/// What is required of AMD SEV-SNP, beyond what always is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SevSnp {
    /// Which code; endorsements of the utility VM stand for its measurement.
    pub code: Code,
    /// Who may endorse utility VMs.
    pub endorsers: Vec<Endorser>,
    /// The least version of the trusted computing base by processor; others are refused then.
    pub minimum_tcb: Option<Vec<(Processor, TcbVersion)>>,
}

/// What is required of Intel's machines, beyond what always is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intel {
    /// Which code.
    pub code: Code,
    /// What the trusted computing base may be worth; a revoked one is always refused.
    pub statuses: Vec<TcbStatus>,
    /// Names of Intel's advisories that one can live with.
    pub advisories: Vec<String>,
    /// The least number of the evaluation that Intel's documents are the result of.
    pub minimum_evaluation: u32,
}

/// What is required of enclaves of Windows, beyond what always is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vbs {
    /// Which enclaves.
    pub enclaves: Vec<vbs::Pin>,
    /// What else may be loaded in them.
    pub modules: Vec<vbs::Pin>,
    /// Who may have created them, by owner ID: hexadecimal digits.
    pub owners: Accepted,
    /// The least security version of the secure kernel.
    pub secure_kernel_svn: u32,
    /// The least security version of the platform.
    pub platform_svn: u32,
    /// Which keys of TPMs count, by name,
    pub attestation_keys: Vec<Vec<u8>>,
    /// and who may certify others: root keys, each as the SHA-256 of its SubjectPublicKeyInfo.
    pub attestation_roots: Vec<Digest>,
    /// Who may vouch for what firmware starts: certificates, each as its SHA-256.
    pub boot_authorities: Vec<Digest>,
    /// How else Windows must have been started.
    pub demands: Vec<vbs::Demand>,
    /// Which values PCRs may have.
    pub registers: Registers,
}

/// What is required of confidential machines of Azure, beyond what always is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AzureCvm {
    /// Of the hardware. What it measures is the paravisor, which nobody else endorses.
    pub hardware: SevSnp,
    /// How else they must have been started.
    pub demands: Vec<azure_cvm::Demand>,
    /// Which values PCRs may have: they alone say what a machine runs, so that one of 0 to 7 must be named.
    pub registers: Registers,
}

/// What is required of AWS Nitro Enclaves, beyond what always is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nitro {
    /// Which images, by PCR 0: hexadecimal digits.
    pub images: Accepted,
    /// Which values PCRs may have.
    pub registers: Registers,
}

/// Which values PCRs may have, by number: hexadecimal digits. Those that are not named may have any.
pub type Registers = BTreeMap<u8, Accepted>;

/// Who may endorse utility VMs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endorser {
    /// Who it is: `did:x509:…`.
    pub did: String,
    /// Under what name.
    pub feed: String,
    /// The least security version.
    pub svn: u64,
}

/// Which values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// All: somebody else decided, such as the members of a service that is known by its certificate.
    Any,
    /// These.
    These(BTreeSet<String>),
}

impl Accepted {
    fn has(&self, value: &str) -> bool {
        match self {
            Self::Any => true,
            Self::These(values) => values.contains(value),
        }
    }
}

impl Policy {
    /// Accepts nothing yet, by the clock of the system and the roots of the makers.
    #[must_use]
    pub fn new(now: fn() -> UnixTime) -> Self {
        Self {
            now,
            roots: Roots::MAKERS,
            insecure_virtual: None,
            sev_snp: None,
            sgx: None,
            tdx: None,
            vbs: None,
            azure_cvm: None,
            nitro: None,
        }
    }

    /// Whether a node is to be talked to in the session in which it showed this.
    ///
    /// # Errors
    /// Why not.
    pub fn appraise(&self, fresh: &Fresh) -> Result<(), NotVerified> {
        let platform = fresh.evidence.platform;
        if let (Platform::AzureCvm, Some(azure)) = (platform, &self.azure_cvm)
            && azure.registers.range(OF_FIRMWARE).next().is_none()
        {
            return Err(NotVerified::NoFirmware);
        }
        let code = Code::of;
        let (measurements, host_data) = match platform {
            Platform::InsecureVirtual => self.insecure_virtual.as_ref().map(code),
            Platform::SevSnp => self.sev_snp.as_ref().map(|it| code(&it.code)),
            Platform::Sgx => self.sgx.as_ref().map(|it| code(&it.code)),
            Platform::Tdx => self.tdx.as_ref().map(|it| code(&it.code)),
            // Pins say which enclaves.
            Platform::Vbs => self.vbs.as_ref().map(|it| (&Accepted::Any, &it.owners)),
            Platform::AzureCvm => self.azure_cvm.as_ref().map(|it| code(&it.hardware.code)),
            // There is none.
            Platform::Nitro => self.nitro.as_ref().map(|it| (&it.images, &Accepted::Any)),
        }
        .ok_or(NotVerified::Platform(platform.name()))?;
        let claims = self.verify(fresh)?;
        let is_endorsed = matches!(&claims.details, Details::SevSnp(snp) if snp.uvm.is_some());
        let measurement = claims.measurement.as_str();
        if !is_endorsed && !measurements.has(measurement) {
            return Err(NotVerified::Measurement(measurement.to_owned()));
        }
        let found = encode_hex(claims.host_data());
        if !host_data.has(&found) {
            return Err(NotVerified::HostData(found));
        }
        self.check_registers(&claims.details)
    }

    /// What authentic evidence says that was made for this session.
    fn verify(&self, fresh: &Fresh) -> Result<Claims, NotVerified> {
        let hardware = match fresh.evidence.platform {
            Platform::AzureCvm => self.azure_cvm.as_ref().map(|it| &it.hardware),
            _ => self.sev_snp.as_ref(),
        };
        let endorsers = hardware.into_iter().flat_map(|it| &it.endorsers);
        let trusted: Vec<_> =
            endorsers.map(|Endorser { did, feed, svn }| uvm::Trusted { did, feed, svn: *svn }).collect();
        let [of_sgx, of_tdx] = [&self.sgx, &self.tdx].map(Intel::advisories);
        let [of_sgx, of_tdx] = [(&self.sgx, &of_sgx), (&self.tdx, &of_tdx)]
            .map(|(it, known)| self.of_machine(it.as_ref(), known));
        let keys = self.vbs.iter().flat_map(|it| &it.attestation_keys);
        let keys: Vec<&[u8]> = keys.map(Vec::as_slice).collect();
        let demands = self.azure_cvm.as_ref().map_or(&[][..], |it| &it.demands);
        let policy = coco_attest::Policy {
            now: (self.now)(),
            sev_snp: Requirements {
                roots: self.roots.sev_snp,
                minimum_tcb: hardware.and_then(|it| it.minimum_tcb.as_deref()),
                uvm: uvm::Endorsers::Only(&trusted),
                ..Requirements::STRICT
            },
            sgx: sgx::Requirements { machine: of_sgx, ..sgx::Requirements::STRICT },
            tdx: tdx::Requirements { machine: of_tdx, ..tdx::Requirements::STRICT },
            vbs: self.vbs.as_ref().map_or(vbs::Requirements::STRICT, |it| it.requirements(&keys)),
            azure_cvm: azure_cvm::Requirements { demands, ..azure_cvm::Requirements::STRICT },
            nitro: nitro::Requirements { root: self.roots.nitro, ..nitro::Requirements::STRICT },
        };
        verify(&fresh.evidence, &fresh.expected, &policy).map_err(|refusal| match refusal {
            Refusal::ReportData => NotVerified::OtherSession,
            other => other.into(),
        })
    }

    fn check_registers(&self, details: &Details) -> Result<(), NotVerified> {
        let of_vbs = self.vbs.as_ref().map(|it| &it.registers);
        let of_azure = self.azure_cvm.as_ref().map(|it| &it.registers);
        let of_nitro = self.nitro.as_ref().map(|it| &it.registers);
        match details {
            Details::Vbs(claims) => check(of_vbs, |number| claims.tpm.pcrs.value(number)),
            Details::AzureCvm(claims) => check(of_azure, |number| claims.tpm.pcrs.value(number)),
            Details::Nitro(document) => check(of_nitro, |number| {
                let register = nitro::Register::new(number)?;
                document.registers.get(&register).map(<[u8; 48]>::as_slice)
            }),
            _ => Ok(()),
        }
    }

    fn of_machine<'a>(
        &'a self,
        intel: Option<&'a Intel>,
        advisories: &'a [&'a str],
    ) -> dcap::Requirements<'a> {
        let strict = dcap::Requirements { root: self.roots.intel, ..dcap::Requirements::STRICT };
        intel.map_or(strict, |intel| dcap::Requirements {
            statuses: &intel.statuses,
            advisories: Advisories::Only(advisories),
            minimum_evaluation: intel.minimum_evaluation,
            ..strict
        })
    }
}

impl Intel {
    fn advisories(this: &Option<Self>) -> Vec<&str> {
        this.iter().flat_map(|it| &it.advisories).map(String::as_str).collect()
    }
}

impl Code {
    fn of(&self) -> (&Accepted, &Accepted) {
        (&self.measurements, &self.host_data)
    }
}

impl Vbs {
    fn requirements<'a>(&'a self, keys: &'a [&'a [u8]]) -> vbs::Requirements<'a> {
        vbs::Requirements {
            enclaves: &self.enclaves,
            modules: &self.modules,
            secure_kernel_svn: self.secure_kernel_svn,
            platform_svn: self.platform_svn,
            tpm: tpm::Requirements {
                names: keys,
                roots: &self.attestation_roots,
                ..tpm::Requirements::STRICT
            },
            boot_authorities: &self.boot_authorities,
            demands: &self.demands,
            ..vbs::Requirements::STRICT
        }
    }
}

/// Whether PCRs have the values that they may have.
fn check<'a>(
    registers: Option<&Registers>,
    value: impl Fn(u8) -> Option<&'a [u8]>,
) -> Result<(), NotVerified> {
    for (number, accepted) in registers.into_iter().flatten() {
        let value = value(*number).map(encode_hex).unwrap_or_default();
        if !accepted.has(&value) {
            return Err(NotVerified::Register { number: *number, value });
        }
    }
    Ok(())
}
