//! Files and signals by which the world drives a node process.

use std::{
    fs::{File, Permissions},
    io::{self, Read, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process,
};

use tempfile::{Builder, NamedTempFile};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::disk::parent;

/// A PID file that cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum PidFileError {
    /// Another process may be running here. The text is CCF's.
    #[error("PID file {} already exists. Exiting.", .0.display())]
    Exists(PathBuf),
    /// What the system says.
    #[error("PID file {}: {error}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// Writes the decimal number of this process, without a line break, into a file that must be new.
///
/// # Errors
/// If the file exists, or cannot be written.
pub fn write_pid_file(path: &Path) -> Result<(), PidFileError> {
    let failed = |error| PidFileError::Io { path: path.to_path_buf(), error };
    let file = complete(path, process::id().to_string().as_bytes()).map_err(failed)?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
            Err(PidFileError::Exists(path.to_path_buf()))
        }
        Err(error) => Err(failed(error.error)),
    }
}

/// Writes a file that others wait for: it is complete as soon as it appears. Replaces an old one.
///
/// # Errors
/// Of the system.
pub fn write_output(path: &Path, content: &[u8]) -> io::Result<()> {
    complete(path, content)?.persist(path)?;
    Ok(())
}

/// A complete file beside `path`, readable by all whom the process's mask allows.
fn complete(path: &Path, content: &[u8]) -> io::Result<NamedTempFile> {
    let permissions = Permissions::from_mode(0o666);
    let mut file = Builder::new().permissions(permissions).tempfile_in(parent(path))?;
    file.write_all(content)?;
    Ok(file)
}

/// Reads a whole file of at most `limit` bytes.
///
/// # Errors
/// Of the system; `FileTooLarge` if it is longer.
pub fn read_input(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut content = vec![];
    File::open(path)?.take(limit + 1).read_to_end(&mut content)?;
    if content.len() as u64 > limit {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(content)
}

/// A signal that asks the node to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopSignal {
    /// SIGTERM: may be a warning only, by configuration.
    Terminate,
    /// SIGHUP.
    Hangup,
    /// SIGINT: Ctrl-C.
    Interrupt,
}

impl StopSignal {
    /// Its name as in `strsignal(3)`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Terminate => "Terminated",
            Self::Hangup => "Hangup",
            Self::Interrupt => "Interrupt",
        }
    }
}

/// Takes the stop signals of this process away from their default, which is to kill it.
pub struct StopSignals {
    terminate: Signal,
    hangup: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// Inside a runtime.
    ///
    /// # Errors
    /// Of the system.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next one.
    pub async fn next(&mut self) -> StopSignal {
        tokio::select! {
            _ = self.terminate.recv() => StopSignal::Terminate,
            _ = self.hangup.recv() => StopSignal::Hangup,
            _ = self.interrupt.recv() => StopSignal::Interrupt,
        }
    }
}

#[cfg(test)]
mod tests;
