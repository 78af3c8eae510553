//! Endorsements of utility VMs, of nobody that exists.

use coco_crypto::{
    PrivateKey, SignatureForm,
    hash::{HashAlgorithm, sha256},
    signature::SignatureScheme,
};
use coco_wire::{
    cbor::Cbor,
    cose::{self, ALG, CONTENT_TYPE, Headers, X5CHAIN},
    text::{encode_base64url, encode_hex},
};

use crate::{
    der::{CERTIFICATES, Fields, authority, day, extension, object_id, sequence},
    snp::keys,
};

/// The guest that is endorsed: that of [`crate::snp::Machine`].
pub const MEASUREMENT: [u8; 48] = [0x3e; 48];
/// Under what name.
pub const FEED: &str = "feed of a test";
/// What the first certificate is for.
const PURPOSE: &str = "1.3.6.1.4.1.311.76.59.1.2";
/// Label of ECDSA with SHA-384.
const ES384: i64 = -35;

/// Everything that a test may change before it is signed.
#[derive(Clone)]
pub struct Message {
    /// The certificates, each signed by the next.
    pub chain: Vec<Fields>,
    /// `alg`
    pub alg: Cbor<'static>,
    /// `iss`, if not the right one; ROOT stands for the fingerprint of the root.
    pub did: Option<String>,
    /// `feed`
    pub feed: Cbor<'static>,
    /// `signingtime`
    pub signing_time: Option<Cbor<'static>>,
    /// Kind of the payload.
    pub content_type: &'static str,
    /// What is signed.
    pub payload: Option<String>,
    /// Who signs.
    pub key: &'static PrivateKey,
    /// Whether the certificates are in an array; else the first one stands alone.
    pub array: bool,
}

/// A payload with this measurement, in hexadecimal, and JSON of the security version.
pub fn payload(measurement: &str, svn: &str) -> Option<String> {
    Some(format!(
        r#"{{"x-ms-sevsnpvm-launchmeasurement":"{measurement}","x-ms-sevsnpvm-guestsvn":{svn},"more":[1]}}"#
    ))
}

impl Default for Message {
    fn default() -> Self {
        Self::new()
    }
}

impl Message {
    /// Security version 7 of [`MEASUREMENT`], signed on the tenth day.
    pub fn new() -> Self {
        let keys = keys();
        let purposes = [PURPOSE, "1.3.6.1.5.5.7.3.1"].map(object_id);
        let purposes = sequence(&[&purposes[0], &purposes[1]]);
        let end = vec![extension("2.5.29.37", &purposes)];
        let authorities = [authority(Some(0), CERTIFICATES), authority(None, CERTIFICATES)];
        let [intermediate, root] = authorities;
        Self {
            chain: vec![
                Fields::new(&[1], ("CA", "End"), &keys.other, end, &keys.intermediate),
                Fields::new(&[2], ("Root", "CA"), &keys.intermediate, intermediate, &keys.root),
                Fields::new(&[3], ("Root", "Root"), &keys.root, root, &keys.root),
            ],
            alg: Cbor::Int(ES384),
            did: None,
            feed: Cbor::Text(FEED),
            signing_time: Some(Cbor::Tag(1, Box::new(Cbor::Int(day(10).0)))),
            content_type: "application/json",
            payload: payload(&encode_hex(&MEASUREMENT), "\"7\""),
            key: &keys.other,
            array: true,
        }
    }

    /// The signed message, and the `did:x509` of the issuer.
    pub fn sign(&self) -> (Vec<u8>, String) {
        let chain: Vec<Vec<u8>> = self.chain.iter().map(Fields::sign).collect();
        let root = encode_base64url(&sha256(chain.last().expect("a chain has a root")).0);
        let did = format!("did:x509:0:sha256:{root}::eku:{PURPOSE}");
        let named = self.did.clone().unwrap_or_else(|| did.clone()).replace("ROOT", &root);
        let items: Vec<Cbor<'_>> = chain.iter().map(|der| Cbor::Bytes(der)).collect();
        let chain = if self.array { Cbor::Array(items) } else { items[0].clone() };
        let mut headers = vec![
            (Cbor::Int(ALG), self.alg.clone()),
            (Cbor::Int(CONTENT_TYPE), Cbor::Text(self.content_type)),
            (Cbor::Int(X5CHAIN), chain),
            (Cbor::Text("iss"), Cbor::Text(&named)),
            (Cbor::Text("feed"), self.feed.clone()),
        ];
        headers.extend(self.signing_time.clone().map(|time| (Cbor::Text("signingtime"), time)));
        let headers = Headers::new(headers).encode();
        let payload = self.payload.as_deref().map(str::as_bytes);
        let signed = cose::to_be_signed(&headers, payload.unwrap_or_default());
        let scheme = match self.alg {
            Cbor::Int(ES384) => SignatureScheme::Ecdsa(HashAlgorithm::Sha384, SignatureForm::Fixed),
            _ => SignatureScheme::RsaPss(HashAlgorithm::Sha384),
        };
        // A key that does not go with the algorithm signs nothing.
        let signature = self.key.sign(scheme, &signed).unwrap_or_else(|_| vec![0; 96]);
        let unprotected = Headers::new(vec![(Cbor::Text("ignored"), Cbor::Null)]);
        (cose::encode(&headers, &unprotected, payload, &signature), did)
    }
}
