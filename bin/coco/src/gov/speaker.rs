//! A member who signs: with a key, by a command, or later.

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::{Command, Stdio},
};

use clap::Args;
use coco_client::{
    Answer, Client, Identity,
    governance::{self, Message, Unsigned, now},
};
use coco_crypto::Certificate;
use coco_wire::Digest;

use super::{error::GovError, prepared, signature};
use crate::{
    connection::{MemberArgs, Places},
    exit,
};

/// Who signs, and how.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct SigningArgs {
    #[command(flatten)]
    member: MemberArgs,
    /// Shell command that gets the digest on standard input and prints the signature, in place of --member-key
    #[arg(long, value_name = "COMMAND", help_heading = "Member")]
    sign_with: Option<String>,
    /// Write the message here, to be signed elsewhere, and send nothing; print what is to be signed
    #[arg(long, value_name = "FILE", conflicts_with = "sign_with", help_heading = "Member")]
    prepare: Option<PathBuf>,
}

/// A member who can sign.
pub(crate) struct Speaker {
    certificate: Certificate,
    hand: Hand,
}

enum Hand {
    Key(Box<Identity>),
    Command(String),
    Later(PathBuf),
}

/// What became of a message.
pub(crate) enum Said {
    Answered(Box<Answered>),
    /// It waits for its signature.
    Prepared,
}

/// The answer to a message, and by which client and from where it came.
pub(crate) struct Answered {
    pub(crate) client: Client,
    pub(crate) answer: Answer,
    pub(crate) path: String,
}

impl SigningArgs {
    pub(crate) fn speaker(&self, places: &Places<'_>) -> Result<Speaker, GovError> {
        let member = self.member.resolve(places)?;
        let hand = match (&self.prepare, &self.sign_with) {
            (Some(path), _) => Hand::Later(path.clone()),
            (None, Some(command)) => Hand::Command(command.clone()),
            (None, None) => Hand::Key(Box::new(member.identity()?)),
        };
        Ok(Speaker { certificate: member.certificate, hand })
    }
}

impl SigningArgs {
    /// Whether the message is signed when it is made.
    pub(crate) fn is_complete(&self) -> bool {
        self.prepare.is_none()
    }
}

impl Speaker {
    /// How the service names the member.
    pub(super) fn id(&self) -> Digest {
        self.certificate.fingerprint()
    }

    /// Signs a message and sends it by the client, which is asked for only then.
    pub(crate) async fn say(
        &self,
        client: impl FnOnce() -> Result<Client, GovError>,
        message: Message<'_>,
        payload: &[u8],
    ) -> Result<Said, GovError> {
        let message = Unsigned::new(&self.certificate, message, payload, now())?;
        let signed = match &self.hand {
            Hand::Key(identity) => message.sign(identity),
            Hand::Command(command) => signature::finish(&message, &ask(command, &message)?)?,
            Hand::Later(path) => {
                prepared::write(path, &message, &self.certificate)?;
                exit::print(|out| writeln!(out, "{}", prepared::to_sign(&message)))?;
                eprintln!(
                    "Written to {file}; nothing is sent. Have the digest signed, then: \
                     coco gov finish --prepared {file} --signature SIGNATURE",
                    file = path.display()
                );
                return Ok(Said::Prepared);
            }
        };
        let answered = Answered::to(client()?, &message, signed).await?;
        Ok(Said::Answered(Box::new(answered)))
    }
}

impl Answered {
    /// Sends a signed message.
    pub(super) async fn to(
        mut client: Client,
        message: &Unsigned,
        signed: Vec<u8>,
    ) -> Result<Self, GovError> {
        let (answer, path) = governance::send(&mut client, message, signed).await?;
        Ok(Self { client, answer, path })
    }
}

/// Has a command sign the digest.
fn ask(command: &str, message: &Unsigned) -> Result<Vec<u8>, GovError> {
    let mut child = Command::new("sh")
        .args(["-c", command])
        .env("COCO_SIGN_ALG", message.algorithm().name())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(GovError::Signer)?;
    let mut input = child.stdin.take().expect("standard input is a pipe");
    let written = input.write_all(&message.digest());
    drop(input);
    let mut printed = Vec::new();
    let output = child.stdout.take().expect("standard output is a pipe");
    let read = io::Read::read_to_end(&mut io::Read::take(output, signature::MAX_BYTES), &mut printed);
    let status = child.wait().map_err(GovError::Signer)?;
    if !status.success() {
        return Err(GovError::SignerFailed(status));
    }
    match written {
        // It may know the digest by other means.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(GovError::Signer(error)),
        _ => read.map(|_| printed).map_err(GovError::Signer),
    }
}
