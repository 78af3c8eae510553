//! `coco attest`: looks at evidence of what a machine runs, from files or from a node.

mod audit;
mod certificates;
mod describe;
mod facts;
mod form;
mod node;
mod piece;
mod show;
mod verify;

use std::process::ExitCode;

use clap::Subcommand;

use audit::AuditArgs;
use node::NodeArgs;
use show::ShowArgs;
use verify::VerifyArgs;

/// Look at attestation evidence.
#[derive(Subcommand)]
pub(crate) enum AttestCommand {
    /// Say in words what a piece of evidence is, without verifying it
    Show(ShowArgs),
    /// Verify evidence: what is trusted and why, and what is not
    Verify(Box<VerifyArgs>),
    /// Have a node prove now what it runs, and verify that
    Node(Box<NodeArgs>),
    /// Judge again, from a ledger alone, the evidence of every node that was let in
    Audit(AuditArgs),
}

impl AttestCommand {
    pub(crate) fn execute(&self) -> ExitCode {
        match self {
            Self::Show(args) => args.execute(),
            Self::Verify(args) => args.execute(),
            Self::Node(args) => args.execute(),
            Self::Audit(args) => args.execute(),
        }
    }
}
