//! Signature algorithms of certificates and requests.

use x509_parser::x509::AlgorithmIdentifier;

use crate::{
    der,
    hash::HashAlgorithm::{Sha256, Sha384, Sha512},
    signature::{SignatureForm, SignatureScheme},
};

/// ecdsa-with-SHA2 (RFC 5758) up to the last byte.
const ECDSA_WITH: &[u8] = b"\x2a\x86\x48\xce\x3d\x04\x03";
/// PKCS #1 (RFC 4055) up to the last byte.
const PKCS1: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01";
const ED25519: &[u8] = b"\x2b\x65\x70";

/// The scheme of an AlgorithmIdentifier; none when it is unknown or has parameters it should not have.
pub(super) fn read(algorithm: &AlgorithmIdentifier<'_>) -> Option<SignatureScheme> {
    let (last, prefix) = algorithm.oid().as_bytes().split_last()?;
    let ecdsa = |hash| Some(SignatureScheme::Ecdsa(hash, SignatureForm::Der));
    let is_null = |parameters: &x509_parser::der_parser::asn1_rs::Any<'_>| parameters.as_null().is_ok();
    match (algorithm.parameters(), prefix, last) {
        (None, ECDSA_WITH, 2) => ecdsa(Sha256),
        (None, ECDSA_WITH, 3) => ecdsa(Sha384),
        (None, ECDSA_WITH, 4) => ecdsa(Sha512),
        (Some(null), PKCS1, 11) if is_null(null) => Some(SignatureScheme::RsaPkcs1(Sha256)),
        (Some(null), PKCS1, 12) if is_null(null) => Some(SignatureScheme::RsaPkcs1(Sha384)),
        (Some(null), PKCS1, 13) if is_null(null) => Some(SignatureScheme::RsaPkcs1(Sha512)),
        (None, ..) if algorithm.oid().as_bytes() == ED25519 => Some(SignatureScheme::Ed25519),
        _ => None,
    }
}

/// DER of the AlgorithmIdentifier of a scheme that [`read`] gives.
///
/// # Panics
/// For other schemes.
pub(super) fn write(scheme: SignatureScheme) -> Vec<u8> {
    let object_id = |prefix: &[u8], last: &[u8]| der::element(der::OBJECT_ID, &[prefix, last]);
    match scheme {
        SignatureScheme::Ecdsa(Sha256, _) => der::sequence(&[&object_id(ECDSA_WITH, &[2])]),
        SignatureScheme::Ecdsa(Sha384, _) => der::sequence(&[&object_id(ECDSA_WITH, &[3])]),
        SignatureScheme::Ecdsa(Sha512, _) => der::sequence(&[&object_id(ECDSA_WITH, &[4])]),
        SignatureScheme::RsaPkcs1(Sha256) => der::sequence(&[&object_id(PKCS1, &[11]), der::NULL]),
        SignatureScheme::RsaPkcs1(Sha384) => der::sequence(&[&object_id(PKCS1, &[12]), der::NULL]),
        SignatureScheme::RsaPkcs1(Sha512) => der::sequence(&[&object_id(PKCS1, &[13]), der::NULL]),
        SignatureScheme::Ed25519 => der::sequence(&[&object_id(ED25519, &[])]),
        SignatureScheme::RsaPss(_) => unreachable!("no certificate is read or issued with RSASSA-PSS"),
    }
}

/// SEQUENCE of what is signed, the algorithm and the signature: a certificate or a request. A reader joins
/// the parts again to refuse any other encoding of the parts that are not signed.
pub(super) fn join(to_be_signed: &[u8], scheme: SignatureScheme, signature: &[u8]) -> Vec<u8> {
    der::sequence(&[to_be_signed, &write(scheme), &der::bit_string(signature)])
}
