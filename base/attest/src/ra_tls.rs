//! Evidence in a certificate: the extension of TCG's DICE (2.23.133.5.4.9), as interoperable RA-TLS has it, whose content is
//! `tag([evidence, claims])` in CBOR.
//!
//! Such a certificate says what holds its key, and that is all it says: whoever has the key can show it from anywhere, and
//! whoever passes on bytes can show it, too. Who talks to a node asks it for fresh evidence ([`crate::binding`]) instead.
//!
//! Nodes of Coco write tag [`TAG`]: evidence is an array of the format as CCF names it, quote, endorsements, and endorsements
//! of the utility VM or null; the report data are the SHA-256 of the key, as in the evidence with which a node joins. Tag
//! [`INTEL_TAG`] is that of Gramine, Open Enclave and RATS-TLS: evidence is a quote of SGX or TDX, whose report data are the
//! SHA-256 of the claims. Claims are a byte string, in it a map with `pubkey-hash`: a byte string, in it an array of the
//! number of a hash function and the hash of the key.

use coco_crypto::{
    Certificate, PublicKey,
    hash::{HashAlgorithm, sha256},
    x509::ObjectId,
};
use coco_wire::{Digest, cbor::Cbor};

use crate::{Claims, Evidence, Platform, Policy, ReportData};

/// The extension: tcg-dice-TaggedEvidence.
pub const EXTENSION: ObjectId = ObjectId::from_der(&[0x67, 0x81, 0x05, 0x05, 0x04, 0x09]);
/// Evidence of nodes of Coco: the text `coco` as a number. Not registered.
pub const TAG: u64 = 0x636f_636f;
/// A quote of Intel's.
pub const INTEL_TAG: u64 = 60_000;
/// Largest content of the extension, in bytes: TLS sends certificates of at most 64 KiB.
pub const MAX_LEN: usize = 48 << 10;

/// The claim that names the key.
const KEY_CLAIM: Cbor<'static> = Cbor::Text("pubkey-hash");
/// Number of SHA-256 (IANA, named information hash algorithms).
const SHA256: i64 = 1;
/// Largest claims, in bytes.
const MAX_CLAIMS: usize = 4 << 10;

/// What a certificate shows. Whether the evidence is authentic is not known yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Evidence of a node, which must be bound to this.
    Node(Evidence, ReportData),
    /// A quote of SGX or TDX, whose report data must be this and zeros: for [`crate::sgx`] or [`crate::tdx`].
    Intel(Vec<u8>, ReportData),
}

/// Why a certificate shows no evidence that can be believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is none, or several.
    #[error("the certificate has no evidence in it")]
    Absent,
    /// More than a certificate can have.
    #[error("the evidence in the certificate is too large")]
    TooLarge,
    /// Not in its form.
    #[error("the evidence in the certificate is malformed")]
    Malformed,
    /// A form or a platform that this version does not know.
    #[error("the evidence in the certificate is of an unknown kind")]
    Unknown,
    /// Made for another key than that of the certificate.
    #[error("the evidence in the certificate is about another key")]
    Key,
    /// A quote of Intel's, which takes what Intel publishes about it.
    #[error("the evidence in the certificate is a quote, which takes collateral to verify")]
    Quote,
    /// By the rules of its platform.
    #[error(transparent)]
    Evidence(#[from] crate::Refusal),
}

/// Content of the extension for evidence that is bound to the SHA-256 of `key`; none if it is too large for a certificate.
#[must_use]
pub fn write(evidence: &Evidence, key: &Digest) -> Option<Vec<u8>> {
    let uvm = evidence.uvm_endorsements.as_deref().map_or(Cbor::Null, Cbor::Bytes);
    let parts = vec![
        Cbor::Text(evidence.platform.quote_format()),
        Cbor::Bytes(&evidence.quote),
        Cbor::Bytes(&evidence.endorsements),
        uvm,
    ];
    let hash = Cbor::Array(vec![Cbor::Int(SHA256), Cbor::Bytes(&key.0)]).encode();
    let claims = Cbor::Map(vec![(KEY_CLAIM, Cbor::Bytes(&hash))]).encode();
    let both = Cbor::Array(vec![Cbor::Array(parts), Cbor::Bytes(&claims)]);
    Some(Cbor::Tag(TAG, Box::new(both)).encode()).filter(|content| content.len() <= MAX_LEN)
}

