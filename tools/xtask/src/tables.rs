//! The book's reference of tables, made of the comments in `enclave/tables`.

use std::{collections::BTreeSet, fmt::Write as _, fs};

use crate::workspace::Workspace;

/// The chapter.
pub(crate) const CHAPTER: &str = "docs/book/src/tables.md";
/// Where tables are declared.
const SOURCES: &str = "enclave/tables/src/";

const INTRODUCTION: &str = "\
# Tables

<!-- Made by `cargo xtask tables` of the comments in enclave/tables. -->

Everything that a service knows is in tables, and every change of them in its ledger. These are the service's own; their
names, keys and values are CCF's, but for those that begin with `public:coco.`. Applications have others, under names of
their choice. Scripts of an application read and write those and read these; `apply` of a constitution writes
`public:ccf.gov.` as well, and `public:` tables of applications, which it cannot read; ballots, `validate` and `resolve`
only read, and nothing of applications.

*Public* tables are in the ledger in clear, for whoever audits it; *private* ones are encrypted. All of the service's own
are public: what is secret in them, as shares and ledger secrets are, is encrypted by itself. Values that are named in code
font are JSON, with the fields of that type of `coco_tables`, `coco_wire` for signatures and snapshots. A table with one row
has it under a key of 8 zero bytes. Names in code font under *written by* are actions of proposals.
";

/// A table as its comment describes it.
struct Entry {
    name: String,
    key: String,
    value: String,
    meaning: String,
    writers: String,
}

/// Tables that are declared together.
struct Group {
    title: String,
    entries: Vec<Entry>,
}

/// Writes the chapter.
pub(crate) fn write() -> Result<(), String> {
    let workspace = Workspace::load()?;
    let path = workspace.root.join(CHAPTER);
    fs::write(&path, chapter(&workspace)?).map_err(|error| format!("{}: {error}", path.display()))
}

/// The chapter as the comments have it.
pub(crate) fn chapter(workspace: &Workspace) -> Result<String, String> {
    let files = workspace.files.iter().filter(|file| file.starts_with(SOURCES) && !file.contains("tests"));
    let mut texts: Vec<_> = files.filter_map(|file| Some((file, workspace.read(file)?))).collect();
    // In reading order, which is that of the modules.
    let map = workspace.read(&format!("{SOURCES}lib.rs")).unwrap_or_default();
    texts.sort_by_key(|(file, _)| {
        let module = file[SOURCES.len()..].trim_end_matches(".rs").to_owned();
        map.find(&format!("pub mod {module};")).unwrap_or(usize::MAX)
    });
    let mut groups = Vec::new();
    for (file, text) in &texts {
        groups.extend(groups_of(text).map_err(|error| format!("{file}: {error}"))?);
    }
    let listed: BTreeSet<&str> =
        groups.iter().flat_map(|group| &group.entries).map(|entry| entry.name.as_str()).collect();
    for (file, text) in &texts {
        if let Some(name) = names_in(text).find(|name| !listed.contains(name)) {
            return Err(format!("{file}: no comment of a table begins with the name of {name}"));
        }
    }
    Ok(render(&groups))
}

/// Groups of tables in a file: structures whose fields are tables.
fn groups_of(text: &str) -> Result<Vec<Group>, String> {
    let (mut groups, mut comment) = (Vec::<Group>::new(), String::new());
    for line in text.lines().map(str::trim) {
        if let Some(more) = line.strip_prefix("///") {
            comment.push_str(more);
            continue;
        }
        let said = std::mem::take(&mut comment);
        let said = said.trim();
        if line.starts_with("pub struct ") {
            let title = said.split_once('.').map_or(said, |(first, _)| first);
            groups.push(Group { title: title.to_owned(), entries: Vec::new() });
        } else if let Some((key, value)) = types_of(line)
            && let Some(group) = groups.last_mut()
            && said.starts_with('`')
        {
            group.entries.push(entry(said, key, value)?);
        }
    }
    groups.retain(|group| !group.entries.is_empty());
    Ok(groups)
}

/// Types of key and value that a field declares.
fn types_of(line: &str) -> Option<(Option<&str>, &str)> {
    let declared = line.strip_prefix("pub ")?.strip_suffix(">,")?;
    let declared = declared.split_once(": ").map_or(declared, |(_, types)| types);
    if let Some(value) = declared.strip_prefix("Singleton<") {
        return Some((None, value));
    }
    let (key, value) = declared.strip_prefix("Table<")?.split_once(", ")?;
    Some((Some(key), value))
}

fn entry(said: &str, key: Option<&str>, value: &str) -> Result<Entry, String> {
    let (name, rest) = said[1..].split_once('`').ok_or_else(|| format!("`{said}` names no table"))?;
    let meaning = rest.strip_prefix(':').ok_or_else(|| format!("{name} has no meaning"))?;
    let (meaning, writers) = meaning
        .split_once(". Written by ")
        .ok_or_else(|| format!("{name} does not say by whom it is written"))?;
    Ok(Entry {
        name: full_name(name),
        key: key.map_or("one row".to_owned(), described),
        value: described(value),
        meaning: capitalised(meaning.trim()).replace("[`", "`").replace("`]", "`"),
        writers: capitalised(writers.trim_end_matches('.')),
    })
}

/// The comments leave out what all names of a kind begin with.
fn full_name(name: &str) -> String {
    if name.starts_with("public:") {
        name.to_owned()
    } else if name.starts_with("internal.") {
        format!("public:ccf.{name}")
    } else {
        format!("public:ccf.gov.{name}")
    }
}

/// How keys and values of a type are stored.
fn described(stored: &str) -> String {
    match stored {
        "Digest" => "64 hexadecimal digits".to_owned(),
        "String" => "text".to_owned(),
        "Vec<u8>" => "bytes".to_owned(),
        "Base64" => "base64 as JSON text".to_owned(),
        "JsonText" => "JSON text".to_owned(),
        "Present" => "8 zero bytes".to_owned(),
        "bool" => "JSON".to_owned(),
        named => format!("`{named}`"),
    }
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Names of tables in the code of a file.
fn names_in(text: &str) -> impl Iterator<Item = &str> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let literals = code.flat_map(|line| line.split('"').skip(1).step_by(2));
    literals.filter(|literal| literal.starts_with("public:") && literal.len() > "public:".len())
}

fn render(groups: &[Group]) -> String {
    let mut chapter = INTRODUCTION.to_owned();
    for Group { title, entries } in groups {
        let _ = write!(
            chapter,
            "\n## {title}\n\n| Table | | Key | Value | Meaning | Written by |\n|---|---|---|---|---|---|\n"
        );
        for Entry { name, key, value, meaning, writers } in entries {
            let domain = if name.starts_with("public:") { "public" } else { "private" };
            let _ = writeln!(chapter, "| `{name}` | {domain} | {key} | {value} | {meaning} | {writers} |");
        }
    }
    chapter
}

#[cfg(test)]
mod tests;
