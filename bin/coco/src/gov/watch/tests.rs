use coco_client::governance::{Proposal, ProposalState};

use super::{Change, Seen};

fn proposal(id: &str, state: ProposalState, ballots: u64) -> Proposal {
    Proposal {
        proposal_id: id.to_owned(),
        proposer_id: Default::default(),
        proposal_state: state,
        ballot_count: ballots,
        final_votes: None,
        vote_failures: None,
        failure: None,
        transaction_id: None,
    }
}

#[test]
fn only_what_changed_is_told() {
    use ProposalState::{Accepted, Open};
    let is = |id: &str, state, ballots| Change::Is { id: id.to_owned(), state, ballots };
    let mut seen = Seen::default();
    for (now, expected) in [
        (vec![], vec![]),
        (vec![proposal("a", Open, 0)], vec![is("a", Open, 0)]),
        (vec![proposal("a", Open, 0)], vec![]),
        (vec![proposal("a", Open, 1), proposal("b", Open, 0)], vec![is("a", Open, 1), is("b", Open, 0)]),
        (vec![proposal("b", Accepted, 0)], vec![is("b", Accepted, 0), Change::Gone { id: "a".to_owned() }]),
    ] {
        assert_eq!(seen.changes(&now), expected);
    }
}
