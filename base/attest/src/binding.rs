//! What fresh evidence is bound to: who is asked, by whom, for what, and in which TLS session.
//!
//! Each purpose begins with words of its own and goes on with fields of fixed length, so that evidence made for one
//! purpose is worth nothing for another. Nor is it for the key of a node alone ([`ReportData::of_node`]): the digest of
//! that is taken of a structure that begins with other bytes.

use std::{fmt, str::FromStr};

use coco_crypto::hash::sha256;
use coco_wire::{
    ChannelBinding, Digest,
    text::{decode_hex, encode_hex},
};

use crate::ReportData;

/// What fresh evidence of a node that joins is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct JoinProof {
    /// Names the service that it joins: SHA-256 of its public key (DER of SubjectPublicKeyInfo).
    pub service: Digest,
    /// Names the node.
    pub node: Digest,
    /// From the service's last answer.
    pub challenge: Digest,
}

impl JoinProof {
    /// What the evidence has to contain that is shown in this TLS session. No other evidence of a node does: what was made
    /// for one session is worth nothing in another, whoever holds the node's key.
    #[must_use]
    pub fn report_data(&self, session: &ChannelBinding) -> Digest {
        digest(Purpose::Join, [&self.service, &self.node, &self.challenge], &[&session.0])
    }
}

/// What evidence is bound to by which a node that takes part renews its lease. There is no session in it: who asks, by which
/// node, does not matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseProof {
    /// Names the service, as in [`JoinProof`].
    pub service: Digest,
    /// Names the node.
    pub node: Digest,
    /// Of the primary.
    pub challenge: Digest,
}

impl LeaseProof {
    /// What the evidence has to contain.
    #[must_use]
    pub fn report_data(&self) -> ReportData {
        ReportData(digest(Purpose::Lease, [&self.service, &self.node, &self.challenge], &[]))
    }
}

/// What evidence is bound to that a client asks a node of a service for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientProof {
    /// Names the service that the client thinks it talks to, as in [`JoinProof`].
    pub service: Digest,
    /// Names the node.
    pub node: Digest,
    /// Of the client.
    pub nonce: Nonce,
}

impl ClientProof {
    /// What the evidence has to contain that is shown in this TLS session. Whoever stands between client and node has a
    /// session with each, and so cannot pass it on.
    #[must_use]
    pub fn report_data(&self, session: &ChannelBinding) -> ReportData {
        ReportData(digest(Purpose::Client, [&self.service, &self.node], &[&session.0, &self.nonce.0]))
    }
}

/// What a client chooses at random, so that an old answer is no answer: 16 to 64 bytes, written in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nonce(Vec<u8>);

/// Not a nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not {} to {} bytes as lower-case hexadecimal digits", Nonce::MIN_LEN, Nonce::MAX_LEN)]
pub struct InvalidNonce;

impl Nonce {
    /// Fewest bytes.
    pub const MIN_LEN: usize = 16;
    /// Most bytes.
    pub const MAX_LEN: usize = 64;

    /// A nonce of these bytes.
    ///
    /// # Errors
    /// If they are too few or too many.
    pub fn new(bytes: Vec<u8>) -> Result<Self, InvalidNonce> {
        let fits = (Self::MIN_LEN..=Self::MAX_LEN).contains(&bytes.len());
        if fits { Ok(Self(bytes)) } else { Err(InvalidNonce) }
    }
}

impl FromStr for Nonce {
    type Err = InvalidNonce;

    fn from_str(text: &str) -> Result<Self, InvalidNonce> {
        if text.len() > 2 * Self::MAX_LEN {
            return Err(InvalidNonce);
        }
        Self::new(decode_hex(text).map_err(|_| InvalidNonce)?)
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&encode_hex(&self.0))
    }
}

/// What evidence is made for.
#[derive(Clone, Copy)]
enum Purpose {
    /// A node is to be given what is secret.
    Join,
    /// A node is to go on taking part.
    Lease,
    /// A client is to know what it talks to.
    Client,
}

impl Purpose {
    /// None begins with another.
    fn words(self) -> &'static [u8] {
        match self {
            Self::Join => b"coco join evidence v2",
            Self::Lease => b"coco lease evidence v1",
            Self::Client => b"coco client attestation v1",
        }
    }
}

/// Only what stands last may vary in length.
fn digest<const N: usize>(purpose: Purpose, names: [&Digest; N], rest: &[&[u8]]) -> Digest {
    let mut bytes = purpose.words().to_vec();
    names.iter().for_each(|name| bytes.extend(name.0));
    rest.iter().for_each(|part| bytes.extend(*part));
    sha256(&bytes)
}

#[cfg(test)]
mod tests;
