//! Which file an import means: as the node finds modules, then as npm does.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

use serde_json::Value;

use super::{script::Language, shipped};
use crate::input::read_text;

/// The folder of an application.
pub(super) struct Project {
    folder: PathBuf,
}

/// A module that is to be part of the application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// What the node calls it, without the slash in front.
    pub(super) name: String,
    pub(super) source: Source,
}

/// Where its text is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    File(PathBuf),
    /// Part of this executable.
    Shipped(&'static str),
}

/// How a module asks for another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Import,
    /// As CommonJS does.
    Require,
}

/// Why an import means nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unresolved {
    #[error("there is no module `{0}`")]
    Nothing(String),
    #[error("`{0}` leads out of src/")]
    Outside(String),
    #[error("there is no package `{0}`: npm install puts it into node_modules")]
    NoPackage(String),
    #[error("package `{package}` has no module for `{specifier}`")]
    NotInPackage { package: String, specifier: String },
}

/// Folder of npm's packages.
pub(super) const PACKAGES: &str = "node_modules";
/// Deepest nesting of conditions in `exports` of a package.
const MAX_CONDITIONS: usize = 8;

impl Found {
    /// Whether it can be one, by its name.
    pub(super) fn is_module(&self) -> bool {
        match &self.source {
            Source::File(file) => Language::of(file).is_some(),
            Source::Shipped(_) => true,
        }
    }
}

impl Project {
    pub(super) fn at(folder: &Path) -> Self {
        Self { folder: folder.to_path_buf() }
    }

    pub(super) fn metadata(&self) -> PathBuf {
        self.folder.join("app.json")
    }

    pub(super) fn sources(&self) -> PathBuf {
        self.folder.join("src")
    }

    /// The module that an endpoint names.
    pub(super) fn endpoint_module(&self, name: &str) -> Option<Found> {
        let path = within(Path::new(""), name.trim_start_matches('/'))?;
        let found = self.own(exact(&self.sources().join(&path))?)?;
        // The node knows it by the name that the endpoint has for it.
        (found.name == name.trim_start_matches('/')).then_some(found)
    }

    /// What a module means by an import.
    pub(super) fn import(&self, from: &Found, specifier: &str, style: Style) -> Result<Found, Unresolved> {
        let nothing = || Unresolved::Nothing(specifier.to_owned());
        if specifier.starts_with("./") || specifier.starts_with("../") {
            return match &from.source {
                Source::Shipped(_) => shipped::beside(&from.name, specifier).ok_or_else(nothing),
                Source::File(file) => self.relative(file, specifier),
            };
        }
        if let Some(path) = within(Path::new(""), specifier.trim_start_matches('/'))
            && let Some(file) = exact(&self.sources().join(path))
        {
            return self.own(file).ok_or_else(nothing);
        }
        if specifier.starts_with('/') {
            return Err(nothing());
        }
        self.package(from, specifier, style)
    }

    fn relative(&self, from: &Path, specifier: &str) -> Result<Found, Unresolved> {
        let outside = || Unresolved::Outside(specifier.to_owned());
        let folder = from.parent().unwrap_or(Path::new(""));
        let root = self.root_of(from).ok_or_else(outside)?;
        let below = folder.strip_prefix(&root).map_err(|_| outside())?;
        let path = within(below, specifier).ok_or_else(outside)?;
        let file = guess(&root.join(path)).ok_or_else(|| Unresolved::Nothing(specifier.to_owned()))?;
        self.own(file).ok_or_else(outside)
    }

    /// The folder that a file and what it imports from beside it are in: `src`, or that of its package.
    fn root_of(&self, file: &Path) -> Option<PathBuf> {
        // Bundlers put packages below `src`.
        if file.starts_with(self.sources()) {
            return Some(self.sources());
        }
        let folders = file.ancestors().skip(1);
        let packages = folders.filter(|folder| folder.file_name().is_some_and(|name| name == PACKAGES));
        packages.last().map(Path::to_path_buf)
    }

    fn package(&self, from: &Found, specifier: &str, style: Style) -> Result<Found, Unresolved> {
        let (package, inner) = split(specifier);
        let begin = match &from.source {
            Source::File(file) => file.clone(),
            Source::Shipped(_) => self.sources(),
        };
        // Of a relative folder, only the folders that it names.
        for folder in begin.ancestors().skip(1) {
            let place = folder.join(PACKAGES).join(package);
            if !place.is_dir() {
                continue;
            }
            let missing =
                || Unresolved::NotInPackage { package: package.to_owned(), specifier: specifier.to_owned() };
            let file = entry(&place, inner, style).ok_or_else(missing)?;
            return self.own(file).ok_or_else(missing);
        }
        shipped::find(specifier).ok_or_else(|| Unresolved::NoPackage(package.to_owned()))
    }

