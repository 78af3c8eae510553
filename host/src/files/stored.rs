//! Files that can be downloaded, in all directories.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use coco_boundary::{FileKind, FileName, FilePart, MAX_PART, ReadFault};
use coco_wire::{
    chunk::{ChunkMark, ChunkName, ChunkPhase},
    snapshot::{SnapshotName, SnapshotPhase},
};

use super::{FilesOptions, read_fault};
use crate::disk::{Disk, File};

/// Finds and reads files.
pub(super) struct Stored {
    pub(super) options: FilesOptions,
    pub(super) disk: Arc<dyn Disk>,
}

impl Stored {
    pub(super) fn new(options: FilesOptions, disk: Arc<dyn Disk>) -> Self {
        Self { options, disk }
    }

    pub(super) fn list(&self, kind: FileKind) -> Result<Vec<(FileName, u64)>, ReadFault> {
        let mut files = BTreeMap::new();
        for (index, directory) in self.directories(kind).enumerate() {
            let shown = directory.to_string_lossy();
            let names = match self.disk.list(directory) {
                // A read-only directory may come later.
                Err(_) if index > 0 => continue,
                names => names.map_err(|error| read_fault(&shown, &error))?,
            };
            for name in names.iter().filter_map(|name| of_kind(kind, name)) {
                // A file that is removed meanwhile is not there.
                let len = self.disk.open(&directory.join(name.to_string())).and_then(|file| file.size());
                if let Ok(len) = len {
                    files.entry(name).or_insert(len);
                }
            }
        }
        Ok(files.into_iter().collect())
    }

    pub(super) fn read(&self, name: FileName, offset: u64, len: u64) -> Result<FilePart, ReadFault> {
        let text = name.to_string();
        let kind = match name {
            FileName::Snapshot(_) => FileKind::Snapshots,
            FileName::Chunk(ChunkName { phase: ChunkPhase::Committed { .. }, .. }) => FileKind::Chunks,
            FileName::Chunk(ChunkName { phase: ChunkPhase::Open, .. }) => FileKind::OpenChunks,
        };
        let absent = || ReadFault::Io { file: text.clone(), errno: rustix::io::Errno::NOENT.raw_os_error() };
        if of_kind(kind, &text) != Some(name) {
            return Err(absent());
        }
        let file = self
            .directories(kind)
            .find_map(|directory| self.disk.open(&directory.join(&text)).ok())
            .ok_or_else(absent)?;
        let read = || {
            let file_len = file.size()?;
            let len = file_len.saturating_sub(offset).min(len).min(MAX_PART);
            let mut bytes = vec![0; usize::try_from(len).expect("at most 4 MiB")];
            file.read_at(&mut bytes, offset)?;
            Ok(FilePart { bytes, file_len })
        };
        read().map_err(|error| read_fault(&text, &error))
    }

    /// The node's own first.
    fn directories(&self, kind: FileKind) -> impl Iterator<Item = &PathBuf> {
        let (own, others) = match kind {
            FileKind::Snapshots => (&self.options.snapshots, self.options.read_only_snapshots.as_slice()),
            FileKind::Chunks => (&self.options.ledger, self.options.read_only_ledgers.as_slice()),
            FileKind::OpenChunks => (&self.options.ledger, [].as_slice()),
        };
        std::iter::once(own).chain(others)
    }
}

/// The file of this name, if it is of that kind.
pub(super) fn of_kind(kind: FileKind, name: &str) -> Option<FileName> {
    match kind {
        FileKind::Snapshots => {
            let name: SnapshotName = name.parse().ok()?;
            (name.phase == SnapshotPhase::Committed).then_some(FileName::Snapshot(name))
        }
        FileKind::Chunks | FileKind::OpenChunks => {
            let name: ChunkName = name.parse().ok()?;
            let is_of_kind = name.mark == ChunkMark::None
                && match name.phase {
                    ChunkPhase::Committed { .. } => kind == FileKind::Chunks,
                    ChunkPhase::Open => kind == FileKind::OpenChunks,
                };
            is_of_kind.then_some(FileName::Chunk(name))
        }
    }
}

/// Whether two files have the same content.
pub(super) fn is_same(one: &dyn File, other: &dyn File) -> std::io::Result<bool> {
    const STRIDE: usize = 1 << 20;
    let len = one.size()?;
    if other.size()? != len {
        return Ok(false);
    }
    let mut buffers = [vec![0; STRIDE], vec![0; STRIDE]];
    let mut offset = 0;
    while offset < len {
        let stride = usize::try_from(len - offset).map_or(STRIDE, |left| left.min(STRIDE));
        let [left, right] = &mut buffers;
        one.read_at(&mut left[..stride], offset)?;
        other.read_at(&mut right[..stride], offset)?;
        if left[..stride] != right[..stride] {
            return Ok(false);
        }
        offset += stride as u64;
    }
    Ok(true)
}
