//! COSE_Sign1 messages (RFC 9052, section 4.2): the form of requests to governance, of ledger
//! signatures, receipts and endorsements.

use crate::cbor::{Cbor, CborError};

/// CBOR tag of a COSE_Sign1 message.
pub const TAG: u64 = 18;
/// Header parameter: algorithm.
pub const ALG: i64 = 1;
/// Header parameter: content type.
pub const CONTENT_TYPE: i64 = 3;
/// Header parameter: key identifier.
pub const KID: i64 = 4;
/// Header parameter: CWT claims (RFC 9597).
pub const CWT_CLAIMS: i64 = 15;
/// Header parameter: certificates of the signer (RFC 9360).
pub const X5CHAIN: i64 = 33;
/// Header parameter: verifiable data structure (draft-ietf-cose-merkle-tree-proofs).
pub const VDS: i64 = 395;
/// Header parameter: verifiable data structure proofs (same draft).
pub const VDP: i64 = 396;
/// Text header parameter that holds CCF's own claims.
pub const CCF: &str = "ccf.v1";

const SIGNATURE_CONTEXT: &str = "Signature1";

/// Bytes that are not the expected COSE message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CoseError {
    /// Not the CBOR that we accept.
    #[error(transparent)]
    Cbor(#[from] CborError),
    /// Not tagged 18 or not an array of four: bytes, map, bytes or null, bytes.
    #[error("not a COSE_Sign1 message")]
    Structure,
    /// The protected header is no map.
    #[error("the protected header is no map")]
    ProtectedHeader,
    /// A header parameter is missing, unknown or of the wrong type.
    #[error("header parameters differ from those of this kind of message")]
    Parameters,
    /// A payload where it must be detached, or none where it must not.
    #[error("payload missing or not detached")]
    Payload,
    /// A proof is not of the CCF ledger profile.
    #[error("malformed inclusion proof")]
    Proof,
}

/// Header parameters of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headers<'a>(Cbor<'a>);

impl<'a> Headers<'a> {
    /// Any parameters, in this order.
    ///
    /// The caller sees to it that none occurs twice.
    #[must_use]
    pub fn new(parameters: Vec<(Cbor<'a>, Cbor<'a>)>) -> Self {
        Self(Cbor::Map(parameters))
    }

    /// No parameters.
    #[must_use]
    pub fn empty() -> Self {
        Self::new(Vec::new())
    }

    /// All parameters in order.
    #[must_use]
    pub fn parameters(&self) -> &[(Cbor<'a>, Cbor<'a>)] {
        let Cbor::Map(parameters) = &self.0 else { return &[] };
        parameters
    }

    /// The parameter with an integer label.
    #[must_use]
    pub fn get(&self, label: i64) -> Option<&Cbor<'a>> {
        self.0.get(&Cbor::Int(label))
    }

    /// The parameter with a text label.
    #[must_use]
    pub fn get_text(&self, label: &str) -> Option<&Cbor<'a>> {
        self.0.get(&Cbor::Text(label))
    }

    /// Algorithm, if given: an integer of the IANA registry "COSE Algorithms".
    #[must_use]
    pub fn algorithm(&self) -> Option<i64> {
        let Cbor::Int(algorithm) = self.get(ALG)? else { return None };
        Some(*algorithm)
    }

    /// Key identifier, if given.
    #[must_use]
    pub fn kid(&self) -> Option<&'a [u8]> {
        let Cbor::Bytes(kid) = self.get(KID)? else { return None };
        Some(kid)
    }

    /// Content type as text, if given so.
    #[must_use]
    pub fn content_type(&self) -> Option<&'a str> {
        let Cbor::Text(content_type) = self.get(CONTENT_TYPE)? else { return None };
        Some(content_type)
    }

    /// CBOR of the map.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.0.encode()
    }

    /// Reads CBOR of a map.
    ///
    /// # Errors
    /// On other CBOR.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, CoseError> {
        match Cbor::decode(bytes)? {
            map @ Cbor::Map(_) => Ok(Self(map)),
            _ => Err(CoseError::ProtectedHeader),
        }
    }
}

/// A message, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoseSign1<'a> {
    /// Protected header as signed.
    pub protected_bytes: &'a [u8],
    /// Protected header, read.
    pub protected: Headers<'a>,
    /// Unprotected header.
    pub unprotected: Headers<'a>,
    /// Payload, or none when detached.
    pub payload: Option<&'a [u8]>,
    /// Signature over [`to_be_signed`].
    pub signature: &'a [u8],
}

impl<'a> CoseSign1<'a> {
    /// A tagged message and nothing after it.
    ///
    /// # Errors
    /// On other CBOR, or a structure other than that of RFC 9052.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, CoseError> {
        let Cbor::Tag(TAG, message) = Cbor::decode(bytes)? else { return Err(CoseError::Structure) };
        let Cbor::Array(parts) = *message else { return Err(CoseError::Structure) };
        let Ok([Cbor::Bytes(protected), unprotected @ Cbor::Map(_), payload, Cbor::Bytes(signature)]) =
            <[_; 4]>::try_from(parts)
        else {
            return Err(CoseError::Structure);
        };
        let payload = match payload {
            Cbor::Bytes(payload) => Some(payload),
            Cbor::Null => None,
            _ => return Err(CoseError::Structure),
        };
        Ok(Self {
            protected_bytes: protected,
            protected: Headers::decode(protected)?,
            unprotected: Headers(unprotected),
            payload,
            signature,
        })
    }

    /// What the signature covers; `detached` stands for a payload that is not in the message.
    ///
    /// # Errors
    /// [`CoseError::Payload`] unless exactly one of the two payloads exists.
    pub fn to_be_signed(&self, detached: Option<&[u8]>) -> Result<Vec<u8>, CoseError> {
        match (self.payload, detached) {
            (Some(payload), None) | (None, Some(payload)) => Ok(to_be_signed(self.protected_bytes, payload)),
            _ => Err(CoseError::Payload),
        }
    }
}

/// Sig_structure of RFC 9052, section 4.4, without external data: the bytes that are signed.
#[must_use]
pub fn to_be_signed(protected: &[u8], payload: &[u8]) -> Vec<u8> {
    Cbor::Array(vec![
        Cbor::Text(SIGNATURE_CONTEXT),
        Cbor::Bytes(protected),
        Cbor::Bytes(&[]),
        Cbor::Bytes(payload),
    ])
    .encode()
}

/// The tagged message.
#[must_use]
pub fn encode(
    protected: &[u8],
    unprotected: &Headers<'_>,
    payload: Option<&[u8]>,
    signature: &[u8],
) -> Vec<u8> {
    let message = Cbor::Array(vec![
        Cbor::Bytes(protected),
        unprotected.0.clone(),
        payload.map_or(Cbor::Null, Cbor::Bytes),
        Cbor::Bytes(signature),
    ]);
    Cbor::Tag(TAG, Box::new(message)).encode()
}

#[cfg(test)]
mod tests;
