//! The command line: which command, and which application an executable is.

use std::{env, path::Path, process::ExitCode, sync::Arc};

use clap::{Parser, Subcommand};
use coco_app::Adapter;

use crate::{
    adapters::Adapters, app::AppCommand, attest::AttestCommand, exit, gov::GovCommand, keygen::KeygenArgs,
    ledger::LedgerCommand, network::NetworkCommand, node, node::NodeArgs, receipt::ReceiptCommand,
    sandbox::SandboxArgs, version,
};

/// A confidential ledger that a consortium governs.
#[derive(Parser)]
#[command(name = "coco", disable_version_flag = true, arg_required_else_help = true, after_help = EXAMPLES)]
struct Cli {
    /// Print versions and exit
    #[arg(short, long)]
    version: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

const EXAMPLES: &str = "\
Examples:
  coco sandbox                                        a service to play with
  coco node --config node.json                        one node
  coco ledger verify ledger/                          check a ledger offline
  coco receipt verify receipt.json --service-cert service_cert.pem
  coco attest verify nodes.json                       check what nodes run
  coco attest node https://127.0.0.1:8000             the same of a node, now
  coco attest audit ledger/                           judge again who was let in

Exit status: 0 done, 1 refused or fault, 2 wrong arguments or unreadable files; others: see the command.";

#[derive(Subcommand)]
enum Command {
    /// Run a node
    #[command(after_help = node::EXAMPLES)]
    Node {
        /// Application to run
        #[arg(long, default_value = "logging", value_name = "NAME")]
        app: String,
        #[command(flatten)]
        args: NodeArgs,
    },
    /// Run a whole service on this machine, to try it out
    Sandbox(SandboxArgs),
    /// Write, build and install applications in JavaScript and TypeScript
    #[command(subcommand)]
    App(AppCommand),
    /// Decide as a member: propose, vote, acknowledge
    #[command(subcommand)]
    Gov(GovCommand),
    /// Look at the nodes of a running service
    #[command(subcommand)]
    Network(NetworkCommand),
    /// Look at ledger files offline
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// Look at receipts offline
    #[command(subcommand)]
    Receipt(ReceiptCommand),
    /// Look at attestation evidence, from files or from a node
    #[command(subcommand)]
    Attest(AttestCommand),
    /// Make keys and a certificate for a member or user
    Keygen(KeygenArgs),
}

/// The command line of an executable that is one application: CCF's.
#[derive(Parser)]
#[command(disable_version_flag = true, after_help = node::EXAMPLES)]
struct ApplicationCli {
    #[command(flatten)]
    args: NodeArgs,
}

/// The `coco` command with these applications.
///
/// An executable whose name, also that of a symbolic link, is the name of an application is a node with
/// that application, and takes CCF's arguments.
#[must_use]
pub fn main_with(adapters: &Adapters) -> ExitCode {
    let name = own_name();
    if adapters.is_name(&name) {
        return run_node(adapters, &name, &ApplicationCli::parse().args);
    }
    let cli = Cli::parse();
    if cli.version {
        return print_version();
    }
    match cli.command {
        None => exit::failed("a command is needed; see coco --help"),
        Some(Command::Node { app, args }) => run_node(adapters, &app, &args),
        Some(Command::Sandbox(args)) => args.execute(adapters),
        Some(Command::App(command)) => command.execute(),
        Some(Command::Gov(command)) => command.execute(),
        Some(Command::Network(command)) => command.execute(),
        Some(Command::Ledger(command)) => command.execute(),
        Some(Command::Receipt(command)) => command.execute(),
        Some(Command::Attest(command)) => command.execute(),
        Some(Command::Keygen(args)) => args.execute(),
    }
}

/// A node with one application, for the `main` of an executable of its own. Takes CCF's arguments.
#[must_use]
pub fn application(adapter: impl Adapter) -> ExitCode {
    let args = ApplicationCli::parse().args;
    if args.version { print_version() } else { args.execute(|_| Ok(Arc::new(adapter))) }
}

fn run_node(adapters: &Adapters, app: &str, args: &NodeArgs) -> ExitCode {
    if args.version { print_version() } else { args.execute(|log| adapters.find(app, log)) }
}

fn print_version() -> ExitCode {
    match exit::print(|out| out.write_all(version::text().as_bytes())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::failed(error),
    }
}

/// Name by which the executable was called.
fn own_name() -> String {
    let called = env::args_os().next().unwrap_or_default();
    let name = Path::new(&called).file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests;
