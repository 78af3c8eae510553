//! From the configuration to what the parts of a node are set to.

use std::time::Duration;

use coco_host::{
    files::{Cleanup, FilesOptions},
    ledger::{Durability, LedgerOptions},
};
use coco_ledger::{LedgerConfig, SignatureMode, SigningPolicy, Timing};
use coco_node::{
    SnapshotPolicy, SnapshotTime,
    core::Settings,
    keys::{CoseNames, NodeNaming, ServiceNaming},
};

use super::sessions;
use crate::config::{
    NodeConfig,
    command::Start,
    storage::{self, SignatureTiming},
};

/// How the files of the ledger are written.
pub(super) fn ledger(config: &NodeConfig) -> LedgerOptions {
    let ledger = &config.ledger;
    LedgerOptions {
        directory: ledger.directory.clone(),
        read_only_directories: ledger.read_only_directories.clone(),
        durability: durability(config),
        // A chunk ends with the first signature after its size is reached.
        reserve: ledger.chunk_size.0.saturating_add(ledger.chunk_size.0 / 4),
        slow_io: config.slow_io_logging_threshold,
    }
}

/// Where snapshots are, and how long files stay.
pub(super) fn files(config: &NodeConfig) -> FilesOptions {
    let cleanup = &config.files_cleanup;
    FilesOptions {
        snapshots: config.snapshots.directory.clone(),
        read_only_snapshots: config.snapshots.read_only_directory.clone(),
        ledger: config.ledger.directory.clone(),
        read_only_ledgers: config.ledger.read_only_directories.clone(),
        durability: durability(config),
        cleanup: Cleanup {
            max_snapshots: cleanup.max_snapshots,
            max_chunks: cleanup.max_committed_ledger_chunks,
            interval: cleanup.interval,
        },
    }
}

/// How often snapshots are made.
pub(super) fn snapshots(config: &NodeConfig) -> SnapshotPolicy {
    let snapshots = &config.snapshots;
    let time = snapshots.time_interval.map(|interval| SnapshotTime {
        interval_ms: u64::try_from(interval.as_millis()).unwrap_or(u64::MAX),
        min_tx_count: snapshots.min_tx_count,
    });
    SnapshotPolicy { tx_count: snapshots.tx_count.get(), time }
}

fn durability(config: &NodeConfig) -> Durability {
    match config.ledger.durability {
        storage::Durability::Fsync => Durability::Fsync,
        storage::Durability::PageCache => Durability::PageCache,
    }
}

/// How consensus, ledger and store work.
pub(super) fn core(config: &NodeConfig) -> Settings {
    let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let signatures = &config.ledger_signatures;
    Settings {
        signing: SigningPolicy {
            timing: match signatures.timing {
                SignatureTiming::Adaptive => Timing::ADAPTIVE,
                SignatureTiming::Fixed => Timing::Fixed,
            },
            tx_count: signatures.tx_count.get(),
            delay_ms: millis(signatures.delay),
        },
        ledger: LedgerConfig {
            chunk_size: config.ledger.chunk_size.0,
            signatures: match signatures.mode {
                storage::SignatureMode::Dual => SignatureMode::Dual,
                storage::SignatureMode::CoseOnly => SignatureMode::CoseOnly,
            },
        },
        consensus: coco_raft::Settings {
            election_timeout_ms: millis(config.consensus.election_timeout),
            message_timeout_ms: millis(config.consensus.message_timeout),
            ..coco_raft::Settings::default()
        },
        max_uncommitted: config.consensus.max_uncommitted_tx_count.unwrap_or(0),
        // No application asks for past states yet, and each that is kept holds on to what it shares with no other.
        keep_committed: 0,
    }
}
/// What the node's certificates say.
pub(super) fn node_naming(config: &NodeConfig, listening: &sessions::Listening) -> NodeNaming {
    let certificate = &config.node_certificate;
    let alt_names = if certificate.subject_alt_names.is_empty() {
        sessions::alt_names(&config.network, listening)
    } else {
        certificate.subject_alt_names.clone()
    };
    NodeNaming {
        curve: certificate.curve_id,
        subject: certificate.subject_name.clone(),
        alt_names,
        validity_days: certificate.initial_validity_days.get(),
    }
}

/// What a new service's certificate and signatures say.
pub(super) fn service_naming(start: &Start) -> ServiceNaming {
    ServiceNaming {
        subject: start.service_subject_name.clone(),
        validity_days: start.initial_service_certificate_validity_days.get(),
        cose: CoseNames {
            issuer: start.cose_signatures.issuer.clone(),
            subject: start.cose_signatures.subject.clone(),
        },
    }
}
