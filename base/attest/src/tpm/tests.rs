//! Quotes and logs of a TPM in these tests, of a software TPM, and of machines that exist.

mod fuzz;
mod logs;
mod mutations;
mod recorded;
mod refusals;
mod vectors;

use coco_crypto::x509::UnixTime;

use super::{Claims, Evidence, Key, PcrSet, Public, Quoted, Refusal, Requirements, verify};
use crate::tests::tpm::{NONCE, NOW, Shown, structure};

/// What is required of the TPM in these tests, but for its key.
const STRICT: Requirements<'static> =
    Requirements { nonce: NONCE, replayed: PcrSet::of(&[0, 7, 12]), ..Requirements::STRICT };

fn quoted(shown: &Shown) -> Quoted<'_> {
    Quoted { message: &shown.message, signature: structure(shown), pcrs: &shown.pcrs }
}

/// Verifies what was shown by a key whose name is accepted.
fn verify_shown<'a>(shown: &'a Shown, requirements: &Requirements<'_>) -> Result<Claims<'a>, Refusal> {
    let name = Public::read(&shown.public)?.name;
    verify_named(shown, &name, requirements)
}

fn verify_named<'a>(
    shown: &'a Shown,
    name: &[u8],
    requirements: &Requirements<'_>,
) -> Result<Claims<'a>, Refusal> {
    let evidence = Evidence { quoted: quoted(shown), key: Key::Named(&shown.public), log: Some(&shown.log) };
    verify(&evidence, &Requirements { names: &[name], ..*requirements }, NOW)
}

/// Verifies what was shown by a key with these certificates.
fn verify_certified<'a>(
    shown: &'a Shown,
    certificates: &'a [u8],
    requirements: &Requirements<'_>,
    now: UnixTime,
) -> Result<Claims<'a>, Refusal> {
    let evidence =
        Evidence { quoted: quoted(shown), key: Key::Certified(certificates), log: Some(&shown.log) };
    verify(&evidence, requirements, now)
}
