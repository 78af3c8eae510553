//! `coco attest node`.

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::Args;
use coco_client::{
    ClientError,
    attest::{Fresh, NotVerified, ask},
};
use coco_crypto::Certificate;
use serde_json::{Value, json};
use tokio::runtime;

use super::{
    facts::date,
    piece::Piece,
    verify::{Asked, NotShown, Outcome, VerifyError, WantedArgs, judge},
};
use crate::{
    connection::{NodeUrl, certificate},
    exit,
    input::Unreadable,
};

const EXAMPLES: &str = "\
Examples:
  coco attest node https://127.0.0.1:8000 --cacert service_cert.pem \\
    --host-data \"$(sha256sum security-policy | cut -d\" \" -f1)\" --minimum-tcb db18000000000104
  coco attest node https://127.0.0.1:8000 --cacert service_cert.pem --accept virtual     in a sandbox
  coco attest node https://127.0.0.1:8000                             whose node is it?

The node makes evidence for this very TLS session and a nonce of ours, so that nobody between us can show
another node's, or an old one. What was not asked for is named as not checked. The options are those of
coco attest verify; the chapter `Attestation` of the book says which go with which evidence.
Exit status: 0 verified, and all that was asked for holds; 1 refused, and why; 2 wrong arguments, or the
node cannot be reached.";

/// Verify a node that runs.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct NodeArgs {
    /// The node, https://HOST:PORT
    #[arg(value_name = "HTTPS_URL")]
    url: NodeUrl,
    /// PEM certificate of the service that it must be of; whose it is, is told if not given
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,
    #[command(flatten)]
    wanted: WantedArgs,
    /// Tell the result as JSON
    #[arg(long)]
    json: bool,
}

/// A node that was not judged.
#[derive(Debug, thiserror::Error)]
enum NodeError {
    #[error(transparent)]
    Certificate(#[from] Unreadable),
    #[error(transparent)]
    Asked(#[from] VerifyError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("{0}")]
    System(#[from] io::Error),
}

/// What comes of a node.
enum Found {
    /// It showed evidence for this session.
    Judged(Box<Outcome>, Certificate),
    /// It did not.
    Refused { why: String, advice: Option<&'static str> },
}

impl NodeArgs {
    pub(super) fn execute(&self) -> ExitCode {
        match self.verify() {
            Ok(status) => ExitCode::from(status),
            Err(error) => exit::failed(error),
        }
    }

    fn verify(&self) -> Result<u8, NodeError> {
        let service = self.cacert.as_deref().map(certificate).transpose()?;
        let mut asked = Asked::of(&self.wanted)?;
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let found = match runtime.block_on(ask(&self.url.address, service.as_ref())) {
            Ok(fresh) => self.judge(&fresh, &mut asked)?,
            Err(ClientError::NotVerified { reason, .. }) => refused(&reason),
            Err(error) if error.is_untrusted() => Found::Refused {
                why: "its certificate was not issued by the service that you know (--cacert), or is out of date".to_owned(),
                advice: Some("do not talk to it, unless the service was recovered and its new certificate is known to you"),
            },
            Err(error) => return Err(error.into()),
        };
        exit::print(|out| {
            if self.json { self.write_json(&found, &asked, out) } else { self.write(&found, &asked, out) }
        })?;
        let is_verified = matches!(&found, Found::Judged(outcome, _) if outcome.found.is_ok());
        Ok(if is_verified { 0 } else { exit::REFUSED })
    }

    fn judge(&self, fresh: &Fresh, asked: &mut Asked) -> Result<Found, NodeError> {
        asked.session = Some(fresh.expected.0);
        let Some(piece) = Piece::of_node(&self.origin(), Some(fresh.node), fresh.evidence.clone()) else {
            return Ok(refused(&NotVerified::Malformed));
        };
        let found = match judge(&piece, asked) {
            Ok(mut verdict) => {
                if self.cacert.is_some() {
                    verdict.holds("the node's certificate, issued by the service that you know (--cacert)");
                } else {
                    verdict.not_checked(format!(
                        "that the service is the one that you think of (--cacert): it says that it is the one whose \
                         certificate has the SHA-256 {}",
                        fresh.service.fingerprint()
                    ));
                }
                Ok(verdict)
            }
            Err(NotShown::Refused(other)) if other.is_of_binding() => {
                return Ok(refused(&NotVerified::OtherSession));
            }
            Err(NotShown::Refused(refused)) => Err(*refused),
            Err(NotShown::Misuse(misuse)) => return Err(VerifyError::from(misuse).into()),
        };
        Ok(Found::Judged(Box::new(Outcome { piece, found }), fresh.service.clone()))
    }

    fn origin(&self) -> String {
        format!("https://{}", self.url.address)
    }

    fn write(&self, found: &Found, asked: &Asked, out: &mut dyn Write) -> Result<(), NodeError> {
        match found {
            Found::Judged(outcome, _) => outcome.write(asked.now, out)?,
            Found::Refused { why, advice } => {
                writeln!(out, "REFUSED: {}, looked at {}.", self.origin(), date(asked.now))?;
                writeln!(out, "  Why: {why}.")?;
                if let Some(advice) = advice {
                    writeln!(out, "  What to do: {advice}.")?;
                }
            }
        }
        Ok(())
    }

    fn write_json(&self, found: &Found, asked: &Asked, out: &mut dyn Write) -> Result<(), NodeError> {
        let mut value: Value = match found {
            Found::Judged(outcome, service) => {
                let mut value = outcome.to_json();
                value["service"] = json!(service.fingerprint());
                value
            }
            Found::Refused { why, advice } => json!({ "verified": false, "reason": why, "advice": advice }),
        };
        value["node"] = json!(self.origin());
        value["at"] = json!(asked.now.to_string());
        Ok(writeln!(out, "{value:#}")?)
    }
}

/// A node that showed no evidence for this session.
fn refused(reason: &NotVerified) -> Found {
    let advice = match reason {
        NotVerified::OtherNode { .. } | NotVerified::OtherNonce | NotVerified::OtherSession => {
            Some("do not talk to it: somebody stands between you and a node")
        }
        NotVerified::OldTls => Some("talk to the node itself, without anybody between who ends TLS"),
        NotVerified::NoEvidence(_) => {
            Some("ask a node of a version that makes evidence for clients, on an interface that offers it")
        }
        _ => None,
    };
    Found::Refused { why: reason.to_string(), advice }
}
