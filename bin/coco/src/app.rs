//! `coco app`: applications in JavaScript and TypeScript, from an empty folder to a service.
//!
//! Modules in reading order.

use std::process::ExitCode;

use clap::Subcommand;

mod init;

mod build;
mod check;
mod commonjs;
mod graph;
mod metadata;
mod resolve;
mod script;
mod shipped;

mod deploy;
mod logs;

mod error;
mod flaw;

pub(crate) use build::{InvalidApplication, Strictness, build};

const EXAMPLES: &str = "\
Examples:
  coco app init my-app --language ts
  coco app build my-app                                   checks it, and makes my-app/bundle.json
  coco sandbox --app js --dir service                     elsewhere; then
  coco app deploy my-app --dir service
  coco app logs --dir service --follow";

/// Write, build and install applications in JavaScript and TypeScript.
#[derive(Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum AppCommand {
    /// Begin an application
    Init(init::InitArgs),
    /// Check an application and make its bundle
    Build(build::BuildArgs),
    /// Propose an application to a service
    Deploy(Box<deploy::DeployArgs>),
    /// Show what scripts of the application printed
    Logs(logs::LogsArgs),
}

impl AppCommand {
    pub(crate) fn execute(&self) -> ExitCode {
        let result = match self {
            Self::Init(args) => args.run(),
            Self::Build(args) => args.run(),
            Self::Deploy(args) => args.run(),
            Self::Logs(args) => args.run(),
        };
        error::status(result)
    }
}
