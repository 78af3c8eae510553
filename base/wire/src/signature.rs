//! Signature transactions: tables and values that sign the Merkle root of all entries before.

use serde::{Deserialize, Serialize};

use crate::{
    cbor::Cbor,
    cose::{self, CoseError, CoseSign1, Headers},
    id::{Digest, Seqno, TxId, View},
    text::Base64,
};

/// Table of the signature by the node's key; one row, a JSON [`NodeSignature`].
pub const SIGNATURES: &str = "public:ccf.internal.signatures";
/// Table of the signature by the service's key; one row, see [`encode_cose_value`].
pub const COSE_SIGNATURES: &str = "public:ccf.internal.cose_signatures";
/// Table of the [`SerialisedTree`](crate::tree::SerialisedTree) that was signed; one row.
pub const TREE: &str = "public:ccf.internal.tree";
/// Key of the only row of a table.
pub const SINGLETON_KEY: [u8; 8] = [0; 8];
/// Value of the header parameter [`cose::VDS`]: a CCF ledger with SHA-256.
pub const VDS_CCF_LEDGER: i64 = 2;

const CWT_ISSUER: i64 = 1;
const CWT_SUBJECT: i64 = 2;
const CWT_ISSUED_AT: i64 = 6;
const CCF_TXID: &str = "txid";

/// A value of a signature table that is not as written by any known version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Not the JSON object, or not in its only form: keys sorted, no white space.
    #[error("malformed signature value")]
    Json,
    /// Not a JSON string of canonical base64.
    #[error("malformed COSE signature value")]
    CoseValue,
    /// Not the COSE message.
    #[error(transparent)]
    Cose(#[from] CoseError),
}

/// Value of [`SIGNATURES`]: ECDSA by the primary's node key over the root.
///
/// Source: CCF `src/service/tables/signatures.h`. Fields are in the order of the JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeSignature {
    /// PEM certificate of the node; absent in CCF 1.x.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cert: Option<String>,
    /// Zero since CCF 2.0; before, a committed transaction.
    pub commit_seqno: Seqno,
    /// Zero since CCF 2.0.
    pub commit_view: View,
    /// Zeros; once used for byzantine consensus.
    pub hashed_nonce: Digest,
    /// Digest of the node's public key.
    pub node: Digest,
    /// Root of the tree up to the entry before this one.
    pub root: Digest,
    /// Position of the signature transaction.
    pub seqno: Seqno,
    /// ECDSA signature (DER) over the 32 bytes of `root`, taken as the digest.
    pub sig: Base64,
    /// View of the signature transaction.
    pub view: View,
}

impl NodeSignature {
    /// Accepts exactly what [`encode`](Self::encode) yields.
    ///
    /// # Errors
    /// On any other bytes.
    pub fn decode(value: &[u8]) -> Result<Self, SignatureError> {
        let signature: Self = serde_json::from_slice(value).map_err(|_| SignatureError::Json)?;
        if signature.encode() == value { Ok(signature) } else { Err(SignatureError::Json) }
    }

    /// Compact JSON with sorted keys.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("plain fields have a JSON form")
    }

    /// The signature transaction itself.
    #[must_use]
    pub fn tx_id(&self) -> TxId {
        TxId { view: self.view, seqno: self.seqno }
    }
}

/// Protected header of the COSE signature by the service's key over a Merkle root.
///
/// Source: CCF `cddl/ccf-merkle-tree-cose-signature.cddl`, `src/node/history.h`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootHeader {
    /// Integer of the IANA registry "COSE Algorithms": −35 for P-384, −7 for P-256.
    pub algorithm: i64,
    /// Digest of the service's public key (DER of SubjectPublicKeyInfo).
    pub kid: Digest,
    /// When it was signed, in seconds since 1970.
    pub issued_at: u64,
    /// Issuer, from the configuration of the service.
    pub issuer: String,
    /// Subject, from the configuration of the service.
    pub subject: String,
    /// The signature transaction.
    pub tx_id: TxId,
}

