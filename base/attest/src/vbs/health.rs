//! Certificates of the secure kernel's key by somebody who has verified how Windows was started: the Host Guardian
//! Service of Windows Server.

use coco_crypto::{
    PublicKey,
    x509::{UnixTime, Validity},
};
use coco_wire::Digest;

use super::Refusal;
use crate::chain::{self, Broken, Unreadable};

/// The key of a health certificate, which is signed by a root that is accepted, and when both are valid.
pub(super) fn signing_key(
    text: &[u8],
    roots: &[Digest],
    now: UnixTime,
) -> Result<(PublicKey, Validity), Refusal> {
    let chain = chain::read(text, 2..=2).map_err(|unreadable| match unreadable {
        Unreadable::TooLarge => Refusal::TooLarge,
        Unreadable::Certificates(count) => Refusal::Certificates(count),
        Unreadable::Certificate(invalid) => Refusal::Certificate(invalid),
    })?;
    let [end, root] = chain.as_slice() else { return Err(Refusal::Certificates(chain.len())) };
    if !roots.contains(&root.public_key().id()) {
        return Err(Refusal::HealthRoot);
    }
    chain::follow(&chain).map_err(|broken| match broken {
        Broken::Signature(at) => Refusal::ChainSignature(at),
        Broken::Constraints(at) => Refusal::Constraints(at),
    })?;
    if let Some(at) = chain.iter().position(|certificate| !certificate.validity().contains(now)) {
        return Err(Refusal::Date(at));
    }
    Ok((end.public_key().clone(), chain::intersection(end.validity(), root.validity())))
}
