//! Records a ledger writer's calls to the disk, to build what a loss of power could leave of them.
//!
//! For tests that run the real writer in their own process: give [`Recorder`] to
//! [`Ledger::create`](crate::ledger::Ledger::create), [`Recorder::mark`] what was promised, and
//! check every [`Image`] of every prefix of [`Recorder::calls`] against the marks in it.

mod image;
pub(crate) mod random;

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

pub use image::{Image, Survival};

use crate::disk::{Disk, File};

/// A disk that remembers every call that changes something.
#[derive(Clone)]
pub struct Recorder {
    inner: Arc<dyn Disk>,
    calls: Arc<Mutex<Vec<Call>>>,
}

/// Identity of a file, whatever its name; counted from 0 by creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileId(usize);

/// One recorded call, in the order of recording. Changes are recorded before they begin, as part
/// of them may reach the disk at once; synchronisations after they succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// [`Disk::create`].
    Create {
        /// Name of the file.
        path: PathBuf,
        /// Its identity.
        file: FileId,
    },
    /// [`File::write_at`].
    Write {
        /// Into which file.
        file: FileId,
        /// From where on.
        offset: u64,
        /// What.
        bytes: Vec<u8>,
    },
    /// [`File::resize`].
    Resize {
        /// Which file.
        file: FileId,
        /// The new size in bytes.
        size: u64,
    },
    /// [`File::sync_data`].
    SyncData {
        /// Which file.
        file: FileId,
    },
    /// [`File::sync_all`].
    SyncAll {
        /// Which file.
        file: FileId,
    },
    /// [`Disk::rename`].
    Rename {
        /// Old name.
        from: PathBuf,
        /// New name.
        to: PathBuf,
    },
    /// [`Disk::remove`].
    Remove {
        /// Name of the file.
        path: PathBuf,
    },
    /// [`Disk::sync_directory`].
    SyncDirectory {
        /// Which directory.
        path: PathBuf,
    },
    /// [`Recorder::mark`].
    Mark {
        /// What the test said.
        label: u64,
    },
}

impl Recorder {
    /// Passes calls on to `inner`.
    #[must_use]
    pub fn new(inner: Arc<dyn Disk>) -> Self {
        Self { inner, calls: Arc::default() }
    }

    /// Notes that something happened at this point, such as a promise about what was written so far.
    pub fn mark(&self, label: u64) {
        self.record(Call::Mark { label });
    }

    /// Everything recorded so far.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn record(&self, call: Call) {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    }

    fn record_creation(&self, path: &Path) -> FileId {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let file = FileId(calls.iter().filter(|call| matches!(call, Call::Create { .. })).count());
        calls.push(Call::Create { path: path.to_path_buf(), file });
        file
    }
}

impl Disk for Recorder {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let inner = self.inner.create(path)?;
        let id = self.record_creation(path);
        Ok(Arc::new(RecordedFile { inner, id, recorder: self.clone() }))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.inner.open(path)
    }

    fn create_directory(&self, path: &Path) -> io::Result<()> {
        self.inner.create_directory(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        self.inner.list(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.record(Call::Rename { from: from.to_path_buf(), to: to.to_path_buf() });
        self.inner.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.record(Call::Remove { path: path.to_path_buf() });
        self.inner.remove(path)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        self.inner.sync_directory(path)?;
        self.record(Call::SyncDirectory { path: path.to_path_buf() });
        Ok(())
    }
}

struct RecordedFile {
    inner: Arc<dyn File>,
    id: FileId,
    recorder: Recorder,
}

impl File for RecordedFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.inner.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.recorder.record(Call::Write { file: self.id, offset, bytes: bytes.to_vec() });
        self.inner.write_at(bytes, offset)
    }

    fn size(&self) -> io::Result<u64> {
        self.inner.size()
    }

    fn resize(&self, size: u64) -> io::Result<()> {
        self.recorder.record(Call::Resize { file: self.id, size });
        self.inner.resize(size)
    }

    fn reserve(&self, size: u64) -> io::Result<()> {
        self.inner.reserve(size)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.inner.sync_data()?;
        self.recorder.record(Call::SyncData { file: self.id });
        Ok(())
    }

    fn sync_all(&self) -> io::Result<()> {
        self.inner.sync_all()?;
        self.recorder.record(Call::SyncAll { file: self.id });
        Ok(())
    }
}

/// A disk that claims to synchronise and does not: with it a power-loss test must fail, or it
/// tests nothing.
pub struct ForgetfulDisk(pub Arc<dyn Disk>);

impl Disk for ForgetfulDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        Ok(Arc::new(ForgetfulFile(self.0.create(path)?)))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.0.open(path)
    }

    fn create_directory(&self, path: &Path) -> io::Result<()> {
        self.0.create_directory(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        self.0.list(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.remove(path)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        self.0.sync_directory(path)
    }
}

struct ForgetfulFile(Arc<dyn File>);

impl File for ForgetfulFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_at(bytes, offset)
    }

    fn size(&self) -> io::Result<u64> {
        self.0.size()
    }

    fn resize(&self, size: u64) -> io::Result<()> {
        self.0.resize(size)
    }

    fn reserve(&self, size: u64) -> io::Result<()> {
        self.0.reserve(size)
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn sync_all(&self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
