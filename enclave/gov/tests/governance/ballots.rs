//! Ballots are programs of members who may mean harm.

use coco_app::Status;
use serde_json::json;

use crate::{
    consortium::{Service, body, refusal, text},
    constitutions::PLAIN,
};

const AYE: &str = "export function vote() { return true }";
const NAY: &str = "export function vote() { return false }";

fn with_proposal() -> (Service, String) {
    let mut service = Service::new(PLAIN);
    service.acknowledge_all();
    let proposal = service.proposed(0, &json!([{ "name": "noop" }]));
    (service, proposal)
}

#[test]
fn a_member_votes_once() {
    let (mut service, proposal) = with_proposal();
    let first = service.vote(0, &proposal, NAY);
    assert_eq!(first.status, Status::OK);
    let version = service.store.version();
    assert_eq!(body(&service.vote(0, &proposal, NAY)), body(&first));
    let (status, code, message) = refusal(&service.vote(0, &proposal, AYE));
    assert_eq!((status, code.as_str()), (400, "VoteAlreadyExists"));
    let id = service.members[0].id;
    assert_eq!(message, format!("Different ballot already submitted by m[{id}] for {proposal}."));
    assert_eq!(service.store.version(), version);
    let path = |member| format!("/members/proposals/{proposal}/ballots/{member}");
    let ballot = service.get(&path(id));
    assert_eq!(ballot.body, NAY.as_bytes());
    assert!(ballot.headers.contains(&("content-type".into(), "text/javascript".into())));
    assert_eq!(refusal(&service.get(&path(service.members[1].id))).1, "VoteNotFound");

    assert_eq!(body(&service.vote(1, &proposal, NAY))["proposalState"], "Rejected");
    let (status, code, message) = refusal(&service.vote(2, &proposal, AYE));
    assert_eq!((status, code.as_str()), (400, "ProposalNotOpen"));
    assert!(message.contains("is currently in state rejected - only open proposals can receive votes"));
    let absent = "0".repeat(64);
    assert_eq!(refusal(&service.vote(2, &absent, AYE)).1, "ProposalNotFound");
}

#[test]
fn ballots_see_the_proposal_and_its_author() {
    let (mut service, proposal) = with_proposal();
    let author = service.members[0].id;
    let ballot = format!(
        "export function vote(proposal, proposer) {{
           const [action] = JSON.parse(proposal).actions;
           return action.name === 'noop' && proposer === '{author}';
         }}"
    );
    service.vote(1, &proposal, &ballot);
    assert_eq!(body(&service.vote(2, &proposal, &ballot))["proposalState"], "Accepted");
}

#[test]
fn hostile_ballots_are_failures_not_votes() {
    let endless = "Operation took too long to complete.";
    let cases = [
        ("export function vote() { while (true) {} }", endless),
        ("export function vote() { const all = []; while (true) all.push('x'.repeat(99)); }", ""),
        ("export function vote() { return vote() + 1; }", ""),
        ("export function vote() { throw new Error('no'); }", "Error: no"),
        ("export function vote() { throw { odd: 1 }; }", "{\"odd\":1}"),
        ("export function vote() { ccf.kv['public:ccf.gov.users.info'].clear(); return true; }", ""),
        ("export function vote() { return ccf.kv['records'].size > 0; }", ""),
        ("export function vote() { ccf.node.triggerLedgerChunk(); return true; }", ""),
    ];
    for (ballot, reason) in cases {
        let (mut service, proposal) = with_proposal();
        let response = service.vote(0, &proposal, ballot);
        assert_eq!(response.status, Status::OK, "{ballot}: {}", text(&response));
        assert_eq!(body(&response)["proposalState"], "Open", "{ballot}");
        service.vote(1, &proposal, AYE);
        let decided = body(&service.vote(2, &proposal, AYE));
        assert_eq!(decided["proposalState"], "Accepted", "{ballot}");
        let id = service.members[0].id.to_hex();
        assert_eq!(decided["finalVotes"].as_object().unwrap().len(), 2, "{ballot}");
        let failure = decided["voteFailures"][&id]["reason"].as_str().unwrap();
        assert!(failure.contains(reason), "{ballot}: {failure}");
        assert!(!service.requests.ledger_chunk);
    }
}

#[test]
fn what_is_no_ballot_is_refused() {
    let (mut service, proposal) = with_proposal();
    let version = service.store.version();
    for ballot in
        ["", "vote", "}", "export function other() {}", "import { a } from '/nowhere.js';", "throw 1"]
    {
        let (status, code, message) = refusal(&service.vote(0, &proposal, ballot));
        assert_eq!((status, code.as_str()), (400, "InvalidInput"), "{ballot}: {message}");
    }
    assert_eq!(service.store.version(), version);
}
