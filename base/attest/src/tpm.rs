//! TPM 2.0: a chip, or what a hypervisor offers instead, signs what the firmware and boot loaders measured.
//!
//! Verification is pure and bounded, and takes the time as an argument. Modules in reading order.
//!
//! Which bytes can be changed in accepted evidence: of the quote, of the values of PCRs and of the public area of a key
//! none; of the signature, the two signatures (r, s) and (r, −s) of ECDSA are both accepted, and zeros in front of either
//! number may be left out, because nothing is ever named by the bytes of a signature; of the PEM around certificates,
//! whatever [`coco_crypto::pem`] skips. Of an event log, what is in no digest of the quoted bank: the digests of other
//! banks, the kinds of events, data that is not what was measured, events that are not measured, and the header but for
//! the names and lengths of the banks. So nothing is taken from any of these.

pub mod certificates;
pub mod event_log;
pub mod form;
mod hash;
mod pcrs;
mod public;
mod quote;
pub mod refusal;
mod requirements;
mod signature;

use coco_crypto::{PublicKey, x509::UnixTime};
use coco_wire::Digest;

pub use certificates::Certified;
pub use event_log::{Event, EventKind, EventLog};
pub use form::Form;
pub use hash::Hash;
pub use pcrs::{PcrSet, Pcrs};
pub use public::{Attribute, Attributes, Public};
pub use quote::{Clock, Quote};
pub use refusal::{LogRefusal, Malformed, Refusal};
pub use requirements::Requirements;
pub use signature::{Scheme, Signature};

/// What a TPM signed, and the values behind the digest in it.
#[derive(Clone, Copy, Debug)]
pub struct Quoted<'a> {
    /// `TPMS_ATTEST`.
    pub message: &'a [u8],
    /// Of the message.
    pub signature: Signature<'a>,
    /// The values of the quoted PCRs, one behind the other, from the one with the least number on.
    pub pcrs: &'a [u8],
}

/// A key, and why it should be one of a TPM.
#[derive(Clone, Debug)]
pub enum Key<'a> {
    /// `TPM2B_PUBLIC` of a key whose name is accepted.
    Named(&'a [u8]),
    /// PEM of certificates, its own first, the root's last. That it can sign nothing but what a TPM says is for its
    /// certifier to know.
    Certified(&'a [u8]),
    /// A key of which the caller knows that it is one of a TPM and signs nothing else from outside that looks like a
    /// quote.
    Known(PublicKey),
}

/// Everything that a TPM has to show.
#[derive(Clone, Debug)]
pub struct Evidence<'a> {
    /// What it signed.
    pub quoted: Quoted<'a>,
    /// By which key.
    pub key: Key<'a>,
    /// What was measured.
    pub log: Option<&'a [u8]>,
}

/// What believed evidence says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims<'a> {
    /// The key that signed, and why it counts.
    pub signer: Signer,
    /// What it signed.
    pub quote: Quote,
    /// The values of the quoted PCRs.
    pub pcrs: Pcrs,
    /// What was measured into those PCRs that the log had to lead to; empty without a log.
    pub events: Vec<Event<'a>>,
}

/// A key that signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signer {
    /// Accepted by its name.
    Named(Public),
    /// Accepted by its certificates.
    Certified(Certified),
    /// Known to the caller.
    Known(PublicKey),
}

/// What believed evidence says but for what was measured: what is kept of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attested {
    /// The key that signed, and why it counts.
    pub signer: Signer,
    /// What it signed.
    pub quote: Quote,
    /// The values of the quoted PCRs.
    pub pcrs: Pcrs,
}

impl From<Claims<'_>> for Attested {
    fn from(Claims { signer, quote, pcrs, events: _ }: Claims<'_>) -> Self {
        Self { signer, quote, pcrs }
    }
}

/// By what a key is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignerName {
    /// Its name.
    Key(Vec<u8>),
    /// The root of its certificates: the root's key, as the SHA-256 of its SubjectPublicKeyInfo.
    Root(Digest),
    /// The word of whoever knows it.
    Known,
}

