//! An enclave that was never launched, as the verifier takes its documents.

use coco_crypto::x509::UnixTime;
pub(super) use coco_imitated::nitro::{Enclave, Evidence, MADE, NOW, for_signatures, keys, value};

use super::super::{Document, Refusal, Requirements, verify};

/// What is done with documents.
pub(super) trait Verify {
    fn verify(&self, now: UnixTime, requirements: &Requirements<'_>) -> Result<Document, Refusal>;
}

impl Verify for Evidence {
    fn verify(&self, now: UnixTime, requirements: &Requirements<'_>) -> Result<Document, Refusal> {
        verify(&self.message, now, &Requirements { root: self.root, ..*requirements })
    }
}
