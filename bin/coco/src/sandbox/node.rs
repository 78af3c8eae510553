//! The process of a node.

use std::{
    collections::BTreeMap,
    env, fs,
    fs::File,
    io,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use coco_boundary::Log;
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

use super::{SandboxError, file_error};
use crate::adapters::Adapters;

/// How long a node may take to write its files.
const START: Duration = Duration::from_secs(60);
/// How long a node may take to stop.
const STOP: Duration = Duration::from_secs(10);
/// Time between two looks at a file that is not there yet.
const POLL: Duration = Duration::from_millis(10);
/// Lines of a log that tell why a node failed.
const LOG_LINES: usize = 10;

/// What to run.
pub(super) struct Application {
    executable: PathBuf,
    arguments: Vec<String>,
}

impl Application {
    /// An application of this executable by name, or another executable by path.
    pub(super) fn find(app: &str, adapters: &Adapters) -> Result<Self, SandboxError> {
        if app.contains('/') {
            let executable = Path::new(app).canonicalize().map_err(file_error(Path::new(app)))?;
            return Ok(Self { executable, arguments: Vec::new() });
        }
        adapters.find(app, &Log::discard())?;
        let arguments = ["node", "--app", app].map(str::to_owned).to_vec();
        Ok(Self { executable: env::current_exe()?, arguments })
    }
}

/// Files of a node.
#[derive(Clone)]
pub(super) struct NodeFiles {
    pub(super) directory: PathBuf,
    pub(super) config: PathBuf,
    /// Standard output.
    pub(super) log: PathBuf,
    /// Standard error; stays empty.
    errors: PathBuf,
    service_certificate: PathBuf,
}

impl NodeFiles {
    pub(super) const RPC_ADDRESSES: &str = "rpc_addresses.json";
    pub(super) const NODE_ADDRESS: &str = "node_address.json";
    pub(super) const PID: &str = "node.pid";

    pub(super) fn new(directory: PathBuf, service_certificate: PathBuf) -> Self {
        Self {
            config: directory.join("config.json"),
            log: directory.join("out"),
            errors: directory.join("err"),
            service_certificate,
            directory,
        }
    }

    /// How the user knows the node: by the name of its directory.
    pub(super) fn name(&self) -> String {
        self.directory.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// The last lines that the node wrote.
    pub(super) fn log_end(&self) -> String {
        let text = |path: &Path| fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let log = text(&self.log).unwrap_or_default() + &text(&self.errors).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
    }
}

/// A running node.
pub(super) struct Node {
    pub(super) files: NodeFiles,
    /// Where clients reach it, `host:port`; empty until it has started.
    pub(super) rpc_address: String,
    child: Child,
}

impl Node {
    /// Starts a node in its directory.
    pub(super) fn start(application: &Application, files: NodeFiles) -> Result<Self, SandboxError> {
        let create = |path: &Path| File::create(path).map_err(file_error(path));
        let mut command = Command::new(&application.executable);
        command
            .args(&application.arguments)
            .args(["--config", "config.json", "--stop-with", &std::process::id().to_string()])
            .current_dir(&files.directory)
            .stdin(Stdio::null())
            .stdout(create(&files.log)?)
            .stderr(create(&files.errors)?)
            // Ctrl-C is for the sandbox, which then stops the node.
            .process_group(0)
            .kill_on_drop(true);
        let child = command
            .spawn()
            .map_err(|error| SandboxError::Spawn { path: application.executable.clone(), error })?;
        Ok(Self { files, rpc_address: String::new(), child })
    }

    /// The process; none once it has ended.
    pub(super) fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Whether it has not been seen to end.
    pub(super) fn runs(&self) -> bool {
        self.pid().is_some()
    }

    /// Waits until the node has written where it listens, and the first node the certificate of its service.
    pub(super) async fn wait_for_start(&mut self) -> Result<(), SandboxError> {
        let deadline = Instant::now() + START;
        let addresses = self.files.directory.join(NodeFiles::RPC_ADDRESSES);
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Err(self.stopped(status));
            }
            if addresses.exists() && self.files.service_certificate.exists() {
                break;
            }
            if Instant::now() > deadline {
                let (node, log) = (self.files.name(), self.files.log_end());
                return Err(SandboxError::NotStarted { node, after: START, log });
            }
            sleep(POLL).await;
        }
        let text = fs::read(&addresses).map_err(file_error(&addresses))?;
        let interfaces: BTreeMap<String, String> =
            serde_json::from_slice(&text).map_err(|error| file_error(&addresses)(error.into()))?;
        let rpc = interfaces.into_values().next();
        let none = || file_error(&addresses)(io::ErrorKind::UnexpectedEof.into());
        self.rpc_address = rpc.ok_or_else(none)?;
        Ok(())
    }

    /// Waits until the process ends.
    pub(super) async fn ended(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// What to tell of a node that ended by itself.
    pub(super) fn stopped(&self, status: ExitStatus) -> SandboxError {
        SandboxError::NodeStopped { node: self.files.name(), status, log: self.files.log_end() }
    }

    /// Asks the node to stop.
    pub(super) fn ask_to_stop(&self) -> io::Result<()> {
        let pid = self.pid().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
        Ok(pid.map_or(Ok(()), |pid| kill_process(pid, Signal::TERM))?)
    }

    /// Waits until a node that was asked to stop has, and kills it if it does not.
    pub(super) async fn stop(&mut self) -> io::Result<()> {
        match timeout(STOP, self.child.wait()).await {
            Ok(status) => status.map(drop),
            Err(_) => self.child.kill().await,
        }
    }
}
