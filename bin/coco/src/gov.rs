//! `coco gov`: what members decide together.
//!
//! Messages are signed by the member's key in a file, by a command, or elsewhere (`--prepare`, then `finish`). Modules in
//! reading order.

use std::process::ExitCode;

use clap::Subcommand;
use tokio::runtime;

use crate::exit;

mod propose;

mod action;
mod actions;
mod draft;
mod words;

mod ack;
mod finish;
mod vote;

mod list;
mod show;
mod watch;

mod speaker;

mod prepared;
mod signature;

mod local;
mod plain;
mod report;

mod error;

pub(crate) use error::GovError;
pub(crate) use report::OutputArgs;
pub(crate) use speaker::{Answered, Said, SigningArgs, Speaker};

const EXAMPLES: &str = "\
Examples:
  coco sandbox --dir my-service                           elsewhere; then
  export COCO_DIR=my-service
  coco gov propose set_user --cert user1_cert.pem
  coco gov list
  coco gov vote PROPOSAL --for --member member0
  coco gov vote PROPOSAL --for --member member1
  coco gov watch PROPOSAL

The service is that of --url and --service-cert, or COCO_URL and COCO_SERVICE_CERT; the member that of --member-cert and
--member-key, or COCO_MEMBER_CERT and COCO_MEMBER_KEY. In place of all of them, --dir or COCO_DIR names the directory of a
sandbox, and --member or COCO_MEMBER one of its members. What an argument says counts before what the environment says.";

/// What members decide together.
#[derive(Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum GovCommand {
    /// Propose actions
    Propose(Box<propose::ProposeArgs>),
    /// Vote on a proposal
    Vote(vote::VoteArgs),
    /// Take back one's own proposal
    Withdraw(vote::WithdrawArgs),
    /// Show a proposal, who voted how, and what is still wanted
    Show(show::ShowArgs),
    /// List proposals
    List(list::ListArgs),
    /// Acknowledge the state of the service, which makes a new member active
    Ack(ack::AckArgs),
    /// Tell what becomes of proposals
    Watch(watch::WatchArgs),
    /// Complete and send what was signed elsewhere
    Finish(finish::FinishArgs),
}

impl GovCommand {
    pub(crate) fn execute(&self) -> ExitCode {
        let result = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Into::into)
            .and_then(|runtime| runtime.block_on(self.run()));
        match result {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                exit::failed(&error);
                ExitCode::from(error.status())
            }
        }
    }

    async fn run(&self) -> Result<(), GovError> {
        match self {
            Self::Propose(args) => args.run().await,
            Self::Vote(args) => args.run().await,
            Self::Withdraw(args) => args.run().await,
            Self::Show(args) => args.run().await,
            Self::List(args) => args.run().await,
            Self::Ack(args) => args.run().await,
            Self::Watch(args) => args.run().await,
            Self::Finish(args) => args.run().await,
        }
    }
}

#[cfg(test)]
mod tests;
