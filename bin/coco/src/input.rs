//! What commands read: files, or standard input, up to a limit.

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

/// Largest file that people write by hand or tools make for them, in bytes.
pub(crate) const MAX_BYTES: u64 = 64 << 20;

/// A file that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{}: {error}", .path.display())]
pub(crate) struct Unreadable {
    pub(crate) path: PathBuf,
    pub(crate) error: io::Error,
}

impl Unreadable {
    pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |error| Self { path, error }
    }

    /// A file whose content is not what is wanted.
    pub(crate) fn content(path: &Path, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { path: path.to_path_buf(), error: io::Error::other(error) }
    }
}

/// All of a file, or of standard input for `-`, if that is at most `limit` bytes.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Unreadable> {
    let mut content = Vec::new();
    let result = if path == Path::new("-") {
        io::stdin().take(limit + 1).read_to_end(&mut content)
    } else {
        fs::File::open(path).and_then(|file| file.take(limit + 1).read_to_end(&mut content))
    };
    let length = result.map_err(Unreadable::at(path))?;
    if length as u64 > limit {
        return Err(Unreadable::at(path)(io::ErrorKind::FileTooLarge.into()));
    }
    Ok(content)
}

/// The same as text.
pub(crate) fn read_text(path: &Path) -> Result<String, Unreadable> {
    let content = read(path, MAX_BYTES)?;
    String::from_utf8(content).map_err(|_| Unreadable::content(path, "not UTF-8 text"))
}
