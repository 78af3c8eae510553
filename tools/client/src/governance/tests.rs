use coco_crypto::{
    Curve, EcKey, SystemEntropy,
    cose::CoseAlgorithm,
    x509::{Name, UnixTime, Validity, issue_participant},
};
use coco_wire::{
    cbor::Cbor,
    cose::{self, CoseSign1},
};

use super::{Message, sign};
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
