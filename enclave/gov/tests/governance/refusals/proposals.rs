//! Proposals, ballots, acknowledgements and shares that come too late, too early or make no sense.

use coco_wire::Digest;
use serde_json::{Value, json};

use super::{Case, Signed, World};
use crate::consortium::{Envelope, NOW_S, sign};

pub(super) fn cases(world: &World) -> Vec<Case> {
    let mut cases = closed(world);
    cases.extend(ballots(world));
    cases.extend(created(world));
    cases.extend(acknowledged(world));
    let share = world.requests(0).swap_remove(5);
    let text = "Service is not waiting for recovery shares.".to_owned();
    cases.push(world.signed(0, &share, (403, "ServiceNotWaitingForRecoveryShares", text)));
    cases
}

/// The request of this kind about another proposal.
fn about(world: &World, by: usize, kind: usize, id: &str) -> Signed {
    let request = world.requests(by).swap_remove(kind);
    let path = request.path.replace(world.open.as_str(), id);
    Signed { path, proposal_id: Some(id.to_owned()), ..request }
}

fn closed(world: &World) -> Vec<Case> {
    let (first, second) = (world.id(0), world.id(1));
    let mut cases = Vec::new();
    for (id, word) in &world.closed {
        let text =
            format!("Proposal {id} is currently in state {word} - only open proposals can receive votes");
        for by in [0, 1] {
            let refusal = (400, "ProposalNotOpen", text.clone());
            cases.push(world.signed(by, &about(world, by, 2, id), refusal));
        }
        if *word != "withdrawn" {
            let text = format!("Proposal {id} is currently in state {word} and cannot be withdrawn.");
            cases.push(world.signed(0, &about(world, 0, 1, id), (400, "ProposalNotOpen", text)));
        }
    }
    let proposals = world.closed.iter().map(|(id, _)| id).chain([&world.open]);
    cases.extend(proposals.map(|id| {
        let text =
            format!("Proposal {id} can only be withdrawn by proposer m[{first}], not caller m[{second}].");
        world.signed(1, &about(world, 1, 1, id), (403, "AuthorizationFailed", text))
    }));
    let absent = "0".repeat(64);
    let text = format!("Could not find proposal {absent}.");
    cases.push(world.signed(0, &about(world, 0, 2, &absent), (404, "ProposalNotFound", text)));
    cases
}

fn ballots(world: &World) -> Vec<Case> {
    let ballot = |by: usize, payload: Value| Signed { payload, ..world.requests(by).swap_remove(2) };
    let no_field = "Signed request body is not a JSON object containing required string field \"ballot\"";
    let contents = [
        json!({}),
        json!(null),
        json!([]),
        json!("export function vote() { return true }"),
        json!({ "ballot": null }),
        json!({ "ballot": 1 }),
        json!({ "ballot": ["export function vote() { return true }"] }),
        json!({ "Ballot": "export function vote() { return true }" }),
    ];
    let mut cases: Vec<_> = contents
        .into_iter()
        .map(|payload| world.signed(0, &ballot(0, payload), (400, "InvalidInput", no_field.into())))
        .collect();
    let envelope =
        Envelope { message_type: Some("ballot"), proposal_id: Some(&world.open), ..Envelope::default() };
    for content in [&b""[..], b"{", b"\xff", b"export function vote() { return true }"] {
        let message = sign(&world.service.members[0], &envelope, content);
        let path = ballot(0, json!({})).path;
        cases.push(Case::post(&path, message, (400, "InvalidInput", no_field.into())));
    }
    let id = world.id(1);
    let text = format!("Different ballot already submitted by m[{id}] for {}.", world.open);
    for other in ["export function vote() { return false }", "", "no ballot at all"] {
        let refusal = (400, "VoteAlreadyExists", text.clone());
        cases.push(world.signed(1, &ballot(1, json!({ "ballot": other })), refusal));
    }
    let script = format!("public:ccf.gov.proposals_info[{}].ballots[{}]", world.open, world.id(0));
    let scripts = [
        ("export function other() {}", format!("module '{script}' exports no function 'vote'")),
        ("export const vote = true;", format!("module '{script}' exports no function 'vote'")),
        ("throw new Error('early')", "Error: early".into()),
    ];
    cases.extend(scripts.map(|(source, reason)| {
        let text = format!("The ballot cannot be evaluated: {reason}");
        world.signed(0, &ballot(0, json!({ "ballot": source })), (400, "InvalidInput", text))
    }));
    cases
}

fn created(world: &World) -> Vec<Case> {
    let proposal = |payload: Value| Signed { payload, ..world.requests(0).swap_remove(0) };
    let invalid =
        |names: &str| (400, "ProposalFailedToValidate", format!("Proposal failed to validate: {names}"));
    let unknown = [("fly", json!([{ "name": "fly" }])), ("fly,", json!([{ "name": "fly" }, { "name": "" }]))];
    let mut cases: Vec<_> = unknown
        .into_iter()
        .map(|(names, actions)| world.signed(0, &proposal(json!({ "actions": actions })), invalid(names)))
        .collect();
    let at = |created_at_s: i64, payload: &[u8]| {
        let envelope = Envelope { message_type: Some("proposal"), created_at_s, proposal_id: None };
        sign(&world.service.members[0], &envelope, payload)
    };
    let path = proposal(json!({})).path;
    let good = br#"{"actions":[{"name":"noop"}]}"#;
    for time in [10_000_000_000, 10_000_000_001, i64::MAX] {
        let text = "Header parameter created_at value is too large".to_owned();
        cases.push(Case::post(&path, at(time, good), (400, "InvalidCreatedAt", text)));
    }
    for time in [0, 1, NOW_S - 1] {
        let text = format!("Proposal created too long ago, created_at must be greater than {NOW_S}");
        cases.push(Case::post(&path, at(time, good), (400, "ProposalCreatedTooLongAgo", text)));
    }
    let text = "Signed request body is not UTF-8".to_owned();
    cases.push(Case::post(&path, at(NOW_S, b"\xff"), (400, "InvalidInput", text)));
    cases
}

fn acknowledged(world: &World) -> Vec<Case> {
    let ack = |payload: Value| Signed { payload, ..world.requests(0).swap_remove(4) };
    let no_field =
        "Signed request body is not a JSON object containing required string field \"stateDigest\"";
    let mut cases: Vec<_> =
        [json!({}), json!([]), json!({ "stateDigest": 7 }), json!({ "state_digest": "" })]
            .into_iter()
            .map(|payload| world.signed(0, &ack(payload), (400, "InvalidInput", no_field.into())))
            .collect();
    let expected = Digest([7; 32]);
    for received in ["", "07", &Digest([8; 32]).to_hex(), &format!("{expected} ")] {
        let text =
            format!("Submitted state digest is not valid.\nExpected\n {expected}\nReceived\n {received}");
        let refusal = (400, "StateDigestMismatch", text);
        cases.push(world.signed(0, &ack(json!({ "stateDigest": received })), refusal));
    }
    cases
}
