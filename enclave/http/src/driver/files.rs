//! Files that the host keeps beside the ledger that is being written: listed, read and written, one answer a question.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use coco_app::{Call, ChannelBinding, Download, ErrorCode, Given, Next, Reject, Response, Status};
use coco_boundary::{
    Effect, Event, FileEffect, FileEvent, FileKind, FileName, FilePart, ReadFault, RequestId, SnapshotFault,
};
use coco_crypto::Certificate;
use coco_ledger::{LedgerSecrets, SnapshotOpenError};
use coco_node::{Beginning, Inspection, Instead, Opening, Planned, startup::BeginningError};
use coco_wire::{
    Seqno,
    snapshot::{SnapshotError, SnapshotName},
};
use tokio::sync::oneshot;

use super::{Driver, others::lock};
use crate::dispatch::Answer;

/// Questions that may wait for the host.
const MAX_WAITING: usize = 256;
/// Bytes of a snapshot that are read at a time: 256 KiB. Much larger ones leave gaps in the memory of the state that is made
/// of them.
const READ: u64 = 256 << 10;
/// Downloads at a time, of at most 32 MiB each.
const MAX_DOWNLOADS: usize = 16;

/// Questions that the host has not answered.
#[derive(Default)]
pub(super) struct Files {
    next: AtomicU64,
    waiting: Mutex<Waiting>,
    /// Answers in the making.
    downloads: AtomicUsize,
}

#[derive(Default)]
struct Waiting {
    lists: BTreeMap<RequestId, Answers<Vec<(FileName, u64)>, ReadFault>>,
    parts: BTreeMap<RequestId, Answers<FilePart, ReadFault>>,
    /// Snapshots that are fetched from another node.
    snapshots: BTreeMap<Seqno, Answers<(), SnapshotFault>>,
}

/// Who waits for an answer.
type Answers<T, E> = oneshot::Sender<Result<T, E>>;

/// Why a file is not the snapshot that it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotFileError<E> {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadFault),
    /// It is none, or not one of the service.
    #[error("{0}")]
    Refused(E),
    /// It is another one.
    #[error("the file contains another snapshot than its name says")]
    Name,
}

impl Driver {
    /// Names and lengths of the committed files of a kind, ascending.
    ///
    /// # Errors
    /// If the host cannot read its directory, or is too busy.
    pub async fn list_files(&self, kind: FileKind) -> Result<Vec<(FileName, u64)>, ReadFault> {
        let (sender, answer) = oneshot::channel();
        let request = self.file_request();
        {
            let mut waiting = lock(&self.0.files.waiting);
            if waiting.lists.len() >= MAX_WAITING {
                return Err(ReadFault::Busy);
            }
            waiting.lists.insert(request, sender);
        }
        self.perform_file(FileEffect::List { request, kind });
        answer.await.unwrap_or(Err(ReadFault::Busy))
    }

    /// At most `len` bytes of a committed file, and never more than 4 MiB.
    ///
    /// # Errors
    /// If the host cannot read it, or is too busy.
    pub async fn read_file(&self, file: FileName, offset: u64, len: u64) -> Result<FilePart, ReadFault> {
        let (sender, answer) = oneshot::channel();
        let request = self.file_request();
        {
            let mut waiting = lock(&self.0.files.waiting);
            if waiting.parts.len() >= MAX_WAITING {
                return Err(ReadFault::Busy);
            }
            waiting.parts.insert(request, sender);
        }
        self.perform_file(FileEffect::Read { request, file, offset, len });
        answer.await.unwrap_or(Err(ReadFault::Busy))
    }

    /// The last snapshot that the service recorded, unless this node is about to have it by itself.
    #[must_use]
    pub fn recorded_snapshot(&self) -> Option<SnapshotName> {
        self.lock().recorded_snapshot()
    }

    /// Has the host write the next piece of a snapshot that comes from another node.
    ///
    /// # Errors
    /// If the host cannot; what was written is gone.
    pub async fn keep_piece(&self, seqno: Seqno, offset: u64, bytes: Vec<u8>) -> Result<(), SnapshotFault> {
        self.about_snapshot(seqno, FileEffect::WriteSnapshot { seqno, offset, bytes }).await
    }

    /// Has the host give its name to a snapshot that was written to its end.
    ///
    /// # Errors
    /// If the host cannot; what was written is gone.
    pub async fn keep_snapshot(&self, seqno: Seqno, evidence_seqno: Seqno) -> Result<(), SnapshotFault> {
        let receipt = Vec::new();
        self.about_snapshot(seqno, FileEffect::CommitSnapshot { seqno, evidence_seqno, receipt }).await
    }

    /// Has the host forget a snapshot that was not written to its end.
    pub fn drop_snapshot(&self, seqno: Seqno) {
        self.perform_file(FileEffect::DropSnapshot { seqno });
    }

    /// Reads a snapshot file to its end, to know whether `service` recorded it.
    ///
    /// # Errors
    /// If it cannot be read, or did not.
    pub async fn inspect_snapshot(
        &self,
        name: SnapshotName,
        service: &Certificate,
    ) -> Result<(), SnapshotFileError<SnapshotOpenError<SnapshotError>>> {
        let mut inspection = Inspection::default();
        self.each_part(name, |part| inspection.push(part)).await?;
        let (seqno, evidence) = inspection.finish(service).map_err(SnapshotFileError::Refused)?;
        let is_named = (seqno, evidence.seqno) == (name.seqno, name.evidence_seqno);
        if is_named { Ok(()) } else { Err(SnapshotFileError::Name) }
    }

