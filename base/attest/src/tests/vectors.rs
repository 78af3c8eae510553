//! Genuine evidence, in the directory that `COCO_VECTORS` names.

use std::path::PathBuf;

/// The directory, or a line that says that genuine `what` are not tested.
pub(crate) fn directory(what: &str) -> Option<PathBuf> {
    let found = std::env::var_os("COCO_VECTORS").map(PathBuf::from);
    if found.is_none() {
        eprintln!("SKIPPED: genuine {what} are not tested, as COCO_VECTORS does not name their directory");
    }
    found
}
