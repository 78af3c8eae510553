//! Every call that the ledger writer makes to the file system.

use std::{
    fs::{self, OpenOptions},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::fs::{FallocateFlags, fallocate};

/// A file system. One implementation is real; another records ([`crate::record`]), for power-loss tests.
pub trait Disk: Send + Sync + 'static {
    /// Creates an empty file that was not there, for reading and writing.
    ///
    /// # Errors
    /// Of the system; `AlreadyExists` if it was there.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>>;

    /// Opens a file for reading.
    ///
    /// # Errors
    /// Of the system.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>>;

    /// Creates a directory and its parents where missing.
    ///
    /// # Errors
    /// Of the system.
    fn create_directory(&self, path: &Path) -> io::Result<()>;

    /// Names in a directory.
    ///
    /// # Errors
    /// Of the system.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;

    /// Renames a file; the new name must be free.
    ///
    /// # Errors
    /// Of the system.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// Of the system.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Returns once the names in the directory survive a loss of power.
    ///
    /// # Errors
    /// Of the system.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;
}

/// An open file.
pub trait File: Send + Sync {
    /// Fills `buffer` from `offset` on.
    ///
    /// # Errors
    /// Of the system; `UnexpectedEof` if the file is shorter.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;

    /// Writes all bytes from `offset` on.
    ///
    /// # Errors
    /// Of the system; some bytes may have been written.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Size in bytes.
    ///
    /// # Errors
    /// Of the system.
    fn size(&self) -> io::Result<u64>;

    /// Sets the size and frees what was reserved beyond it.
    ///
    /// # Errors
    /// Of the system.
    fn resize(&self, size: u64) -> io::Result<()>;

    /// Reserves space for the first `size` bytes; the file's size stays. Does nothing where the
    /// file system cannot.
    ///
    /// # Errors
    /// Of the system, such as a full disk.
    fn reserve(&self, size: u64) -> io::Result<()>;

    /// Returns once content, and the size as far as needed to read it, survive a loss of power.
    ///
    /// # Errors
    /// Of the system. What was written since the last success may be lost, even if a later call succeeds.
    fn sync_data(&self) -> io::Result<()>;

    /// As [`File::sync_data`], and a smaller size survives too.
    ///
    /// # Errors
    /// As there.
    fn sync_all(&self) -> io::Result<()>;
}

/// The file system of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        Ok(Arc::new(OpenOptions::new().read(true).write(true).create_new(true).open(path)?))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        Ok(Arc::new(fs::File::open(path)?))
    }

    fn create_directory(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let name = |entry: io::Result<fs::DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
        fs::read_dir(path)?.map(name).collect()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        fs::File::open(path)?.sync_all()
    }
}

impl File for fs::File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.read_exact_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn resize(&self, size: u64) -> io::Result<()> {
        self.set_len(size)
    }

    fn reserve(&self, size: u64) -> io::Result<()> {
        match fallocate(self, FallocateFlags::KEEP_SIZE, 0, size) {
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => Ok(()),
            other => Ok(other?),
        }
    }

    fn sync_data(&self) -> io::Result<()> {
        fs::File::sync_data(self)
    }

    fn sync_all(&self) -> io::Result<()> {
        fs::File::sync_all(self)
    }
}

/// The directory that holds `path`.
pub(crate) fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    }
}
