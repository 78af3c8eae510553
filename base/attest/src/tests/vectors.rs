//! Genuine evidence, in the directory that `COCO_VECTORS` names.

use std::{fmt::Display, path::PathBuf};

use coco_crypto::x509::UnixTime;

/// The directory, or a line that says that genuine `what` are not tested.
pub(crate) fn directory(what: &str) -> Option<PathBuf> {
    let found = std::env::var_os("COCO_VECTORS").map(PathBuf::from);
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
