//! How the consortium opens its service: by governance, as any other consortium.

use std::{fs, path::Path, time::Duration};

use coco_client::{Client, ClientError, Identity, StatusCode, governance};
use coco_crypto::Certificate;
use coco_wire::TxId;

use serde::Deserialize;
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

/// Activates the members, adds the user and opens the service of the node at `address`.
pub(super) async fn open(
    address: &str,
    service: &Path,
    consortium: &Consortium,
) -> Result<Opened, SandboxError> {
    let pem = fs::read_to_string(service).map_err(file_error(service))?;
    let invalid = |error| file_error(service)(std::io::Error::other(error));
    let certificate = Certificate::from_pem(&pem).map_err(invalid)?;
    let mut client = Client::new(address, &certificate, None)?;
    wait_for_answer(&mut client).await?;
    let members: Vec<Identity> = consortium.members.iter().map(|member| member.identity.clone()).collect();
    for member in &members {
        governance::activate(&mut client, member).await?;
    }
    let user = consortium.user.identity.certificate().to_pem();
    let actions = json!([
        { "name": "set_user", "args": { "cert": user } },
        { "name": "transition_service_to_open", "args": { "next_service_identity": pem } },
    ]);
    let proposal = governance::decide(&mut client, &members, &actions).await?;
    let transaction = proposal.transaction_id.unwrap_or_default();
    wait_until_open(&mut client).await?;
    client.wait_for_commit(transaction, STEP).await?;
    load_receipt(&mut client, transaction).await?;
    Ok(Opened { transaction })
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

/// A node that has just started refuses connections until it has a certificate to show.
async fn wait_for_answer(client: &mut Client) -> Result<(), ClientError> {
    let deadline = Instant::now() + STEP;
    loop {
        match client.get("/node/state").await {
            Ok(answer) if answer.status == StatusCode::OK => return Ok(()),
            Err(error) if Instant::now() > deadline => return Err(error),
            Ok(answer) if Instant::now() > deadline => {
                return answer.expect(StatusCode::OK, "/node/state").map(drop);
            }
            _ => sleep(POLL).await,
        }
    }
}

async fn wait_until_open(client: &mut Client) -> Result<(), SandboxError> {
    #[derive(Deserialize)]
    struct Network {
        service_status: String,
    }
    const PATH: &str = "/node/network";
    let deadline = Instant::now() + STEP;
    loop {
        let Network { service_status } = client.get(PATH).await?.expect(StatusCode::OK, PATH)?.json()?;
        if service_status == "Open" {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(SandboxError::NotOpened(STEP));
        }
        sleep(POLL).await;
    }
}
