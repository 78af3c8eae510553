//! `coco network`: looks at the nodes of a running service.

use std::process::ExitCode;

use clap::Subcommand;

use status::StatusArgs;

mod status;
mod survey;
mod table;

/// Look at the nodes of a running service.
#[derive(Subcommand)]
pub(crate) enum NetworkCommand {
    /// Ask every node how it stands, and whether they agree
    Status(StatusArgs),
}

impl NetworkCommand {
    pub(crate) fn execute(&self) -> ExitCode {
        let Self::Status(args) = self;
        args.execute()
    }
}

#[cfg(test)]
mod tests;