    /// Reads a snapshot file to begin with it.
    ///
    /// # Errors
    /// If it cannot be read, or `service` did not record it.
    pub async fn open_snapshot(
        &self,
        name: SnapshotName,
        secrets: LedgerSecrets,
        service: &Certificate,
    ) -> Result<Beginning, SnapshotFileError<BeginningError>> {
        let mut opening = Opening::new(secrets);
        self.each_part(name, |part| opening.push(part)).await?;
        // Which entries can be read back is only about what others can be sent: that there are none is always safe.
        let chunks = self.list_files(FileKind::Chunks).await.unwrap_or_default();
        let readable = coco_node::startup::readable_from(chunks.iter().map(|(name, _)| *name), name.seqno);
        let beginning = opening.finish(service, readable).map_err(SnapshotFileError::Refused)?;
        if beginning.last().seqno == name.seqno { Ok(beginning) } else { Err(SnapshotFileError::Name) }
    }

    /// Answers a query of the node's own adapter, which may be for what the host has.
    pub(super) fn answer_of_node(
        &self,
        planned: &Planned,
        call: &Call,
        session: Option<&ChannelBinding>,
    ) -> Answer {
        self.show(planned);
        let ran = self.0.view.run(planned.mount, call, planned.plan.mode, None);
        match ran.instead {
            Some(Instead::Download(download)) => self.download(download),
            Some(Instead::Attesting(attesting)) => self.attest(attesting, session),
            None => {
                let adapter = self.0.view.mounts.adapter(planned.mount);
                let response = adapter.encode(&planned.plan.calls, vec![ran.response]);
                self.reply(planned, response)
            }
        }
    }

    fn download(&self, mut download: Box<dyn Download>) -> Answer {
        let files = &self.0.files;
        if files.downloads.fetch_add(1, Ordering::Relaxed) >= MAX_DOWNLOADS {
            files.downloads.fetch_sub(1, Ordering::Relaxed);
            let text = "Too many downloads are under way.";
            let code = ErrorCode::TooManyPendingTransactions;
            return Answer::Ready(Reject::new(Status::SERVICE_UNAVAILABLE, code, text).into());
        }
        let (reply, answer) = oneshot::channel();
        let driver = self.clone();
        tokio::spawn(async move {
            let response = driver.make(&mut *download).await;
            driver.0.files.downloads.fetch_sub(1, Ordering::Relaxed);
            // A client that went away is not told.
            drop(reply.send(response));
        });
        Answer::Later(answer)
    }

    async fn make(&self, download: &mut dyn Download) -> Response {
        let mut given = Given::Nothing;
        loop {
            given = match download.next(given) {
                Next::List(kind) => Given::Files(self.list_files(kind).await),
                Next::Read { file, offset, len } => Given::Part(self.read_file(file, offset, len).await),
                Next::Answer(response) => return response,
            };
        }
    }

    async fn each_part<E>(
        &self,
        name: SnapshotName,
        mut take: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), SnapshotFileError<E>> {
        let mut offset = 0;
        loop {
            let part = self.read_file(FileName::Snapshot(name), offset, READ).await?;
            if part.bytes.is_empty() {
                return Ok(());
            }
            offset += part.bytes.len() as u64;
            take(&part.bytes).map_err(SnapshotFileError::Refused)?;
        }
    }

    /// Takes in what the host tells of files: an answer for whoever waits, else news for Core.
    pub(super) fn file_event(&self, event: FileEvent) {
        let mut waiting = lock(&self.0.files.waiting);
        // Whoever does not wait any more is not told.
        match event {
            FileEvent::Listed { request, files } => {
                waiting.lists.remove(&request).map(|waiter| waiter.send(files));
            }
            FileEvent::Part { request, part } => {
                waiting.parts.remove(&request).map(|waiter| waiter.send(part));
            }
            event => {
                let (seqno, outcome) = match &event {
                    FileEvent::SnapshotCommitted { name, .. } => (name.seqno, Ok(())),
                    FileEvent::SnapshotFailed { seqno, fault } => (*seqno, Err(fault.clone())),
                    FileEvent::SnapshotWritten { seqno, .. } => (*seqno, Ok(())),
                    FileEvent::Listed { .. } | FileEvent::Part { .. } => unreachable!("taken above"),
                };
                match waiting.snapshots.remove(&seqno) {
                    Some(waiter) => drop(waiter.send(outcome)),
                    None => {
                        drop(waiting);
                        self.with_core(|core, out| core.handle(Event::Files(event), out));
                    }
                }
            }
        }
    }

    async fn about_snapshot(&self, seqno: Seqno, effect: FileEffect) -> Result<(), SnapshotFault> {
        let (sender, answer) = oneshot::channel();
        lock(&self.0.files.waiting).snapshots.insert(seqno, sender);
        self.perform_file(effect);
        answer.await.unwrap_or(Err(SnapshotFault::Backlog))
    }

    fn file_request(&self) -> RequestId {
        RequestId(self.0.files.next.fetch_add(1, Ordering::Relaxed))
    }

    fn perform_file(&self, effect: FileEffect) {
        self.0.resources.host.perform(&mut vec![Effect::Files(effect)]);
    }
}
