//! Who may sign what, and once only.

use coco_wire::cose::{self, CoseSign1, Headers};
use serde_json::{Value, json};

use crate::{
    consortium::{Envelope, Member, NOW_S, Service, body, refusal, sign, text},
    constitutions::PLAIN,
};

const CREATE: &str = "/members/proposals:create";

fn detail(response: &coco_app::Response) -> Value {
    body(response)["error"]["details"][0].take()
}

#[test]
fn wrong_signatures_are_refused_and_nothing_is_written() {
    let mut service = Service::new(PLAIN);
    (0..2).for_each(|by| service.acknowledge(by));
    let before = service.store.version();
    let payload = json!({ "actions": [{ "name": "pass" }] }).to_string().into_bytes();
    let proposal = Envelope { message_type: Some("proposal"), ..Envelope::default() };
    let good = sign(&service.members[0], &proposal, &payload);
    let stranger = sign(&Member::new(3), &proposal, &payload);
    let inactive = sign(&service.members[2], &proposal, &payload);
    let untyped = sign(&service.members[0], &Envelope::default(), &payload);
    let ballot = Envelope { message_type: Some("ballot"), ..Envelope::default() };
    let mistyped = sign(&service.members[0], &ballot, &payload);
    let mut trailing = good.clone();
    trailing.push(0);
    let cases = [
        (stranger, "active_member_cose_sign1", "Signer is not a known member"),
        (inactive, "active_member_cose_sign1", "Signer is not an ACTIVE member"),
        (
            untyped,
            "active_member_cose_sign1",
            "Missing ccf.gov.msg.type, expected ccf.gov.msg.type to be proposal",
        ),
        (
            mistyped,
            "active_member_cose_sign1",
            "Found ccf.gov.msg.type set to ballot, expected ccf.gov.msg.type to be proposal",
        ),
        (trailing, "active_member_cose_sign1", ""),
        (Vec::new(), "active_member_cose_sign1", ""),
        (payload.clone(), "active_member_cose_sign1", ""),
    ];
    for (message, policy, reason) in cases {
        let response = service.post(CREATE, message);
        let (status, code, _) = refusal(&response);
        assert_eq!((status, code.as_str()), (401, "InvalidAuthenticationInfo"), "{reason}");
        let detail = detail(&response);
        assert_eq!(detail["auth_policy"], policy);
        assert!(detail["message"].as_str().unwrap().contains(reason), "{detail}");
    }
    for at in 0..good.len() {
        let mut tampered = good.clone();
        tampered[at] ^= 1 << (at % 8);
        assert_eq!(service.post(CREATE, tampered).status.0, 401, "byte {at}");
    }
    assert_eq!(service.store.version(), before);
    assert_eq!(service.post(CREATE, good).status.0, 200);
}

#[test]
fn paths_must_name_what_was_signed() {
    let mut service = Service::new(PLAIN);
    service.acknowledge_all();
    let proposal = service.proposed(0, &json!([{ "name": "noop" }]));
    let (own, other) = (service.members[0].id, service.members[1].id);
    let before = service.store.version();
    let absent = "0".repeat(64);
    let aye = json!({ "ballot": "export function vote() { return true }" });
    let ballot = |id| format!("/members/proposals/{id}/ballots/{own}:submit");
    let cases = [
        (ballot(&proposal), "ballot", None, "InvalidResourceName"),
        (ballot(&proposal), "ballot", Some(absent.as_str()), "InvalidResourceName"),
        (ballot(&absent), "ballot", Some(proposal.as_str()), "InvalidResourceName"),
        (ballot(&"ABC".to_owned()), "ballot", Some("ABC"), "InvalidResourceName"),
        (
            format!("/members/proposals/{proposal}/ballots/{other}:submit"),
            "ballot",
            Some(proposal.as_str()),
            "InvalidResourceName",
        ),
        (
            format!("/members/proposals/{proposal}:withdraw"),
            "withdrawal",
            Some(absent.as_str()),
            "InvalidResourceName",
        ),
        (format!("/members/state-digests/{other}:update"), "state_digest", None, "InvalidAuthenticationInfo"),
        (format!("/members/state-digests/{other}:ack"), "ack", None, "InvalidAuthenticationInfo"),
        (format!("/members/state-digests/{other}x:ack"), "ack", None, "InvalidAuthenticationInfo"),
    ];
    for (path, message_type, proposal_id, code) in cases {
        let envelope = Envelope { message_type: Some(message_type), proposal_id, ..Envelope::default() };
        let response = service.post_signed(0, &path, &envelope, &aye);
        assert_eq!((refusal(&response).0, refusal(&response).1.as_str()), (400, code), "{path}");
    }
    assert_eq!(service.store.version(), before);
}

