//! Every Rust file is reached from the root of a target through `mod` declarations.

use std::collections::BTreeSet;

use crate::workspace::Workspace;

/// Walks from each target's root and names the files that no walk meets.
pub(super) fn check(workspace: &Workspace, breaches: &mut Vec<String>) {
    let mut reached = BTreeSet::new();
    let mut folders = Vec::new();
    for package in &workspace.packages {
        folders.push(format!("{}/", package.folder));
        for root in &package.roots {
            walk(workspace, root, true, &mut reached);
        }
    }
    for file in workspace.files.iter().filter(|file| file.ends_with(".rs")) {
        if folders.iter().any(|folder| file.starts_with(folder)) && !reached.contains(file.as_str()) {
            breaches.push(format!("{file}: no `mod` reaches this file"));
        }
    }
}

fn walk(workspace: &Workspace, file: &str, root: bool, reached: &mut BTreeSet<String>) {
    if !reached.insert(file.to_owned()) {
        return;
    }
    let text = workspace.read(file).unwrap_or_default();
    let (folder, name) = file.rsplit_once('/').unwrap_or(("", file));
    let base = if root || name == "mod.rs" {
        folder.to_owned()
    } else {
        format!("{folder}/{}", name.trim_end_matches(".rs"))
    };
    for (module, path) in modules(&text) {
        let candidates = match path {
            Some(path) => vec![format!("{folder}/{path}")],
            None => vec![format!("{base}/{module}.rs"), format!("{base}/{module}/mod.rs")],
        };
        for candidate in candidates {
            if workspace.files.binary_search(&candidate).is_ok() {
                walk(workspace, &candidate, false, reached);
            }
        }
    }
}

/// The modules that a file declares without a body, with their `#[path]`.
pub(super) fn modules(text: &str) -> Vec<(&str, Option<&str>)> {
    let mut found = Vec::new();
    let mut path = None;
    for line in text.lines().map(str::trim) {
        if let Some(attribute) = line.strip_prefix("#[path = \"") {
            path = attribute.strip_suffix("\"]");
            continue;
        }
        let code = line.split("//").next().unwrap_or(line).trim();
        let declared = code.strip_suffix(';').and_then(|code| {
            let words: Vec<&str> = code.split_whitespace().collect();
            match words.as_slice() {
                ["mod", name] => Some(*name),
                [visibility, "mod", name] if visibility.starts_with("pub") => Some(*name),
                _ => None,
            }
        });
        if let Some(name) = declared {
            found.push((name, path));
        }
        if !line.starts_with("#[") {
            path = None;
        }
    }
    found
}
