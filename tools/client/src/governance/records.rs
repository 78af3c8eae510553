//! What anyone may read of governance.

use std::{collections::BTreeMap, fmt};

use coco_wire::{Digest, TxId};
use http::StatusCode;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::API_VERSION;
use crate::{Answer, Client, ClientError};

/// A proposal as the service sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Proposal {
    /// Its identifier.
    pub proposal_id: String,
    /// Who made it.
    pub proposer_id: Digest,
    /// How far it is decided.
    pub proposal_state: ProposalState,
    /// Number of votes.
    pub ballot_count: u64,
    /// How the ballots came out when it was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub final_votes: Option<BTreeMap<Digest, bool>>,
    /// Ballots that failed when it was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vote_failures: Option<BTreeMap<Digest, Failure>>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// The transaction that the answer comes from.
    #[serde(skip)]
    pub transaction_id: Option<TxId>,
}

impl Proposal {
    /// Reads an answer to the request at `path`.
    ///
    /// # Errors
    /// If the answer is a refusal, or no proposal.
    pub fn read(answer: Answer, path: &str) -> Result<Self, ClientError> {
        let transaction_id = answer.transaction_id();
        Ok(Self { transaction_id, ..answer.expect(StatusCode::OK, path)?.json()? })
    }
}

/// A script that threw, or took too long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What it said.
    pub reason: String,
    /// Where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
}

/// How far a proposal is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

impl fmt::Display for ProposalState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A member as the service knows it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// SHA-256 of its certificate.
    pub member_id: Digest,
    /// `Accepted` or, once it has acknowledged the state, `Active`.
    pub status: String,
    /// Whatever the consortium noted; null if nothing.
    #[serde(default)]
    pub member_data: Value,
    /// PEM.
    #[serde(default)]
    pub certificate: Option<String>,
    /// PEM, if it holds a recovery share.
    #[serde(default)]
    pub public_encryption_key: Option<String>,
    /// Its part in recovery.
    #[serde(default)]
    pub recovery_role: Option<String>,
}

impl Member {
    /// Whether it may propose and vote.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.status == "Active"
    }
}

/// The service as members see it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ServiceRecord {
    /// `Opening`, `Open`, `WaitingForRecoveryShares` or `Recovering`.
    pub status: String,
    /// PEM.
    pub certificate: String,
}

/// The state that a member is asked to acknowledge.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StateDigest {
    /// Who.
    pub member_id: Digest,
    /// Root of the Merkle tree, hexadecimal.
    pub state_digest: String,
}

/// All proposals that the service still keeps.
///
/// # Errors
/// If there is no such answer.
pub async fn proposals(client: &mut Client) -> Result<Vec<Proposal>, ClientError> {
    list(client, "/gov/members/proposals").await
}

/// One proposal; none if the service does not know it, or no longer.
///
/// # Errors
/// If there is no such answer.
pub async fn proposal(client: &mut Client, id: &str) -> Result<Option<Proposal>, ClientError> {
    let path = format!("/gov/members/proposals/{id}");
    match get(client, &path).await? {
        answer if answer.status == StatusCode::NOT_FOUND => Ok(None),
        answer => Proposal::read(answer, &path).map(Some),
    }
}

/// What is proposed, as sent.
///
/// # Errors
/// If there is no such answer.
pub async fn proposed(client: &mut Client, id: &str) -> Result<String, ClientError> {
    text(client, &format!("/gov/members/proposals/{id}/actions")).await
}

/// The script of a member's ballot; none if it did not vote.
///
/// # Errors
/// If there is no such answer.
pub async fn ballot(client: &mut Client, id: &str, member: &Digest) -> Result<Option<String>, ClientError> {
    let path = format!("/gov/members/proposals/{id}/ballots/{member}");
    match get(client, &path).await? {
        answer if answer.status == StatusCode::NOT_FOUND => Ok(None),
        answer => Ok(Some(lossy(&answer.expect(StatusCode::OK, &path)?))),
    }
}

/// The constitution in force.
///
/// # Errors
/// If there is no such answer.
pub async fn constitution(client: &mut Client) -> Result<String, ClientError> {
    text(client, "/gov/service/constitution").await
}

/// Everyone who is or becomes a member.
///
/// # Errors
/// If there is no such answer.
pub async fn members(client: &mut Client) -> Result<Vec<Member>, ClientError> {
    list(client, "/gov/service/members").await
}

/// Status and certificate of the service.
///
/// # Errors
/// If there is no such answer.
pub async fn service(client: &mut Client) -> Result<ServiceRecord, ClientError> {
    let path = "/gov/service/info";
    get(client, path).await?.expect(StatusCode::OK, path)?.json()
}

/// The state that a member was asked to acknowledge last.
///
/// # Errors
/// If there is no such answer.
pub async fn state_digest(client: &mut Client, member: &Digest) -> Result<StateDigest, ClientError> {
    let path = format!("/gov/members/state-digests/{member}");
    get(client, &path).await?.expect(StatusCode::OK, &path)?.json()
}

async fn list<T: DeserializeOwned>(client: &mut Client, path: &str) -> Result<Vec<T>, ClientError> {
    #[derive(Deserialize)]
    struct List<T> {
        value: Vec<T>,
    }
    let List { value } = get(client, path).await?.expect(StatusCode::OK, path)?.json()?;
    Ok(value)
}

async fn text(client: &mut Client, path: &str) -> Result<String, ClientError> {
    Ok(lossy(&get(client, path).await?.expect(StatusCode::OK, path)?))
}

async fn get(client: &mut Client, path: &str) -> Result<Answer, ClientError> {
    client.get(&format!("{path}?api-version={API_VERSION}")).await
}

fn lossy(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}
