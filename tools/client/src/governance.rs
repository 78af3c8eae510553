//! What members of a service sign and send: proposals, ballots, acknowledgements.
//!
//! Requests and answers are those of CCF's governance API (`doc/schemas/gov/2024-07-01`); messages are
//! what CCF's `ccf_cose_sign1` makes.

use std::time::SystemTime;

use coco_crypto::{Signer as _, cose::CoseAlgorithm, x509::UnixTime};
use coco_wire::{
    TxId,
    cbor::Cbor,
    cose::{self, Headers},
};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Answer, Client, ClientError, Identity};

/// Version of the API.
pub const API_VERSION: &str = "2024-07-01";
/// A ballot that agrees whatever is proposed.
pub const AGREE: &str = "export function vote (proposal, proposerId) { return true; }";

/// Kind of a signed message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// Actions to be decided on.
    Proposal,
    /// A vote on the proposal of this identifier.
    Ballot(&'a str),
    /// The proposal of this identifier is taken back.
    Withdrawal(&'a str),
    /// Agreement with the state of the service.
    Ack,
    /// Wish to agree with the present state of the service.
    StateDigest,
    /// A recovery share.
    RecoveryShare,
}

impl<'a> Message<'a> {
    fn name(self) -> &'static str {
        match self {
            Self::Proposal => "proposal",
            Self::Ballot(_) => "ballot",
            Self::Withdrawal(_) => "withdrawal",
            Self::Ack => "ack",
            Self::StateDigest => "state_digest",
            Self::RecoveryShare => "recovery_share",
        }
    }

    fn proposal_id(self) -> Option<&'a str> {
        match self {
            Self::Ballot(id) | Self::Withdrawal(id) => Some(id),
            Self::Proposal | Self::Ack | Self::StateDigest | Self::RecoveryShare => None,
        }
    }
}

/// A proposal as the service sees it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Proposal {
    /// Its identifier.
    pub proposal_id: String,
    /// How far it is decided.
    pub proposal_state: ProposalState,
    /// The transaction that the answer comes from.
    #[serde(skip)]
    pub transaction_id: Option<TxId>,
}

/// How far a proposal is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum ProposalState {
    /// Not yet.
    Open,
    /// Agreed and carried out.
    Accepted,
    /// Taken back.
    Withdrawn,
    /// Refused.
    Rejected,
    /// Agreed, but not possible.
    Failed,
    /// Left behind by another proposal.
    Dropped,
}

/// A COSE_Sign1 message by `member`.
#[must_use]
pub fn sign(member: &Identity, message: Message<'_>, payload: &[u8], created_at: UnixTime) -> Vec<u8> {
    let key = member.key();
    let kid = member.id().to_string();
    // In the order of deterministic CBOR: shorter keys first.
    let mut parameters = vec![
        (Cbor::Int(cose::ALG), Cbor::Int(CoseAlgorithm::of(key.public_key()).label())),
        (Cbor::Int(cose::KID), Cbor::Bytes(kid.as_bytes())),
        (Cbor::Text("ccf.gov.msg.type"), Cbor::Text(message.name())),
        (Cbor::Text("ccf.gov.msg.created_at"), Cbor::Int(created_at.0)),
    ];
    if let Some(id) = message.proposal_id() {
        parameters.push((Cbor::Text("ccf.gov.msg.proposal_id"), Cbor::Text(id)));
    }
    let protected = Headers::new(parameters).encode();
    let signature = key.sign(&cose::to_be_signed(&protected, payload));
    cose::encode(&protected, &Headers::empty(), Some(payload), signature.as_fixed())
}

/// Makes an accepted member active: asks for the state of the service and acknowledges it.
///
/// # Errors
/// If the service refuses.
pub async fn activate(client: &mut Client, member: &Identity) -> Result<Answer, ClientError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Update {
        state_digest: String,
    }
    let digests = format!("/gov/members/state-digests/{}", member.id());
    let path = format!("{digests}:update");
    let answer = post(client, member, &path, Message::StateDigest, b"").await?;
    let Update { state_digest } = answer.expect(StatusCode::OK, &path)?.json()?;
    let ack = json!({ "stateDigest": state_digest }).to_string();
    let path = format!("{digests}:ack");
    let answer = post(client, member, &path, Message::Ack, ack.as_bytes()).await?;
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
    let path = "/gov/members/proposals:create";
    let payload = json!({ "actions": actions }).to_string();
    proposal(post(client, member, path, Message::Proposal, payload.as_bytes()).await?, path)
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
    let path = format!("/gov/members/proposals/{proposal_id}/ballots/{}:submit", member.id());
    let payload = json!({ "ballot": ballot }).to_string();
    let answer = post(client, member, &path, Message::Ballot(proposal_id), payload.as_bytes()).await?;
    proposal(answer, &path)
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

async fn post(
    client: &mut Client,
    member: &Identity,
    path: &str,
    message: Message<'_>,
    payload: &[u8],
) -> Result<Answer, ClientError> {
    let message = sign(member, message, payload, now());
    client.post_cose(&format!("{path}?api-version={API_VERSION}"), message).await
}

fn proposal(answer: Answer, path: &str) -> Result<Proposal, ClientError> {
    let transaction_id = answer.transaction_id();
    Ok(Proposal { transaction_id, ..answer.expect(StatusCode::OK, path)?.json()? })
}

fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    UnixTime(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
