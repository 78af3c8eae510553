//! How a command of an application's author fails.

use std::{io, path::PathBuf, process::ExitCode};

use coco_client::ClientError;

use super::build::InvalidApplication;
use crate::{
    bundle::InvalidBundle,
    connection::{MemberError, ServiceError},
    exit,
    gov::GovError,
    input::Unreadable,
};

/// A command that did not do what it should.
#[derive(Debug, thiserror::Error)]
pub(super) enum AppError {
    #[error("{} is not empty; choose another folder", .0.display())]
    NotEmpty(PathBuf),
    #[error("{}: {error}", .path.display())]
    File { path: PathBuf, error: io::Error },
    #[error(transparent)]
    Invalid(#[from] InvalidApplication),
    #[error(transparent)]
    Bundle(#[from] InvalidBundle),
    #[error("--vote all: only a sandbox has the keys of all members here; give its directory as --dir DIR")]
    NotASandbox,
    #[error("--vote own: a member whose message is signed elsewhere votes by coco gov vote")]
    VoteElsewhere,
    #[error(transparent)]
    Gov(#[from] GovError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error(transparent)]
    Member(#[from] MemberError),
    #[error(transparent)]
    Place(#[from] Unreadable),
    #[error("the proposal is {state}, and not accepted{reason}")]
    NotAccepted { state: String, reason: String },
    #[error("{0}")]
    System(#[from] io::Error),
}

/// The status of a command, of whose failure it tells.
pub(super) fn status(result: Result<(), AppError>) -> ExitCode {
    let Err(error) = result else { return ExitCode::SUCCESS };
    exit::failed(&error);
    ExitCode::from(match error {
        AppError::Invalid(InvalidApplication::Flaws(_))
        | AppError::NotAccepted { .. }
        | AppError::Client(ClientError::Status { .. } | ClientError::NotCommitted(..)) => exit::REFUSED,
        AppError::Bundle(InvalidBundle::Application(InvalidApplication::Flaws(_))) => exit::REFUSED,
        AppError::Gov(error) => error.status(),
        _ => exit::UNUSABLE,
    })
}

/// What is wrong with a file that is written.
pub(super) fn at(path: &std::path::Path) -> impl FnOnce(io::Error) -> AppError {
    let path = path.to_path_buf();
    move |error| AppError::File { path, error }
}
