//! Names: what may stand at the root, and what no file or folder is called.

use std::collections::BTreeSet;

use crate::workspace::Workspace;

/// Everything that may stand at the root of the repository.
const ROOT: [&str; 24] = [
    ".cargo",
    ".ci",
    ".config",
    ".gitignore",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "SECURITY.md",
    "base",
    "bin",
    "clippy.toml",
    "deny.toml",
    "docs",
    "enclave",
    "fuzz",
    "host",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "samples",
    "spec",
    "tools",
];

/// Names that say nothing about what is inside.
const EMPTY: [&str; 8] = ["util", "utils", "common", "helper", "helpers", "misc", "manager", "managers"];

/// Checks the root's entries and every name below it.
pub(super) fn check(workspace: &Workspace, breaches: &mut Vec<String>) {
    let top: BTreeSet<&str> = workspace.files.iter().filter_map(|file| file.split('/').next()).collect();
    for entry in top {
        if !ROOT.contains(&entry) {
            breaches.push(format!("{entry}: not expected at the root of the repository"));
        }
    }
    for file in &workspace.files {
        if let Some(part) = empty_name(file) {
            breaches.push(format!("{file}: `{part}` says nothing; name what it holds"));
        }
    }
}

/// The part of a path that is, or contains as a word, one of the empty names.
pub(super) fn empty_name(file: &str) -> Option<&str> {
    file.split('/').find(|part| {
        let stem = part.split('.').next().unwrap_or(part);
        stem.split(['_', '-']).any(|word| EMPTY.contains(&word.to_lowercase().as_str()))
    })
}
