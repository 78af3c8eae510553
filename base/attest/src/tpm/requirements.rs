//! What is required of evidence of a TPM.

use coco_wire::Digest;

use super::{Hash, PcrSet, Pcrs, Quote, Refusal, signature::Parts};

/// What is required of evidence of a TPM.
#[derive(Clone, Copy, Debug)]
pub struct Requirements<'a> {
    /// What the quote must answer.
    pub nonce: &'a [u8],
    /// Hashes that count, of signatures and of PCRs.
    pub hashes: &'a [Hash],
    /// Names of keys that may sign: each was found to be in a genuine TPM before.
    pub names: &'a [&'a [u8]],
    /// Who may certify keys: the root keys, each as the SHA-256 of its SubjectPublicKeyInfo.
    pub roots: &'a [Digest],
    /// The qualified name of the signing key, if it must be one.
    pub qualified_signer: Option<&'a [u8]>,
    /// PCRs that must have these values.
    pub pcrs: &'a [(u8, &'a [u8])],
    /// PCRs whose values the event log must lead to. Of the log, only events in these are believed.
    pub replayed: PcrSet,
}

impl Requirements<'_> {
    /// Nobody may sign yet, and nothing is known of what was measured.
    pub const STRICT: Self = Self {
        nonce: &[],
        hashes: &[Hash::Sha256, Hash::Sha384, Hash::Sha512],
        names: &[],
        roots: &[],
        qualified_signer: None,
        pcrs: &[],
        replayed: PcrSet::NONE,
    };

    pub(super) fn check_hashes(&self, quote: &Quote, signature: &Parts<'_>) -> Result<(), Refusal> {
        if !self.hashes.contains(&signature.scheme.hash()) {
            return Err(Refusal::WeakSignature);
        }
        if self.hashes.contains(&quote.bank) { Ok(()) } else { Err(Refusal::WeakBank) }
    }

    /// Checks a genuine quote.
    pub(super) fn check(&self, quote: &Quote, pcrs: &Pcrs) -> Result<(), Refusal> {
        if self.qualified_signer.is_some_and(|expected| expected != quote.qualified_signer) {
            return Err(Refusal::QualifiedSigner);
        }
        if self.nonce != quote.extra_data {
            return Err(Refusal::Nonce);
        }
        for (number, expected) in self.pcrs {
            let value = pcrs.value(*number).ok_or(Refusal::NotQuoted(*number))?;
            if value != *expected {
                return Err(Refusal::Pcr(*number));
            }
        }
        Ok(())
    }
}