impl RootHeader {
    /// CBOR, in CCF's order of parameters.
    ///
    /// # Panics
    /// When `issued_at` exceeds 63 bits.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let issued_at = i64::try_from(self.issued_at).expect("time fits in 63 bits");
        let (kid, tx_id) = (self.kid.to_hex(), self.tx_id.to_string());
        Headers::new(vec![
            (Cbor::Int(cose::ALG), Cbor::Int(self.algorithm)),
            (Cbor::Int(cose::KID), Cbor::Bytes(kid.as_bytes())),
            (Cbor::Int(cose::VDS), Cbor::Int(VDS_CCF_LEDGER)),
            (
                Cbor::Int(cose::CWT_CLAIMS),
                Cbor::Map(vec![
                    (Cbor::Int(CWT_ISSUED_AT), Cbor::Int(issued_at)),
                    (Cbor::Int(CWT_ISSUER), Cbor::Text(&self.issuer)),
                    (Cbor::Int(CWT_SUBJECT), Cbor::Text(&self.subject)),
                ]),
            ),
            (Cbor::Text(cose::CCF), Cbor::Map(vec![(Cbor::Text(CCF_TXID), Cbor::Text(&tx_id))])),
        ])
        .encode()
    }

    /// Exactly these parameters, in any order.
    ///
    /// # Errors
    /// [`CoseError::Parameters`].
    pub fn read(headers: &Headers<'_>) -> Result<Self, CoseError> {
        let parameters = || CoseError::Parameters;
        let (Some(Cbor::Map(cwt)), Some(Cbor::Map(ccf))) =
            (headers.get(cose::CWT_CLAIMS), headers.get_text(cose::CCF))
        else {
            return Err(CoseError::Parameters);
        };
        if headers.parameters().len() != 5 || cwt.len() != 3 || ccf.len() != 1 {
            return Err(CoseError::Parameters);
        }
        if headers.get(cose::VDS) != Some(&Cbor::Int(VDS_CCF_LEDGER)) {
            return Err(CoseError::Parameters);
        }
        let claim = |label| cwt.iter().find(|(key, _)| *key == Cbor::Int(label)).map(|(_, value)| value);
        let (Some(Cbor::Int(issued_at)), Some(Cbor::Text(issuer)), Some(Cbor::Text(subject))) =
            (claim(CWT_ISSUED_AT), claim(CWT_ISSUER), claim(CWT_SUBJECT))
        else {
            return Err(CoseError::Parameters);
        };
        let [(Cbor::Text(CCF_TXID), Cbor::Text(tx_id))] = ccf.as_slice() else {
            return Err(CoseError::Parameters);
        };
        let kid = headers.kid().and_then(|kid| str::from_utf8(kid).ok()).ok_or_else(parameters)?;
        Ok(Self {
            algorithm: headers.algorithm().ok_or_else(parameters)?,
            kid: kid.parse().map_err(|_| CoseError::Parameters)?,
            issued_at: u64::try_from(*issued_at).map_err(|_| CoseError::Parameters)?,
            issuer: (*issuer).to_owned(),
            subject: (*subject).to_owned(),
            tx_id: tx_id.parse().map_err(|_| CoseError::Parameters)?,
        })
    }
}

/// COSE signature over a Merkle root: the root is the detached payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootSignature {
    /// Protected header, read.
    pub header: RootHeader,
    /// Protected header as signed.
    pub protected: Vec<u8>,
    /// r and s joined.
    pub signature: Vec<u8>,
}

impl RootSignature {
    /// A header and its signature over [`to_be_signed`](Self::to_be_signed).
    #[must_use]
    pub fn new(header: RootHeader, signature: Vec<u8>) -> Self {
        Self { protected: header.encode(), header, signature }
    }

    /// What is signed: header and root.
    #[must_use]
    pub fn to_be_signed(protected: &[u8], root: Digest) -> Vec<u8> {
        cose::to_be_signed(protected, &root.0)
    }

    /// A message with an empty unprotected header.
    ///
    /// # Errors
    /// On any other message.
    pub fn decode(bytes: &[u8]) -> Result<Self, CoseError> {
        let message = CoseSign1::decode(bytes)?;
        if !message.unprotected.parameters().is_empty() {
            return Err(CoseError::Parameters);
        }
        Self::of_message(&message)
    }

    /// The message, with an empty unprotected header.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        cose::encode(&self.protected, &Headers::empty(), None, &self.signature)
    }

    /// Protected header and signature of `message`, which may have an unprotected header.
    pub(crate) fn of_message(message: &CoseSign1<'_>) -> Result<Self, CoseError> {
        if message.payload.is_some() {
            return Err(CoseError::Payload);
        }
        let header = RootHeader::read(&message.protected)?;
        let protected = message.protected_bytes.to_vec();
        Ok(Self { header, protected, signature: message.signature.to_vec() })
    }
}

/// Value of [`COSE_SIGNATURES`]: a JSON string of base64 of the message.
#[must_use]
pub fn encode_cose_value(message: &[u8]) -> Vec<u8> {
    serde_json::to_vec(&Base64(message.to_vec())).expect("text has a JSON form")
}

/// The message inside a value of [`COSE_SIGNATURES`].
///
/// # Errors
/// [`SignatureError::CoseValue`] on any form but that of [`encode_cose_value`].
pub fn decode_cose_value(value: &[u8]) -> Result<Vec<u8>, SignatureError> {
    let Base64(message) = serde_json::from_slice(value).map_err(|_| SignatureError::CoseValue)?;
    if encode_cose_value(&message) == value { Ok(message) } else { Err(SignatureError::CoseValue) }
}

#[cfg(test)]
mod tests;
