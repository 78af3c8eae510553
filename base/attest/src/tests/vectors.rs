//! Genuine evidence, in the directory that `COCO_VECTORS` names.

use std::{fmt::Display, fs, path::PathBuf};

use coco_crypto::x509::UnixTime;

/// Most bytes of a file that is changed again and again.
const MAX_SEED_LEN: u64 = 128 * 1024;

/// The directory, or a line that says that genuine `what` are not tested.
pub(crate) fn directory(what: &str) -> Option<PathBuf> {
    let found = named();
    if found.is_none() {
        eprintln!("SKIPPED: genuine {what} are not tested, as COCO_VECTORS does not name their directory");
    }
    found
}

/// Says how a piece of genuine evidence is judged: a row of a table for people.
pub(crate) fn tell<T, R: Display>(name: &str, at: UnixTime, verdict: &Result<T, R>) {
    match verdict {
        Ok(_) => eprintln!("VERDICT {name} at {at}: accepted"),
        Err(refusal) => eprintln!("VERDICT {name} at {at}: refused: {refusal}"),
    }
}

/// Made-up inputs, and what genuine ones there are in files of `folder` whose paths end like this.
pub(crate) fn seeds(made_up: impl IntoIterator<Item = Vec<u8>>, folder: &str, ends: &[&str]) -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = made_up.into_iter().collect();
    let mut folders: Vec<PathBuf> = named().map(|all| all.join(folder)).into_iter().collect();
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).unwrap();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        for path in paths {
            let ends_so = |end: &&str| path.to_str().is_some_and(|path| path.ends_with(*end));
            if path.is_dir() {
                folders.push(path);
            } else if ends.iter().any(ends_so) && path.metadata().unwrap().len() <= MAX_SEED_LEN {
                seeds.push(fs::read(path).unwrap());
            }
        }
    }
    seeds
}

fn named() -> Option<PathBuf> {
    std::env::var_os("COCO_VECTORS").map(PathBuf::from)
}
