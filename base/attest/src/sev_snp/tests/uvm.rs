//! Endorsements of utility VMs: believed, and one case for each reason not to.

use coco_crypto::{
    SignatureForm, hash::HashAlgorithm, hash::sha256, signature::SignatureScheme, x509::InvalidCertificate,
};
use coco_wire::{
    cbor::Cbor,
    cose::{self, ALG, CONTENT_TYPE, CoseError, Headers, X5CHAIN},
    text::{encode_base64url, encode_hex},
};

use super::{
    super::{
        Refusal as ReportRefusal, Requirements,
        uvm::{Claims, DidRefusal, Header, Refusal, Trusted, verify},
    },
    der::{
        CERTIFICATES, Fields, authority, critical_extension, day, element, extension, object_id, sequence,
    },
    machine::{Machine, NOW, keys},
};

const MEASUREMENT: [u8; 48] = [0x3e; 48];
const FEED: &str = "feed of a test";
const PURPOSE: &str = "1.3.6.1.4.1.311.76.59.1.2";
const ES384: i64 = -35;

/// Everything that a test may change before it is signed.
#[derive(Clone)]
pub(super) struct Message {
    pub(super) chain: Vec<Fields>,
    alg: Cbor<'static>,
    did: Option<String>,
    feed: Cbor<'static>,
    signing_time: Option<Cbor<'static>>,
    content_type: &'static str,
    payload: Option<String>,
    key: &'static coco_crypto::PrivateKey,
    array: bool,
}

fn payload(measurement: &str, svn: &str) -> Option<String> {
    Some(format!(
        r#"{{"x-ms-sevsnpvm-launchmeasurement":"{measurement}","x-ms-sevsnpvm-guestsvn":{svn},"more":[1]}}"#
    ))
}

fn time(days: i64) -> Option<Cbor<'static>> {
    Some(Cbor::Tag(1, Box::new(Cbor::Int(day(days).0))))
}

impl Message {
    pub(super) fn new() -> Self {
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
            signing_time: time(10),
            content_type: "application/json",
            payload: payload(&encode_hex(&MEASUREMENT), "\"7\""),
            key: &keys.other,
            array: true,
        }
    }

    /// The signed message, and the `did:x509` of the issuer.
    pub(super) fn sign(&self) -> (Vec<u8>, String) {
        let chain: Vec<Vec<u8>> = self.chain.iter().map(Fields::sign).collect();
        let root = encode_base64url(&sha256(chain.last().unwrap()).0);
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
        let signature = self.key.sign(scheme, &signed).unwrap_or_else(|_| vec![0; 96]);
        let message = cose::encode(
            &headers,
            &Headers::new(vec![(Cbor::Text("ignored"), Cbor::Null)]),
            payload,
            &signature,
        );
        (message, did)
    }

    fn verify(&self) -> Result<Claims, Refusal> {
        let (message, did) = self.sign();
        let others = Trusted { did: "did:x509:0:sha256:AA::eku:1.2", feed: FEED, svn: 0 };
        verify(&message, &MEASUREMENT, &[others, Trusted { did: &did, feed: FEED, svn: 7 }])
    }
}

#[test]
fn messages_that_are_believed() {
    let mut message = Message::new();
    let believed = |message: &Message| {
        let claims = message.verify().unwrap();
        assert_eq!((claims.feed.as_str(), claims.svn), (FEED, 7));
        assert!(claims.did.starts_with("did:x509:0:sha256:"));
    };
    believed(&message);
    message.payload = payload(&encode_hex(&MEASUREMENT), "7");
    believed(&message);
    message.signing_time = None;
    believed(&message);
    let mut rsa = Message { alg: Cbor::Int(-38), key: &keys().root, ..message };
    rsa.chain[0].key = &keys().root;
    believed(&rsa);
}

#[test]
fn endorsements_go_with_a_report() {
    let (message, did) = Message::new().sign();
    let mut machine = Machine::milan();
    machine.uvm = Some(message);
    let trusted = [Trusted { did: &did, feed: FEED, svn: 0 }];
    let requirements = Requirements { uvm: &trusted, ..Requirements::STRICT };
    let claims = machine.sign().verify(&requirements, NOW).unwrap();
    assert_eq!(claims.uvm, Some(Claims { did: did.clone(), feed: FEED.to_owned(), svn: 7 }));
    let refusal = machine.sign().verify(&Requirements::STRICT, NOW).unwrap_err();
    assert_eq!(refusal, ReportRefusal::Uvm(Refusal::NotTrusted));
    assert_eq!(
        refusal.to_string(),
        "SEV-SNP: UVM endorsements: did, feed and svn do not match any of the known UVM roots of trust"
    );
    machine.put(0x90, &[0x3f]);
    assert_eq!(machine.sign().verify(&requirements, NOW), Err(Refusal::Measurement.into()));
}

#[track_caller]
fn refused(expected: Refusal, change: impl FnOnce(&mut Message)) {
    let mut message = Message::new();
    change(&mut message);
    assert_eq!(message.verify(), Err(expected));
}

