//! Signature algorithms of certificates and requests.

use x509_parser::x509::AlgorithmIdentifier;

use crate::{
    der,
    hash::HashAlgorithm::{self, Sha256, Sha384, Sha512},
    signature::{SignatureForm, SignatureScheme},
};

/// ecdsa-with-SHA2 (RFC 5758) up to the last byte.
const ECDSA_WITH: &[u8] = b"\x2a\x86\x48\xce\x3d\x04\x03";
/// PKCS #1 (RFC 4055) up to the last byte.
const PKCS1: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01";
/// The last bytes of two of its object identifiers.
const MGF1: u8 = 8;
const RSASSA_PSS: u8 = 10;
/// SHA-2 (RFC 5754) up to the last byte.
const SHA2: &[u8] = b"\x60\x86\x48\x01\x65\x03\x04\x02";
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
        (Some(parameters), PKCS1, &RSASSA_PSS) => [Sha256, Sha384, Sha512]
            .into_iter()
            .find(|hash| {
                let mut forms = TrailerField::ALL.into_iter().map(|form| pss_parameters(*hash, form));
                forms.any(|form| {
                    der::read(der::SEQUENCE, &form).is_some_and(|(content, _)| content == parameters.data)
                })
            })
            .map(SignatureScheme::RsaPss),
        (None, ..) if algorithm.oid().as_bytes() == ED25519 => Some(SignatureScheme::Ed25519),
        _ => None,
    }
}

/// DER of the AlgorithmIdentifier of a scheme, as we write it.
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
        SignatureScheme::RsaPss(hash) => write_pss(hash, TrailerField::Absent),
    }
}

/// SEQUENCE of what is signed, the algorithm and the signature: a certificate, a request or a revocation list.
pub(super) fn join(to_be_signed: &[u8], scheme: SignatureScheme, signature: &[u8]) -> Vec<u8> {
    joined(to_be_signed, &write(scheme), signature)
}

/// Whether `der` is what is signed, the algorithm and the signature in the encoding of [`join`], or one that only
/// names a default of RSASSA-PSS. A reader refuses any other encoding of the parts that are not signed.
pub(super) fn is_joined(der: &[u8], to_be_signed: &[u8], scheme: SignatureScheme, signature: &[u8]) -> bool {
    join(to_be_signed, scheme, signature) == der
        || matches!(scheme, SignatureScheme::RsaPss(hash)
            if joined(to_be_signed, &write_pss(hash, TrailerField::Written), signature) == der)
}

fn joined(to_be_signed: &[u8], algorithm: &[u8], signature: &[u8]) -> Vec<u8> {
    der::sequence(&[to_be_signed, algorithm, &der::bit_string(signature)])
}

/// The last parameter of RSASSA-PSS, which DER leaves out, as it has its default value; AMD writes it in some
/// certificates.
#[derive(Clone, Copy)]
enum TrailerField {
    Absent,
    Written,
}

impl TrailerField {
    const ALL: [Self; 2] = [Self::Absent, Self::Written];
}

fn write_pss(hash: HashAlgorithm, trailer: TrailerField) -> Vec<u8> {
    let object_id = der::element(der::OBJECT_ID, &[PKCS1, &[RSASSA_PSS]]);
    der::sequence(&[&object_id, &pss_parameters(hash, trailer)])
}

/// RSASSA-PSS-params (RFC 4055 section 3.1) with one hash for all and a salt as long as it.
fn pss_parameters(hash: HashAlgorithm, trailer: TrailerField) -> Vec<u8> {
    let (last, salt_len) = match hash {
        Sha256 => (1, 32),
        Sha384 => (2, 48),
        Sha512 => (3, 64),
    };
    let hash = der::sequence(&[&der::element(der::OBJECT_ID, &[SHA2, &[last]]), der::NULL]);
    let mask = der::sequence(&[&der::element(der::OBJECT_ID, &[PKCS1, &[MGF1]]), &hash]);
    let trailer = match trailer {
        TrailerField::Absent => Vec::new(),
        TrailerField::Written => der::element(der::context(3), &[&der::unsigned(&[1])]),
    };
    der::sequence(&[
        &der::element(der::context(0), &[&hash]),
        &der::element(der::context(1), &[&mask]),
        &der::element(der::context(2), &[&der::unsigned(&[salt_len])]),
        &trailer,
    ])
}
