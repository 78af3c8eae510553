use coco_client::governance::{Member, Proposal, ProposalState};
use coco_wire::Digest;
use serde_json::{Value, json};

use super::{Ballot, Picture, Rows, Vote, Wanted, brief};

const CONSTITUTION: &str = concat!(
    include_str!("../../../../../samples/constitutions/default/actions.js"),
    include_str!("../../../../../samples/constitutions/default/validate.js"),
    include_str!("../../../../../samples/constitutions/default/resolve.js"),
    include_str!("../../../../../samples/constitutions/default/apply.js"),
);

const SHOWN: &str = "\
Proposal ab of 01010101
State    Open
Actions
  set_user
    cert: PEM
Votes
  01010101  for
  02020202  against
  03030303  fails: Error: no
Wanted   2 more votes for it, of 04040404, 05050505
";

fn id(number: u8) -> Digest {
    Digest([number; 32])
}

fn member(number: u8, status: &str) -> Member {
    Member {
        member_id: id(number),
        status: status.to_owned(),
        member_data: Value::Null,
        certificate: None,
        public_encryption_key: None,
        recovery_role: None,
    }
}

fn picture(votes: &[Vote]) -> Picture {
    let ballot =
        |(vote, number): (&Vote, u8)| Ballot { member: id(number), script: None, vote: vote.clone() };
    Picture {
        proposal: Proposal {
            proposal_id: "ab".to_owned(),
            proposer_id: id(1),
            proposal_state: ProposalState::Open,
            ballot_count: votes.len() as u64,
            final_votes: None,
            vote_failures: None,
            failure: None,
            transaction_id: None,
        },
        text: json!({ "actions": [{ "name": "set_user", "args": { "cert": "PEM" } }] }).to_string(),
        ballots: votes.iter().zip(1..).map(ballot).collect(),
        wanted: None,
    }
}

fn wanted(votes: &[Vote], members: &[Member], constitution: &str) -> Wanted {
    picture(votes).wanted(members, &Rows::default().members(members), constitution)
}

#[test]
fn votes_that_are_wanted() {
    use Vote::{Against, For};
    let members: Vec<_> = (1..=4).map(|number| member(number, "Active")).collect();
    let found = |votes: &[Vote]| wanted(votes, &members, CONSTITUTION);
    let ids = |numbers: &[u8]| numbers.iter().map(|number| id(*number)).collect::<Vec<_>>();
    assert_eq!(found(&[]), Wanted { silent: ids(&[1, 2, 3, 4]), more: Some(3) });
    assert_eq!(found(&[For]), Wanted { silent: ids(&[2, 3, 4]), more: Some(2) });
    assert_eq!(found(&[Against, For]), Wanted { silent: ids(&[3, 4]), more: Some(2) });
    assert_eq!(found(&[Against, Against]), Wanted { silent: ids(&[3, 4]), more: None });
    assert_eq!(found(&[Vote::Fails(String::new()), For]).more, Some(2));
    // Who is not active has no vote.
    let members = [member(1, "Active"), member(2, "Accepted")];
    assert_eq!(wanted(&[], &members, CONSTITUTION), Wanted { silent: ids(&[1]), more: Some(1) });
    // What cannot be found out here is not claimed.
    assert_eq!(wanted(&[], &members, "export function resolve() { throw 1 }").more, None);
    assert_eq!(wanted(&[], &members, "no script").more, None);
}

#[test]
fn a_proposal_for_people() {
    let members: Vec<_> = (1..=5).map(|number| member(number, "Active")).collect();
    let mut picture = picture(&[Vote::For, Vote::Against, Vote::Fails("Error: no".to_owned())]);
    picture.wanted = Some(picture.wanted(&members, &Rows::default().members(&members), CONSTITUTION));
    let mut text = Vec::new();
    picture.write(&mut text).unwrap();
    assert_eq!(String::from_utf8(text).unwrap(), SHOWN);
}

#[test]
fn long_values_are_cut() {
    assert_eq!(brief(&json!("a\nb\n")), "a b");
    assert_eq!(brief(&json!("\u{1b}[2Ja\rb")), " [2Ja b", "the terminal is left alone");
    assert_eq!(brief(&json!({ "a": [1] })), r#"{"a":[1]}"#);
    assert_eq!(brief(&json!("é".repeat(101))), format!("{}… (101 characters)", "é".repeat(100)));
}
