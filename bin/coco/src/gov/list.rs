//! `coco gov list`: the proposals that the service keeps.

use clap::Args;
use coco_client::governance::{self, ProposalState};
use coco_wire::Digest;
use serde_json::{Value, json};

use super::{error::GovError, plain::plain, report::OutputArgs};
use crate::{
    columns,
    connection::{Places, ServiceArgs},
    exit,
};

const EXAMPLES: &str = "\
Examples:
  coco gov list --url https://127.0.0.1:8000 --service-cert service_cert.pem
  coco gov list --dir my-service
  coco gov list --open --json

The service keeps open proposals, and the one that was decided last.
Exit status: 0 listed, 1 refused, 2 wrong arguments, unreadable files, or no connection.";

const HEADINGS: [&str; 5] = ["PROPOSAL", "STATE", "BALLOTS", "PROPOSER", "ACTIONS"];
/// Hexadecimal digits that tell members apart.
const SHORT_ID: usize = 8;

/// List proposals.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ListArgs {
    /// Those only that are not decided
    #[arg(long)]
    open: bool,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    service: ServiceArgs,
}

impl ListArgs {
    pub(super) async fn run(&self) -> Result<(), GovError> {
        let places = Places::new(self.service.dir.as_deref())?;
        let mut client = self.service.resolve(&places)?.client()?;
        let mut proposals = governance::proposals(&mut client).await?;
        proposals.retain(|it| !self.open || it.proposal_state == ProposalState::Open);
        let (mut rows, mut listed) = (Vec::new(), Vec::new());
        for proposal in proposals {
            let names = names(&governance::proposed(&mut client, &proposal.proposal_id).await?);
            rows.push([
                proposal.proposal_id.clone(),
                proposal.proposal_state.to_string(),
                proposal.ballot_count.to_string(),
                short(&proposal.proposer_id),
                plain(&names.join(", ")),
            ]);
            let mut described = json!(proposal);
            described["actions"] = json!(names);
            listed.push(described);
        }
        exit::print(|out| match rows.as_slice() {
            _ if self.output.json => writeln!(out, "{:#}", Value::from(listed)),
            [] => writeln!(out, "There are no proposals."),
            rows => columns::write(HEADINGS, rows, out),
        })?;
        Ok(())
    }
}

/// Names of the actions of a proposal.
pub(super) fn names(proposal: &str) -> Vec<String> {
    let proposal: Value = serde_json::from_str(proposal).unwrap_or_default();
    let actions = proposal["actions"].as_array().cloned().unwrap_or_default();
    actions.iter().map(|action| action["name"].as_str().unwrap_or("?").to_owned()).collect()
}

pub(super) fn short(id: &Digest) -> String {
    let mut id = id.to_hex();
    id.truncate(SHORT_ID);
    id
}