    /// A file as a module of the application.
    fn own(&self, file: PathBuf) -> Option<Found> {
        let root = self.root_of(&file)?;
        let below = file.strip_prefix(&root).ok()?;
        let parts: Option<Vec<_>> = names(below).map(|name| name.to_str()).collect();
        let mut name = parts?.join("/");
        for (typed, plain) in [(".ts", ".js"), (".mts", ".mjs")] {
            if let Some(stem) = name.strip_suffix(typed) {
                name = format!("{stem}{plain}");
                break;
            }
        }
        if root != self.sources() {
            name = format!("{PACKAGES}/{name}");
        }
        Some(Found { name, source: Source::File(file) })
    }
}

fn names(path: &Path) -> impl Iterator<Item = &std::ffi::OsStr> {
    path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name),
        _ => None,
    })
}

/// A path from a folder, without `.` and `..`; none if it leads out.
fn within(folder: &Path, path: &str) -> Option<PathBuf> {
    let mut parts = folder.to_path_buf();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                if !parts.pop() {
                    return None;
                }
            }
            part => parts.push(part),
        }
    }
    Some(parts)
}

/// The file of this name, or the TypeScript that becomes it.
fn exact(path: &Path) -> Option<PathBuf> {
    if path.is_file() {
        return Some(path.to_path_buf());
    }
    let typed = match path.extension()?.to_str()? {
        "js" => path.with_extension("ts"),
        "mjs" => path.with_extension("mts"),
        _ => return None,
    };
    typed.is_file().then_some(typed)
}

/// The file that is meant, of which endings may be left out.
fn guess(path: &Path) -> Option<PathBuf> {
    exact(path).or_else(|| {
        let ending = |ending: &str| {
            let mut path = path.as_os_str().to_owned();
            path.push(ending);
            PathBuf::from(path)
        };
        let endings = [".ts", ".js", ".mts", ".mjs", "/index.ts", "/index.js"];
        endings.into_iter().map(ending).find(|path| path.is_file())
    })
}

/// Name of a package, and what is wanted of it.
fn split(specifier: &str) -> (&str, &str) {
    let skipped = usize::from(specifier.starts_with('@'));
    match specifier.match_indices('/').nth(skipped) {
        Some((at, _)) => (&specifier[..at], &specifier[at + 1..]),
        None => (specifier, ""),
    }
}

/// The file of a package that is imported by the package's name, or by a path in it.
fn entry(folder: &Path, inner: &str, style: Style) -> Option<PathBuf> {
    let text = read_text(&folder.join("package.json")).ok()?;
    let package: Value = serde_json::from_str(&text).ok()?;
    let file = |path: &str| within(Path::new(""), path).and_then(|path| guess(&folder.join(path)));
    if let Some(exports) = package.get("exports").filter(|exports| !exports.is_null()) {
        let wanted = if inner.is_empty() { ".".to_owned() } else { format!("./{inner}") };
        return exported(exports, &wanted, style).and_then(|path| file(&path));
    }
    if !inner.is_empty() {
        return file(inner);
    }
    let fields: &[&str] = if style == Style::Import { &["module", "main"] } else { &["main"] };
    let named = fields.iter().filter_map(|name| package.get(*name)?.as_str());
    named.chain(["index.js"]).find_map(file)
}

/// What `exports` of a package says of a path. Source: Node.js, "Packages", "Package entry points".
fn exported(exports: &Value, wanted: &str, style: Style) -> Option<String> {
    let condition = |target| condition(target, style, MAX_CONDITIONS);
    let paths = exports.as_object().filter(|all| all.keys().any(|key| key.starts_with('.')));
    let Some(paths) = paths else {
        return (wanted == ".").then(|| condition(exports)).flatten();
    };
    if let Some(target) = paths.get(wanted) {
        return condition(target);
    }
    paths.iter().find_map(|(pattern, target)| {
        let (before, behind) = pattern.split_once('*')?;
        let star = wanted.strip_prefix(before)?.strip_suffix(behind)?;
        Some(condition(target)?.replace('*', star))
    })
}

/// The target for those who ask in this way.
fn condition(target: &Value, style: Style, depth: usize) -> Option<String> {
    let holds = |name: &str| match style {
        Style::Import => ["import", "module", "default"].contains(&name),
        Style::Require => ["require", "default"].contains(&name),
    };
    match target {
        Value::String(path) => Some(path.clone()),
        Value::Object(conditions) if depth > 0 => {
            let chosen = conditions.iter().filter(|(name, _)| holds(name));
            chosen.map(|(_, target)| target).find_map(|target| condition(target, style, depth - 1))
        }
        Value::Array(choices) if depth > 0 => choices.iter().find_map(|it| condition(it, style, depth - 1)),
        _ => None,
    }
}

/// Names of the files below `src` that are modules, in order; at most `most`, and no deeper than `depth` folders.
pub(super) fn files_below(folder: &Path, depth: usize, most: usize) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![(folder.to_path_buf(), depth)]);
    while let Some((folder, depth)) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() && depth > 0 && entry.file_name() != PACKAGES {
                folders.push((entry.path(), depth - 1));
            } else if kind.is_file() && files.len() < most {
                files.push(entry.path());
            }
        }
    }
    files.sort_unstable();
    files
}
