//! A machine with Windows that was never booted, as the verifier takes it.

use coco_crypto::x509::UnixTime;
pub(super) use coco_imitated::windows::{
    AUTHOR, DATA, DATABASE, FAMILY, GLOBAL, Health, IMAGE, PART, SIGNER, SIGNING_KEY, STATE, Signed, UNIQUE,
    Windows, image, module, record, signer, signing_key, variable, vouched,
};

use super::super::{Boot, Claims, Evidence, Pin, Refusal, Requirements, SecureKernel, verify};
use crate::{
    tests::tpm::{NONCE, NOW, keys, structure},
    tpm::{self, Quoted},
};

/// What is required of the machine but for the name of its TPM's key.
pub(super) fn with_strict<T>(check: impl FnOnce(&Requirements<'_>) -> T) -> T {
    let modules = [Pin::Exactly(PART)];
    let enclave = Pin::Signed { author_id: AUTHOR, family_id: FAMILY, image_id: IMAGE, svn: 3 };
    let root = keys().root.public_key().id();
    check(&Requirements {
        enclave_data: Some(DATA),
        enclaves: &[enclave],
        modules: &modules,
        secure_kernel_svn: 5,
        platform_svn: 2,
        tpm: tpm::Requirements { nonce: NONCE, ..tpm::Requirements::STRICT },
        boot_authorities: &[signer()],
        demands: &[],
        health_roots: &[root],
    })
}

/// What is done with evidence.
pub(super) trait Verify {
    fn verify_with(&self, requirements: &Requirements<'_>) -> Result<Claims<'_>, Refusal>;

    /// The same, for a TPM whose key is known by this name.
    fn verify_named(&self, name: &[u8], requirements: &Requirements<'_>) -> Result<Claims<'_>, Refusal>;

    fn verify(&self) -> Result<Claims<'_>, Refusal>;

    /// Verifies the report alone, of a key with these health certificates.
    fn verify_certified(&self, text: &[u8], now: UnixTime) -> Result<Claims<'static>, Refusal>;
}

impl Verify for Signed {
    fn verify_with(&self, requirements: &Requirements<'_>) -> Result<Claims<'_>, Refusal> {
        let name = tpm::Public::read(&self.tpm.public).map(|public| public.name).unwrap_or_default();
        self.verify_named(&name, requirements)
    }

    fn verify_named(&self, name: &[u8], requirements: &Requirements<'_>) -> Result<Claims<'_>, Refusal> {
        let quoted =
            Quoted { message: &self.tpm.message, signature: structure(&self.tpm), pcrs: &self.tpm.pcrs };
        let key = tpm::Key::Named(&self.tpm.public);
        let shown = tpm::Evidence { quoted, key, log: Some(&self.tpm.log) };
        let evidence = Evidence { report: &self.report, secure_kernel: SecureKernel::Measured(shown) };
        let tpm = tpm::Requirements { names: &[name], ..requirements.tpm };
        verify(&evidence, &Requirements { tpm, ..*requirements }, NOW)
    }

    fn verify(&self) -> Result<Claims<'_>, Refusal> {
        with_strict(|requirements| self.verify_with(requirements))
    }

    fn verify_certified(&self, text: &[u8], now: UnixTime) -> Result<Claims<'static>, Refusal> {
        with_strict(|requirements| {
            let evidence = Evidence { report: &self.report, secure_kernel: SecureKernel::Certified(text) };
            let Claims { report, key, boot } = verify(&evidence, requirements, now)?;
            let Boot::Certified(validity) = boot else { unreachable!("nothing was measured") };
            Ok(Claims { report, key, boot: Boot::Certified(validity) })
        })
    }
}
