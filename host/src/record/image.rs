//! What a loss of power leaves on the disk.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use super::{Call, FileId, random::Random};
use crate::disk::parent;

/// Files as a machine finds them after power returns.
///
/// The model is no particular file system but what POSIX allows of one: of the calls not
/// synchronised any subset took effect, and of a write any subset of its sectors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    files: BTreeMap<PathBuf, Vec<u8>>,
}

/// Which of the calls that were not synchronised took effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Survival {
    /// None.
    Nothing,
    /// All: what the death of the process alone leaves.
    Everything,
    /// Those up to a random one.
    RandomPrefix {
        /// Decides which one.
        seed: u64,
    },
    /// Each by chance, and writes by sectors of 512 or 4096 bytes; what is missing is zero or old.
    RandomSubset {
        /// Decides all.
        seed: u64,
    },
}

impl Image {
    /// What is left if power fails right after the last of `calls`.
    #[must_use]
    pub fn after(calls: &[Call], survival: Survival) -> Self {
        let mut state = State::default();
        for call in calls {
            state.apply(call);
        }
        let changes =
            state.files.iter().map(|file| file.pending.len()).sum::<usize>() + state.pending_names.len();
        let mut fate = Fate::new(survival, changes);
        let names = state.surviving_names(&mut fate);
        let contents: Vec<Vec<u8>> = state.files.iter().map(|file| file.surviving(&mut fate)).collect();
        let files = names.into_iter().map(|(path, FileId(file))| (path, contents[file].clone())).collect();
        Self { files }
    }

    /// Files by name.
    #[must_use]
    pub fn files(&self) -> &BTreeMap<PathBuf, Vec<u8>> {
        &self.files
    }

    /// Writes the files of `directory` as it was recorded into another directory.
    ///
    /// # Errors
    /// Of the system.
    pub fn write_directory(&self, directory: &Path, to: &Path) -> io::Result<()> {
        fs::create_dir_all(to)?;
        for (path, content) in &self.files {
            if let (true, Some(name)) = (parent(path) == directory, path.file_name()) {
                fs::write(to.join(name), content)?;
            }
        }
        Ok(())
    }
}

/// Files and names, synchronised and not.
#[derive(Default)]
struct State {
    files: Vec<FileState>,
    names: BTreeMap<PathBuf, FileId>,
    pending_names: Vec<NameChange>,
}

#[derive(Default)]
struct FileState {
    content: Vec<u8>,
    pending: Vec<Change>,
}

struct Change {
    kind: ChangeKind,
    /// Survives in any case.
    synchronised: bool,
}

enum ChangeKind {
    Write { offset: usize, bytes: Vec<u8> },
    Resize { size: usize },
}

enum NameChange {
    Create { path: PathBuf, file: FileId },
    Rename { from: PathBuf, to: PathBuf },
    Remove { path: PathBuf },
}

impl State {
    fn apply(&mut self, call: &Call) {
        match call {
            Call::Create { path, file } => {
                self.files.push(FileState::default());
                self.pending_names.push(NameChange::Create { path: path.clone(), file: *file });
            }
            Call::Write { file, offset, bytes } => {
                let kind = ChangeKind::Write { offset: in_memory(*offset), bytes: bytes.clone() };
                self.files[file.0].pending.push(Change { kind, synchronised: false });
            }
            Call::Resize { file, size } => {
                let kind = ChangeKind::Resize { size: in_memory(*size) };
                self.files[file.0].pending.push(Change { kind, synchronised: false });
            }
            Call::SyncData { file } => self.files[file.0].sync_data(),
            Call::SyncAll { file } => self.files[file.0].sync_all(),
            Call::Rename { from, to } => {
                self.pending_names.push(NameChange::Rename { from: from.clone(), to: to.clone() });
            }
            Call::Remove { path } => self.pending_names.push(NameChange::Remove { path: path.clone() }),
            Call::SyncDirectory { path } => {
                for change in self.pending_names.extract_if(.., |change| parent(change.path()) == *path) {
                    change.apply(&mut self.names);
                }
            }
            Call::Mark { .. } => {}
        }
    }

