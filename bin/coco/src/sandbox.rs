//! `coco sandbox`: a whole service on this machine, opened by its members, to try it out.

use std::{
    io,
    path::{Path, PathBuf},
    process::{ExitCode, ExitStatus},
    time::Duration,
};

use clap::Args;
use coco_client::{Client, ClientError, governance::GovernanceError};
use coco_host::process::StopSignals;
use tokio::runtime;

use crate::{
    adapters::{Adapters, UnknownApp},
    exit,
    keygen::KeygenError,
};
use cluster::Cluster;
use directory::{Directory, NodePlan, Role};
use node::Application;

pub(crate) use manifest::{Manifest, PartyEntry};

mod cluster;
mod directory;
mod manifest;
mod node;
mod opening;

const EXAMPLES: &str = "\
Examples:
  coco sandbox
  coco sandbox --dir my-service                          keep keys, ledger and log
  coco sandbox --nodes 1                                 a single node, the fastest start
  coco sandbox --exec 'curl -s --cacert $COCO_SERVICE_CERT $COCO_URL/node/network'

With --exec the command sees COCO_URL, COCO_NODES (URLs of all nodes, with commas), COCO_DIR, COCO_SERVICE_CERT,
COCO_USER_CERT and COCO_USER_KEY; sandbox.json in COCO_DIR tells the rest. The service goes on as long as a majority
of its nodes does. Ctrl-C stops it and, without --dir, removes its files.
Exit status: that of the command of --exec; otherwise 0 stopped as asked, 1 the service failed, 2 wrong
arguments or files that cannot be written.";

/// Run a whole service on this machine, to try it out.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct SandboxArgs {
    /// Number of nodes that agree: one may fail of three
    #[arg(long, default_value = "3", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=16))]
    nodes: u32,
    /// Number of members of the consortium
    #[arg(long, default_value = "3", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    members: u32,
    /// Application by name, or path of an executable that is one
    #[arg(long, default_value = "logging", value_name = "NAME|PATH")]
    app: String,
    /// Port for clients of the first node; the others have the next ones. 0 takes free ones
    #[arg(long, default_value = "0")]
    port: u16,
    /// New or empty directory for all files, which are then kept
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Directory of actions.js, validate.js, resolve.js and apply.js, in place of our constitution
    #[arg(long, value_name = "DIR")]
    constitution_dir: Option<PathBuf>,
    /// Shell command to run once the service is open; then stop and exit with its status
    #[arg(long, value_name = "CMD")]
    exec: Option<String>,
}

