//! What a member is told after it said something.

use std::{
    io::{self, Write},
    time::Duration,
};

use clap::Args;
use coco_client::{
    StatusCode,
    governance::{Message, Proposal, ProposalState, StateDigest},
};
use serde_json::{Value, json};

use super::{error::GovError, plain::plain, speaker::Answered};
use crate::exit;

/// How long a transaction may take until it is committed.
const COMMIT: Duration = Duration::from_secs(30);

/// How to tell.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct OutputArgs {
    /// Tell the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

impl OutputArgs {
    /// Tells of the answer to a message, once it is committed.
    pub(super) async fn tell(self, answered: Answered, message: Message<'_>) -> Result<(), GovError> {
        let Answered { mut client, answer, path } = answered;
        let id = answer.transaction_id();
        let told = match message {
            Message::Proposal | Message::Ballot(_) => {
                Told::Proposal(Box::new(Proposal::read(answer, &path)?))
            }
            // The service answers so when it knows nothing of the proposal.
            Message::Withdrawal(id) if answer.status == StatusCode::NO_CONTENT => {
                return Err(GovError::NoProposal(id.parse().unwrap_or_default()));
            }
            Message::Withdrawal(_) => Told::Proposal(Box::new(Proposal::read(answer, &path)?)),
            Message::StateDigest => Told::StateDigest(answer.expect(StatusCode::OK, &path)?.json()?),
            Message::Ack | Message::RecoveryShare => {
                if answer.status != StatusCode::NO_CONTENT {
                    answer.expect(StatusCode::OK, &path)?;
                }
                Told::Done
            }
        };
        if let Some(id) = id {
            client.wait_for_commit(id, COMMIT).await?;
        }
        let transaction = id.map(|id| id.to_string());
        exit::print(
            |out| {
                if self.json { writeln!(out, "{:#}", told.json(transaction)) } else { told.write(out) }
            },
        )?;
        Ok(())
    }
}

enum Told {
    Proposal(Box<Proposal>),
    StateDigest(StateDigest),
    Done,
}

impl Told {
    fn json(&self, transaction: Option<String>) -> Value {
        let mut told = match self {
            Self::Proposal(proposal) => json!(proposal),
            Self::StateDigest(digest) => {
                json!({ "memberId": digest.member_id, "stateDigest": digest.state_digest })
            }
            Self::Done => json!({}),
        };
        told["transactionId"] = transaction.into();
        told
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Proposal(proposal) => {
                let id = &proposal.proposal_id;
                writeln!(out, "Proposal {id} is {}.", proposal.proposal_state)?;
                for failure in proposal.vote_failures.iter().flatten() {
                    writeln!(out, "The ballot of {} failed: {}", failure.0, plain(&failure.1.reason))?;
                }
                if let Some(failure) = &proposal.failure {
                    writeln!(out, "It failed: {}", plain(&failure.reason))?;
                }
                if proposal.proposal_state == ProposalState::Open {
                    writeln!(out, "To see it: coco gov show {id}")?;
                    writeln!(out, "To vote:   coco gov vote {id} --for")?;
                }
                Ok(())
            }
            Self::StateDigest(digest) => {
                writeln!(out, "The state to acknowledge is {}.", digest.state_digest)?;
                writeln!(out, "To do so:  coco gov ack --recorded")
            }
            Self::Done => writeln!(out, "The state is acknowledged: the member is active."),
        }
    }
}
