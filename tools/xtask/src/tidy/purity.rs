//! The enclave side, `http` apart, takes time, bytes and randomness as inputs: it names no clock, thread, file or socket.

use super::is_test;
use crate::workspace::Workspace;

/// What pure code does not name.
const WORLD: [&str; 11] = [
    "std::fs",
    "std::net",
    "std::process",
    "std::thread",
    "std::env",
    "SystemTime",
    "Instant::now",
    "async fn",
    ".await",
    "tokio::",
    "HashMap",
];

/// Files that may name one of these, with the reason.
const EXCEPTIONS: &[(&str, &str)] = &[];

/// Checks the shipped sources under `enclave/`.
pub(super) fn check(workspace: &Workspace, breaches: &mut Vec<String>) {
    for file in workspace.files.iter().filter(|file| is_pure(file)) {
        let text = workspace.read(file).unwrap_or_default();
        for (number, line) in text.lines().enumerate() {
            if let Some(name) = impure(line)
                && !EXCEPTIONS.iter().any(|(path, allowed)| path == file && *allowed == name)
            {
                breaches.push(format!("{file}:{}: `{name}` in pure code", number + 1));
            }
        }
    }
}

fn is_pure(file: &str) -> bool {
    let inside = file.starts_with("enclave/") && !file.starts_with("enclave/http/");
    inside && file.contains("/src/") && file.ends_with(".rs") && !is_test(file)
}

/// The first forbidden name in a line of code, comments apart.
pub(super) fn impure(line: &str) -> Option<&'static str> {
    let code = line.split("//").next().unwrap_or(line);
    WORLD.into_iter().find(|name| code.contains(name))
}
