use coco_crypto::{
    Curve, EcKey, NotAuthentic, Signer as _, SystemEntropy,
    cose::CoseAlgorithm,
    x509::{Name, UnixTime, Validity, issue_participant},
};
use coco_wire::{
    cbor::Cbor,
    cose::{self, CoseError, CoseSign1, Headers},
};

use super::{InvalidMessage, Message, Unsigned, sign};
use crate::Identity;

fn member(curve: Curve) -> Identity {
    let key = EcKey::generate(curve, &SystemEntropy);
    let validity = Validity::days(UnixTime(1_700_000_000), 365).unwrap();
    let certificate = issue_participant(&key, &Name::common("m").unwrap(), validity, &SystemEntropy);
    Identity::new(certificate, key).unwrap()
}

/// Headers in the order in which `ccf_cose_sign1` writes them.
#[test]
fn messages_have_the_headers_of_ccf() {
    let cases = [
        (Message::Proposal, "proposal", None),
        (Message::Ballot("ab12"), "ballot", Some("ab12")),
        (Message::Withdrawal("ab12"), "withdrawal", Some("ab12")),
        (Message::Ack, "ack", None),
        (Message::StateDigest, "state_digest", None),
        (Message::RecoveryShare, "recovery_share", None),
    ];
    for (curve, algorithm) in [(Curve::P384, -35), (Curve::P256, -7)] {
        let member = member(curve);
        for (message, name, proposal_id) in cases {
            let bytes = sign(&member, message, b"payload", UnixTime(1_700_000_001));
            let decoded = CoseSign1::decode(&bytes).unwrap();
            let kid = member.id().to_string();
            let mut expected = vec![
                (Cbor::Int(cose::ALG), Cbor::Int(algorithm)),
                (Cbor::Int(cose::KID), Cbor::Bytes(kid.as_bytes())),
                (Cbor::Text("ccf.gov.msg.type"), Cbor::Text(name)),
                (Cbor::Text("ccf.gov.msg.created_at"), Cbor::Int(1_700_000_001)),
            ];
            expected.extend(proposal_id.map(|id| (Cbor::Text("ccf.gov.msg.proposal_id"), Cbor::Text(id))));
            assert_eq!(decoded.protected.parameters(), expected, "{name}");
            assert_eq!(decoded.payload, Some(b"payload".as_slice()));
            let signed = decoded.to_be_signed(None).unwrap();
            let key = member.certificate().public_key();
            let algorithm = CoseAlgorithm::from_label(algorithm).unwrap();
            algorithm.verify(key, &signed, decoded.signature).unwrap();
        }
    }
}

/// What is signed elsewhere is the message that the key would have signed here.
#[test]
fn a_message_is_kept_until_it_is_signed() {
    for curve in [Curve::P256, Curve::P384] {
        let member = member(curve);
        let key = member.key();
        for message in [Message::Proposal, Message::Ballot("ab12"), Message::Ack] {
            let made =
                Unsigned::new(member.certificate(), message, b"payload", UnixTime(1_700_000_001)).unwrap();
            let kept = Unsigned::decode(member.certificate(), &made.encode()).unwrap();
            assert_eq!(kept, made);
            assert_eq!(kept.path(), message.path(&member.id()));
            assert_eq!(kept.algorithm(), CoseAlgorithm::of(key.public_key()));
            let bytes = sign(&member, message, b"payload", UnixTime(1_700_000_001));
            let to_be_signed = CoseSign1::decode(&bytes).unwrap().to_be_signed(None).unwrap();
            assert_eq!(kept.digest(), curve.hash().digest(&to_be_signed));
            let finished = kept.finish(&key.sign(&to_be_signed)).unwrap();
            let decoded = CoseSign1::decode(&finished).unwrap();
            assert_eq!(decoded.to_be_signed(None).unwrap(), to_be_signed);
            assert_eq!(kept.finish(&key.sign(b"another")), Err(NotAuthentic));
        }
    }
}

#[test]
fn what_is_no_message_of_the_member() {
    let (member, other) = (member(Curve::P384), member(Curve::P384));
    let made = Unsigned::new(member.certificate(), Message::Proposal, b"", UnixTime(1)).unwrap();
    let refused = |certificate, bytes: &[u8]| Unsigned::decode(certificate, bytes).unwrap_err();
    assert_eq!(refused(other.certificate(), &made.encode()), InvalidMessage::Headers);
    assert!(matches!(refused(member.certificate(), b"nothing"), InvalidMessage::Cose(_)));
    let kid = member.id().to_string();
    let with = |more: Vec<(&'static str, Cbor<'static>)>, payload: Option<&[u8]>| {
        let mut headers =
            vec![(Cbor::Int(cose::ALG), Cbor::Int(-35)), (Cbor::Int(cose::KID), Cbor::Bytes(kid.as_bytes()))];
        headers.extend(more.into_iter().map(|(name, value)| (Cbor::Text(name), value)));
        cose::encode(&Headers::new(headers).encode(), &Headers::empty(), payload, b"")
    };
    let typed = |name| ("ccf.gov.msg.type", Cbor::Text(name));
    let (at, id) = (("ccf.gov.msg.created_at", Cbor::Int(1)), "ccf.gov.msg.proposal_id");
    let detached = with(vec![typed("proposal"), at.clone()], None);
    assert_eq!(refused(member.certificate(), &detached), InvalidMessage::Cose(CoseError::Payload));
    for headers in [
        vec![at.clone()],
        vec![typed("proposal")],
        vec![typed("dance"), at.clone()],
        vec![typed("ballot"), at.clone()],
        vec![typed("proposal"), at.clone(), (id, Cbor::Text("ab"))],
        vec![typed("ballot"), at.clone(), (id, Cbor::Text("../ab"))],
        vec![typed("ballot"), at.clone(), (id, Cbor::Int(1))],
    ] {
        let bytes = with(headers.clone(), Some(b""));
        assert_eq!(refused(member.certificate(), &bytes), InvalidMessage::Headers, "{headers:?}");
    }
    let good = with(vec![typed("ballot"), at, (id, Cbor::Text("ab"))], Some(b""));
    Unsigned::decode(member.certificate(), &good).unwrap();
}
