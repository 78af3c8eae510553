//! `coco gov finish`: a message that was signed elsewhere is completed and sent.

use std::path::PathBuf;

use clap::Args;

use super::{error::GovError, prepared, report::OutputArgs, signature, speaker::Answered};
use crate::{
    connection::{Places, ServiceArgs},
    input,
};

const EXAMPLES: &str = "\
Examples:
  coco gov vote PROPOSAL --for --member-cert m.pem --prepare vote.json > to-sign.json
  curl -X POST $KEY/sign?api-version=7.4 -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' \
    --data @to-sign.json > signature.json                                     Azure Key Vault, or
  jq -r .value to-sign.json | base64 -d | openssl pkeyutl -sign -inkey m_privk.pem > signature.json
  coco gov finish --prepared vote.json --signature signature.json

What is printed by --prepare is JSON: `alg`, ES384 or ES256, and `value`, the digest in base64, as CCF's
ccf_cose_sign1_prepare prints it. A signature is JSON with base64 in `value`, base64, or bytes, as r and s in a row or in
DER. It is verified before anything is sent.
Exit status: 0 the service took the message, 1 it did not, or the signature is not the member's, 2 wrong arguments,
unreadable files, or no connection.";

/// Complete and send what was signed elsewhere.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct FinishArgs {
    /// What --prepare wrote
    #[arg(long, value_name = "FILE")]
    prepared: PathBuf,
    /// The signature; - reads standard input
    #[arg(long, value_name = "FILE")]
    signature: PathBuf,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    service: ServiceArgs,
}

impl FinishArgs {
    pub(super) async fn run(&self) -> Result<(), GovError> {
        let message = prepared::read(&self.prepared)?;
        let signature = input::read(&self.signature, signature::MAX_BYTES)?;
        let signed = signature::finish(&message, &signature)?;
        let places = Places::new(self.service.dir.as_deref())?;
        let client = self.service.resolve(&places)?.client()?;
        let answered = Answered::to(client, &message, signed).await?;
        self.output.tell(answered, message.message()).await
    }
}
