//! `coco gov watch`: tells what becomes of proposals.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use clap::Args;
use coco_client::{
    Client, ClientError,
    governance::{self, Proposal, ProposalState},
};
use coco_wire::Digest;
use serde_json::json;
use tokio::time::sleep;

use super::{error::GovError, report::OutputArgs};
use crate::{
    config::duration,
    connection::{Places, ServiceArgs},
    exit,
};

const EXAMPLES: &str = "\
Examples:
  coco gov watch PROPOSAL --dir my-service       until it is decided
  coco gov watch --timeout 10min                 every proposal
  coco gov watch PROPOSAL --json                 a line of JSON for each change

Exit status: 0 the proposal was accepted or, without PROPOSAL, the time is over; 1 it was not accepted, or nothing was
decided in time; 2 wrong arguments, unreadable files, or no connection.";

/// Shortest time between two looks.
const LEAST_INTERVAL: Duration = Duration::from_millis(50);
/// Looks in a row that may fail, as when a node starts again.
const MAX_FAILURES: u32 = 10;

/// Tell what becomes of a proposal, or of all.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct WatchArgs {
    /// Identifier of the proposal; without it, all
    #[arg(value_name = "PROPOSAL")]
    proposal: Option<Digest>,
    /// Time between two looks
    #[arg(long, default_value = "1s", value_name = "TIME", value_parser = duration)]
    interval: Duration,
    /// How long to look
    #[arg(long, default_value = "1h", value_name = "TIME", value_parser = duration)]
    timeout: Duration,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    service: ServiceArgs,
}

/// What changed between two looks.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It is so now.
    Is { id: String, state: ProposalState, ballots: u64 },
    /// The service no longer keeps it.
    Gone { id: String },
}

/// What was seen last.
#[derive(Default)]
pub(super) struct Seen(BTreeMap<String, (ProposalState, u64)>);

impl WatchArgs {
    pub(super) async fn run(&self) -> Result<(), GovError> {
        if self.interval < LEAST_INTERVAL {
            return Err(GovError::Interval(LEAST_INTERVAL.as_millis()));
        }
        let places = Places::new(self.service.dir.as_deref())?;
        let mut client = self.service.resolve(&places)?.client()?;
        let began = Instant::now();
        let (mut seen, mut failures) = (Seen::default(), 0);
        loop {
            match self.look(&mut client, &mut seen).await {
                Ok(Some(ProposalState::Accepted)) => return Ok(()),
                Ok(Some(state)) => return Err(GovError::NotAccepted { state: state.to_string() }),
                Ok(None) => failures = 0,
                Err(GovError::Client(ClientError::Connect { .. } | ClientError::Broken { .. }))
                    if failures < MAX_FAILURES =>
                {
                    failures += 1;
                }
                Err(error) => return Err(error),
            }
            if began.elapsed() >= self.timeout {
                return match self.proposal {
                    Some(_) => Err(GovError::Undecided(self.timeout.as_secs())),
                    None => Ok(()),
                };
            }
            sleep(self.interval).await;
        }
    }

    /// Tells what changed; yields how the proposal ended, if it did.
    async fn look(&self, client: &mut Client, seen: &mut Seen) -> Result<Option<ProposalState>, GovError> {
        let now = match self.proposal {
            Some(id) => governance::proposal(client, &id.to_string()).await?.into_iter().collect(),
            None => governance::proposals(client).await?,
        };
        if let Some(id) = self.proposal
            && now.is_empty()
        {
            return Err(GovError::NoProposal(id));
        }
        let changes = seen.changes(&now);
        exit::print(|out| changes.iter().try_for_each(|change| writeln!(out, "{}", self.line(change))))?;
        let state = now.first().filter(|_| self.proposal.is_some()).map(|it| it.proposal_state);
        Ok(state.filter(|state| *state != ProposalState::Open))
    }

    fn line(&self, change: &Change) -> String {
        match change {
            Change::Is { id, state, ballots } if self.output.json => {
                json!({ "proposalId": id, "proposalState": state, "ballotCount": ballots }).to_string()
            }
            Change::Gone { id } if self.output.json => {
                json!({ "proposalId": id, "proposalState": null }).to_string()
            }
            Change::Is { id, state, ballots: 1 } => format!("{id} is {state} with one vote."),
            Change::Is { id, state, ballots } => format!("{id} is {state} with {ballots} votes."),
            Change::Gone { id } => format!("{id} is no longer kept."),
        }
    }
}

impl Seen {
    /// What is not as it was seen last.
    pub(super) fn changes(&mut self, now: &[Proposal]) -> Vec<Change> {
        let mut changes = Vec::new();
        let current: BTreeMap<_, _> =
            now.iter().map(|it| (it.proposal_id.clone(), (it.proposal_state, it.ballot_count))).collect();
        for (id, (state, ballots)) in &current {
            if self.0.get(id) != Some(&(*state, *ballots)) {
                changes.push(Change::Is { id: id.clone(), state: *state, ballots: *ballots });
            }
        }
        let gone = self.0.keys().filter(|id| !current.contains_key(*id));
        changes.extend(gone.map(|id| Change::Gone { id: id.clone() }));
        self.0 = current;
        changes
    }
}

#[cfg(test)]
mod tests;
