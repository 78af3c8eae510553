//! `did:x509`, version 0: names an authority by its certificate and says what those that it certifies must be for
//! (`https://github.com/microsoft/did-x509`).

use coco_crypto::{Certificate, hash::HashAlgorithm, x509::ObjectId};
use coco_wire::text::encode_base64url;

/// Most policies.
const MAX_POLICIES: usize = 8;

/// Why certificates are not those that a `did:x509` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DidRefusal {
    /// Not a `did:x509` of version 0.
    #[error("not a did:x509 of version 0")]
    Syntax,
    /// A policy other than `eku`.
    #[error("unsupported policy of a did:x509")]
    Policy,
    /// None of the authorities has the fingerprint.
    #[error("no authority has the fingerprint of the did:x509")]
    Fingerprint,
    /// The first certificate is not for the purpose.
    #[error("the certificate is not for the purpose of the did:x509")]
    Purpose,
}

/// Checks that `chain`, which is an end and authorities above it, is one that `did` names.
pub(super) fn resolve(did: &str, chain: &[Certificate]) -> Result<(), DidRefusal> {
    let mut parts = did.split("::");
    let authority = parts.next().and_then(|prefix| prefix.strip_prefix("did:x509:0:"));
    let (hash, fingerprint) = authority.and_then(|rest| rest.split_once(':')).ok_or(DidRefusal::Syntax)?;
    let hash = match hash {
        "sha256" => HashAlgorithm::Sha256,
        "sha384" => HashAlgorithm::Sha384,
        "sha512" => HashAlgorithm::Sha512,
        _ => return Err(DidRefusal::Syntax),
    };
    let policies: Vec<_> = parts.collect();
    if policies.is_empty() || policies.len() > MAX_POLICIES {
        return Err(DidRefusal::Syntax);
    }
    let [end, authorities @ ..] = chain else { return Err(DidRefusal::Fingerprint) };
    let named = |certificate: &Certificate| encode_base64url(&hash.digest(certificate.der())) == fingerprint;
    if !authorities.iter().any(named) {
        return Err(DidRefusal::Fingerprint);
    }
    for policy in policies {
        let purpose = policy.strip_prefix("eku:").ok_or(DidRefusal::Policy)?;
        let purpose: ObjectId = purpose.parse().map_err(|_| DidRefusal::Syntax)?;
        if !end.has_purpose(&purpose) {
            return Err(DidRefusal::Purpose);
        }
    }
    Ok(())
}
