//! `coco gov vote` and `coco gov withdraw`.

use std::path::PathBuf;

use clap::{ArgGroup, Args};
use coco_client::governance::{AGREE, DISAGREE, Message};
use coco_wire::Digest;
use serde_json::json;

use super::{
    error::GovError,
    report::OutputArgs,
    speaker::{Said, SigningArgs},
};
use crate::{
    connection::{Places, ServiceArgs},
    input::read_text,
};

const VOTE_EXAMPLES: &str = "\
Examples:
  coco gov vote PROPOSAL --for
  coco gov vote PROPOSAL --against --dir my-service --member member1
  coco gov vote PROPOSAL --ballot careful.js
  coco gov vote PROPOSAL --for --member-cert m.pem --sign-with 'openssl pkeyutl -sign -inkey m_privk.pem'
  coco gov vote PROPOSAL --for --member-cert m.pem --prepare vote.json > to-sign.json

A ballot is a script that exports vote(proposal, proposerId), which returns whether to accept.
Exit status: 0 the vote counts, 1 refused, 2 wrong arguments, unreadable files, or no connection.";

/// Vote on a proposal.
#[derive(Args)]
#[command(after_help = VOTE_EXAMPLES, group = ArgGroup::new("choice").required(true))]
pub(crate) struct VoteArgs {
    /// Identifier of the proposal
    #[arg(value_name = "PROPOSAL")]
    proposal: Digest,
    /// Accept it
    #[arg(long = "for", group = "choice")]
    accept: bool,
    /// Do not accept it
    #[arg(long, group = "choice")]
    against: bool,
    /// Let a script decide
    #[arg(long, value_name = "FILE.js", group = "choice")]
    ballot: Option<PathBuf>,
    #[command(flatten)]
    speech: SpeechArgs,
}

const WITHDRAW_EXAMPLES: &str = "\
Examples:
  coco gov withdraw PROPOSAL
  coco gov withdraw PROPOSAL --dir my-service --member member1

Only who made a proposal can take it back, and only as long as it is open.
Exit status: 0 withdrawn, 1 refused, 2 wrong arguments, unreadable files, or no connection.";

/// Take back one's own proposal.
#[derive(Args)]
#[command(after_help = WITHDRAW_EXAMPLES)]
pub(crate) struct WithdrawArgs {
    /// Identifier of the proposal
    #[arg(value_name = "PROPOSAL")]
    proposal: Digest,
    #[command(flatten)]
    speech: SpeechArgs,
}

/// To whom, by whom, and how to tell.
#[derive(Args)]
pub(crate) struct SpeechArgs {
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    pub(super) service: ServiceArgs,
    #[command(flatten)]
    pub(super) signing: SigningArgs,
}

impl VoteArgs {
    pub(super) async fn run(&self) -> Result<(), GovError> {
        let ballot = match &self.ballot {
            Some(file) => read_text(file)?,
            None if self.accept => AGREE.to_owned(),
            None => DISAGREE.to_owned(),
        };
        let payload = json!({ "ballot": ballot }).to_string();
        self.speech.say(Message::Ballot(&self.proposal.to_string()), payload.as_bytes()).await
    }
}

impl WithdrawArgs {
    pub(super) async fn run(&self) -> Result<(), GovError> {
        self.speech.say(Message::Withdrawal(&self.proposal.to_string()), b"").await
    }
}

impl SpeechArgs {
    /// Signs, sends, and tells of the answer.
    pub(super) async fn say(&self, message: Message<'_>, payload: &[u8]) -> Result<(), GovError> {
        let places = Places::new(self.service.dir.as_deref())?;
        let connect = || Ok(self.service.resolve(&places)?.client()?);
        match self.signing.speaker(&places)?.say(connect, message, payload).await? {
            Said::Answered(answered) => self.output.tell(*answered, message).await,
            Said::Prepared => Ok(()),
        }
    }
}
