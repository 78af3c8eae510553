//! Hostile members: ballots and a constitution that do not end, or end badly.

use std::fs;

use coco_client::governance::{self, ProposalState};
use coco_e2e::{Consortium, Node, process::constitution};
use serde_json::json;

/// Ballots that are no votes.
const BALLOTS: [&str; 5] = [
    "export function vote() { for (;;); }",
    "export function vote() { const a = []; for (;;) a.push(new Uint8Array(1 << 20)); }",
    "export function vote() { return vote() + 1; }",
    "for (;;); export function vote() { return true; }",
    "export function vote(proposal) { return JSON.parse(proposal).x.y; }",
];

/// In the place of a function of the default constitution.
const ENDLESS: &str = "\nexport function validate(input) { for (;;); }\n";

/// Members propose and vote with ballots that do not end; none of them is a vote.
pub(crate) async fn ballots(node: &Node, consortium: &Consortium) {
    let (mut client, members) = (node.client(None), consortium.signers());
    for (number, ballot) in BALLOTS.iter().enumerate() {
        let data = json!({ "member_id": members[0].id().to_hex(), "member_data": { "round": number } });
        let actions = json!([{ "name": "set_member_data", "args": data }]);
        let proposal = governance::propose(&mut client, &members[0], &actions).await.unwrap();
        let voted = governance::vote(&mut client, &members[0], &proposal.proposal_id, ballot).await.unwrap();
        assert_eq!(voted.proposal_state, ProposalState::Open, "{ballot}");
    }
}

/// A constitution whose `validate` does not end: nothing can be proposed any more, and nobody else is concerned.
pub(crate) async fn constitutions(node: &Node, consortium: &Consortium) {
    let (mut client, members) = (node.client(None), consortium.signers());
    let text: String = constitution().iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let amended = text.replace("export function validate(", "function once(") + ENDLESS;
    assert_ne!(amended.len(), text.len() + ENDLESS.len(), "the default constitution exports validate");
    let actions = json!([{ "name": "set_constitution", "args": { "constitution": amended } }]);
    governance::decide(&mut client, &members, &actions).await.unwrap();
    let actions = json!([{ "name": "trigger_ledger_chunk", "args": {} }]);
    let refused = governance::propose(&mut client, &members[0], &actions).await.unwrap_err().to_string();
    let reason =
        "500 Internal Server Error: InternalError: Failed to execute validation: Operation took too long";
    assert!(refused.contains(reason), "{refused}");
}
