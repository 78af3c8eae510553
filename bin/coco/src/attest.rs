//! `coco attest`: looks at evidence of what a machine runs, offline.

mod certificates;
mod describe;
mod facts;
mod form;
mod piece;
mod show;
mod verify;

use std::process::ExitCode;

use clap::Subcommand;

use show::ShowArgs;
use verify::VerifyArgs;

/// Look at attestation evidence offline.
#[derive(Subcommand)]
pub(crate) enum AttestCommand {
    /// Say in words what a piece of evidence is, without verifying it
    Show(ShowArgs),
    /// Verify evidence: what is trusted and why, and what is not
    Verify(Box<VerifyArgs>),
}

impl AttestCommand {
    pub(crate) fn execute(&self) -> ExitCode {
        match self {
            Self::Show(args) => args.execute(),
            Self::Verify(args) => args.execute(),
        }
    }
}
