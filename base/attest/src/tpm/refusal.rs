//! Why evidence of a TPM is not believed.

use coco_crypto::x509::InvalidCertificate;

use super::Attribute;

/// Why evidence of a TPM is not believed: one variant for each reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not in the form that it must have.
    #[error("TPM: malformed {_0}")]
    Malformed(Malformed),
    /// Not made by a TPM: it does not begin as such data does.
    #[error("TPM: not made by a TPM")]
    Magic,
    /// Made by a TPM, but no quote.
    #[error("TPM: structure of type {_0:#06x} instead of a quote")]
    Type(u16),
    /// Not over exactly one bank of PCRs.
    #[error("TPM: quote over {_0} banks of PCRs instead of one")]
    Banks(u32),
    /// A hash that we do not know.
    #[error("TPM: unknown hash algorithm {_0:#06x}")]
    UnknownHash(u16),
    /// A way of signing that we do not know.
    #[error("TPM: unknown signature scheme {_0:#06x}")]
    UnknownScheme(u16),
    /// A kind of key that we do not know.
    #[error("TPM: unknown kind of key {_0:#06x}")]
    UnknownKey(u16),
    /// A hash that is not accepted, of the signature.
    #[error("TPM: the hash of the signature is not accepted")]
    WeakSignature,
    /// A hash that is not accepted, of the PCRs.
    #[error("TPM: the hash of the PCRs is not accepted")]
    WeakBank,
    /// The key may do what a key that attests must not, or may not do what it must.
    #[error("TPM: {_0:?} is not as a key that attests must have it")]
    Attributes(Attribute),
    /// The key is none of those that are accepted by name.
    #[error("TPM: the key is not a known one")]
    UnknownName,
    /// The signature is of another scheme than the key's.
    #[error("TPM: the signature is of another scheme than its key")]
    Scheme,
    /// The certificates are longer than any.
    #[error("TPM: certificates too large")]
    CertificatesTooLarge,
    /// No certificate, or more than any chain has.
    #[error("TPM: unexpected number of certificates: {_0}")]
    Certificates(usize),
    /// A certificate cannot be read.
    #[error("TPM: certificates: {_0}")]
    Certificate(#[from] InvalidCertificate),
    /// The key of the last certificate is no accepted root.
    #[error("TPM: the root of the certificates is not an accepted one")]
    Root,
    /// A certificate is not signed by the next one, or the last one not by itself.
    #[error("TPM: certificate {_0} is not signed by the next one")]
    ChainSignature(usize),
    /// A certificate may not stand where it does.
    #[error("TPM: certificate {_0} may not be used so")]
    Constraints(usize),
    /// A certificate is not valid at this time.
    #[error("TPM: certificate {_0} is not valid now")]
    Date(usize),
    /// The first certificate is for keys of another kind.
    #[error("TPM: the first certificate is not for a key of this kind")]
    Purpose,
    /// The key did not sign the quote.
    #[error("TPM: the key did not sign the quote")]
    Signature,
    /// The signing key has other parents than expected.
    #[error("TPM: the qualified name of the signing key is not the expected one")]
    QualifiedSigner,
    /// Made for another question.
    #[error("TPM: the quote answers another nonce")]
    Nonce,
    /// The values of the PCRs are not those that were quoted.
    #[error("TPM: the values of the PCRs are not the quoted ones")]
    PcrDigest,
    /// A PCR that is required was not quoted.
    #[error("TPM: PCR {_0} is not quoted")]
    NotQuoted(u8),
    /// A PCR has another value than the required one.
    #[error("TPM: PCR {_0} has another value than required")]
    Pcr(u8),
    /// An event log is required, and there is none.
    #[error("TPM: no event log")]
    NoLog,
    /// The event log does not lead to the quoted value of this PCR.
    #[error("TPM: the event log does not lead to the value of PCR {_0}")]
    Replay(u8),
    /// The event log is not in order.
    #[error("TPM: event log: {_0}")]
    Log(#[from] LogRefusal),
}

/// What is not in the form that it must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// `TPMS_ATTEST`.
    Quote,
    /// `TPMT_SIGNATURE`.
    Signature,
    /// `TPM2B_PUBLIC`.
    Public,
}

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Quote => "quote",
            Self::Signature => "signature",
            Self::Public => "public area of a key",
        })
    }
}

/// Why an event log is not in order. Events are counted from 0, the header apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogRefusal {
    /// Longer than any.
    #[error("too large")]
    TooLarge,
    /// More events than any.
    #[error("too many events")]
    TooManyEvents,
    /// The first event does not say properly which hashes there are.
    #[error("malformed header")]
    Header,
    /// An event ends behind the end of the log.
    #[error("event {_0} is cut off")]
    Truncated(usize),
    /// An event has digests that the header did not announce, or one twice.
    #[error("unexpected digests in event {_0}")]
    Digests(usize),
    /// An event lacks the digest for the quoted bank.
    #[error("no digest for the quoted PCRs in event {_0}")]
    NoDigest(usize),
    /// An event is measured into a PCR that does not exist.
    #[error("no such PCR in event {_0}")]
    Pcr(usize),
    /// PCR 0 is said to begin with something that it cannot begin with, or when it has begun.
    #[error("unexpected locality in event {_0}")]
    Locality(usize),
    /// A separator says that an error occurred, or something unknown, or something else than was measured.
    #[error("unexpected separator in event {_0}")]
    Separator(usize),
    /// A PCR has two separators.
    #[error("second separator of a PCR in event {_0}")]
    SecondSeparator(usize),
}
