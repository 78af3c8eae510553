//! Which snapshot a node that joins begins with: the newest that it has, or a later one of the node that it asks.

use std::time::Duration;

use coco_app::Method;
use coco_boundary::{FileKind, FileName, Log};
use coco_crypto::Certificate;
use coco_host::net::connect;
use coco_http::{Client, Driver, Question, Reply};
use coco_node::startup::fetch::{Answer, Fetch, RANGE, Step};
use coco_wire::{Seqno, snapshot::SnapshotName};
use tokio::time;

use super::join::CONNECT;
use crate::config::command::FetchSnapshot;

/// Longest time for one range, on its connection.
const PART: Duration = Duration::from_secs(60);

/// How a snapshot is found.
pub(super) struct Finding<'a> {
    pub(super) driver: &'a Driver,
    pub(super) client: &'a Client,
    pub(super) service: &'a Certificate,
    pub(super) log: &'a Log,
}

impl Finding<'_> {
    /// The snapshot to begin with; none if there is none.
    pub(super) async fn find(&self, target: &str, fetch: Option<FetchSnapshot>) -> Option<SnapshotName> {
        let own = self.newest_own().await;
        let after = own.map_or(Seqno::ZERO, |name| name.seqno);
        match fetch {
            Some(fetch) => self.fetch(target, after, fetch).await.or(own),
            None => own,
        }
    }

    /// The newest of this node's files that the service recorded.
    async fn newest_own(&self) -> Option<SnapshotName> {
        let files = match self.driver.list_files(FileKind::Snapshots).await {
            Ok(files) => files,
            Err(fault) => {
                self.log.fail(format_args!("No snapshot is looked for: {fault}"));
                return None;
            }
        };
        for (name, len) in files.into_iter().rev() {
            let FileName::Snapshot(name) = name else { continue };
            if len == 0 {
                self.log.fail(format_args!("Ignoring empty snapshot file {name}"));
                continue;
            }
            match self.driver.inspect_snapshot(name, self.service).await {
                Ok(()) => {
                    self.log.info(format_args!("Found latest local snapshot file: {name} (size: {len})"));
                    return Some(name);
                }
                Err(error) => self.log.fail(format_args!("Ignoring snapshot file {name}: {error}")),
            }
        }
        self.log.info(format_args!("No local snapshot found"));
        None
    }

    /// A snapshot of the service after `after`.
    async fn fetch(&self, target: &str, after: Seqno, how: FetchSnapshot) -> Option<SnapshotName> {
        let attempts = how.max_attempts;
        for attempt in 1..=attempts.get() {
            if attempt > 1 {
                time::sleep(how.retry_interval).await;
            }
            self.log.info(format_args!("Fetching snapshot from {target} (attempt {attempt}/{attempts})"));
            let mut fetch = Fetch::new(self.service.clone(), target.to_owned(), after, how.max_size.0);
            match self.fetch_once(&mut fetch).await {
                Ok(Found::Snapshot(name)) => {
                    self.log.info(format_args!("Fetched snapshot {name}"));
                    return Some(name);
                }
                Ok(Found::NoneLater) => return None,
                // It will hardly have one before this node has caught up.
                Ok(Found::NoneAtAll) => {
                    self.log.info(format_args!("Peer has no suitable snapshot"));
                    return None;
                }
                Err(error) => {
                    if let Some(seqno) = fetch.kept_so_far() {
                        self.driver.drop_snapshot(seqno);
                    }
                    self.log.fail(format_args!("Error during snapshot fetch: {error}"));
                }
            }
        }
        self.log.info(format_args!("Exceeded maximum snapshot fetch retries ({attempts}), giving up"));
        None
    }

    async fn fetch_once(&self, fetch: &mut Fetch) -> Result<Found, Box<dyn std::error::Error + Send + Sync>> {
        let mut step = Step::Ask;
        loop {
            step = match step {
                Step::Ask => {
                    let answer = self.ask(fetch).await?;
                    fetch.answered(answer)?
                }
                Step::Keep { seqno, offset, bytes } => {
                    self.driver.keep_piece(seqno, offset, bytes).await?;
                    fetch.kept()?
                }
                Step::Complete(name) => {
                    self.driver.keep_snapshot(name.seqno, name.evidence_seqno).await?;
                    return Ok(Found::Snapshot(name));
                }
                Step::NotLater => return Ok(Found::NoneLater),
                Step::Nothing => return Ok(Found::NoneAtAll),
            }
        }
    }

    async fn ask(&self, fetch: &Fetch) -> Result<Answer, Box<dyn std::error::Error + Send + Sync>> {
        let stream = connect(fetch.address(), CONNECT).await?;
        let question = Question {
            method: Method::Get,
            address: fetch.address(),
            target: fetch.target(),
            headers: &[("range", &fetch.range())],
            body: &[],
            max_answer: usize::try_from(RANGE).unwrap_or(usize::MAX),
            within: PART,
        };
        let Reply { status, headers, body } = self.client.ask(stream, &question).await?;
        let text = |name| headers.text(name).map(str::to_owned);
        let (location, content_range) = (text("location"), text("content-range"));
        Ok(Answer { status: status.0, location, content_range, body })
    }
}

/// What a node has to offer.
enum Found {
    Snapshot(SnapshotName),
    /// Only what this node has itself, or older.
    NoneLater,
    NoneAtAll,
}
