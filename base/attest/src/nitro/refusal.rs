//! Why a document is not believed.

use coco_crypto::x509::InvalidCertificate;
use coco_wire::{cbor::CborError, cose::CoseError};

use super::{Field, Register};

/// Why a document is not believed: one variant for each reason. Certificates are counted from the one of the key that
/// signs, which is 0, to the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Longer than any.
    #[error("Nitro: attestation document too large")]
    TooLarge,
    /// Not the expected message.
    #[error("Nitro: {_0}")]
    Cose(#[from] CoseError),
    /// Another algorithm than ES384, or other header parameters.
    #[error("Nitro: the header is not that of attestation documents")]
    Headers,
    /// The payload cannot be read.
    #[error("Nitro: attestation document: {_0}")]
    Payload(CborError),
    /// A field is missing, of another type, or too short or long.
    #[error("Nitro: no usable field {_0} in the attestation document")]
    Field(Field),
    /// A register with a name is missing.
    #[error("Nitro: no {_0} in the attestation document")]
    MissingRegister(Register),
    /// A certificate cannot be read.
    #[error("Nitro: certificates: {_0}")]
    Certificate(#[from] InvalidCertificate),
    /// The certificates lead to another root.
    #[error("Nitro: the root of trust of this attestation document is not the expected one")]
    Root,
    /// A certificate is not signed by the next one, or the root not by itself.
    #[error("Nitro: certificate {_0} is not signed by the next one")]
    ChainSignature(usize),
    /// A certificate may not stand where it does.
    #[error("Nitro: certificate {_0} may not be used so")]
    Constraints(usize),
    /// A certificate was not valid when the document was made.
    #[error("Nitro: certificate {_0} was not valid when the attestation document was made")]
    Date(usize),
    /// Not signed by the certified key.
    #[error("Nitro: the certified key did not sign this attestation document")]
    Signature,
    /// Made further ahead of our clock than required.
    #[error("Nitro: the attestation document is from the future")]
    FromTheFuture,
    /// Made longer ago than required.
    #[error("Nitro: the attestation document is too old")]
    TooOld,
    /// The enclave runs in debug mode, where the instance reads its console, and its image is not measured.
    #[error("Nitro: the enclave runs in debug mode")]
    Debug,
    /// A register has another value than required, or is not there.
    #[error("Nitro: {_0} does not have the expected value")]
    Register(Register),
    /// A field is not what is required.
    #[error("Nitro: {_0} is not the expected one")]
    Unexpected(Field),
}
