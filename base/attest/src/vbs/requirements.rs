//! What is required of an enclave beyond being genuine.

use coco_wire::Digest;

use super::{Image, Refusal, Report};
use crate::tpm;

/// What is required of an enclave. Debugging is always refused, of the enclave and of Windows.
#[derive(Clone, Copy, Debug)]
pub struct Requirements<'a> {
    /// What the enclave must have had signed, if it must be something.
    pub enclave_data: Option<[u8; 64]>,
    /// Which enclaves count.
    pub enclaves: &'a [Pin],
    /// What else may be loaded in them.
    pub modules: &'a [Pin],
    /// The least security version of the secure kernel.
    pub secure_kernel_svn: u32,
    /// The least security version of the platform.
    pub platform_svn: u32,
    /// Of the TPM. The log must lead to all PCRs of firmware and Windows, whatever else it must lead to.
    pub tpm: tpm::Requirements<'a>,
    /// Who may vouch for what firmware starts: certificates, each as its SHA-256.
    pub boot_authorities: &'a [Digest],
    /// How else Windows must have been started.
    pub demands: &'a [Demand],
    /// Whose health certificates count: root keys, each as the SHA-256 of its SubjectPublicKeyInfo.
    pub health_roots: &'a [Digest],
}

/// Images that count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pin {
    /// This one, by its hash.
    Exactly([u8; 32]),
    /// Those of an author, by what the author calls them, from a security version on.
    Signed {
        /// The author.
        author_id: [u8; 32],
        /// The family.
        family_id: [u8; 16],
        /// The image.
        image_id: [u8; 16],
        /// The least security version.
        svn: u32,
    },
}

/// How else Windows must have been started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// Devices could not write into memory meanwhile.
    BootDmaProtection,
    /// It does not hibernate.
    NoHibernation,
    /// It writes no dumps.
    NoDumps,
    /// It writes dumps encrypted only.
    EncryptedDumps,
    /// It writes its page file encrypted.
    EncryptedPageFile,
}

impl Demand {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::BootDmaProtection,
        Self::NoHibernation,
        Self::NoDumps,
        Self::EncryptedDumps,
        Self::EncryptedPageFile,
    ];
}

impl Requirements<'_> {
    /// No enclave counts yet, and nobody may vouch for anything.
    pub const STRICT: Self = Self {
        enclave_data: None,
        enclaves: &[],
        modules: &[],
        secure_kernel_svn: 0,
        platform_svn: 0,
        tpm: tpm::Requirements::STRICT,
        boot_authorities: &[],
        demands: &[],
        health_roots: &[],
    };

    /// Checks a genuine report.
    pub(super) fn check(&self, report: &Report) -> Result<(), Refusal> {
        let identity = &report.identity;
        if identity.flags.debug() {
            return Err(Refusal::Debug);
        }
        if identity.flags.0 != 0 {
            return Err(Refusal::Flags(identity.flags.0));
        }
        if !accepted(&identity.image, self.enclaves) {
            return Err(Refusal::Enclave);
        }
        let is_known = |image: &Image| *image == identity.image || accepted(image, self.modules);
        if let Some(at) = report.modules.iter().position(|module| !is_known(&module.image)) {
            return Err(Refusal::Module(at));
        }
        if identity.secure_kernel_svn < self.secure_kernel_svn {
            return Err(Refusal::SecureKernelSvn(identity.secure_kernel_svn));
        }
        if identity.platform_svn < self.platform_svn {
            return Err(Refusal::PlatformSvn(identity.platform_svn));
        }
        match self.enclave_data {
            Some(expected) if expected != report.enclave_data => Err(Refusal::EnclaveData),
            _ => Ok(()),
        }
    }
}

/// Whether one of the pins is for this image.
fn accepted(image: &Image, pins: &[Pin]) -> bool {
    pins.iter().any(|pin| match pin {
        Pin::Exactly(unique_id) => image.unique_id == *unique_id,
        Pin::Signed { author_id, family_id, image_id, svn } => {
            (image.author_id, image.family_id, image.image_id) == (*author_id, *family_id, *image_id)
                && image.svn >= *svn
        }
    })
}
