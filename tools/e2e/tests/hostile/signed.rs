//! Signed messages that are tampered with, replayed, or signed by the wrong one.

use coco_client::governance::{AGREE, API_VERSION, Message, sign};
use coco_crypto::{EcKey, Signer as _};
use coco_e2e::{Party, consortium::now};
use coco_wire::{
    cbor::Cbor,
    cose::{self, Headers},
};
use serde_json::{Value, json};

use crate::{Case, Expected, Who, World, request};

const REFUSED: Expected = (401, "InvalidAuthenticationInfo");

/// A message whose protected headers are as given.
fn envelope(signer: &Party, alg: i64, kid: &str, more: Vec<(&str, Cbor<'_>)>, payload: &[u8]) -> Vec<u8> {
    let mut parameters =
        vec![(Cbor::Int(cose::ALG), Cbor::Int(alg)), (Cbor::Int(cose::KID), Cbor::Bytes(kid.as_bytes()))];
    parameters.extend(more.into_iter().map(|(name, value)| (Cbor::Text(name), value)));
    let protected = Headers::new(parameters).encode();
    let key = EcKey::from_pem(&signer.key).unwrap();
    let signature = key.sign(&cose::to_be_signed(&protected, payload));
    cose::encode(&protected, &Headers::empty(), Some(payload), signature.as_fixed())
}

const ES384: i64 = -35;

/// The message with one bit of a byte, counted from the end, changed.
fn tampered(message: &[u8], from_end: usize) -> Vec<u8> {
    let mut message = message.to_vec();
    let at = message.len() - from_end;
    message[at] ^= 1;
    message
}

fn cose_request(line: &str, body: &[u8]) -> Vec<u8> {
    request(line, &[("content-type", "application/cose")], body)
}

pub(crate) fn user_cases(world: &World) -> Vec<Case> {
    let [user, member] = [&world.consortium.users[0], &world.consortium.members[0]];
    let payload = br#"{"id":7,"msg":"x"}"#;
    let id = |party: &Party| party.identity.id().to_string();
    let by = |signer: &Party, kid: &Party| envelope(signer, ES384, &id(kid), vec![], payload);
    let sound = by(user, user);
    let line = "POST /app/log/private";
    let table = [
        ("signed by a stranger", cose_request(line, &by(&world.stranger, &world.stranger))),
        ("signed by a stranger in the name of a user", cose_request(line, &by(&world.stranger, user))),
        ("signed by a member", cose_request(line, &by(member, member))),
        ("signature changed", cose_request(line, &tampered(&sound, 1))),
        ("content changed", cose_request(line, &tampered(&sound, 103))),
        ("cut", cose_request(line, &sound[..sound.len() - 1])),
        ("a byte more", cose_request(line, &[&sound[..], b"x"].concat())),
        ("no COSE", cose_request(line, payload)),
        ("empty", cose_request(line, b"")),
        ("another algorithm named", cose_request(line, &envelope(user, -7, &id(user), vec![], payload))),
        ("algorithm that is none", cose_request(line, &envelope(user, 0, &id(user), vec![], payload))),
        ("signer that is no name", cose_request(line, &envelope(user, ES384, "user0", vec![], payload))),
        ("under another content type", request(line, &[("content-type", "application/json")], &sound)),
        ("nested far too deep", cose_request(line, &[0x81; 50_000])),
        ("length far too great", cose_request(line, b"\xd2\x9b\xff\xff\xff\xff\xff\xff\xff\xff")),
    ];
    let case = |(name, bytes)| Case { name, who: Who::Nobody, bytes, expected: REFUSED };
    table.into_iter().map(case).collect()
}

struct Governance<'a> {
    world: &'a World,
}

impl Governance<'_> {
    fn member(&self, number: usize) -> &Party {
        &self.world.consortium.members[number]
    }

    fn path(path: &str) -> String {
        format!("POST {path}?api-version={API_VERSION}")
    }

    fn create(message: &[u8]) -> Vec<u8> {
        cose_request(&Self::path("/gov/members/proposals:create"), message)
    }

    fn propose(&self, payload: &str) -> Vec<u8> {
        Self::create(&sign(&self.member(0).identity, Message::Proposal, payload.as_bytes(), now()))
    }

    /// A ballot of member `signer` on proposal `meant`, sent to the place of another.
    fn ballot(&self, signer: usize, meant: &str, proposal: &str, place: usize, content: &Value) -> Vec<u8> {
        let place = self.member(place).identity.id();
        let path = format!("/gov/members/proposals/{proposal}/ballots/{place}:submit");
        let message = sign(
            &self.member(signer).identity,
            Message::Ballot(meant),
            content.to_string().as_bytes(),
            now(),
        );
        cose_request(&Self::path(&path), &message)
    }

    fn dated(&self, created_at: Cbor<'_>, payload: &str) -> Vec<u8> {
        let member = self.member(0);
        let more = vec![("ccf.gov.msg.type", Cbor::Text("proposal")), ("ccf.gov.msg.created_at", created_at)];
        Self::create(&envelope(member, ES384, &member.identity.id().to_string(), more, payload.as_bytes()))
    }
}

