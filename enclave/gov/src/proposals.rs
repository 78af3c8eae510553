//! Members propose actions, and take proposals back.

use coco_app::{Call, Context, ErrorCode, Reject, Response, Status, media};
use coco_crypto::hash::{sha256, sha256_pair};
use coco_kv::Tx;
use coco_tables::proposals::{ProposalInfo, ProposalState};
use coco_wire::text::Base64;
use serde_json::{Value, json};

use crate::{
    adapter::Governance,
    gate::{Signed, internal, proposal_id},
    resolution::Case,
    scripts::Power,
    verdict::Verdict,
};

/// Takes a proposal that the constitution finds valid; it may pass at once.
pub(crate) fn create(
    governance: &Governance,
    signed: &Signed<'_>,
    cx: &mut Context<'_>,
) -> Result<Response, Reject> {
    let message = signed.message;
    let text = str::from_utf8(&message.payload)
        .map_err(|_| Reject::invalid_input("Signed request body is not UTF-8"))?;
    // Binds the proposal to the state that its author could see.
    let id = sha256_pair(&cx.services.root(), &sha256(&message.signature)).to_hex();
    governance.admit_once(cx.tx, signed, &id)?;
    let constitution = governance.constitution(cx.tx, "proposals cannot be evaluated")?;
    governance.validate(cx, &constitution, text)?;

    let tables = &governance.tables.proposals;
    if tables.proposals.has(&*cx.tx, &id) {
        return Err(Reject::internal("Proposal ID collision."));
    }
    tables.proposals.put(cx.tx, &id, &message.payload);
    let mut info = ProposalInfo {
        proposer_id: signed.member,
        state: ProposalState::Open,
        ballots: Default::default(),
        final_votes: None,
        vote_failures: None,
        failure: None,
    };
    tables.info.put(cx.tx, &id, &info);
    governance.record(cx.tx, signed);
    let case = Case { id: &id, text, constitution: &constitution, voter: None };
    governance.resolve(cx, &case, &mut info)?;
    Ok(Response::json(Status::OK, &describe(&id, &info)))
}

/// Closes an open proposal of the signer's. Of one that is not there, nobody knows whether it ever was.
pub(crate) fn withdraw(
    governance: &Governance,
    signed: &Signed<'_>,
    cx: &mut Context<'_>,
) -> Result<Response, Reject> {
    let id = signed.proposal_id(0)?;
    let infos = &governance.tables.proposals.info;
    let Some(mut info) = infos.get(&*cx.tx, &id).map_err(internal)? else {
        return Ok(Response::empty(Status::NO_CONTENT));
    };
    let (proposer, member) = (info.proposer_id, signed.member);
    if proposer != member {
        let message =
            format!("Proposal {id} can only be withdrawn by proposer m[{proposer}], not caller m[{member}].");
        return Err(Reject::new(Status::FORBIDDEN, ErrorCode::AuthorizationFailed, message));
    }
    match info.state {
        ProposalState::Withdrawn => {}
        ProposalState::Open => {
            info.state = ProposalState::Withdrawn;
            infos.put(cx.tx, &id, &info);
            governance.remove_closed_proposals(cx.tx, &id)?;
            governance.record(cx.tx, signed);
        }
        state => {
            let state = word(state);
            let message = format!("Proposal {id} is currently in state {state} and cannot be withdrawn.");
            return Err(Reject::new(Status::BAD_REQUEST, ErrorCode::ProposalNotOpen, message));
        }
    }
    Ok(Response::json(Status::OK, &describe(&id, &info)))
}

/// All proposals that are still kept.
pub(crate) fn list(governance: &Governance, _: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    let mut value = Vec::new();
    for row in governance.tables.proposals.info.iter(&*cx.tx) {
        let (id, info) = row.map_err(internal)?;
        value.push(describe(&id, &info));
    }
    Ok(Response::json(Status::OK, &json!({ "value": value })))
}

/// One proposal.
pub(crate) fn get(governance: &Governance, call: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    let id = proposal_id(call, 0)?;
    let info = governance.tables.proposals.info.get(&*cx.tx, &id).map_err(internal)?;
    let info = info.ok_or_else(|| not_found(format!("Could not find proposal {id}.")))?;
    Ok(Response::json(Status::OK, &describe(&id, &info)))
}

/// What is proposed, as sent.
pub(crate) fn actions(
    governance: &Governance,
    call: &Call,
    cx: &mut Context<'_>,
) -> Result<Response, Reject> {
    let id = proposal_id(call, 0)?;
    let proposal = governance.tables.proposals.proposals.get(&*cx.tx, &id).map_err(internal)?;
    let proposal = proposal.ok_or_else(|| not_found(format!("Could not find proposal {id}.")))?;
    Ok(Response::with_body(Status::OK, media::JSON, proposal))
}

/// A proposal as the API shows it.
pub(crate) fn describe(id: &str, info: &ProposalInfo) -> Value {
    let mut description = json!({
        "proposalId": id,
        "proposerId": info.proposer_id,
        "proposalState": info.state,
        "ballotCount": info.ballots.len(),
    });
    if let Some(votes) = &info.final_votes {
        description["finalVotes"] = json!(votes);
    }
    if let Some(failures) = &info.vote_failures {
        description["voteFailures"] = json!(failures);
    }
    if let Some(failure) = &info.failure {
        description["failure"] = json!(failure);
    }
    description
}

/// A state as messages to people name it.
pub(crate) fn word(state: ProposalState) -> &'static str {
    match state {
        ProposalState::Open => "open",
        ProposalState::Accepted => "accepted",
        ProposalState::Withdrawn => "withdrawn",
        ProposalState::Rejected => "rejected",
        ProposalState::Failed => "failed",
        ProposalState::Dropped => "dropped",
    }
}

/// 404 `ProposalNotFound`
pub(crate) fn not_found(message: String) -> Reject {
    Reject::new(Status::NOT_FOUND, ErrorCode::ProposalNotFound, message)
}

impl Governance {
    /// Keeps the last signed request of each member.
    pub(crate) fn record(&self, tx: &mut Tx, signed: &Signed<'_>) {
        let envelope = Base64(signed.message.envelope.clone());
        self.tables.proposals.cose_history.put(tx, &signed.member, &envelope);
    }

    fn validate(&self, cx: &mut Context<'_>, constitution: &str, text: &str) -> Result<(), Reject> {
        let returned = self
            .call_constitution(cx, constitution, "validate", &[text.into()], Power::Read)
            .map_err(|error| {
                let trace = error.trace.unwrap_or_default();
                internal(format!("Failed to execute validation: {} {trace}", error.message))
            })?;
        match Verdict::read(&returned.json) {
            None => Err(Reject::internal("Validation failed to return an object")),
            Some(Verdict::Valid) => Ok(()),
            Some(Verdict::Invalid(description)) => {
                let message = format!("Proposal failed to validate: {description}");
                Err(Reject::new(Status::BAD_REQUEST, ErrorCode::ProposalFailedToValidate, message))
            }
        }
    }
}
