//! AWS Nitro Enclaves: the hypervisor signs what it launched, with a key that AWS vouches for and that lives for hours.
//!
//! Verification is pure and bounded, and takes the time as an argument. Modules in reading order.
//!
//! AWS tells verifiers to leave revocation lists out (`docs/attestation_process.md` of `aws-nitro-enclaves-nsm-api`,
//! section 3.2.4): keys are short-lived instead. So certificates must have been valid when the document was made, and
//! [`Requirements::max_age_s`] says how long a document counts.
//!
//! No byte of an accepted document can be changed, but that the two ECDSA signatures (r, s) and (r, −s) are both
//! accepted: nothing is ever named by the bytes of a document.

pub mod document;
pub mod refusal;
pub mod requirements;

use coco_crypto::{
    Certificate,
    cose::CoseAlgorithm,
    x509::{ObjectId, UnixTime},
};
use coco_wire::cose::{CoseError, CoseSign1, Headers};
pub use document::{Document, Field, Register};
pub use refusal::Refusal;
pub use requirements::{ROOT_G1, Requirements};

use crate::{
    Details, Measurement, Policy, ReportData,
    chain::{self, Broken},
};

/// Most bytes of a message: those of the largest payload, header and signature (section 3.1 there).
pub const MAX_LEN: usize = 16 * 1024 + 128;
/// The head that AWS leaves out: CBOR tag 18, COSE_Sign1.
const TAG: u8 = 0xd2;
/// 2.5.29.15: what a key may be used for.
const KEY_USAGE: ObjectId = ObjectId::from_der(b"\x55\x1d\x0f");

/// What a document says and the certificates that it brings, its key's own first, the root last. Nothing of them is
/// believed yet.
///
/// # Errors
/// When it cannot be read.
pub fn read(message: &[u8]) -> Result<(Document, Vec<Certificate>), Refusal> {
    if message.len() > MAX_LEN {
        return Err(Refusal::TooLarge);
    }
    let tagged = [&[TAG], message].concat();
    document::read(CoseSign1::decode(&tagged)?.payload.ok_or(CoseError::Payload)?)
}

/// Checks that a document is genuine and meets `requirements` at `now`; returns what it says.
///
/// # Errors
/// See [`Refusal`].
pub fn verify(message: &[u8], now: UnixTime, requirements: &Requirements<'_>) -> Result<Document, Refusal> {
    if message.len() > MAX_LEN {
        return Err(Refusal::TooLarge);
    }
    let tagged = [&[TAG], message].concat();
    let message = CoseSign1::decode(&tagged)?;
    check_headers(&message)?;
    let (document, certificates) = document::read(message.payload.ok_or(CoseError::Payload)?)?;
    let key = certified(&certificates, requirements, document.made_at())?;
    let signed = message.to_be_signed(None)?;
    CoseAlgorithm::Es384
        .verify(key.public_key(), &signed, message.signature)
        .map_err(|_| Refusal::Signature)?;
    requirements.check(&document, now)?;
    Ok(document)
}

/// The claims of evidence of a node: a document, which brings its certificates, and has the binding as its user data.
pub(crate) fn appraise(
    evidence: &crate::Evidence,
    expected: &ReportData,
    policy: &Policy<'_>,
) -> Result<crate::Claims, crate::Refusal> {
    if !evidence.endorsements.is_empty() || evidence.uvm_endorsements.is_some() {
        return Err(crate::Refusal::UnexpectedEndorsements);
    }
    let requirements = Requirements { user_data: Some(&expected.0.0), ..policy.nitro };
    let document = verify(&evidence.quote, policy.now, &requirements)?;
    let image = document.registers.get(&Register::IMAGE).ok_or(Refusal::MissingRegister(Register::IMAGE))?;
    Ok(crate::Claims {
        measurement: Measurement::of_bytes(image),
        details: Details::Nitro(Box::new(document)),
    })
}

/// The only algorithm is ES384, and there is nothing else in either header.
fn check_headers(message: &CoseSign1<'_>) -> Result<(), Refusal> {
    let only_algorithm = message.protected.parameters().len() == 1
        && message.protected.algorithm() == Some(CoseAlgorithm::Es384.label())
        && message.unprotected == Headers::empty();
    if only_algorithm { Ok(()) } else { Err(Refusal::Headers) }
}

/// The certificate of the key that signs, which must lead to the root and have been valid at `time`.
fn certified<'a>(
    chain: &'a [Certificate],
    requirements: &Requirements<'_>,
    time: UnixTime,
) -> Result<&'a Certificate, Refusal> {
    let [end, .., root] = chain else { return Err(Refusal::Root) };
    if root.fingerprint() != requirements.root {
        return Err(Refusal::Root);
    }
    chain::follow(chain).map_err(|broken| match broken {
        Broken::Signature(at) => Refusal::ChainSignature(at),
        Broken::Constraints(at) => Refusal::Constraints(at),
    })?;
    for (at, certificate) in chain.iter().enumerate() {
        // AWS demands that each says what its key is for; others may leave that open.
        if certificate.extension(&KEY_USAGE).is_none() {
            return Err(Refusal::Constraints(at));
        }
        if !certificate.validity().contains(time) {
            return Err(Refusal::Date(at));
        }
    }
    Ok(end)
}

#[cfg(test)]
mod tests;