pub(crate) fn member_cases(world: &World) -> Vec<Case> {
    [proposals(world), ballots(world)].concat()
}

fn proposals(world: &World) -> Vec<Case> {
    let gov = Governance { world };
    let member = gov.member(0);
    let payload = r#"{"actions":[{"name":"remove_user","args":{"user_id":"00"}}]}"#;
    let by = |party: &Party| {
        Governance::create(&sign(&party.identity, Message::Proposal, payload.as_bytes(), now()))
    };
    let sound = sign(&member.identity, Message::Proposal, payload.as_bytes(), now());
    let ack = sign(&member.identity, Message::Ack, payload.as_bytes(), now());
    let undated = {
        let more = vec![("ccf.gov.msg.type", Cbor::Text("proposal"))];
        envelope(member, ES384, &member.identity.id().to_string(), more, payload.as_bytes())
    };
    let versionless = cose_request("POST /gov/members/proposals:create", &sound);
    let old = cose_request("POST /gov/members/proposals:create?api-version=1999-01-01", &sound);
    let unsigned = request(
        &Governance::path("/gov/members/proposals:create"),
        &[("content-type", "application/json")],
        payload.as_bytes(),
    );
    let invalid = (400, "ProposalFailedToValidate");
    let table = [
        ("proposal without signature", unsigned, REFUSED),
        ("proposal by a user", by(&world.consortium.users[0]), REFUSED),
        ("proposal by a stranger", by(&world.stranger), REFUSED),
        ("proposal, signature changed", Governance::create(&tampered(&sound, 1)), REFUSED),
        ("proposal, content changed", Governance::create(&tampered(&sound, 110)), REFUSED),
        ("acknowledgement as a proposal", Governance::create(&ack), REFUSED),
        ("proposal without date", Governance::create(&undated), REFUSED),
        ("proposal of before 1970", gov.dated(Cbor::Int(-1), payload), REFUSED),
        ("proposal without version", versionless, (400, "MissingApiVersionParameter")),
        ("proposal of another version", old, (400, "UnsupportedApiVersionValue")),
        ("proposal replayed", Governance::create(&world.open_message), (400, "ProposalReplay")),
        ("proposal of long ago", gov.dated(Cbor::Int(1), payload), (400, "ProposalCreatedTooLongAgo")),
        ("proposal of the far future", gov.dated(Cbor::Int(i64::MAX), payload), (400, "InvalidCreatedAt")),
        ("proposal that is no JSON", gov.propose("nonsense"), (500, "InternalError")),
        ("proposal without actions", gov.propose("{}"), invalid),
        ("proposal of an unknown action", gov.propose(r#"{"actions":[{"name":"give_up"}]}"#), invalid),
        (
            "proposal with wrong arguments",
            gov.propose(r#"{"actions":[{"name":"set_user","args":{"cert":7}}]}"#),
            invalid,
        ),
    ];
    table
        .into_iter()
        .map(|(name, bytes, expected)| Case { name, who: Who::Member, bytes, expected })
        .collect()
}

fn ballots(world: &World) -> Vec<Case> {
    let gov = Governance { world };
    let (open, closed) = (&world.open_proposal, &world.closed_proposal);
    let agree = json!({ "ballot": AGREE });
    let nowhere = "0".repeat(64);
    let name = (400, "InvalidResourceName");
    let withdrawal = {
        let message = sign(&gov.member(1).identity, Message::Withdrawal(open), b"", now());
        cose_request(&Governance::path(&format!("/gov/members/proposals/{open}:withdraw")), &message)
    };
    let ack = {
        let member = &gov.member(0).identity;
        let content = json!({ "stateDigest": "0".repeat(64) }).to_string();
        let message = sign(member, Message::Ack, content.as_bytes(), now());
        cose_request(&Governance::path(&format!("/gov/members/state-digests/{}:ack", member.id())), &message)
    };
    let table = [
        ("ballot on nothing", gov.ballot(0, &nowhere, &nowhere, 0, &agree), (404, "ProposalNotFound")),
        ("ballot meant for another proposal", gov.ballot(0, closed, open, 0, &agree), name),
        ("ballot in another's place", gov.ballot(0, open, open, 1, &agree), name),
        ("ballot on a closed proposal", gov.ballot(0, closed, closed, 0, &agree), (400, "ProposalNotOpen")),
        ("ballot without a script", gov.ballot(0, open, open, 0, &json!({})), (400, "InvalidInput")),
        (
            "ballot that is a number",
            gov.ballot(0, open, open, 0, &json!({ "ballot": 7 })),
            (400, "InvalidInput"),
        ),
        ("withdrawal of another's proposal", withdrawal, (403, "AuthorizationFailed")),
        ("acknowledgement of another state", ack, (400, "StateDigestMismatch")),
    ];
    table
        .into_iter()
        .map(|(name, bytes, expected)| Case { name, who: Who::Member, bytes, expected })
        .collect()
}
