//! Names in paths: malformed, of nothing, or not of what was signed.

use super::{Case, Signed, World};

pub(super) fn cases(world: &World) -> Vec<Case> {
    let mut cases = malformed(world);
    cases.extend(of_nothing(world));
    cases.extend(not_signed(world));
    cases
}

fn malformed(world: &World) -> Vec<Case> {
    let mut cases = Vec::new();
    let own = world.id(0);
    for bad in ["0", "latest", &"0".repeat(63), &"0".repeat(65), &"g".repeat(64), &format!("{own}%20")] {
        let shown = bad.replace("%20", " ");
        let refusal = |noun: &str| {
            (400, "InvalidResourceName", format!("'{shown}' is not a valid hex-encoded {noun} ID"))
        };
        let reads = [
            ("proposal", format!("/members/proposals/{bad}")),
            ("proposal", format!("/members/proposals/{bad}/actions")),
            ("proposal", format!("/members/proposals/{bad}/ballots/{own}")),
            ("member", format!("/members/proposals/{}/ballots/{bad}", world.open)),
            ("member", format!("/recovery/encrypted-shares/{bad}")),
            ("member", format!("/service/members/{bad}")),
            ("user", format!("/service/users/{bad}")),
            ("node", format!("/service/nodes/{bad}")),
        ];
        cases.extend(reads.map(|(noun, path)| Case::get(&path, refusal(noun))));
        let signed = [
            ("proposal", 1, format!("/members/proposals/{bad}:withdraw")),
            ("proposal", 2, format!("/members/proposals/{bad}/ballots/{own}:submit")),
            ("member", 2, format!("/members/proposals/{}/ballots/{bad}:submit", world.open)),
        ];
        for (noun, kind, path) in signed {
            let request = Signed { path, ..world.requests(0).swap_remove(kind) };
            cases.push(world.signed(0, &request, refusal(noun)));
        }
        let no_record = format!("No ACK record exists for member m[{shown}].");
        let path = format!("/members/state-digests/{bad}");
        cases.push(Case::get(&path, (404, "ResourceNotFound", no_record)));
    }
    cases
}

fn of_nothing(world: &World) -> Vec<Case> {
    let absent = "0".repeat(64);
    let (own, open) = (world.id(0), &world.open);
    let unknown_proposal = format!("Could not find proposal {absent}.");
    let not_voted = format!("Member m[{own}] has not voted for proposal {open}.");
    let bad_txid = |text: &str| {
        format!(
            "The value '{text}' passed as parameter 'transactionId' could not be converted to a valid \
             Transaction ID."
        )
    };
    let case = "Accepted values for the 'case' query parameter are: original";
    let query = "InvalidQueryParameterValue";
    let mut cases: Vec<_> = [
        (format!("/members/proposals/{absent}"), 404, "ProposalNotFound", unknown_proposal.clone()),
        (format!("/members/proposals/{absent}/actions"), 404, "ProposalNotFound", unknown_proposal.clone()),
        (
            format!("/members/proposals/{absent}/ballots/{own}"),
            404,
            "ProposalNotFound",
            format!("Proposal {absent} does not exist."),
        ),
        (format!("/members/proposals/{open}/ballots/{own}"), 404, "VoteNotFound", not_voted),
        (
            format!("/members/state-digests/{absent}"),
            404,
            "ResourceNotFound",
            format!("No ACK record exists for member m[{absent}]."),
        ),
        (
            format!("/recovery/encrypted-shares/{own}"),
            404,
            "ResourceNotFound",
            format!("Recovery share not found for member m[{own}]."),
        ),
        (
            "/service/javascript-modules/a.js".into(),
            404,
            "ResourceNotFound",
            "Module a.js does not exist.".into(),
        ),
        ("/service/javascript-app?case=camel".into(), 400, query, case.into()),
        ("/service/javascript-app?case=".into(), 400, query, case.into()),
        ("/service/transactions/x".into(), 400, query, bad_txid("x")),
        ("/service/transactions/2".into(), 400, query, bad_txid("2")),
        ("/service/transactions/2.1.1".into(), 400, query, bad_txid("2.1.1")),
        ("/service/transactions/-1.1".into(), 400, query, bad_txid("-1.1")),
    ]
    .into_iter()
    .map(|(path, status, code, text)| Case::get(&path, (status, code, text)))
    .collect();
    for (kind, name, noun) in [("members", "m", "Member"), ("users", "u", "User"), ("nodes", "n", "Node")] {
        let text = format!("{noun} {name}[{absent}] does not exist.");
        cases.push(Case::get(&format!("/service/{kind}/{absent}"), (404, "ResourceNotFound", text)));
    }
    cases
}

/// The signature is good, but for something else than the path says.
fn not_signed(world: &World) -> Vec<Case> {
    let (own, other, open) = (world.id(0), world.id(1), &world.open);
    let absent = "0".repeat(64);
    let proposal = || (400, "InvalidResourceName", "Authenticated proposal id does not match URL".to_owned());
    let member = || (400, "InvalidResourceName", "Authenticated member id does not match URL".to_owned());
    let mut cases = Vec::new();
    for kind in [1, 2] {
        let request = || world.requests(0).swap_remove(kind);
        for proposal_id in [None, Some(absent.clone()), Some(String::new()), Some(open.to_uppercase())] {
            cases.push(world.signed(0, &Signed { proposal_id, ..request() }, proposal()));
        }
        let path = request().path.replace(open.as_str(), &absent);
        cases.push(world.signed(0, &Signed { path, ..request() }, proposal()));
    }
    let ballot = world.requests(1).swap_remove(2);
    cases.push(world.signed(0, &ballot, member()));
    for kind in [3, 4] {
        for named in [&other, &absent, "me"] {
            let request = world.requests(0).swap_remove(kind);
            let path = request.path.replace(&own, named);
            let text = format!(
                "Member ID from path parameter (m[{named}]) does not match member ID from body signature (m[{own}])."
            );
            let request = Signed { path, ..request };
            cases.push(world.signed(0, &request, (400, "InvalidAuthenticationInfo", text)));
        }
    }
    cases
}
