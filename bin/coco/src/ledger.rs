//! `coco ledger`: looks at ledger files offline.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Subcommand};
use coco_audit::{Damage, RecoveryFiles, in_order};

use show::ShowArgs;
use verify::VerifyArgs;

mod show;
mod verify;

/// Look at ledger files offline.
#[derive(Subcommand)]
pub(crate) enum LedgerCommand {
    /// Verify every byte: entries, Merkle tree, signatures, certificates
    Verify(VerifyArgs),
    /// List entries and what they changed in public tables
    Show(ShowArgs),
}

impl LedgerCommand {
    pub(crate) fn execute(&self) -> ExitCode {
        match self {
            Self::Verify(args) => args.execute(),
            Self::Show(args) => args.execute(),
        }
    }
}

/// Where a ledger is.
#[derive(Args)]
pub(crate) struct Source {
    /// Directories of the ledger, or its files; of files of the same name the first is taken
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Include files of a recovery that has not opened the service
    #[arg(long)]
    recovery: bool,
}

/// A ledger that cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    #[error("{}: {error}", .path.display())]
    Io { path: PathBuf, error: io::Error },
    #[error("no ledger files there (they are named ledger_1-14.committed or ledger_15)")]
    Empty,
    #[error(transparent)]
    Name(#[from] Damage),
}

/// A file of a ledger.
pub(crate) struct LedgerFile {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    len: u64,
}

impl Source {
    /// The files in the order of their entries.
    pub(crate) fn files(&self) -> Result<Vec<LedgerFile>, SourceError> {
        let mut found = BTreeMap::new();
        for path in &self.paths {
            let failed = |error| SourceError::Io { path: path.clone(), error };
            if path.is_dir() {
                for entry in fs::read_dir(path).map_err(failed)? {
                    add(&mut found, entry.map_err(failed)?.path()).map_err(failed)?;
                }
            } else {
                add(&mut found, path.clone()).map_err(failed)?;
            }
        }
        let recovery = if self.recovery { RecoveryFiles::Include } else { RecoveryFiles::Skip };
        let names: Vec<String> =
            in_order(found.keys().map(String::as_str), recovery)?.into_iter().map(str::to_owned).collect();
        if names.is_empty() {
            return Err(SourceError::Empty);
        }
        let files = names.into_iter().filter_map(|name| {
            let (path, len) = found.remove(&name)?;
            Some(LedgerFile { name, path, len })
        });
        Ok(files.collect())
    }
}

fn add(found: &mut BTreeMap<String, (PathBuf, u64)>, path: PathBuf) -> io::Result<()> {
    let metadata = fs::metadata(&path)?;
    let name = path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
    if let Some(name) = name.filter(|_| metadata.is_file()) {
        found.entry(name).or_insert((path, metadata.len()));
    }
    Ok(())
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, SourceError> {
    fs::read(path).map_err(|error| SourceError::Io { path: path.to_path_buf(), error })
}