#[test]
fn messages_that_are_refused() {
    let keys = keys();
    assert_eq!(verify(&vec![0; 70_000], &MEASUREMENT, &[]), Err(Refusal::TooLarge));
    assert_eq!(verify(&[0xd2, 0x80], &MEASUREMENT, &[]), Err(Refusal::Cose(CoseError::Structure)));
    refused(Refusal::Header(Header::Algorithm), |message| message.alg = Cbor::Text("ES384"));
    for algorithm in [-8, -257, 0] {
        refused(Refusal::Algorithm(algorithm), |message| message.alg = Cbor::Int(algorithm));
    }
    refused(Refusal::Header(Header::Feed), |message| message.feed = Cbor::Int(1));
    refused(Refusal::Header(Header::Chain), |message| message.array = false);
    refused(Refusal::Header(Header::SigningTime), |message| message.signing_time = Some(Cbor::Int(1)));
    refused(Refusal::Header(Header::SigningTime), |message| {
        message.signing_time = Some(Cbor::Tag(1, Box::new(Cbor::Text("today"))));
    });
    refused(Refusal::Signature, |message| message.key = &keys.chip);
    refused(Refusal::Signature, |message| message.alg = Cbor::Int(-38));
    refused(Refusal::ContentType, |message| message.content_type = "text/plain");
    refused(Refusal::Cose(CoseError::Payload), |message| message.payload = None);
    for text in ["", "{}", "[1]", r#"{"x-ms-sevsnpvm-launchmeasurement":""}"#] {
        refused(Refusal::Payload, |message| message.payload = Some(text.to_owned()));
    }
    let measurement = encode_hex(&MEASUREMENT);
    for other in [measurement.to_uppercase(), measurement[1..].to_owned(), encode_hex(&[0; 48])] {
        refused(Refusal::Measurement, |message| message.payload = payload(&other, "7"));
    }
    for svn in ["-1", "1.5", "null", "\"\"", "\"7 \"", "\"+7\"", "\"0x7\"", "\"18446744073709551616\""] {
        refused(Refusal::Svn, |message| message.payload = payload(&measurement, svn));
    }
    refused(Refusal::NotTrusted, |message| message.payload = payload(&measurement, "6"));
    refused(Refusal::NotTrusted, |message| message.feed = Cbor::Text("feed"));
}

#[test]
fn chains_that_are_refused() {
    let keys = keys();
    refused(Refusal::Certificates(1), |message| message.chain.truncate(1));
    refused(Refusal::Certificates(9), |message| message.chain = vec![Message::new().chain[2].clone(); 9]);
    refused(Refusal::ChainSignature(1), |message| message.chain.truncate(2));
    refused(Refusal::ChainSignature(0), |message| message.chain[0].signed_by = &keys.root);
    refused(Refusal::ChainSignature(2), |message| message.chain[2].signed_by = &keys.intermediate);
    refused(Refusal::Constraints(0), |message| {
        message.chain[0].extensions.extend(authority(None, CERTIFICATES));
    });
    refused(Refusal::Constraints(0), |message| {
        let signs_lists = critical_extension("2.5.29.15", &element(0x03, &[&[1, 2]]));
        message.chain[0].extensions.push(signs_lists);
    });
    refused(Refusal::Constraints(1), |message| message.chain[1].extensions.clear());
    for at in 0..3 {
        refused(Refusal::Date(at), |message| message.chain[at].end = day(9));
        refused(Refusal::Date(at), |message| message.chain[at].begin = day(11));
        if at > 0 {
            refused(Refusal::Date(at), |message| {
                message.signing_time = None;
                message.chain[0].begin = day(60);
                message.chain[at].end = day(59);
            });
        }
    }
    let (message, _) = Message::new().sign();
    let at = message.windows(2).position(|window| window == [0x30, 0x82]).unwrap();
    let mut broken = message;
    broken[at] = 0x31;
    let malformed = Refusal::Certificate(InvalidCertificate::Malformed);
    assert_eq!(verify(&broken, &MEASUREMENT, &[]), Err(malformed));
}

#[test]
fn issuers_that_are_refused() {
    let cases = [
        ("", DidRefusal::Syntax),
        ("did:x509:0:sha256:ROOT", DidRefusal::Syntax),
        ("did:x509:1:sha256:ROOT::eku:1.2", DidRefusal::Syntax),
        ("did:web:0:sha256:ROOT::eku:1.2", DidRefusal::Syntax),
        ("did:x509:0:md5:ROOT::eku:1.2", DidRefusal::Syntax),
        ("did:x509:0:sha256:ROOT::eku:", DidRefusal::Syntax),
        ("did:x509:0:sha256:ROOT::eku:1.2:3", DidRefusal::Syntax),
        ("did:x509:0:sha256:ROOT::", DidRefusal::Policy),
        ("did:x509:0:sha256:ROOT::subject:CN:End", DidRefusal::Policy),
        ("did:x509:0:sha384:ROOT::eku:1.2", DidRefusal::Fingerprint),
        ("did:x509:0:sha256:ROOTA::eku:1.2", DidRefusal::Fingerprint),
        ("did:x509:0:sha256:::eku:1.2", DidRefusal::Syntax),
        ("did:x509:0:sha256:ROOT::eku:1.2", DidRefusal::Purpose),
        ("did:x509:0:sha256:ROOT::eku:1.3.6.1.5.5.7.3.1::eku:1.3.6.1.5.5.7.3.2", DidRefusal::Purpose),
    ];
    for (did, expected) in cases {
        refused(expected.into(), |message| message.did = Some(did.to_owned()));
    }
    // Another issuer, who is genuine, too.
    let other = "did:x509:0:sha256:ROOT::eku:1.3.6.1.5.5.7.3.1";
    refused(Refusal::NotTrusted, |message| message.did = Some(other.to_owned()));
}
