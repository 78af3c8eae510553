use coco_client::governance::{Message, Unsigned};
use coco_crypto::{
    Certificate, Curve, EcKey, FixedSignature, Signer as _, SystemEntropy,
    x509::{Name, UnixTime, Validity, issue_participant},
};
use coco_wire::{
    cose::CoseSign1,
    text::{encode_base64, encode_base64url},
};
use serde_json::json;

use super::{InvalidSignature, finish};

fn member(curve: Curve) -> (Certificate, EcKey) {
    let key = EcKey::generate(curve, &SystemEntropy);
    let validity = Validity::days(UnixTime(1_700_000_000), 365).unwrap();
    (issue_participant(&key, &Name::common("m").unwrap(), validity, &SystemEntropy), key)
}

fn signature(key: &EcKey, message: &Unsigned) -> FixedSignature {
    let bytes = message.encode();
    key.sign(&CoseSign1::decode(&bytes).unwrap().to_be_signed(None).unwrap())
}

#[test]
fn forms_of_signers() {
    for curve in [Curve::P256, Curve::P384] {
        let (certificate, key) = member(curve);
        let message = Unsigned::new(&certificate, Message::Ack, b"{}", UnixTime(1)).unwrap();
        let signature = signature(&key, &message);
        let (fixed, der) = (signature.as_fixed(), signature.to_der());
        let expected = message.finish(&signature).unwrap();
        for form in [
            fixed.to_vec(),
            der.clone(),
            encode_base64(fixed).into_bytes(),
            format!("{}\n", encode_base64url(&der)).into_bytes(),
            json!({ "kid": "https://vault/key", "value": encode_base64url(fixed) }).to_string().into_bytes(),
            json!({ "value": encode_base64(fixed) }).to_string().into_bytes(),
            json!({ "KeyId": "k", "Signature": encode_base64(&der) }).to_string().into_bytes(),
            json!({ "signature": encode_base64(&der) }).to_string().into_bytes(),
        ] {
            assert_eq!(finish(&message, &form), Ok(expected.clone()), "{}", String::from_utf8_lossy(&form));
        }
    }
}

#[test]
fn nothing_else_completes_a_message() {
    let ((certificate, key), (_, other)) = (member(Curve::P384), member(Curve::P384));
    let message = Unsigned::new(&certificate, Message::Ack, b"{}", UnixTime(1)).unwrap();
    for form in [&b""[..], b"{}", b"{\"value\": 1}", b"?", b"\xff\xfe", b"AAAA", &[0; 95]] {
        assert_eq!(finish(&message, form), Err(InvalidSignature::Form), "{form:?}");
    }
    let good = signature(&key, &message);
    let mut flipped = good.as_fixed().to_vec();
    flipped[50] ^= 1;
    for wrong in [flipped, signature(&other, &message).into_fixed(), vec![0; 96], vec![0xff; 96]] {
        assert_eq!(finish(&message, &wrong), Err(InvalidSignature::NotTheMembers));
    }
    let later = Unsigned::new(&certificate, Message::Ack, b"{}", UnixTime(2)).unwrap();
    assert_eq!(finish(&later, good.as_fixed()), Err(InvalidSignature::NotTheMembers));
}
