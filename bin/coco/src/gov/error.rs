//! How a command of a member fails.

use std::{io, path::PathBuf};

use coco_client::{ClientError, governance::NotElliptic};
use coco_wire::Digest;

use super::{draft::InvalidArgument, local::Objection, signature::InvalidSignature, words::InvalidWords};
use crate::{
    connection::{MemberError, ServiceError},
    exit,
    input::Unreadable,
};

/// A command that did not do what it should.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GovError {
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error(transparent)]
    Member(#[from] MemberError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    File(#[from] Unreadable),
    #[error(transparent)]
    Words(#[from] InvalidWords),
    #[error(transparent)]
    Argument(#[from] InvalidArgument),
    #[error("{}: not a proposal: {error}", .path.display())]
    NotJson { path: PathBuf, error: serde_json::Error },
    #[error("what is proposed? Name an action (see coco gov propose --help), or give --file FILE")]
    NothingProposed,
    #[error("--file is a whole proposal: there can be no actions beside it")]
    ProposedTwice,
    #[error("--constitution is for --dry-run")]
    NotDry,
    #[error("NOT VALID: {0}")]
    Objection(#[from] Objection),
    #[error(
        "the service knows no proposal {0}, or no longer: it forgets what was decided before the last decision"
    )]
    NoProposal(Digest),
    #[error(transparent)]
    Key(#[from] NotElliptic),
    #[error("{}: not what --prepare writes: {error}", .path.display())]
    NotPrepared { path: PathBuf, error: Box<dyn std::error::Error + Send + Sync> },
    #[error("--sign-with: {0}")]
    Signer(io::Error),
    #[error("--sign-with: the command ends with {0}")]
    SignerFailed(std::process::ExitStatus),
    #[error(transparent)]
    Signature(#[from] InvalidSignature),
    #[error("--interval: not a time, or shorter than {0} ms")]
    Interval(u128),
    #[error("the proposal is {state}, and not accepted")]
    NotAccepted { state: String },
    #[error("nothing decided within {0} s")]
    Undecided(u64),
    #[error("{0}")]
    System(#[from] io::Error),
}

impl GovError {
    /// Exit status: whether somebody refused, or something is missing.
    pub(crate) fn status(&self) -> u8 {
        match self {
            Self::Client(ClientError::Status { .. } | ClientError::NotCommitted(..))
            | Self::Objection(_)
            | Self::NoProposal(_)
            | Self::Signature(InvalidSignature::NotTheMembers)
            | Self::NotAccepted { .. }
            | Self::Undecided(_) => exit::REFUSED,
            _ => exit::UNUSABLE,
        }
    }
}
