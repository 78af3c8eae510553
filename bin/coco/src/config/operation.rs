//! Sections `consensus`, `jwt`, `identity_history_fetch`, `logging`, `output_files` and `memory`: how the
//! node runs, and what it tells the world.

use std::{num::NonZeroU32, path::PathBuf, time::Duration};

use coco_host::log::LogFormat;

use super::{
    item::{ConfigError, Item, Parse, Problem},
    units::{Size, interval},
};

/// Section `consensus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Consensus {
    /// Longest silence of a primary.
    pub message_timeout: Duration,
    /// Silence after which another node stands for election.
    pub election_timeout: Duration,
    /// Uncommitted transactions beyond which new ones are refused; none: any number.
    pub max_uncommitted_tx_count: Option<u64>,
}

/// Section `jwt`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jwt {
    /// Time between two refreshes of issuers' keys.
    pub key_refresh_interval: Duration,
    /// Largest answer of an issuer.
    pub key_refresh_max_response_size: Size,
}

/// Section `identity_history_fetch`: how hard to try to read endorsements of earlier services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdentityHistoryFetch {
    /// Most attempts.
    pub max_attempts: NonZeroU32,
    /// Time between two attempts.
    pub retry_interval: Duration,
}

/// Section `logging`. The level is set on the command line only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logging {
    /// Shape of a line.
    pub format: LogFormat,
}

/// Section `output_files`: what the node writes at its start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputFiles {
    /// Self-signed certificate of the node.
    pub node_certificate_file: PathBuf,
    /// Process identifier.
    pub pid_file: PathBuf,
    /// Address for other nodes.
    pub node_to_node_address_file: Option<PathBuf>,
    /// Addresses for clients.
    pub rpc_addresses_file: Option<PathBuf>,
    /// Where ledger secrets are sealed for this platform.
    pub sealed_ledger_secret_location: Option<PathBuf>,
}

/// Section `memory`, about a ring buffer that CCF has and Coco has not: checked, without effect.
pub(crate) struct Memory;

impl Parse for Consensus {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.section(|fields| {
            let message = fields.item("message_timeout");
            let election = fields.item("election_timeout");
            let limit = fields.or("max_uncommitted_tx_count", 10_000)?;
            let consensus = Self {
                message_timeout: message.map_or(Ok(Duration::from_millis(100)), |item| interval(&item))?,
                election_timeout: election.map_or(Ok(Duration::from_secs(5)), |item| interval(&item))?,
                max_uncommitted_tx_count: (limit > 0).then_some(limit),
            };
            if consensus.election_timeout <= consensus.message_timeout {
                let why = "must be longer than message_timeout".to_owned();
                return Err(fields.wrong_at("election_timeout", Problem::Conflict(why)));
            }
            Ok(consensus)
        })
    }
}

impl Parse for Jwt {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.section(|fields| {
            Ok(Self {
                key_refresh_interval: fields
                    .item("key_refresh_interval")
                    .map_or(Ok(Duration::from_secs(30 * 60)), |item| interval(&item))?,
                key_refresh_max_response_size: fields.or("key_refresh_max_response_size", Size::mb(1))?,
            })
        })
    }
}

impl Parse for IdentityHistoryFetch {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.section(|fields| {
            Ok(Self {
                max_attempts: fields.or("max_attempts", const { NonZeroU32::new(100).expect("not zero") })?,
                retry_interval: fields.or("retry_interval", Duration::from_millis(100))?,
            })
        })
    }
}

impl Parse for Logging {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.section(|fields| {
            fields.without_effect::<HostLevel>("host_level")?;
            Ok(Self { format: fields.or("format", LogFormat::Text)? })
        })
    }
}

/// `logging.host_level`: replaced by `--log-level` in CCF, and so here.
struct HostLevel;

impl Parse for HostLevel {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        let levels = ["Trace", "Debug", "Info", "Fail", "Fatal"].map(|level| (level, ()));
        item.choice(&levels).map(|()| Self)
    }
}

impl Parse for LogFormat {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.choice(&[("Text", Self::Text), ("Json", Self::Json)])
    }
}

impl Parse for OutputFiles {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.section(|fields| {
            Ok(Self {
                node_certificate_file: fields.or("node_certificate_file", PathBuf::from("nodecert.pem"))?,
                pid_file: fields.or("pid_file", PathBuf::from("node.pid"))?,
                node_to_node_address_file: fields.blank("node_to_node_address_file")?,
                rpc_addresses_file: fields.blank("rpc_addresses_file")?,
                sealed_ledger_secret_location: fields.optional("sealed_ledger_secret_location")?,
            })
        })
    }
}

impl Parse for Memory {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.section(|fields| {
            for key in ["circuit_size", "max_msg_size", "max_fragment_size"] {
                fields.without_effect::<Size>(key)?;
            }
            Ok(Self)
        })
    }
}