impl<'a> Key<'a> {
    /// The key that a node shows beside its quote: PEM of certificates, or `TPM2B_PUBLIC`.
    #[must_use]
    pub fn of_endorsements(bytes: &'a [u8]) -> Self {
        if bytes.starts_with(b"-----BEGIN") { Self::Certified(bytes) } else { Self::Named(bytes) }
    }

    /// By what it is to be believed, which says nothing about whether it should be.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn name(&self) -> Result<SignerName, Refusal> {
        match self {
            Self::Named(public) => Ok(SignerName::Key(Public::read(public)?.name)),
            Self::Certified(text) => certificates::root(text).map(SignerName::Root),
            Self::Known(_) => Ok(SignerName::Known),
        }
    }
}

impl Signer {
    /// By what it is believed.
    #[must_use]
    pub fn name(&self) -> SignerName {
        match self {
            Self::Named(public) => SignerName::Key(public.name.clone()),
            Self::Certified(certified) => SignerName::Root(certified.root),
            Self::Known(_) => SignerName::Known,
        }
    }

    /// The key itself.
    #[must_use]
    pub fn key(&self) -> &PublicKey {
        match self {
            Self::Named(public) => &public.key,
            Self::Certified(certified) => &certified.key,
            Self::Known(key) => key,
        }
    }
}

/// Checks that evidence is genuine at `now` and meets `requirements`.
///
/// # Errors
/// See [`Refusal`].
pub fn verify<'a>(
    evidence: &Evidence<'a>,
    requirements: &Requirements<'_>,
    now: UnixTime,
) -> Result<Claims<'a>, Refusal> {
    let signer = signer(evidence, requirements, now)?;
    let (quote, pcrs) = verify_quoted(&evidence.quoted, signer.key(), requirements)?;
    let events = match evidence.log {
        Some(log) => follow(log, &pcrs, requirements)?,
        None if requirements.replayed.is_empty() => Vec::new(),
        None => return Err(Refusal::NoLog),
    };
    Ok(Claims { signer, quote, pcrs, events })
}

fn signer(
    evidence: &Evidence<'_>,
    requirements: &Requirements<'_>,
    now: UnixTime,
) -> Result<Signer, Refusal> {
    let public = match &evidence.key {
        Key::Named(public) => Public::read(public)?,
        Key::Certified(text) => {
            return certificates::attestation_key(text, requirements.roots, now).map(Signer::Certified);
        }
        Key::Known(key) => return Ok(Signer::Known(key.clone())),
    };
    if let Some(attribute) = public.attributes.unfit() {
        return Err(Refusal::Attributes(attribute));
    }
    if !requirements.names.contains(&public.name.as_slice()) {
        return Err(Refusal::UnknownName);
    }
    if evidence.quoted.signature.read()?.scheme != public.scheme {
        return Err(Refusal::Scheme);
    }
    Ok(Signer::Named(public))
}

fn verify_quoted(
    quoted: &Quoted<'_>,
    key: &PublicKey,
    requirements: &Requirements<'_>,
) -> Result<(Quote, Pcrs), Refusal> {
    let quote = Quote::read(quoted.message)?;
    let signature = quoted.signature.read()?;
    requirements.check_hashes(&quote, &signature)?;
    signature.verify(key, quoted.message).map_err(|_| Refusal::Signature)?;
    let pcrs = Pcrs::new(&quote, quoted.pcrs).ok_or(Refusal::PcrDigest)?;
    if quote.digest != signature.scheme.hash().digest(quoted.pcrs) {
        return Err(Refusal::PcrDigest);
    }
    requirements.check(&quote, &pcrs)?;
    Ok((quote, pcrs))
}

/// The events of a log, which must lead to the values of PCRs.
fn follow<'a>(
    log: &'a [u8],
    pcrs: &Pcrs,
    requirements: &Requirements<'_>,
) -> Result<Vec<Event<'a>>, Refusal> {
    let log = EventLog::read(log)?;
    let replayed = log.replay(pcrs.bank())?;
    for number in requirements.replayed.numbers() {
        let value = pcrs.value(number).ok_or(Refusal::NotQuoted(number))?;
        if value != replayed[usize::from(number)] {
            return Err(Refusal::Replay(number));
        }
    }
    Ok(log.measured_into(requirements.replayed).events)
}

#[cfg(test)]
mod tests;
