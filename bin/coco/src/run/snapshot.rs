//! Which snapshot a node that joins begins with: the newest that it has, or a later one of the node that it asks. How
//! snapshots are fetched.

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
        let Some(how) = fetch else { return own };
        let begin = || Fetch::new(self.service.clone(), target.to_owned(), after, how.max_size.0);
        match self.fetch(target, how, begin).await {
            Fetched::Snapshot(name) => Some(name),
            Fetched::NoneLater | Fetched::NoneAtAll | Fetched::GaveUp => own,
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

    /// What comes of attempts that `begin` begins.
    pub(super) async fn fetch(&self, target: &str, how: FetchSnapshot, begin: impl Fn() -> Fetch) -> Fetched {
        let attempts = how.max_attempts;
        for attempt in 1..=attempts.get() {
            if attempt > 1 {
                time::sleep(how.retry_interval).await;
            }
            self.log.info(format_args!("Fetching snapshot from {target} (attempt {attempt}/{attempts})"));
            let mut fetch = begin();
            match self.fetch_once(&mut fetch).await {
                Ok(fetched) => {
                    match fetched {
                        Fetched::Snapshot(name) => self.log.info(format_args!("Fetched snapshot {name}")),
                        // It will hardly have one before a node that joins has caught up.
                        Fetched::NoneAtAll => self.log.info(format_args!("Peer has no suitable snapshot")),
                        Fetched::NoneLater | Fetched::GaveUp => {}
                    }
                    return fetched;
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
        Fetched::GaveUp
    }

    async fn fetch_once(
        &self,
        fetch: &mut Fetch,
    ) -> Result<Fetched, Box<dyn std::error::Error + Send + Sync>> {
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
                    return Ok(Fetched::Snapshot(name));
                }
                Step::NotLater => return Ok(Fetched::NoneLater),
                Step::Nothing => return Ok(Fetched::NoneAtAll),
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

/// What became of fetching.
pub(super) enum Fetched {
    Snapshot(SnapshotName),
    /// The node that was asked has only what this one has itself, or older.
    NoneLater,
    NoneAtAll,
    /// No attempt succeeded.
    GaveUp,
}
