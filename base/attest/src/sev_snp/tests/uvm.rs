//! Endorsements of utility VMs: believed, and one case for each reason not to.

use coco_crypto::x509::InvalidCertificate;
use coco_imitated::uvm::{FEED, MEASUREMENT, Message, payload};
use coco_wire::{cbor::Cbor, cose::CoseError, text::encode_hex};

use super::{
    super::{
        Refusal as ReportRefusal, Requirements,
        uvm::{Claims, DidRefusal, Endorsers, Header, Refusal, Trusted, verify},
    },
    der::{CERTIFICATES, authority, critical_extension, day, element},
    machine::{Machine, NOW, Verify, keys},
};

fn judge(message: &Message) -> Result<Claims, Refusal> {
    let (message, did) = message.sign();
    let others = Trusted { did: "did:x509:0:sha256:AA::eku:1.2", feed: FEED, svn: 0 };
    verify(&message, &MEASUREMENT, &[others, Trusted { did: &did, feed: FEED, svn: 7 }])
}

#[test]
fn messages_that_are_believed() {
    let mut message = Message::new();
    let believed = |message: &Message| {
        let claims = judge(message).unwrap();
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
    let requirements = Requirements { uvm: Endorsers::Only(&trusted), ..Requirements::STRICT };
    let anyone = Requirements { uvm: Endorsers::Anyone, ..Requirements::STRICT };
    for requirements in [requirements, anyone] {
        let claims = machine.sign().verify(&requirements, NOW).unwrap();
        assert_eq!(claims.uvm, Some(Claims { did: did.clone(), feed: FEED.to_owned(), svn: 7 }));
    }
    let refusal = machine.sign().verify(&Requirements::STRICT, NOW).unwrap_err();
    assert_eq!(refusal, ReportRefusal::Uvm(Refusal::NotTrusted));
    assert_eq!(
        refusal.to_string(),
        "SEV-SNP: UVM endorsements: did, feed and svn do not match any of the known UVM roots of trust"
    );
    machine.put(0x90, &[0x3f]);
    for requirements in [requirements, anyone] {
        assert_eq!(machine.sign().verify(&requirements, NOW), Err(Refusal::Measurement.into()));
    }
}

#[track_caller]
fn refused(expected: Refusal, change: impl FnOnce(&mut Message)) {
    let mut message = Message::new();
    change(&mut message);
    assert_eq!(judge(&message), Err(expected));
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
