//! The book's reference of tables is what the comments of tables say.

use crate::{tables, workspace::Workspace};

/// Adds a breach if the chapter is another one.
pub(super) fn check(workspace: &Workspace, breaches: &mut Vec<String>) {
    match tables::chapter(workspace) {
        Ok(chapter) if workspace.read(tables::CHAPTER).as_deref() == Some(&chapter) => {}
        Ok(_) => breaches.push(format!("{}: not up to date; run `cargo xtask tables`", tables::CHAPTER)),
        Err(error) => breaches.push(error),
    }
}
