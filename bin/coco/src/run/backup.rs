//! Snapshots that a backup lacks: its disk did not take them, or it was too slow to make them. It fetches them from the
//! primary.

use std::{io, thread, time::Duration};

use coco_boundary::{FileKind, FileName, Log};
use coco_http::{Client, Driver};
use coco_node::{Stage, startup::fetch::Fetch};
use coco_wire::snapshot::SnapshotName;
use tokio::{runtime::Builder, sync::watch, time};

use super::snapshot::{Fetched, Finding};
use crate::config::{command::FetchSnapshot, storage::BackupFetch};

/// Time between two looks at what there is.
const LOOK: Duration = Duration::from_secs(1);

/// The thread that fetches. It ends when the node stops.
pub(super) struct Fetching(thread::JoinHandle<()>);

impl Fetching {
    /// Begins, on a thread of its own.
    pub(super) fn begin(
        how: &BackupFetch,
        driver: &Driver,
        mut stop: watch::Receiver<bool>,
        log: &Log,
    ) -> io::Result<Self> {
        let mut backup = Backup { how: how.clone(), driver: driver.clone(), log: log.clone(), looked: None };
        let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
        let work = move || {
            runtime.block_on(async {
                tokio::select! {
                    () = backup.look_on() => {}
                    // The sender lives as long as the node.
                    _ = stop.changed() => {}
                }
            });
            // A name server that does not answer keeps nobody waiting.
            runtime.shutdown_background();
        };
        Ok(Self(thread::Builder::new().name("backup-fetch".to_owned()).spawn(work)?))
    }

    /// Waits for its end.
    pub(super) fn end(self) {
        self.0.join().expect("the thread that fetches snapshots does not panic");
    }
}

struct Backup {
    how: BackupFetch,
    driver: Driver,
    log: Log,
    /// What was looked for last, and how often in vain: as often as can be counted if it is not to be looked for again.
    looked: Option<(SnapshotName, u32)>,
}

impl Backup {
    async fn look_on(&mut self) {
        loop {
            time::sleep(LOOK).await;
            if let Some(name) = self.lacking().await {
                self.fetch(name).await;
            }
        }
    }

    /// The snapshot to fetch, if there is one.
    async fn lacking(&mut self) -> Option<SnapshotName> {
        let state = self.driver.view().state();
        let has_whom_to_ask = !state.primary && state.consensus.leader.is_some();
        if !has_whom_to_ask || state.stage != Stage::PartOfNetwork {
            return None;
        }
        let recorded = self.driver.recorded_snapshot()?;
        if self.times(recorded) >= self.how.max_attempts.get() {
            return None;
        }
        let files = self.driver.list_files(FileKind::Snapshots).await.ok()?;
        let is_there = |file: &(FileName, u64)| match file {
            (FileName::Snapshot(name), len) => name.seqno >= recorded.seqno && *len > 0,
            (FileName::Chunk(_), _) => false,
        };
        if files.iter().any(is_there) {
            self.settle(recorded);
            return None;
        }
        Some(recorded)
    }

    async fn fetch(&mut self, name: SnapshotName) {
        let view = self.driver.view();
        let interface = &self.how.target_rpc_interface;
        let Some(target) = view.address_of_primary(interface) else {
            self.log.fail(format_args!(
                "Snapshot {name} is not fetched: the primary has no interface {interface}"
            ));
            return self.note_in_vain(name);
        };
        let keys = &view.shared.keys;
        let Some(service) = keys.service().map(|service| service.certificate.load_full()) else { return };
        let client = match Client::new(&service, &keys.self_signed.load(), &keys.node) {
            Ok(client) => client,
            Err(error) => return self.log.fail(format_args!("No snapshot can be fetched: {error}")),
        };
        let finding = Finding { driver: &self.driver, client: &client, service: &service, log: &self.log };
        let BackupFetch { max_attempts, retry_interval, max_size, .. } = self.how;
        let begin = || Fetch::named(service.as_ref().clone(), target.clone(), name, max_size.0);
        let how = FetchSnapshot { max_attempts, retry_interval, max_size };
        match finding.fetch(&target, how, begin).await {
            Fetched::Snapshot(_) | Fetched::GaveUp => self.settle(name),
            // The primary may be about to have it.
            Fetched::NoneLater | Fetched::NoneAtAll => self.note_in_vain(name),
        }
    }

    /// It is there, or given up.
    fn settle(&mut self, name: SnapshotName) {
        self.looked = Some((name, u32::MAX));
    }

    fn note_in_vain(&mut self, name: SnapshotName) {
        self.looked = Some((name, self.times(name).saturating_add(1)));
    }

    fn times(&self, of: SnapshotName) -> u32 {
        self.looked.map_or(0, |(name, times)| if name == of { times } else { 0 })
    }
}