#[test]
fn digests_that_were_not_asked_for_are_not_acknowledged() {
    let mut service = Service::new(PLAIN);
    let id = service.members[0].id;
    let path = format!("/members/state-digests/{id}:ack");
    let ack = Envelope { message_type: Some("ack"), ..Envelope::default() };
    let (status, code, message) =
        refusal(&service.post_signed(0, &path, &ack, &json!({ "stateDigest": "ab" })));
    assert_eq!((status, code.as_str()), (400, "StateDigestMismatch"));
    assert_eq!(message, "Submitted state digest is not valid.\nExpected\n \nReceived\n ab");
    for payload in [json!({}), json!([]), json!(["ab"]), json!({ "stateDigest": 1 })] {
        let (status, code, _) = refusal(&service.post_signed(0, &path, &ack, &payload));
        assert_eq!((status, code.as_str()), (400, "InvalidInput"));
    }
}

#[test]
fn a_proposal_is_taken_once() {
    let mut service = Service::new(PLAIN);
    service.acknowledge_all();
    let envelope =
        |created_at_s| Envelope { message_type: Some("proposal"), created_at_s, proposal_id: None };
    let payload = json!({ "actions": [{ "name": "pass" }] }).to_string().into_bytes();
    let message = sign(&service.members[0], &envelope(NOW_S), &payload);
    let id = body(&service.post(CREATE, message.clone()))["proposalId"].take();
    let version = service.store.version();

    let (status, code, text) = refusal(&service.post(CREATE, message.clone()));
    assert_eq!((status, code.as_str()), (400, "ProposalReplay"));
    assert_eq!(
        text,
        format!("Proposal submission replay, already exists as proposal {}", id.as_str().unwrap())
    );

    // The same message with the other signature that everyone can make out of the first, or another header.
    let parts = CoseSign1::decode(&message).unwrap();
    let twin = negate_s(parts.signature);
    let unprotected = Headers::new(vec![(coco_wire::cbor::Cbor::Int(99), coco_wire::cbor::Cbor::Int(1))]);
    for (unprotected, signature) in [(&Headers::empty(), &twin[..]), (&unprotected, parts.signature)] {
        let message = cose::encode(parts.protected_bytes, unprotected, parts.payload, signature);
        assert_eq!(refusal(&service.post(CREATE, message)).1, "ProposalReplay");
    }
    let message = sign(&service.members[0], &envelope(10_000_000_000), &payload);
    assert_eq!(refusal(&service.post(CREATE, message)).1, "InvalidCreatedAt");
    assert_eq!(service.store.version(), version);
}

#[test]
fn old_proposals_are_refused_and_the_window_is_bounded() {
    let mut service = Service::new(PLAIN);
    service.write(|tables, tx| {
        let mut config = tables.service.config.get(tx).unwrap().unwrap();
        config.recent_cose_proposals_window_size = Some(10);
        tables.service.config.put(tx, &config);
    });
    service.acknowledge_all();
    let payload = json!({ "actions": [{ "name": "pass" }] }).to_string().into_bytes();
    let mut propose = |at: i64| {
        let envelope =
            Envelope { message_type: Some("proposal"), created_at_s: NOW_S + at, proposal_id: None };
        let message = sign(&service.members[0], &envelope, &payload);
        let response = service.post(CREATE, message);
        let kept = service.tables.proposals.cose_recent_proposals.len(&service.store.latest());
        (response.status.0, text(&response), kept)
    };
    for at in 0..20 {
        let (status, text, kept) = propose(at);
        assert_eq!(status, 200, "{text}");
        assert_eq!(kept, usize::try_from(at + 1).unwrap().min(10));
    }
    // Kept are 10..20, the median is 15.
    for at in [-1, 0, 14] {
        let (status, text, _) = propose(at);
        assert_eq!(status, 400);
        assert!(text.contains("ProposalCreatedTooLongAgo"), "{text}");
        assert!(text.contains(&format!("created_at must be greater than {}", NOW_S + 15)), "{text}");
    }
    assert_eq!(propose(15).0, 200);
}

/// r ‖ n − s on P-384, byte by byte.
fn negate_s(signature: &[u8]) -> Vec<u8> {
    const ORDER: &str =
        "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973";
    let order = coco_wire::text::decode_hex(ORDER).unwrap();
    let mut out = signature.to_vec();
    let mut borrow = 0_i16;
    for at in (0..48).rev() {
        let difference = i16::from(order[at]) - i16::from(signature[48 + at]) - borrow;
        borrow = i16::from(difference < 0);
        out[48 + at] = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    out
}
