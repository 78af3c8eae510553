//! How long files and functions are: a report above the target, a breach above the limit.

use crate::workspace::Workspace;

/// Lines of a file: reported above the first, refused above the second.
const FILE: (usize, usize) = (400, 600);
/// Lines of a function: reported above the first, refused above the second.
const FUNCTION: (usize, usize) = (70, 120);

/// Returns what is long, adds what is too long to the breaches.
pub(super) fn check(workspace: &Workspace, breaches: &mut Vec<String>) -> Vec<String> {
    let mut long = Vec::new();
    for file in workspace.files.iter().filter(|file| file.ends_with(".rs")) {
        let text = workspace.read(file).unwrap_or_default();
        let mut sort = |what: String, lines: usize, (target, limit): (usize, usize)| {
            if lines > limit {
                breaches.push(format!("{what} has {lines} lines, the limit is {limit}"));
            } else if lines > target {
                long.push(format!("{what} has {lines} lines, the target is {target}"));
            }
        };
        sort(file.clone(), text.lines().count(), FILE);
        for (name, line, lines) in functions(&text) {
            sort(format!("{file}:{line}: fn {name}"), lines, FUNCTION);
        }
    }
    long
}

/// Name, first line and number of lines of each function with a body over several lines.
///
/// Relies on rustfmt, which the gate runs too: the closing brace stands alone, as deep as its `fn`.
pub(super) fn functions(text: &str) -> Vec<(&str, usize, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let Some(name) = function_name(code) else { continue };
        if code.ends_with([';', '}']) {
            continue;
        }
        let indent = line.len() - code.len();
        let closes =
            |line: &&str| line.len() == indent + 1 && line.ends_with('}') && line[..indent].trim().is_empty();
        if let Some(after) = lines[start..].iter().position(closes) {
            found.push((name, start + 1, after + 1));
        }
    }
    found
}

fn function_name(code: &str) -> Option<&str> {
    let before = ["pub", "const", "async", "unsafe", "extern"];
    let mut rest = code;
    loop {
        if let Some(named) = rest.strip_prefix("fn ") {
            let end = named.find(['(', '<'])?;
            return Some(&named[..end]);
        }
        let (word, tail) = rest.split_once(' ')?;
        let known = before.contains(&word) || word.starts_with("pub(") || word.starts_with('"');
        if !known {
            return None;
        }
        rest = tail;
    }
}
