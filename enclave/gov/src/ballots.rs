//! Members vote by scripts.

use coco_app::{Call, Context, ErrorCode, Reject, Response, Status, media};
use coco_tables::proposals::ProposalState;

use crate::{
    adapter::Governance,
    gate::{Signed, internal, member_id, proposal_id},
    proposals::{describe, not_found, word},
    resolution::Case,
};

/// Takes a ballot and decides the proposal if that is enough.
pub(crate) fn submit(
    governance: &Governance,
    signed: &Signed<'_>,
    cx: &mut Context<'_>,
) -> Result<Response, Reject> {
    let id = signed.proposal_id(0)?;
    signed.check_member(1)?;
    let member = signed.member;
    let tables = &governance.tables.proposals;
    let missing = || not_found(format!("Could not find proposal {id}."));
    let mut info = tables.info.get(&*cx.tx, &id).map_err(internal)?.ok_or_else(missing)?;
    if info.state != ProposalState::Open {
        let message = format!(
            "Proposal {id} is currently in state {} - only open proposals can receive votes",
            word(info.state)
        );
        return Err(Reject::new(Status::BAD_REQUEST, ErrorCode::ProposalNotOpen, message));
    }
    let proposal = tables.proposals.get(&*cx.tx, &id).map_err(internal)?.ok_or_else(missing)?;
    let text = str::from_utf8(&proposal).map_err(internal)?;
    let ballot = signed.text_field("ballot")?;
    let constitution = governance.constitution(cx.tx, "ballots cannot be evaluated")?;
    match info.ballots.get(&member) {
        None => {}
        Some(earlier) if *earlier == ballot => {
            return Ok(Response::json(Status::OK, &describe(&id, &info)));
        }
        Some(_) => {
            let message = format!("Different ballot already submitted by m[{member}] for {id}.");
            return Err(Reject::new(Status::BAD_REQUEST, ErrorCode::VoteAlreadyExists, message));
        }
    }
    info.ballots.insert(member, ballot);
    governance.record(cx.tx, signed);
    let case = Case { id: &id, text, constitution: &constitution, voter: Some(member) };
    governance.resolve(cx, &case, &mut info)?;
    Ok(Response::json(Status::OK, &describe(&id, &info)))
}

/// The source of a ballot.
pub(crate) fn get(governance: &Governance, call: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    let (id, member) = (proposal_id(call, 0)?, member_id(call, 1)?);
    let info = governance.tables.proposals.info.get(&*cx.tx, &id).map_err(internal)?;
    let mut info = info.ok_or_else(|| not_found(format!("Proposal {id} does not exist.")))?;
    let ballot = info.ballots.remove(&member).ok_or_else(|| {
        let message = format!("Member m[{member}] has not voted for proposal {id}.");
        Reject::new(Status::NOT_FOUND, ErrorCode::VoteNotFound, message)
    })?;
    Ok(Response::with_body(Status::OK, media::JAVASCRIPT, ballot.into_bytes()))
}
