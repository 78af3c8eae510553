//! Why a node does not run.

use std::{io, path::PathBuf};

use super::{files::FileError, join::NotJoined, platform::PlatformError};
use coco_host::{files::FilesError, ledger::StartError, net::BindError, process::PidFileError};

/// Why a node does not start, or cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Another node may run here.
    #[error(transparent)]
    PidFile(#[from] PidFileError),
    /// The ledger directory cannot be used.
    #[error(transparent)]
    Ledger(#[from] StartError),
    /// The directory of snapshots cannot be used.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// An interface cannot listen.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A file named in the configuration cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// A command that this version does not know how to carry out.
    #[error("command.type {0}: this version of Coco can only Start or Join a service")]
    Command(&'static str),
    /// A certificate cannot be made.
    #[error("a certificate cannot be made: {0}")]
    Certificate(#[from] coco_crypto::x509::InvalidTime),
    /// A certificate cannot be shown.
    #[error(transparent)]
    Tls(#[from] coco_http::InvalidCertificate),
    /// Nothing vouches for the node.
    #[error(transparent)]
    Platform(#[from] PlatformError),
    /// The platform does not say what runs here.
    #[error("the platform gave no evidence: {0}")]
    Evidence(#[from] coco_boundary::QuoteFault),
    /// The service does not let the node in, or it cannot begin.
    #[error(transparent)]
    Join(#[from] NotJoined),
    /// A file that tells others about the node cannot be written.
    #[error("{} cannot be written: {error}", .path.display())]
    Output {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The system refuses something.
    #[error("the system refuses what a node needs: {0}")]
    System(#[from] io::Error),
}