/// What a certificate shows of its own key.
///
/// # Errors
/// See [`Refusal`].
pub fn read(certificate: &Certificate) -> Result<Shown, Refusal> {
    of_content(certificate.extension(&EXTENSION).ok_or(Refusal::Absent)?, certificate.public_key())
}

fn of_content(content: &[u8], key: &PublicKey) -> Result<Shown, Refusal> {
    if content.len() > MAX_LEN {
        return Err(Refusal::TooLarge);
    }
    let Cbor::Tag(tag, both) = Cbor::decode(content).map_err(|_| Refusal::Malformed)? else {
        return Err(Refusal::Malformed);
    };
    let Cbor::Array(both) = *both else { return Err(Refusal::Malformed) };
    let [evidence, Cbor::Bytes(claims)] = both.as_slice() else { return Err(Refusal::Malformed) };
    names_key(claims, key)?;
    match (tag, evidence) {
        (TAG, Cbor::Array(parts)) => Ok(Shown::Node(of_node(parts)?, ReportData(key.id()))),
        (INTEL_TAG, Cbor::Bytes(quote)) => Ok(Shown::Intel(quote.to_vec(), ReportData(sha256(claims)))),
        (TAG | INTEL_TAG, _) => Err(Refusal::Malformed),
        _ => Err(Refusal::Unknown),
    }
}

/// What authentic evidence of a node in a certificate says.
///
/// # Errors
/// See [`Refusal`].
pub fn verify(certificate: &Certificate, policy: &Policy<'_>) -> Result<Claims, Refusal> {
    match read(certificate)? {
        Shown::Node(evidence, expected) => Ok(crate::verify(&evidence, &expected, policy)?),
        Shown::Intel(..) => Err(Refusal::Quote),
    }
}

fn of_node(parts: &[Cbor<'_>]) -> Result<Evidence, Refusal> {
    let [Cbor::Text(format), Cbor::Bytes(quote), Cbor::Bytes(endorsements), uvm] = parts else {
        return Err(Refusal::Malformed);
    };
    let uvm_endorsements = match uvm {
        Cbor::Null => None,
        Cbor::Bytes(message) => Some(message.to_vec()),
        _ => return Err(Refusal::Malformed),
    };
    Ok(Evidence {
        platform: Platform::from_quote_format(format).ok_or(Refusal::Unknown)?,
        quote: quote.to_vec(),
        endorsements: endorsements.to_vec(),
        uvm_endorsements,
    })
}

/// Checks that the claims are about this key. Others may stand beside.
fn names_key(claims: &[u8], key: &PublicKey) -> Result<(), Refusal> {
    if claims.len() > MAX_CLAIMS {
        return Err(Refusal::TooLarge);
    }
    let claims = Cbor::decode(claims).map_err(|_| Refusal::Malformed)?;
    let Some(Cbor::Bytes(hash)) = claims.get(&KEY_CLAIM) else { return Err(Refusal::Malformed) };
    let Ok(Cbor::Array(hash)) = Cbor::decode(hash) else { return Err(Refusal::Malformed) };
    let [Cbor::Int(number), Cbor::Bytes(hash)] = hash.as_slice() else { return Err(Refusal::Malformed) };
    let function = match *number {
        SHA256 => HashAlgorithm::Sha256,
        7 => HashAlgorithm::Sha384,
        8 => HashAlgorithm::Sha512,
        _ => return Err(Refusal::Unknown),
    };
    if function.digest(key.spki_der()) == *hash { Ok(()) } else { Err(Refusal::Key) }
}

#[cfg(test)]
mod tests;
