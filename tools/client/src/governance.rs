//! What members of a service sign and send: proposals, ballots, acknowledgements.
//!
//! Requests and answers are those of CCF's governance API (`doc/schemas/gov/2024-07-01`); messages are
//! what CCF's `ccf_cose_sign1` makes.

use std::time::SystemTime;

use coco_crypto::x509::UnixTime;
use http::StatusCode;
use serde_json::{Value, json};

use crate::{Answer, Client, ClientError, Identity};

mod message;
mod records;

pub use message::{InvalidMessage, Message, NotElliptic, Unsigned, sign};
pub use records::{
    Failure, Member, Proposal, ProposalState, ServiceRecord, StateDigest, ballot, constitution, members,
    proposal, proposals, proposed, service, state_digest,
};

/// Version of the API.
pub const API_VERSION: &str = "2024-07-01";
/// A ballot that agrees whatever is proposed.
pub const AGREE: &str = "export function vote (proposal, proposerId) { return true; }";
/// A ballot that disagrees whatever is proposed.
pub const DISAGREE: &str = "export function vote (proposal, proposerId) { return false; }";

/// Makes an accepted member active: asks for the state of the service and acknowledges it.
///
/// # Errors
/// If the service refuses.
pub async fn activate(client: &mut Client, member: &Identity) -> Result<Answer, ClientError> {
    let (answer, path) = post(client, member, Message::StateDigest, b"").await?;
    let StateDigest { state_digest, .. } = answer.expect(StatusCode::OK, &path)?.json()?;
    let ack = json!({ "stateDigest": state_digest }).to_string();
    let (answer, path) = post(client, member, Message::Ack, ack.as_bytes()).await?;
    answer.expect(StatusCode::NO_CONTENT, &path)
}

/// Proposes actions, an array of `{"name": .., "args": ..}`.
///
/// # Errors
/// If the service refuses.
pub async fn propose(
    client: &mut Client,
    member: &Identity,
    actions: &Value,
) -> Result<Proposal, ClientError> {
    let payload = json!({ "actions": actions }).to_string();
    let (answer, path) = post(client, member, Message::Proposal, payload.as_bytes()).await?;
    Proposal::read(answer, &path)
}

/// Votes on a proposal with a script that exports `vote`, such as [`AGREE`].
///
/// # Errors
/// If the service refuses.
pub async fn vote(
    client: &mut Client,
    member: &Identity,
    proposal_id: &str,
    ballot: &str,
) -> Result<Proposal, ClientError> {
    let payload = json!({ "ballot": ballot }).to_string();
    let (answer, path) = post(client, member, Message::Ballot(proposal_id), payload.as_bytes()).await?;
    Proposal::read(answer, &path)
}

/// Proposes actions and lets all members agree until they are accepted.
///
/// # Errors
/// If the service refuses, or the members' agreement does not suffice.
pub async fn decide(
    client: &mut Client,
    members: &[Identity],
    actions: &Value,
) -> Result<Proposal, GovernanceError> {
    let (proposer, _) = members.split_first().ok_or(GovernanceError::NoMembers)?;
    let mut proposal = propose(client, proposer, actions).await?;
    for member in members {
        if proposal.proposal_state != ProposalState::Open {
            break;
        }
        proposal = vote(client, member, &proposal.proposal_id, AGREE).await?;
    }
    match proposal.proposal_state {
        ProposalState::Accepted => Ok(proposal),
        state => Err(GovernanceError::NotAccepted(state)),
    }
}

/// A decision that was not made.
#[derive(Debug, thiserror::Error)]
pub enum GovernanceError {
    /// A request failed.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Nobody can propose.
    #[error("there are no members")]
    NoMembers,
    /// All members agreed and it was not accepted.
    #[error("the proposal is {0:?} although all members agreed")]
    NotAccepted(ProposalState),
}

/// Sends a message that is signed, and yields the answer and the path that it was sent to.
///
/// # Errors
/// If there is no answer.
pub async fn send(
    client: &mut Client,
    message: &Unsigned,
    signed: Vec<u8>,
) -> Result<(Answer, String), ClientError> {
    let path = message.path();
    let answer = client.post_cose(&format!("{path}?api-version={API_VERSION}"), signed).await?;
    Ok((answer, path))
}

/// The time of day, for messages that are signed now.
#[must_use]
pub fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    UnixTime(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

async fn post(
    client: &mut Client,
    member: &Identity,
    message: Message<'_>,
    payload: &[u8],
) -> Result<(Answer, String), ClientError> {
    let message = Unsigned::by(member, message, payload, now());
    let signed = message.sign(member);
    send(client, &message, signed).await
}

#[cfg(test)]
mod tests;
