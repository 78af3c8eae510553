//! The configuration of a node: CCF 7's JSON file, read strictly.
//!
//! Every key of CCF is known (CCF `doc/host_config_schema`), with its type and its default; any other key
//! is refused. Beyond CCF there are `ledger.durability`, `ledger_signatures.timing` and
//! `ledger_signatures.mode`.

use std::{
    io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use coco_host::process::read_input;
use serde_json::Value;

use item::{Item, Parse};

mod address;
pub mod attestation;
pub mod certificate;
pub mod command;
mod item;
pub mod network;
pub mod operation;
pub mod storage;
mod units;

pub use address::{Address, InvalidAddress};
pub use item::{ConfigError, Environment, Problem};
pub use units::{InvalidDuration, InvalidSize, Size, duration};

/// Largest configuration file, in bytes.
const MAX_FILE_LEN: u64 = 4 << 20;
/// Time between two looks at a file that is not complete yet.
const RETRY: Duration = Duration::from_millis(100);

/// The configuration of a node.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// Where the node listens.
    pub network: network::Network,
    /// How it comes to be part of a service.
    pub command: command::Command,
    /// Its identity.
    pub node_certificate: certificate::NodeCertificate,
    /// JSON that the operator notes about the node.
    pub node_data_json_file: Option<PathBuf>,
    /// JSON that the operator notes about the service, when it is created.
    pub service_data_json_file: Option<PathBuf>,
    /// Evidence of the platform.
    pub attestation: attestation::Attestation,
    /// Ledger files.
    pub ledger: storage::Ledger,
    /// When the ledger is signed.
    pub ledger_signatures: storage::LedgerSignatures,
    /// Snapshot files.
    pub snapshots: storage::Snapshots,
    /// Deletion of old files.
    pub files_cleanup: storage::FilesCleanup,
    /// Reading of earlier identities of the service.
    pub identity_history_fetch: operation::IdentityHistoryFetch,
    /// The log.
    pub logging: operation::Logging,
    /// Agreement with other nodes.
    pub consensus: operation::Consensus,
    /// Issuers of JSON web tokens.
    pub jwt: operation::Jwt,
    /// Files that tell others about the node.
    pub output_files: operation::OutputFiles,
    /// Resolution of the node's clock.
    pub tick_interval: Duration,
    /// File operations that take longer are logged.
    pub slow_io_logging_threshold: Duration,
    /// Source address of connections to other nodes.
    pub node_client_interface: Option<Address>,
    /// How long a connection to another node may take to be made.
    pub client_connection_timeout: Duration,
    /// How long a session may be idle; none: for ever.
    pub idle_connection_timeout: Option<Duration>,
    /// Threads that serve requests; 0 means one for each core but one.
    pub worker_threads: u32,
    /// Whether the first SIGTERM is only noted.
    pub ignore_first_sigterm: bool,
    /// Messages between two nodes after which their channel gets new keys.
    pub node_to_node_message_limit: u64,
    /// Memory for transactions read back from the ledger.
    pub historical_cache_soft_limit: Size,
    /// Recovery without members.
    pub sealing_recovery: Option<attestation::SealingRecovery>,
}

/// A configuration file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It cannot be read.
    #[error("Configuration file {}: {error}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// It is not JSON.
    #[error("Error parsing configuration file {}: {error}", .path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Where and why.
        error: serde_json::Error,
    },
    /// A value in it is wrong.
    #[error("Error validating configuration file {}: {error}", .path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// Where and why.
        error: ConfigError,
    },
}

impl NodeConfig {
    /// Reads a file, and waits up to `timeout` for it to be there and to be whole JSON.
    ///
    /// # Errors
    /// If it then still is not, or its content is not a configuration.
    pub fn read(path: &Path, timeout: Duration, environment: Environment<'_>) -> Result<Self, ReadError> {
        let started = Instant::now();
        let value = loop {
            match read_json(path) {
                Ok(value) => break value,
                Err(error) if started.elapsed() >= timeout => return Err(error),
                Err(_) => thread::sleep(RETRY),
            }
        };
        let config = Self::from_json(&value, environment);
        config.map_err(|error| ReadError::Config { path: path.to_path_buf(), error })
    }

