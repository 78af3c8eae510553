//! Endorsements of utility VMs: Microsoft signs which measurement its small guest for containers has, so that members
//! can trust all of its versions at once (CCF `src/node/uvm_endorsements.cpp`).
//!
//! A COSE_Sign1 message with certificates in its protected header, of whom `iss` says, as a `did:x509`, which root they
//! must lead to and what the first is for. The clock plays no part, because endorsements outlive certificates: these
//! must have been valid when the message was signed, which is as true as its signer is honest.

mod did;

use coco_crypto::{
    Certificate,
    cose::CoseAlgorithm,
    x509::{InvalidCertificate, UnixTime},
};
use coco_wire::{
    cbor::Cbor,
    cose::{CoseError, CoseSign1, Headers, X5CHAIN},
    text::encode_hex,
};
pub use did::DidRefusal;
use serde::Deserialize;
use serde_json::Value;

use crate::chain::{self, Broken};

/// Most bytes of a message.
const MAX_LEN: usize = 64 * 1024;
/// Most certificates.
const MAX_CERTIFICATES: usize = 8;
const CONTENT_TYPE: &str = "application/json";
/// CBOR tag of a time in seconds since 1970.
const EPOCH_TIME: u64 = 1;

/// What is endorsed, and by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// Who endorsed it.
    pub did: String,
    /// Under what name.
    pub feed: String,
    /// Its security version.
    pub svn: u64,
}

/// Whose endorsements count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trusted<'a> {
    /// Who endorses.
    pub did: &'a str,
    /// Under what name.
    pub feed: &'a str,
    /// The least security version.
    pub svn: u64,
}

/// Who may endorse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endorsers<'a> {
    /// One of these.
    Only(&'a [Trusted<'a>]),
    /// Anyone: for those who decide afterwards, by [`Claims`], whether they trust them.
    Anyone,
}

impl Endorsers<'_> {
    /// Checks that a message endorses the guest with this measurement, and is of one of them.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn verify(self, message: &[u8], measurement: &[u8; 48]) -> Result<Claims, Refusal> {
        match self {
            Self::Only(trusted) => verify(message, measurement, trusted),
            Self::Anyone => authenticate(message, measurement),
        }
    }
}

/// Those of Azure that CCF trusts by default (`src/node/uvm_endorsements.h`).
pub const AZURE: [Trusted<'static>; 2] = [
    Trusted {
        did: "did:x509:0:sha256:I__iuL25oXEVFdTP_aBLx_eT1RPHbCQ_ECBQfYZpt9s::eku:1.3.6.1.4.1.311.76.59.1.2",
        feed: "ContainerPlat-AMD-UVM",
        svn: 100,
    },
    Trusted {
        did: "did:x509:0:sha256:I__iuL25oXEVFdTP_aBLx_eT1RPHbCQ_ECBQfYZpt9s::eku:1.3.6.1.4.1.311.76.59.1.5",
        feed: "ConfAKS-AMD-UVM",
        svn: 1,
    },
];

/// Why endorsements are not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Longer than any.
    #[error("message too large")]
    TooLarge,
    /// Not the expected message.
    #[error(transparent)]
    Cose(#[from] CoseError),
    /// A header parameter is missing, or of another type.
    #[error("header parameter {0} missing or malformed")]
    Header(Header),
    /// Signed with another algorithm than RSASSA-PSS or ECDSA.
    #[error("signature algorithm {0} is not one of expected: RSA, ECDSA")]
    Algorithm(i64),
    /// Fewer than two certificates, or more than any.
    #[error("unexpected number of certificates: {0}")]
    Certificates(usize),
    /// A certificate cannot be read.
    #[error(transparent)]
    Certificate(#[from] InvalidCertificate),
    /// A certificate is not signed by the next one.
    #[error("certificate {0} is not signed by the next one")]
    ChainSignature(usize),
    /// A certificate may not stand where it does.
    #[error("certificate {0} may not be used so")]
    Constraints(usize),
    /// A certificate was not valid when the message was signed.
    #[error("certificate {0} was not valid at the time of the signature")]
    Date(usize),
    /// The certificates are not those of the issuer.
    #[error(transparent)]
    Did(#[from] DidRefusal),
    /// Not signed by the first certificate's key.
    #[error("Signature verification failed")]
    Signature,
    /// Another kind of payload.
    #[error("unexpected payload content type")]
    ContentType,
    /// No payload, or not the expected JSON.
    #[error("malformed payload")]
    Payload,
    /// The security version is no unsigned integer.
    #[error("unable to read the guest SVN of the payload")]
    Svn,
    /// Another guest than the one that reports.
    #[error("launch measurement in UVM endorsements payload is not equal to UVM attestation measurement")]
    Measurement,
    /// Nobody whose endorsements count, or a version that is too old.
    #[error("did, feed and svn do not match any of the known UVM roots of trust")]
    NotTrusted,
}

/// A parameter of the protected header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// `alg`
    Algorithm,
    /// `x5chain`
    Chain,
    /// `iss`
    Issuer,
    /// `feed`
    Feed,
    /// `signingtime`
    SigningTime,
}

impl std::fmt::Display for Header {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Algorithm => "alg",
            Self::Chain => "x5chain",
            Self::Issuer => "iss",
            Self::Feed => "feed",
            Self::SigningTime => "signingtime",
        })
    }
}