/// A sandbox that did not come up, or failed.
#[derive(Debug, thiserror::Error)]
enum SandboxError {
    #[error("--port {0}: there is no port for every node")]
    Port(u16),
    #[error("--app: {0}")]
    App(#[from] UnknownApp),
    #[error("{} is not empty; choose another --dir, or remove it first", .0.display())]
    NotEmpty(PathBuf),
    #[error("{}: {error}", .path.display())]
    File { path: PathBuf, error: io::Error },
    #[error(transparent)]
    Keys(#[from] KeygenError),
    #[error("cannot run {}: {error}", .path.display())]
    Spawn { path: PathBuf, error: io::Error },
    #[error("{node} stopped by itself ({status}). The end of its log:\n{log}")]
    NodeStopped { node: String, status: ExitStatus, log: String },
    #[error("{node} did not start within {} s. The end of its log:\n{log}", .after.as_secs())]
    NotStarted { node: String, after: Duration, log: String },
    #[error("the node at {address} is not part of the service after {} s", .after.as_secs())]
    NotJoined { address: String, after: Duration },
    #[error("the service did not open: {0}")]
    Client(#[from] ClientError),
    #[error("the service did not open: {0}")]
    Governance(#[from] GovernanceError),
    #[error("the service did not open within {} s", .0.as_secs())]
    NotOpened(Duration),
    #[error("{0}")]
    System(#[from] io::Error),
}

impl SandboxError {
    fn status(&self) -> u8 {
        match self {
            Self::NodeStopped { .. }
            | Self::NotStarted { .. }
            | Self::NotJoined { .. }
            | Self::Client(_)
            | Self::Governance(_)
            | Self::NotOpened(_) => exit::REFUSED,
            _ => exit::UNUSABLE,
        }
    }
}

impl SandboxArgs {
    pub(crate) fn execute(&self, adapters: &Adapters) -> ExitCode {
        // One thread: the node ends when the thread that started it does.
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let result = match runtime {
            Ok(runtime) => runtime.block_on(self.run(adapters)),
            Err(error) => Err(error.into()),
        };
        result.unwrap_or_else(|error| {
            exit::failed(&error);
            ExitCode::from(error.status())
        })
    }

    async fn run(&self, adapters: &Adapters) -> Result<ExitCode, SandboxError> {
        let application = Application::find(&self.app, adapters)?;
        let mut signals = StopSignals::new()?;
        let directory = Directory::create(self.dir.as_deref())?;
        let mut cluster = Cluster::default();
        let result = tokio::select! {
            result = self.serve(&directory, &application, &mut cluster) => result,
            _ = signals.next() => Ok(ExitCode::SUCCESS),
        };
        if !cluster.is_empty() {
            self.say("Stopping.")?;
            cluster.stop().await?;
        }
        directory.close()?;
        result
    }

    /// Brings the service up and uses it; ends when the command does, or too many nodes.
    async fn serve(
        &self,
        directory: &Directory,
        application: &Application,
        cluster: &mut Cluster,
    ) -> Result<ExitCode, SandboxError> {
        self.say(&format!("Making keys of {} members and a user.", self.members))?;
        let consortium = directory.make_participants(self.members)?;
        let constitution = directory.constitution(self.constitution_dir.as_deref())?;
        self.say(if self.nodes == 1 { "Starting the node." } else { "Starting the first node." })?;
        let role = Role::Starts { consortium: &consortium, constitution: &constitution };
        let files = directory.write_node_config(&self.plan(0, role)?)?;
        let first = cluster.add(application, files).await?.rpc_address.clone();
        let service = opening::service_certificate(&directory.service_certificate())?;
        let mut client = Client::new(&first, &service, None)?;
        cluster.during(opening::wait_until_created(&mut client)).await?;
        let mut others = Vec::new();
        for number in 1..self.nodes {
            self.say(&format!("Node {number} joins."))?;
            let files = directory.write_node_config(&self.plan(number, Role::Joins { target: &first })?)?;
            let address = &cluster.add(application, files).await?.rpc_address;
            let mut joined = Client::new(address, &service, None)?;
            cluster.during(opening::wait_until_joined(&mut client, &mut joined)).await?;
            others.push(joined);
        }
        self.say("Activating the members and opening the service.")?;
        let opened = cluster.during(opening::open(&mut client, &service, &consortium)).await?;
        for other in &mut others {
            cluster.during(opening::wait_until_open(other)).await?;
        }

        let manifest = Manifest::new(directory, &consortium, cluster.nodes(), &self.app);
        manifest.write()?;
        match &self.exec {
            None => {
                exit::print(|out| manifest.welcome(&opened, self.dir.is_some(), out))?;
                Err(cluster.watch().await)
            }
            Some(command) => tokio::select! {
                status = manifest.shell(command) => status,
                error = cluster.watch() => Err(error),
            },
        }
    }

    fn plan<'a>(&self, number: u32, role: Role<'a>) -> Result<NodePlan<'a>, SandboxError> {
        let port = match self.port {
            0 => 0,
            first => u16::try_from(u32::from(first) + number).map_err(|_| SandboxError::Port(first))?,
        };
        Ok(NodePlan { number, nodes: self.nodes, port, role })
    }

    /// Tells of progress; the output of a command is left alone.
    fn say(&self, what: &str) -> io::Result<()> {
        match self.exec {
            None => exit::print(|out| writeln!(out, "{what}")),
            Some(_) => Ok(()),
        }
    }
}

fn file_error(path: &Path) -> impl FnOnce(io::Error) -> SandboxError {
    let path = path.to_path_buf();
    move |error| SandboxError::File { path, error }
}

#[cfg(test)]
mod tests;
