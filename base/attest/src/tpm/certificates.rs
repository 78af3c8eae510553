//! Certificates of keys of TPMs (TCG EK Credential Profile; TCG Credential Profiles, section 3.5).

use coco_crypto::{
    Certificate, PublicKey,
    x509::{KeyUsage, ObjectId, UnixTime, Validity},
};
use coco_wire::Digest;

use super::Refusal;
use crate::chain::{self, Broken, Unreadable};

/// Most certificates.
const MAX_CERTIFICATES: usize = 6;
/// 2.23.133.8.1: an endorsement key.
const ENDORSEMENT: ObjectId = ObjectId::from_der(b"\x67\x81\x05\x08\x01");
/// 2.23.133.8.3: a key that attests.
const ATTESTATION: ObjectId = ObjectId::from_der(b"\x67\x81\x05\x08\x03");

/// A key that somebody vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certified {
    /// The key.
    pub key: PublicKey,
    /// When all certificates are valid.
    pub validity: Validity,
    /// The root's key: SHA-256 of its SubjectPublicKeyInfo.
    pub root: Digest,
}

/// The key that attests of a chain of certificates: PEM of its own first, of the root last.
pub(super) fn attestation_key(text: &[u8], roots: &[Digest], now: UnixTime) -> Result<Certified, Refusal> {
    let chain = follow(text, roots, now)?;
    if !chain[0].allows(KeyUsage::Signatures) {
        return Err(Refusal::Constraints(0));
    }
    certified(&chain, &ATTESTATION)
}

/// The endorsement key of a chain of certificates: PEM of its own first, of the root last. Who shows that a key that
/// attests is in the same TPM (`TPM2_ActivateCredential`) can then accept that one by its name.
///
/// # Errors
/// When they lead to none of `roots`, or are not for such a key.
pub fn endorsement_key(text: &[u8], roots: &[Digest], now: UnixTime) -> Result<Certified, Refusal> {
    certified(&follow(text, roots, now)?, &ENDORSEMENT)
}

/// The root's key of a chain of which nothing is believed yet: SHA-256 of its SubjectPublicKeyInfo.
pub(super) fn root(text: &[u8]) -> Result<Digest, Refusal> {
    root_of(&read(text)?)
}

fn root_of(chain: &[Certificate]) -> Result<Digest, Refusal> {
    chain.last().map(|root| root.public_key().id()).ok_or(Refusal::Certificates(0))
}

fn read(text: &[u8]) -> Result<Vec<Certificate>, Refusal> {
    chain::read(text, 1..=MAX_CERTIFICATES).map_err(|unreadable| match unreadable {
        Unreadable::TooLarge => Refusal::CertificatesTooLarge,
        Unreadable::Certificates(count) => Refusal::Certificates(count),
        Unreadable::Certificate(invalid) => Refusal::Certificate(invalid),
    })
}

/// The certificates of a text, of which each is signed by the next, is valid, and may stand where it does.
fn follow(text: &[u8], roots: &[Digest], now: UnixTime) -> Result<Vec<Certificate>, Refusal> {
    let chain = read(text)?;
    if !roots.contains(&root_of(&chain)?) {
        return Err(Refusal::Root);
    }
    chain::follow_to_any_end(&chain).map_err(|broken| match broken {
        Broken::Signature(at) => Refusal::ChainSignature(at),
        Broken::Constraints(at) => Refusal::Constraints(at),
    })?;
    match chain.iter().position(|certificate| !certificate.validity().contains(now)) {
        Some(at) => Err(Refusal::Date(at)),
        None => Ok(chain),
    }
}

fn certified(chain: &[Certificate], purpose: &ObjectId) -> Result<Certified, Refusal> {
    let end = &chain[0];
    if !end.has_purpose(purpose) {
        return Err(Refusal::Purpose);
    }
    let validities = chain.iter().map(Certificate::validity);
    let validity = validities.fold(end.validity(), chain::intersection);
    Ok(Certified { key: end.public_key().clone(), validity, root: root_of(chain)? })
}