#[derive(Deserialize)]
struct Payload {
    #[serde(rename = "x-ms-sevsnpvm-launchmeasurement")]
    measurement: String,
    #[serde(rename = "x-ms-sevsnpvm-guestsvn")]
    svn: Value,
}

/// Checks that a message endorses the guest with this measurement, and is of someone who is trusted.
///
/// # Errors
/// See [`Refusal`].
pub fn verify(message: &[u8], measurement: &[u8; 48], trusted: &[Trusted<'_>]) -> Result<Claims, Refusal> {
    let claims = authenticate(message, measurement)?;
    let counts = |trusted: &Trusted<'_>| {
        (trusted.did, trusted.feed) == (&claims.did, &claims.feed) && trusted.svn <= claims.svn
    };
    if trusted.iter().any(counts) { Ok(claims) } else { Err(Refusal::NotTrusted) }
}

fn authenticate(message: &[u8], measurement: &[u8; 48]) -> Result<Claims, Refusal> {
    if message.len() > MAX_LEN {
        return Err(Refusal::TooLarge);
    }
    let message = CoseSign1::decode(message)?;
    let headers = &message.protected;
    let label = headers.algorithm().ok_or(Refusal::Header(Header::Algorithm))?;
    let algorithm = CoseAlgorithm::from_label(label).filter(|algorithm| *algorithm != CoseAlgorithm::EdDsa);
    let algorithm = algorithm.ok_or(Refusal::Algorithm(label))?;
    let did = text(headers, "iss", Header::Issuer)?;
    let feed = text(headers, "feed", Header::Feed)?;
    let chain = certificates(headers)?;
    let [end, ..] = chain.as_slice() else { return Err(Refusal::Certificates(0)) };
    did::resolve(did, &chain)?;
    let key = end.public_key();
    algorithm.verify(key, &message.to_be_signed(None)?, message.signature).map_err(|_| Refusal::Signature)?;
    if headers.content_type() != Some(CONTENT_TYPE) {
        return Err(Refusal::ContentType);
    }
    let payload = message.payload.and_then(|payload| serde_json::from_slice(payload).ok());
    let payload: Payload = payload.ok_or(Refusal::Payload)?;
    if payload.measurement != encode_hex(measurement) {
        return Err(Refusal::Measurement);
    }
    let svn = svn(&payload.svn).ok_or(Refusal::Svn)?;
    Ok(Claims { did: did.to_owned(), feed: feed.to_owned(), svn })
}

fn text<'a>(headers: &Headers<'a>, label: &str, header: Header) -> Result<&'a str, Refusal> {
    match headers.get_text(label) {
        Some(Cbor::Text(text)) => Ok(text),
        _ => Err(Refusal::Header(header)),
    }
}

/// The certificates, of which each is signed by the next and was valid when the message was signed.
fn certificates(headers: &Headers<'_>) -> Result<Vec<Certificate>, Refusal> {
    let Some(Cbor::Array(items)) = headers.get(X5CHAIN) else { return Err(Refusal::Header(Header::Chain)) };
    if !(2..=MAX_CERTIFICATES).contains(&items.len()) {
        return Err(Refusal::Certificates(items.len()));
    }
    let chain = items
        .iter()
        .map(|item| match item {
            Cbor::Bytes(der) => Ok(Certificate::from_der(der)?),
            _ => Err(Refusal::Header(Header::Chain)),
        })
        .collect::<Result<Vec<_>, _>>()?;
    chain::follow(&chain).map_err(|broken| match broken {
        Broken::Signature(at) => Refusal::ChainSignature(at),
        Broken::Constraints(at) => Refusal::Constraints(at),
    })?;
    let time = signing_time(headers, &chain)?;
    match chain.iter().position(|certificate| !certificate.validity().contains(time)) {
        Some(at) => Err(Refusal::Date(at)),
        None => Ok(chain),
    }
}

/// When the message was signed. Where it does not say, the certificates must have been valid together: at the beginning
/// of the last of them.
fn signing_time(headers: &Headers<'_>, chain: &[Certificate]) -> Result<UnixTime, Refusal> {
    match headers.get_text("signingtime") {
        Some(Cbor::Tag(EPOCH_TIME, seconds)) => match **seconds {
            Cbor::Int(seconds) => Ok(UnixTime(seconds)),
            _ => Err(Refusal::Header(Header::SigningTime)),
        },
        Some(_) => Err(Refusal::Header(Header::SigningTime)),
        None => {
            let begins = chain.iter().map(|certificate| certificate.validity().not_before());
            begins.max().ok_or(Refusal::Certificates(0))
        }
    }
}

/// Both forms occur.
fn svn(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
        _ => None,
    }
}
