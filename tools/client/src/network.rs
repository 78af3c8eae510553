//! What a node tells anyone of itself and of the other nodes of its service (CCF's API under `/node`).

use std::collections::BTreeMap;

use coco_wire::{Digest, Seqno, TxId, View};
use http::StatusCode;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{Client, ClientError};

/// A node as its service knows it.
#[derive(Clone, Debug, Deserialize)]
pub struct ListedNode {
    /// Its identifier.
    pub node_id: Digest,
    /// Its part in the service.
    pub status: NodeStatus,
    /// Whether the node that was asked takes it for the primary.
    pub primary: bool,
    rpc_interfaces: BTreeMap<String, Interface>,
}

/// Part of a node in its service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NodeStatus {
    /// Waits for the members to trust it.
    Pending,
    /// Takes part.
    Trusted,
    /// Removed.
    Retired,
}

#[derive(Clone, Debug, Deserialize)]
struct Interface {
    published_address: String,
    endorsement: Option<Endorsement>,
}

#[derive(Clone, Debug, Deserialize)]
struct Endorsement {
    authority: String,
}

/// The service as a node sees it.
#[derive(Clone, Debug, Deserialize)]
pub struct Service {
    /// `Opening`, `Open`, `WaitingForRecoveryShares` or `Recovering`.
    pub service_status: String,
}

/// How far a node is with its start.
#[derive(Clone, Debug, Deserialize)]
pub struct Startup {
    /// Its identifier.
    pub node_id: Digest,
    /// Such as `Pending` or [`Startup::PART_OF_NETWORK`].
    pub state: String,
}

/// The agreement between the nodes, as one of them sees it.
#[derive(Clone, Debug, Deserialize)]
pub struct Consensus {
    /// What the node does; none before it takes part and once it has retired.
    pub leadership_state: Option<Leadership>,
    /// Whom it takes for the primary.
    pub primary_id: Option<Digest>,
    /// Its view.
    pub current_view: View,
    /// Configurations in force, the oldest first.
    pub configs: Vec<Configuration>,
}

/// What a node does in consensus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Leadership {
    /// Takes no part.
    None,
    /// Appends transactions: the primary.
    Leader,
    /// Takes them from a leader: a backup.
    Follower,
    /// Asks whether it would be voted for.
    PreVoteCandidate,
    /// Asks for votes.
    Candidate,
}

/// Nodes that agree, from one transaction on.
#[derive(Clone, Debug, Deserialize)]
pub struct Configuration {
    /// The transaction that brought it.
    #[serde(rename = "idx")]
    pub since: Seqno,
    /// Its nodes.
    pub nodes: BTreeMap<Digest, Peer>,
}

/// Another node.
#[derive(Clone, Debug, Deserialize)]
pub struct Peer {
    /// Where other nodes connect, `host:port`.
    pub address: String,
}

/// All that a node tells of how it stands.
#[derive(Clone, Debug)]
pub struct Report {
    /// How far its start is.
    pub startup: Startup,
    /// How it sees the agreement.
    pub consensus: Consensus,
    /// The last transaction that it knows to be committed.
    pub committed: TxId,
}

impl ListedNode {
    /// Where clients that trust the service reach it, `host:port`: the first interface that shows a certificate of the
    /// service.
    #[must_use]
    pub fn address(&self) -> Option<&str> {
        let of_service = |interface: &&Interface| {
            interface.endorsement.as_ref().is_none_or(|endorsement| endorsement.authority == "Service")
        };
        Some(self.rpc_interfaces.values().find(of_service)?.published_address.as_str())
    }
}

impl Startup {
    /// State of a node that takes part.
    pub const PART_OF_NETWORK: &str = "PartOfNetwork";

    /// Whether the node takes part.
    #[must_use]
    pub fn is_part_of_network(&self) -> bool {
        self.state == Self::PART_OF_NETWORK
    }
}

/// Every node that the service knows.
///
/// # Errors
/// If the answer is no list of nodes.
pub async fn nodes(client: &mut Client) -> Result<Vec<ListedNode>, ClientError> {
    #[derive(Deserialize)]
    struct Nodes {
        nodes: Vec<ListedNode>,
    }
    let Nodes { nodes } = get(client, "/node/network/nodes").await?;
    Ok(nodes)
}

/// The service.
///
/// # Errors
/// If there is no such answer.
pub async fn service(client: &mut Client) -> Result<Service, ClientError> {
    get(client, "/node/network").await
}

/// How far the start of the node is.
///
/// # Errors
/// If there is no such answer.
pub async fn startup(client: &mut Client) -> Result<Startup, ClientError> {
    get(client, "/node/state").await
}

/// How the node sees the agreement.
///
/// # Errors
/// If there is no such answer.
pub async fn consensus(client: &mut Client) -> Result<Consensus, ClientError> {
    #[derive(Deserialize)]
    struct Details {
        details: Consensus,
    }
    let Details { details } = get(client, "/node/consensus").await?;
    Ok(details)
}

/// The last transaction that the node knows to be committed.
///
/// # Errors
/// If there is no such answer.
pub async fn committed(client: &mut Client) -> Result<TxId, ClientError> {
    #[derive(Deserialize)]
    struct Commit {
        transaction_id: TxId,
    }
    let Commit { transaction_id } = get(client, "/node/commit").await?;
    Ok(transaction_id)
}

/// Whether the node takes requests to the application.
///
/// # Errors
/// If there is no answer.
pub async fn is_open(client: &mut Client) -> Result<bool, ClientError> {
    Ok(client.get("/node/ready/app").await?.status == StatusCode::NO_CONTENT)
}

/// All of a node's own report.
///
/// # Errors
/// If one of its answers does not come.
pub async fn report(client: &mut Client) -> Result<Report, ClientError> {
    Ok(Report {
        startup: startup(client).await?,
        consensus: consensus(client).await?,
        committed: committed(client).await?,
    })
}

async fn get<T: DeserializeOwned>(client: &mut Client, path: &str) -> Result<T, ClientError> {
    client.get(path).await?.expect(StatusCode::OK, path)?.json()
}

#[cfg(test)]
mod tests;
