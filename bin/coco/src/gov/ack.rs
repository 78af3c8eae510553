//! `coco gov ack`: a member agrees with the state of the service.

use clap::Args;
use coco_client::{
    Client, StatusCode,
    governance::{self, Message, StateDigest},
};
use serde_json::json;

use super::{
    error::GovError,
    speaker::{Answered, Said},
    vote::SpeechArgs,
};
use crate::connection::Places;

const EXAMPLES: &str = "\
Examples:
  coco gov ack
  coco gov ack --dir my-service --member member1
  coco gov ack --prepare state.json > to-sign.json             the first of two messages, to be signed elsewhere
  coco gov ack --recorded --prepare ack.json > to-sign.json    the second one, once the first is finished

A member asks for the state that the service signed last, and acknowledges it; by the first time, it becomes active.
Exit status: 0 acknowledged, 1 refused, 2 wrong arguments, unreadable files, or no connection.";

/// Acknowledge the state of the service.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct AckArgs {
    /// Acknowledge the state that the service has on record, in place of asking for the present one
    #[arg(long)]
    recorded: bool,
    #[command(flatten)]
    speech: SpeechArgs,
}

impl AckArgs {
    pub(super) async fn run(&self) -> Result<(), GovError> {
        let SpeechArgs { service, signing, .. } = &self.speech;
        let places = Places::new(service.dir.as_deref())?;
        let speaker = signing.speaker(&places)?;
        let connect = || -> Result<Client, GovError> { Ok(service.resolve(&places)?.client()?) };
        let digest = if self.recorded {
            governance::state_digest(&mut connect()?, &speaker.id()).await?
        } else {
            match speaker.say(connect, Message::StateDigest, b"").await? {
                Said::Answered(answered) => {
                    let Answered { answer, path, .. } = *answered;
                    answer.expect(StatusCode::OK, &path)?.json::<StateDigest>()?
                }
                Said::Prepared => return Ok(()),
            }
        };
        let payload = json!({ "stateDigest": digest.state_digest }).to_string();
        self.speech.say(Message::Ack, payload.as_bytes()).await
    }
}
