//! Removal of old files.

use coco_boundary::{FileKind, FileName, Log};

use super::{
    Cleanup,
    stored::{Stored, is_same, of_kind},
};

impl Stored {
    /// Removes what is too old. What fails is tried again the next time.
    pub(super) fn clean_up(&self, limits: Cleanup, log: &Log) {
        if let Some(keep) = limits.max_snapshots {
            for name in self.surplus(FileKind::Snapshots, keep.get()) {
                self.remove(FileKind::Snapshots, name, log);
            }
        }
        if let Some(keep) = limits.max_chunks {
            for name in self.surplus(FileKind::Chunks, keep) {
                if self.is_kept_elsewhere(name) {
                    self.remove(FileKind::Chunks, name, log);
                }
            }
        }
    }

    /// The node's own files but for the newest ones.
    fn surplus(&self, kind: FileKind, keep: u64) -> Vec<FileName> {
        let names = self.disk.list(self.own(kind)).unwrap_or_default();
        let mut names: Vec<_> = names.iter().filter_map(|name| of_kind(kind, name)).collect();
        names.sort_unstable();
        let keep = usize::try_from(keep).unwrap_or(usize::MAX);
        names.truncate(names.len().saturating_sub(keep));
        names
    }

    /// Whether a read-only directory has the same chunk.
    fn is_kept_elsewhere(&self, name: FileName) -> bool {
        let name = name.to_string();
        let Ok(own) = self.disk.open(&self.options.ledger.join(&name)) else { return false };
        self.options.read_only_ledgers.iter().any(|directory| {
            let other = self.disk.open(&directory.join(&name));
            other.and_then(|other| is_same(&*own, &*other)).unwrap_or(false)
        })
    }

    fn remove(&self, kind: FileKind, name: FileName, log: &Log) {
        match self.disk.remove(&self.own(kind).join(name.to_string())) {
            Ok(()) => log.info(format_args!("Removed old file {name}")),
            Err(error) => log.info(format_args!("Old file {name} cannot be removed: {error}")),
        }
    }

    fn own(&self, kind: FileKind) -> &std::path::Path {
        match kind {
            FileKind::Snapshots => &self.options.snapshots,
            FileKind::Chunks | FileKind::OpenChunks => &self.options.ledger,
        }
    }
}
