//! Another kernel, which answers questions as `Documentation/ABI/testing/configfs-tsm-report` says.

use std::{
    collections::BTreeMap,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use crate::platform::tsm::{DIRECTORY, Files, Tsm};

/// Most bytes of a question.
const MAX_INBLOB: usize = 64;

/// What signs a question.
type Sign = Box<dyn Fn(&[u8]) -> Vec<u8> + Send>;

/// The state of a kernel, which a test may change.
pub(super) struct State {
    pub(super) provider: Vec<u8>,
    pub(super) sign: Sign,
    /// What goes with reports; none has no such file.
    pub(super) auxiliary: Option<Vec<u8>>,
    /// What is counted before the first write.
    pub(super) first_generation: u64,
    /// What a generation is shown as, if not as a number.
    pub(super) generation: Option<Vec<u8>>,
    /// How often somebody else writes into a question before its answer is read.
    pub(super) disturbances: u32,
    /// How many bytes of a question are taken at most, and whether the write counts.
    pub(super) taken: (usize, bool),
    /// Files and calls that fail.
    pub(super) faults: Vec<(&'static str, ErrorKind)>,
    /// Everything that was asked for, in order: files by their names, `create` and `remove` with that of the folder.
    pub(super) calls: Vec<String>,
    /// By folder: what was written last, and how many writes there were.
    pub(super) questions: BTreeMap<PathBuf, (Vec<u8>, u64)>,
}

/// The kernel.
#[derive(Clone)]
pub(super) struct Imitated(Arc<Mutex<State>>);

impl Imitated {
    /// One of a guest of SEV-SNP.
    pub(super) fn new(sign: impl Fn(&[u8]) -> Vec<u8> + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(State {
            provider: b"sev_guest\n".to_vec(),
            sign: Box::new(sign),
            auxiliary: Some(Vec::new()),
            first_generation: 0,
            generation: None,
            disturbances: 0,
            taken: (MAX_INBLOB, true),
            faults: Vec::new(),
            calls: Vec::new(),
            questions: BTreeMap::new(),
        })))
    }

    /// Changes it, or looks at it.
    pub(super) fn with<T>(&self, run: impl FnOnce(&mut State) -> T) -> T {
        run(&mut self.0.lock().unwrap())
    }

    /// The interface to it.
    pub(super) fn tsm(&self) -> Tsm {
        Tsm::new(Box::new(self.clone()), Path::new("/"))
    }
}

impl State {
    /// Notes a call, which may be one that fails.
    fn called(&mut self, call: &str, path: &Path) -> io::Result<()> {
        let folder = path.file_name().unwrap().to_str().unwrap();
        self.calls.push(match call {
            "create" | "remove" => format!("{call} {folder}"),
            file => file.to_owned(),
        });
        match self.faults.iter().find(|(faulty, _)| *faulty == call) {
            Some((_, kind)) => Err((*kind).into()),
            None => Ok(()),
        }
    }

    fn file(&mut self, path: &Path) -> io::Result<String> {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        self.called(&name, path)?;
        Ok(name)
    }

    fn question(&mut self, path: &Path) -> io::Result<&mut (Vec<u8>, u64)> {
        self.questions.get_mut(path.parent().unwrap()).ok_or_else(|| ErrorKind::NotFound.into())
    }
}

impl Files for Imitated {
    fn create_directory(&self, path: &Path) -> io::Result<()> {
        self.with(|state| {
            state.called("create", path)?;
            assert_eq!(path.parent(), Some(&*Path::new("/").join(DIRECTORY)));
            if state.questions.contains_key(path) {
                return Err(ErrorKind::AlreadyExists.into());
            }
            state.questions.insert(path.to_path_buf(), (Vec::new(), state.first_generation));
            Ok(())
        })
    }

    fn remove_directory(&self, path: &Path) -> io::Result<()> {
        self.with(|state| {
            state.called("remove", path)?;
            state.questions.remove(path).map(drop).ok_or_else(|| ErrorKind::NotFound.into())
        })
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.with(|state| {
            let name = state.file(path)?;
            if name == "outblob" && state.disturbances > 0 {
                state.disturbances -= 1;
                let question = state.question(path)?;
                *question = (b"another question".to_vec(), question.1.wrapping_add(1));
            }
            let (question, generation) = state.question(path)?.clone();
            match name.as_str() {
                "provider" => Ok(state.provider.clone()),
                "generation" => {
                    Ok(state.generation.clone().unwrap_or_else(|| format!("{generation}\n").into_bytes()))
                }
                "outblob" | "auxblob" if question.is_empty() => Err(ErrorKind::InvalidInput.into()),
                "outblob" => Ok((state.sign)(&question)),
                "auxblob" => state.auxiliary.clone().ok_or_else(|| ErrorKind::NotFound.into()),
                // The others can only be written.
                _ => Err(ErrorKind::PermissionDenied.into()),
            }
        })
    }

    fn write(&self, path: &Path, content: &[u8]) -> io::Result<usize> {
        self.with(|state| {
            if state.file(path)? != "inblob" {
                return Err(ErrorKind::PermissionDenied.into());
            }
            if content.is_empty() || content.len() > MAX_INBLOB {
                return Err(ErrorKind::InvalidInput.into());
            }
            let (taken, counts) = state.taken;
            let taken = content.len().min(taken);
            let question = state.question(path)?;
            question.0 = content[..taken].to_vec();
            question.1 = question.1.wrapping_add(u64::from(counts));
            Ok(taken)
        })
    }
}
