//! Certificates of which each is signed by the next.
//!
//! RFC 5280 knows more than hardware vendors write: AMD's end certificates all have the serial number 0 and no
//! constraints at all. So chains are followed by hand, and in one order only.

use std::ops::RangeInclusive;

use coco_crypto::{
    Certificate,
    x509::{InvalidCertificate, KeyUsage, Validity},
};

/// Most bytes of a chain as text.
const MAX_TEXT_LEN: usize = 64 * 1024;
const END_OF_CERTIFICATE: &str = "-----END CERTIFICATE-----";

/// Why a text is no chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// Longer than any.
    TooLarge,
    /// So many certificates, which are too few or too many.
    Certificates(usize),
    /// One of them cannot be read.
    Certificate(InvalidCertificate),
}

/// The certificates of a PEM text, if they are so many.
pub(crate) fn read(text: &[u8], counts: RangeInclusive<usize>) -> Result<Vec<Certificate>, Unreadable> {
    if text.len() > MAX_TEXT_LEN {
        return Err(Unreadable::TooLarge);
    }
    let text = String::from_utf8_lossy(text);
    let count = text.matches(END_OF_CERTIFICATE).count();
    if !counts.contains(&count) {
        return Err(Unreadable::Certificates(count));
    }
    let certificates = Certificate::bundle_from_pem(&text).map_err(Unreadable::Certificate)?;
    match certificates.len() {
        found if found == count => Ok(certificates),
        found => Err(Unreadable::Certificates(found)),
    }
}

/// Where a chain breaks: at the certificate with this position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// Not signed by the next one, or the last one not by itself.
    Signature(usize),
    /// It may not sign another one, or has critical extensions that we do not know.
    Constraints(usize),
}

/// Follows a chain from an end that signs to a root that signs itself. Says nothing about dates, nor whether the root is
/// trusted.
pub(crate) fn follow(chain: &[Certificate]) -> Result<(), Broken> {
    follow_to_any_end(chain)?;
    match chain.first() {
        Some(end) if !end.allows(KeyUsage::Signatures) => Err(Broken::Constraints(0)),
        _ => Ok(()),
    }
}

/// The same, whatever the end is for.
pub(crate) fn follow_to_any_end(chain: &[Certificate]) -> Result<(), Broken> {
    for (at, certificate) in chain.iter().enumerate() {
        let issuer = chain.get(at + 1).unwrap_or(certificate);
        certificate.verify_issued_by(issuer).map_err(|_| Broken::Signature(at))?;
        if certificate.has_unknown_critical_extensions() || !may_stand(certificate, at) {
            return Err(Broken::Constraints(at));
        }
    }
    Ok(())
}

/// Whether a certificate may have `below` others below it.
fn may_stand(certificate: &Certificate, below: usize) -> bool {
    let Some(authorities_below) = below.checked_sub(1) else {
        return !certificate.is_authority();
    };
    let deep_enough = |length: u32| usize::try_from(length).is_ok_and(|length| length >= authorities_below);
    certificate.is_authority()
        && certificate.path_length().is_none_or(deep_enough)
        && certificate.allows(KeyUsage::Certificates)
}

/// What two spans share: both hold now, so that it is not empty. One second alone cannot be said.
pub(crate) fn intersection(one: Validity, other: Validity) -> Validity {
    let begin = one.not_before().max(other.not_before());
    let end = one.not_after().min(other.not_after());
    Validity::new(begin, end).unwrap_or(one)
}
