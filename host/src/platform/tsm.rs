//! Reports of the kernel's interface for trusted execution environments: a folder for each question, made in
//! `/sys/kernel/config/tsm/report` (Linux since 6.7, `Documentation/ABI/testing/configfs-tsm-report`).

use std::{
    fs::{self, OpenOptions},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
};

use super::report::{Report, Reports};

/// Where the folders are made.
pub(super) const DIRECTORY: &str = "sys/kernel/config/tsm/report";
/// Most bytes of an answer.
pub(super) const MAX_LEN: u64 = 1 << 20;
/// How often a question is put again into which somebody else wrote.
pub(super) const ATTEMPTS: u32 = 5;
/// How many names of folders are tried.
pub(super) const NAMES: u32 = 64;

/// What is used of file systems: in tests another kernel answers.
pub trait Files: Send + Sync {
    /// Makes a folder that must be new.
    ///
    /// # Errors
    /// Of the system.
    fn create_directory(&self, path: &Path) -> io::Result<()>;

    /// Removes a folder.
    ///
    /// # Errors
    /// Of the system.
    fn remove_directory(&self, path: &Path) -> io::Result<()>;

    /// All of a file, which has no more than 1 MiB.
    ///
    /// # Errors
    /// Of the system.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// Writes in one call, into a file that is there; yields how much was taken.
    ///
    /// # Errors
    /// Of the system.
    fn write(&self, path: &Path, content: &[u8]) -> io::Result<usize>;
}

/// The kernel's.
pub struct Kernel;

/// The interface in a folder.
pub struct Tsm {
    files: Box<dyn Files>,
    directory: PathBuf,
    asked: AtomicU64,
}

impl Tsm {
    /// `root` is the root of all paths.
    #[must_use]
    pub fn new(files: Box<dyn Files>, root: &Path) -> Self {
        Self { files, directory: root.join(DIRECTORY), asked: AtomicU64::default() }
    }

    /// Whether a kernel has the interface, below the root of all paths.
    #[must_use]
    pub fn is_there(root: &Path) -> bool {
        root.join(DIRECTORY).is_dir()
    }

    /// Makes a folder of its own: one that is left from a process which was ended may have the same name.
    fn folder(&self) -> io::Result<PathBuf> {
        for _ in 0..NAMES {
            let number = self.asked.fetch_add(1, Ordering::Relaxed);
            let folder = self.directory.join(format!("coco-{}-{number}", process::id()));
            match self.files.create_directory(&folder) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                created => return created.map(|()| folder),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    fn ask(&self, question: &Path, report_data: &[u8; 64]) -> io::Result<Report> {
        let read = |name: &str| self.files.read(&question.join(name));
        let generation = || number(&read("generation")?);
        for _ in 0..ATTEMPTS {
            let before = generation()?;
            if self.files.write(&question.join("inblob"), report_data)? != report_data.len() {
                return Err(io::ErrorKind::WriteZero.into());
            }
            let report = Report {
                provider: String::from_utf8_lossy(&read("provider")?).trim().to_owned(),
                quote: read("outblob")?,
                auxiliary: read("auxblob").or_else(|error| match error.kind() {
                    // Not all providers have one.
                    io::ErrorKind::NotFound => Ok(Vec::new()),
                    _ => Err(error),
                })?,
            };
            // Each write is counted: ours, and whatever came between.
            if generation()? == before.wrapping_add(1) {
                return Ok(report);
            }
        }
        Err(io::Error::other("the questions of this process are not the only ones in its folder"))
    }
}

impl Reports for Tsm {
    fn report(&self, report_data: &[u8; 64]) -> io::Result<Report> {
        let question = self.folder()?;
        let report = self.ask(&question, report_data);
        let removed = self.files.remove_directory(&question);
        // Why there is no report matters more than what became of the folder.
        let report = report?;
        removed.map(|()| report)
    }
}

fn number(text: &[u8]) -> io::Result<u64> {
    let text = std::str::from_utf8(text).ok().and_then(|text| text.trim().parse().ok());
    text.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "a generation is no number"))
}

impl Files for Kernel {
    fn create_directory(&self, path: &Path) -> io::Result<()> {
        fs::create_dir(path)
    }

    fn remove_directory(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        fs::File::open(path)?.take(MAX_LEN + 1).read_to_end(&mut content)?;
        if content.len() as u64 > MAX_LEN {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(content)
    }

    fn write(&self, path: &Path, content: &[u8]) -> io::Result<usize> {
        OpenOptions::new().write(true).open(path)?.write(content)
    }
}
