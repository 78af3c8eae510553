//! Snapshots that are being written.

use std::{collections::BTreeMap, io, path::PathBuf, sync::Arc};

use coco_boundary::{FileOperation, SnapshotFault};
use coco_wire::{
    Seqno,
    snapshot::{SnapshotName, SnapshotPhase},
};

use crate::disk::{Disk, File};

/// Snapshots that may be written at a time.
const MAX_UNFINISHED: usize = 8;

/// The node's own directory of snapshots.
pub(super) struct Snapshots {
    directory: PathBuf,
    disk: Arc<dyn Disk>,
    synchronise: bool,
    unfinished: BTreeMap<Seqno, Unfinished>,
}

struct Unfinished {
    file: Arc<dyn File>,
    len: u64,
}

impl Snapshots {
    pub(super) fn new(directory: PathBuf, disk: Arc<dyn Disk>, synchronise: bool) -> Self {
        Self { directory, disk, synchronise, unfinished: BTreeMap::new() }
    }

    /// Writes a piece; yields the length so far, or none if it does not follow the piece before.
    pub(super) fn write(
        &mut self,
        seqno: Seqno,
        offset: u64,
        bytes: &[u8],
    ) -> Option<Result<u64, SnapshotFault>> {
        if offset == 0 {
            self.forget(seqno);
            if let Err(fault) = self.create(seqno) {
                return Some(Err(fault));
            }
        }
        let snapshot = self.unfinished.get_mut(&seqno).filter(|snapshot| snapshot.len == offset)?;
        let written = snapshot.file.write_at(bytes, offset);
        snapshot.len += bytes.len() as u64;
        let len = snapshot.len;
        let name = unfinished_name(seqno);
        let result = written.map_err(|error| fault(FileOperation::Write, &name, &error));
        if result.is_err() {
            self.forget(seqno);
        }
        Some(result.map(|()| len))
    }

    /// Adds the receipt and gives the final name; yields it and the length.
    pub(super) fn commit(
        &mut self,
        seqno: Seqno,
        evidence_seqno: Seqno,
        receipt: &[u8],
    ) -> Result<(SnapshotName, u64), SnapshotFault> {
        let Unfinished { file, len } = self.unfinished.get(&seqno).ok_or(SnapshotFault::Absent)?;
        let (file, len) = (Arc::clone(file), *len);
        let name = SnapshotName { seqno, evidence_seqno, phase: SnapshotPhase::Committed };
        let result = self.finish(seqno, &*file, len, receipt, name);
        if result.is_err() {
            self.forget(seqno);
        }
        self.unfinished.remove(&seqno);
        result.map(|()| (name, len + receipt.len() as u64))
    }

    /// Removes a snapshot that is not committed. One that cannot be removed is in nobody's way: the next process tries
    /// again.
    pub(super) fn forget(&mut self, seqno: Seqno) {
        if self.unfinished.remove(&seqno).is_some() {
            let _ = self.disk.remove(&self.directory.join(unfinished_name(seqno)));
        }
    }

    fn create(&mut self, seqno: Seqno) -> Result<(), SnapshotFault> {
        if self.unfinished.len() >= MAX_UNFINISHED {
            return Err(SnapshotFault::Backlog);
        }
        let name = unfinished_name(seqno);
        let file = self
            .disk
            .create(&self.directory.join(&name))
            .map_err(|error| fault(FileOperation::Create, &name, &error))?;
        self.unfinished.insert(seqno, Unfinished { file, len: 0 });
        Ok(())
    }

    fn finish(
        &self,
        seqno: Seqno,
        file: &dyn File,
        len: u64,
        receipt: &[u8],
        name: SnapshotName,
    ) -> Result<(), SnapshotFault> {
        let unfinished = unfinished_name(seqno);
        let try_to =
            |operation, result: io::Result<()>| result.map_err(|error| fault(operation, &unfinished, &error));
        try_to(FileOperation::Write, file.write_at(receipt, len))?;
        if self.synchronise {
            try_to(FileOperation::Sync, file.sync_all())?;
        }
        let from = self.directory.join(&unfinished);
        try_to(FileOperation::Rename, self.disk.rename(&from, &self.directory.join(name.to_string())))?;
        if self.synchronise {
            try_to(FileOperation::Sync, self.disk.sync_directory(&self.directory))?;
        }
        Ok(())
    }
}

/// Name of a file before it is committed; no snapshot's.
fn unfinished_name(seqno: Seqno) -> String {
    format!("snapshot_{seqno}.part")
}

/// Whether a file was left over by [`Snapshots`].
pub(super) fn is_unfinished(name: &str) -> bool {
    let seqno = name.strip_prefix("snapshot_").and_then(|rest| rest.strip_suffix(".part"));
    seqno.is_some_and(|seqno| seqno.parse::<u64>().is_ok())
}

fn fault(operation: FileOperation, name: &str, error: &io::Error) -> SnapshotFault {
    SnapshotFault::Io { operation, file: name.to_owned(), errno: error.raw_os_error().unwrap_or(0) }
}
