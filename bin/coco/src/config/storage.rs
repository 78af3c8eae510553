//! Sections `ledger`, `ledger_signatures`, `snapshots` and `files_cleanup`: what is kept on disk.

use std::{
    num::{NonZeroU32, NonZeroU64},
    path::PathBuf,
    time::Duration,
};

use coco_boundary::InterfaceName;

use super::{
    item::{ConfigError, Item, Parse, Problem},
    units::{Size, interval},
};

/// Section `ledger`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    /// Where the node writes.
    pub directory: PathBuf,
    /// Where it finds older committed files.
    pub read_only_directories: Vec<PathBuf>,
    /// Size from which on a chunk is completed.
    pub chunk_size: Size,
    /// When an entry counts as written.
    pub durability: Durability,
}

/// When an entry counts as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// `fsync`: once the disk has it. What is committed survives a loss of power.
    Fsync,
    /// `page_cache`: once the operating system has it, as in CCF. Survives the end of the process only.
    PageCache,
}

/// Section `ledger_signatures`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerSignatures {
    /// Most transactions without a signature.
    pub tx_count: NonZeroU64,
    /// Longest time without a signature.
    pub delay: Duration,
    /// When to sign before that.
    pub timing: SignatureTiming,
    /// Who signs.
    pub mode: SignatureMode,
}

/// When to sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureTiming {
    /// `adaptive`: at once when idle, otherwise when the previous signature is committed.
    Adaptive,
    /// `fixed`: after `tx_count` transactions or `delay` only, as CCF does.
    Fixed,
}

/// Who signs the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureMode {
    /// `Dual`: the node (raw ECDSA) and the service (COSE).
    Dual,
    /// `CoseOnly`: the service alone.
    CoseOnly,
}

/// Section `snapshots`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshots {
    /// Where the node writes them.
    pub directory: PathBuf,
    /// Where it finds others.
    pub read_only_directory: Option<PathBuf>,
    /// Transactions between two snapshots.
    pub tx_count: NonZeroU64,
    /// Longest time between two snapshots; none if only transactions count.
    pub time_interval: Option<Duration>,
    /// Transactions that must have happened for a snapshot because of the time.
    pub min_tx_count: u64,
    /// How a backup fetches those of the primary, if it does.
    pub backup_fetch: Option<BackupFetch>,
}

/// Section `snapshots.backup_fetch`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupFetch {
    /// Most attempts.
    pub max_attempts: NonZeroU32,
    /// Time between two attempts.
    pub retry_interval: Duration,
    /// Interface of the primary that serves them.
    pub target_rpc_interface: InterfaceName,
    /// Largest snapshot accepted.
    pub max_size: Size,
}

/// Section `files_cleanup`: which old files the node deletes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilesCleanup {
    /// Committed snapshots kept; none: all.
    pub max_snapshots: Option<NonZeroU64>,
    /// Committed chunks kept in the main directory, if the read-only ones have them too; none: all.
    pub max_committed_ledger_chunks: Option<u64>,
    /// Time between two clean-ups.
    pub interval: Duration,
}

impl Parse for Ledger {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.section(|fields| {
            let ledger = Self {
                directory: fields.or("directory", PathBuf::from("ledger"))?,
                read_only_directories: fields.or("read_only_directories", Vec::new())?,
                chunk_size: fields.or("chunk_size", Size::mb(5))?,
                durability: fields.or("durability", Durability::Fsync)?,
            };
            if ledger.read_only_directories.contains(&ledger.directory) {
                let why = "the main directory is among them".to_owned();
                return Err(fields.wrong_at("read_only_directories", Problem::Conflict(why)));
            }
            Ok(ledger)
        })
    }
}

impl Parse for Durability {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.choice(&[("fsync", Self::Fsync), ("page_cache", Self::PageCache)])
    }
}

impl Parse for LedgerSignatures {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.section(|fields| {
            Ok(Self {
                tx_count: fields.or("tx_count", const { NonZeroU64::new(5000).expect("not zero") })?,
                delay: fields.item("delay").map_or(Ok(Duration::from_secs(1)), |item| interval(&item))?,
                timing: fields.or("timing", SignatureTiming::Adaptive)?,
                mode: fields.or("mode", SignatureMode::Dual)?,
            })
        })
    }
}

impl Parse for SignatureTiming {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.choice(&[("adaptive", Self::Adaptive), ("fixed", Self::Fixed)])
    }
}

impl Parse for SignatureMode {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.choice(&[("Dual", Self::Dual), ("CoseOnly", Self::CoseOnly)])
    }
}

impl Parse for Snapshots {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.section(|fields| {
            let time_interval: Duration = fields.or("time_interval", Duration::ZERO)?;
            let min_tx_count = fields.or("min_tx_count", 2)?;
            if !time_interval.is_zero() && min_tx_count < 2 {
                let why = "below 2 a snapshot would be the reason for the next one".to_owned();
                return Err(fields.wrong_at("min_tx_count", Problem::Conflict(why)));
            }
            Ok(Self {
                directory: fields.or("directory", PathBuf::from("snapshots"))?,
                read_only_directory: fields.nullable("read_only_directory")?,
                tx_count: fields.or("tx_count", const { NonZeroU64::new(10_000).expect("not zero") })?,
                time_interval: (!time_interval.is_zero()).then_some(time_interval),
                min_tx_count,
                backup_fetch: fields.optional::<BackupFetchSection>("backup_fetch")?.and_then(|it| it.0),
            })
        })
    }
}

/// [`BackupFetch`] that may be switched off.
struct BackupFetchSection(Option<BackupFetch>);

impl Parse for BackupFetchSection {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.section(|fields| {
            let enabled = fields.or("enabled", false)?;
            let interface = fields.or("target_rpc_interface", "primary_rpc_interface".to_owned())?;
            let fetch = BackupFetch {
                max_attempts: fields.or("max_attempts", const { NonZeroU32::new(3).expect("not zero") })?,
                retry_interval: fields.or("retry_interval", Duration::from_secs(1))?,
                target_rpc_interface: InterfaceName::new(&interface),
                max_size: fields.or("max_size", Size::mb(200))?,
            };
            Ok(Self(enabled.then_some(fetch)))
        })
    }
}

impl Parse for FilesCleanup {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.section(|fields| {
            Ok(Self {
                max_snapshots: fields.nullable("max_snapshots")?,
                max_committed_ledger_chunks: fields.nullable("max_committed_ledger_chunks")?,
                interval: fields.item("interval").map_or(Ok(Duration::from_secs(30)), |it| interval(&it))?,
            })
        })
    }
}
