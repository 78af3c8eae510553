//! Certificates of which each is signed by the next.
//!
//! RFC 5280 knows more than hardware vendors write: AMD's end certificates all have the serial number 0 and no
//! constraints at all. So chains are followed by hand, and in one order only.

use coco_crypto::{Certificate, x509::KeyUsage};

/// Where a chain breaks: at the certificate with this position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// Not signed by the next one, or the last one not by itself.
    Signature(usize),
    /// It may not sign another one, or has critical extensions that we do not know.
    Constraints(usize),
}

/// Follows a chain from an end to a root that signs itself. Says nothing about dates, nor whether the root is trusted.
pub(crate) fn follow(chain: &[Certificate]) -> Result<(), Broken> {
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
        return !certificate.is_authority() && certificate.allows(KeyUsage::Signatures);
    };
    let deep_enough = |length: u32| usize::try_from(length).is_ok_and(|length| length >= authorities_below);
    certificate.is_authority()
        && certificate.path_length().is_none_or(deep_enough)
        && certificate.allows(KeyUsage::Certificates)
}
