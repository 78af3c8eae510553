//! Manifests: every dependency is used and has a reason, every package inherits the lints.

use std::collections::BTreeSet;

use crate::workspace::{Package, Workspace};

/// Checks the root manifest and each package's.
pub(super) fn check(workspace: &Workspace, breaches: &mut Vec<String>) {
    let used: BTreeSet<&str> = workspace
        .packages
        .iter()
        .flat_map(|package| &package.dependencies)
        .map(|dependency| dependency.name.as_str())
        .collect();
    let root = workspace.read("Cargo.toml").unwrap_or_default();
    for line in shared(&root) {
        let name = line.split(['=', ' ']).next().unwrap_or_default();
        if !used.contains(name) {
            breaches.push(format!("Cargo.toml: no package uses {name}"));
        }
        if !line.contains("path =") && !line.contains("# ") {
            breaches.push(format!("Cargo.toml: {name} has no reason in a comment"));
        }
    }
    for package in &workspace.packages {
        let manifest = format!("{}/Cargo.toml", package.folder);
        let text = workspace.read(&manifest).unwrap_or_default();
        if !text.contains("[lints]\nworkspace = true") {
            breaches.push(format!("{manifest}: does not inherit the workspace's lints"));
        }
        unused(workspace, package, &manifest, breaches);
    }
}

/// The lines of `[workspace.dependencies]`.
fn shared(root: &str) -> impl Iterator<Item = &str> {
    root.lines()
        .skip_while(|line| *line != "[workspace.dependencies]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn unused(workspace: &Workspace, package: &Package, manifest: &str, breaches: &mut Vec<String>) {
    let folder = format!("{}/", package.folder);
    let sources: Vec<String> = workspace
        .files
        .iter()
        .filter(|file| file.starts_with(&folder) && file.ends_with(".rs"))
        .filter_map(|file| workspace.read(file))
        .collect();
    for dependency in &package.dependencies {
        let name = dependency.name.replace('-', "_");
        if !sources.iter().any(|source| source.contains(&name)) {
            breaches.push(format!("{manifest}: {} is unused", dependency.name));
        }
    }
}
