//! What is required of a document beyond being genuine.

use coco_crypto::x509::UnixTime;
use coco_wire::Digest;

use super::{Document, Field, Refusal, Register};

/// AWS's root certificate for its commercial partition: SHA-256 of its DER
/// (`https://aws-nitro-enclaves.amazonaws.com/AWS_NitroEnclaves_Root-G1.zip`).
pub const ROOT_G1: Digest = Digest(
    *b"\x64\x1a\x03\x21\xa3\xe2\x44\xef\xe4\x56\x46\x31\x95\xd6\x06\x31\x7e\xd7\xcd\xcc\x3c\x17\x56\xe0\x98\x93\xf3\xc6\x8f\x79\xbb\x5b",
);

/// What is required of a document. Debug mode is always refused.
#[derive(Clone, Copy, Debug)]
pub struct Requirements<'a> {
    /// The root certificate that is trusted: SHA-256 of its DER.
    pub root: Digest,
    /// How long a document counts, in seconds.
    pub max_age_s: u32,
    /// How much the clock of the hypervisor may be ahead of ours, in seconds.
    pub max_ahead_s: u32,
    /// Values that registers must have.
    pub registers: &'a [(Register, [u8; 48])],
    /// The public key, if it must be something.
    pub public_key: Option<&'a [u8]>,
    /// The user data, if it must be something.
    pub user_data: Option<&'a [u8]>,
    /// The nonce, if it must be something.
    pub nonce: Option<&'a [u8]>,
}

impl Requirements<'_> {
    /// What is required of a node, but for what governance adds.
    pub const STRICT: Self = Self {
        root: ROOT_G1,
        max_age_s: 300,
        max_ahead_s: 60,
        registers: &[],
        public_key: None,
        user_data: None,
        nonce: None,
    };

    /// Checks a genuine document.
    pub(super) fn check(&self, document: &Document, now: UnixTime) -> Result<(), Refusal> {
        let age = now.0.saturating_sub(document.made_at().0);
        if age < -i64::from(self.max_ahead_s) {
            return Err(Refusal::FromTheFuture);
        }
        if age > i64::from(self.max_age_s) {
            return Err(Refusal::TooOld);
        }
        let value = |register| document.registers.get(&register);
        // In debug mode all three are zero. None of them is of an image that was measured.
        if [Register::IMAGE, Register::KERNEL, Register::APPLICATION]
            .into_iter()
            .any(|register| value(register) == Some(&[0; 48]))
        {
            return Err(Refusal::Debug);
        }
        if let Some((register, _)) =
            self.registers.iter().find(|(register, expected)| value(*register) != Some(expected))
        {
            return Err(Refusal::Register(*register));
        }
        let bindings = [
            (Field::PublicKey, self.public_key, &document.public_key),
            (Field::UserData, self.user_data, &document.user_data),
            (Field::Nonce, self.nonce, &document.nonce),
        ];
        for (field, expected, found) in bindings {
            if expected.is_some() && expected != found.as_deref() {
                return Err(Refusal::Unexpected(field));
            }
        }
        Ok(())
    }
}