    /// Reads a configuration from JSON. `environment` looks up the variables that paths of the section
    /// `attestation` name.
    ///
    /// # Errors
    /// The first thing wrong, with its path.
    pub fn from_json(value: &Value, environment: Environment<'_>) -> Result<Self, ConfigError> {
        Self::parse(&Item::root(value, environment))
    }
}

fn read_json(path: &Path) -> Result<Value, ReadError> {
    let content =
        read_input(path, MAX_FILE_LEN).map_err(|error| ReadError::Io { path: path.to_path_buf(), error })?;
    serde_json::from_slice(&content).map_err(|error| ReadError::Json { path: path.to_path_buf(), error })
}

impl Parse for NodeConfig {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        const MESSAGES_BEFORE_NEW_KEYS: u64 = 23_726_566; // 2^24.5, RFC 8446 section 5.5
        item.section(|fields| {
            fields.section::<operation::Memory>("memory")?;
            let tick_interval = fields.item("tick_interval");
            let idle = fields.item("idle_connection_timeout").map(|item| match item.value {
                Value::Null => Ok(None),
                _ => Duration::parse(&item).map(Some),
            });
            Ok(Self {
                network: fields.required("network")?,
                command: fields.required("command")?,
                node_certificate: fields.section("node_certificate")?,
                node_data_json_file: fields.blank("node_data_json_file")?,
                service_data_json_file: fields.blank("service_data_json_file")?,
                attestation: fields.section("attestation")?,
                ledger: fields.section("ledger")?,
                ledger_signatures: fields.section("ledger_signatures")?,
                snapshots: fields.section("snapshots")?,
                files_cleanup: fields.section("files_cleanup")?,
                identity_history_fetch: fields.section("identity_history_fetch")?,
                logging: fields.section("logging")?,
                consensus: fields.section("consensus")?,
                jwt: fields.section("jwt")?,
                output_files: fields.section("output_files")?,
                tick_interval: tick_interval
                    .map_or(Ok(Duration::from_millis(10)), |item| units::interval(&item))?,
                slow_io_logging_threshold: fields
                    .or("slow_io_logging_threshold", Duration::from_millis(10))?,
                node_client_interface: fields.blank("node_client_interface")?,
                client_connection_timeout: fields.or("client_connection_timeout", Duration::from_secs(2))?,
                idle_connection_timeout: idle.unwrap_or(Ok(Some(Duration::from_secs(60))))?,
                worker_threads: fields.or("worker_threads", 0)?,
                ignore_first_sigterm: fields.or("ignore_first_sigterm", false)?,
                node_to_node_message_limit: fields
                    .or("node_to_node_message_limit", MESSAGES_BEFORE_NEW_KEYS)?,
                historical_cache_soft_limit: fields.or("historical_cache_soft_limit", Size::mb(512))?,
                sealing_recovery: fields.optional("sealing_recovery")?,
            })
        })
        .and_then(|config: Self| config.check_cleanup(item))
    }
}

impl NodeConfig {
    /// Chunks are deleted only where a copy stays.
    fn check_cleanup(self, item: &Item<'_>) -> Result<Self, ConfigError> {
        let deletes = self.files_cleanup.max_committed_ledger_chunks.is_some();
        if deletes && self.ledger.read_only_directories.is_empty() {
            let why = "needs an entry in ledger.read_only_directories, where the deleted chunks are kept";
            let mut error = item.wrong(Problem::Conflict(why.to_owned()));
            "files_cleanup.max_committed_ledger_chunks".clone_into(&mut error.path);
            return Err(error);
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests;