    fn surviving_names(&self, fate: &mut Fate) -> BTreeMap<PathBuf, FileId> {
        let mut names = self.names.clone();
        for change in &self.pending_names {
            if fate.survives() {
                change.apply(&mut names);
            }
        }
        names
    }
}

impl NameChange {
    fn path(&self) -> &Path {
        match self {
            Self::Create { path, .. } | Self::Remove { path } => path,
            Self::Rename { from, .. } => from,
        }
    }

    /// Does nothing if it follows a change that did not survive.
    fn apply(&self, names: &mut BTreeMap<PathBuf, FileId>) {
        match self {
            Self::Create { path, file } => {
                names.insert(path.clone(), *file);
            }
            Self::Rename { from, to } => {
                if let Some(file) = names.remove(from) {
                    names.insert(to.clone(), file);
                }
            }
            Self::Remove { path } => {
                names.remove(path);
            }
        }
    }
}

impl FileState {
    /// Writes and growth survive from now on; a smaller size need not.
    fn sync_data(&mut self) {
        let mut size = self.content.len();
        for change in &mut self.pending {
            let (after, shrinks) = match &change.kind {
                ChangeKind::Write { offset, bytes } => (size.max(offset + bytes.len()), false),
                ChangeKind::Resize { size: after } => (*after, *after < size),
            };
            change.synchronised |= !shrinks;
            size = after;
        }
        if self.pending.iter().all(|change| change.synchronised) {
            self.sync_all();
        }
    }

    fn sync_all(&mut self) {
        for change in self.pending.drain(..) {
            change.apply(&mut self.content);
        }
    }

    fn surviving(&self, fate: &mut Fate) -> Vec<u8> {
        let mut content = self.content.clone();
        for change in &self.pending {
            if change.synchronised {
                fate.count();
                change.apply(&mut content);
            } else if fate.survives() {
                change.apply_torn(&mut content, fate);
            }
        }
        content
    }
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match &self.kind {
            ChangeKind::Write { offset, bytes } => write(content, *offset, bytes),
            ChangeKind::Resize { size } => content.resize(*size, 0),
        }
    }

    fn apply_torn(&self, content: &mut Vec<u8>, fate: &mut Fate) {
        let (ChangeKind::Write { offset, bytes }, Some(sector)) = (&self.kind, fate.torn_at()) else {
            return self.apply(content);
        };
        let end = offset + bytes.len();
        if fate.chance() && content.len() < end {
            // The size reached the disk before the data.
            content.resize(end, 0);
        }
        let mut at = *offset;
        while at < end {
            let next = (at / sector * sector + sector).min(end);
            if fate.chance() {
                write(content, at, &bytes[at - offset..next - offset]);
            }
            at = next;
        }
    }
}

fn write(content: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[offset..end].copy_from_slice(bytes);
}

fn in_memory(size: u64) -> usize {
    usize::try_from(size).expect("what was recorded fits in memory")
}

/// Decides, change by change.
struct Fate {
    survival: Survival,
    random: Random,
    /// Changes that survive, of a prefix.
    prefix: usize,
    seen: usize,
}

impl Fate {
    fn new(survival: Survival, changes: usize) -> Self {
        let seed = match survival {
            Survival::RandomPrefix { seed } | Survival::RandomSubset { seed } => seed,
            Survival::Nothing | Survival::Everything => 0,
        };
        let mut random = Random(seed);
        let prefix = random.below(changes + 1);
        Self { survival, random, prefix, seen: 0 }
    }

    fn count(&mut self) {
        self.seen += 1;
    }

    fn survives(&mut self) -> bool {
        self.count();
        match self.survival {
            Survival::Nothing => false,
            Survival::Everything => true,
            Survival::RandomPrefix { .. } => self.seen <= self.prefix,
            Survival::RandomSubset { .. } => self.chance(),
        }
    }

    /// Size of the sectors into which a write is torn, if it is.
    fn torn_at(&mut self) -> Option<usize> {
        match self.survival {
            Survival::RandomSubset { .. } => [None, Some(512), Some(4096)][self.random.below(3)],
            _ => None,
        }
    }

    fn chance(&mut self) -> bool {
        self.random.below(2) == 0
    }
}
