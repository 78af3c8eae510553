//! What no text of the project contains: loose ends, paths of one machine, test branches in production code.

use crate::workspace::Workspace;

/// Marks of unfinished work, split so that this list does not meet itself.
const LOOSE_ENDS: [&str; 5] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("to", "do!("),
    concat!("unimplemented", "!("),
];

/// Folders at the root of one machine, which mean nothing on another.
const MACHINE: [&str; 4] = ["work", "root", "tmp", "home"];

/// Files whose text is not ours to word.
const FOREIGN: [&str; 2] = ["Cargo.lock", "LICENSE"];

/// Checks every text file.
pub(super) fn check(workspace: &Workspace, breaches: &mut Vec<String>) {
    for file in workspace.files.iter().filter(|file| !FOREIGN.contains(&file.as_str()) && !is_data(file)) {
        let Some(text) = workspace.read(file) else { continue };
        for (number, line) in text.lines().enumerate() {
            if let Some(word) = LOOSE_ENDS.iter().find(|word| contains_word(line, word)) {
                breaches.push(format!("{file}:{}: `{word}`", number + 1));
            }
            if let Some(folder) = machine_path(line) {
                breaches.push(format!("{file}:{}: `/{folder}/` is a path of one machine", number + 1));
            }
        }
        if file.ends_with(".rs") {
            for number in test_branches(&text) {
                breaches.push(format!("{file}:{number}: `cfg(test)` stands on `mod tests;` only"));
            }
        }
    }
}

/// Recorded bytes of others, kept as they are.
fn is_data(file: &str) -> bool {
    file.split('/').any(|part| part == "testdata" || part == "data")
}

/// True if `word` stands in `line` without a letter or digit before or after it.
pub(super) fn contains_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        let apart = |neighbour: Option<char>| !neighbour.is_some_and(|c| c.is_alphanumeric() || c == '_');
        apart(before) && (word.ends_with('(') || apart(after))
    })
}

/// The first folder of a machine's root that a path in `line` begins with.
pub(super) fn machine_path(line: &str) -> Option<&'static str> {
    MACHINE.into_iter().find(|folder| {
        line.match_indices(&format!("/{folder}/")).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            !before.is_some_and(|c| c.is_alphanumeric() || "._-/}".contains(c))
        })
    })
}

/// The lines where a test condition guards anything but `mod tests;`.
pub(super) fn test_branches(text: &str) -> Vec<usize> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let code = line.split("//").next().unwrap_or(line);
        if code.starts_with("#[cfg(test)]") {
            if lines.get(index + 1) != Some(&"mod tests;") {
                found.push(index + 1);
            }
            continue;
        }
        let attribute = code.starts_with("#[cfg") || code.starts_with("#![cfg");
        let names_test = code.contains("(test)") || code.contains("(test,") || code.contains(", test)");
        if (attribute && names_test) || code.contains(concat!("cfg!", "(test)")) {
            found.push(index + 1);
        }
    }
    found
}
