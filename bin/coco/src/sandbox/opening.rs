//! How the consortium opens its service: by governance, as any other consortium.

use std::{fs, path::Path, time::Duration};

use coco_client::{
    Client, ClientError, Identity, StatusCode, governance,
    network::{self, ListedNode, NodeStatus},
};
use coco_crypto::Certificate;
use coco_wire::TxId;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::{SandboxError, directory::Consortium, file_error};

/// How long each step may take.
const STEP: Duration = Duration::from_secs(30);
/// Time between two looks at the state of the service.
const POLL: Duration = Duration::from_millis(10);

/// The service is open.
pub(super) struct Opened {
    /// The transaction of the last vote.
    pub(super) transaction: TxId,
}

/// The certificate that the first node wrote.
pub(super) fn service_certificate(path: &Path) -> Result<Certificate, SandboxError> {
    let pem = fs::read_to_string(path).map_err(file_error(path))?;
    let invalid = |error| file_error(path)(std::io::Error::other(error));
    Certificate::from_pem(&pem).map_err(invalid)
}

/// Activates the members, adds the user and opens the service.
pub(super) async fn open(
    client: &mut Client,
    service: &Certificate,
    consortium: &Consortium,
) -> Result<Opened, SandboxError> {
    let members: Vec<Identity> = consortium.members.iter().map(|member| member.identity.clone()).collect();
    for member in &members {
        governance::activate(client, member).await?;
    }
    let user = consortium.user.identity.certificate().to_pem();
    let actions = json!([
        { "name": "set_user", "args": { "cert": user } },
        { "name": "transition_service_to_open", "args": { "next_service_identity": service.to_pem() } },
    ]);
    let proposal = governance::decide(client, &members, &actions).await?;
    let transaction = proposal.transaction_id.unwrap_or_default();
    wait_until_open(client).await?;
    client.wait_for_commit(transaction, STEP).await?;
    load_receipt(client, transaction).await?;
    Ok(Opened { transaction })
}

/// Waits until another node, which asked to be let in, is trusted, takes part, and has all that was committed.
pub(super) async fn wait_until_joined(first: &mut Client, other: &mut Client) -> Result<(), SandboxError> {
    let late = SandboxError::NotJoined { address: other.address().to_owned(), after: STEP };
    // A node that was not let in yet refuses connections: it has no certificate of the service to show.
    wait_until(late, async || has_joined(first, other).await).await
}

async fn has_joined(first: &mut Client, other: &mut Client) -> Result<bool, ClientError> {
    let startup = network::startup(other).await?;
    let is_trusted =
        |node: &ListedNode| node.node_id == startup.node_id && node.status == NodeStatus::Trusted;
    if !startup.is_part_of_network() || !network::nodes(first).await?.iter().any(is_trusted) {
        return Ok(false);
    }
    let goal = network::committed(first).await?;
    Ok(network::committed(other).await?.seqno >= goal.seqno)
}

/// Waits until a node knows that the service is open.
pub(super) async fn wait_until_open(client: &mut Client) -> Result<(), SandboxError> {
    wait_until(SandboxError::NotOpened(STEP), async || network::is_open(client).await).await
}

/// A node that has just started refuses connections until it has a certificate to show, and members until it has signed.
pub(super) async fn wait_until_created(client: &mut Client) -> Result<(), SandboxError> {
    let created = async || Ok(network::startup(client).await?.is_part_of_network());
    wait_until(SandboxError::NotOpened(STEP), created).await
}

/// Looks again and again; in the end the last error is told, or `late`.
async fn wait_until(
    late: SandboxError,
    mut look: impl AsyncFnMut() -> Result<bool, ClientError>,
) -> Result<(), SandboxError> {
    let deadline = Instant::now() + STEP;
    loop {
        match look().await {
            Ok(true) => return Ok(()),
            Err(error) if Instant::now() > deadline => return Err(error.into()),
            Ok(false) if Instant::now() > deadline => return Err(late),
            _ => sleep(POLL).await,
        }
    }
}

/// Has the node read the transaction back, so that whoever asks for its receipt next need not wait. An
/// application may have no receipts.
async fn load_receipt(client: &mut Client, transaction: TxId) -> Result<(), ClientError> {
    let path = format!("/app/receipt?transaction_id={transaction}");
    let deadline = Instant::now() + STEP;
    while client.get(&path).await?.status == StatusCode::ACCEPTED && Instant::now() < deadline {
        sleep(POLL).await;
    }
    Ok(())
}
