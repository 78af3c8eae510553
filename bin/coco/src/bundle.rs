//! JavaScript applications as `set_js_app` takes them.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value, json};

use crate::input::{Unreadable, read_text};

/// Most modules of an application.
const MAX_MODULES: usize = 10_000;
/// Deepest folder below `src`.
const MAX_DEPTH: usize = 32;
/// Most text of all modules, in bytes.
const MAX_BYTES: usize = 64 << 20;

/// What is no application.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvalidBundle {
    #[error(transparent)]
    File(#[from] Unreadable),
    #[error("{}: not JSON: {error}", .path.display())]
    Json { path: PathBuf, error: serde_json::Error },
    #[error(
        "{}: not an application: a folder has app.json and src/, a file is JSON with `metadata` and `modules`",
        .0.display()
    )]
    Shape(PathBuf),
    #[error("{route}: there is no module `{module}`{}", or_it_is(.modules))]
    NoModule { route: String, module: String, modules: Vec<String> },
    #[error("{}: more than {MAX_MODULES} modules, {MAX_BYTES} bytes of them, or folders {MAX_DEPTH} deep", .0.display())]
    TooLarge(PathBuf),
}

/// The bundle of an application: of a folder with `app.json` and modules below `src`, or of a file that is one already.
pub(crate) fn read(path: &Path) -> Result<Value, InvalidBundle> {
    let bundle = if path.is_dir() {
        let metadata = json_of(&path.join("app.json"))?;
        let modules = modules(&path.join("src"))?;
        let modules: Vec<_> =
            modules.into_iter().map(|(name, module)| json!({ "name": name, "module": module })).collect();
        json!({ "metadata": metadata, "modules": modules })
    } else {
        json_of(path)?
    };
    check(path, &bundle)?;
    Ok(bundle)
}

/// Every file below a folder, by its path from there. Folders behind links are not entered.
fn modules(folder: &Path) -> Result<BTreeMap<String, String>, InvalidBundle> {
    let mut modules = BTreeMap::new();
    let mut bytes = 0;
    let mut folders = vec![(folder.to_path_buf(), String::new(), 0)];
    while let Some((folder, prefix, depth)) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(Unreadable::at(&folder))? {
            let entry = entry.map_err(Unreadable::at(&folder))?;
            let (path, kind) = (entry.path(), entry.file_type().map_err(Unreadable::at(&folder))?);
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let name = format!("{prefix}{name}");
            if kind.is_dir() && depth == MAX_DEPTH {
                return Err(InvalidBundle::TooLarge(path));
            }
            if kind.is_dir() {
                folders.push((path, format!("{name}/"), depth + 1));
                continue;
            }
            let module = read_text(&path)?;
            bytes += module.len();
            modules.insert(name, module);
            if modules.len() > MAX_MODULES || bytes > MAX_BYTES {
                return Err(InvalidBundle::TooLarge(folder));
            }
        }
    }
    Ok(modules)
}

/// Endpoints name modules that are there. All else is up to the constitution.
fn check(path: &Path, bundle: &Value) -> Result<(), InvalidBundle> {
    let shape = || InvalidBundle::Shape(path.to_path_buf());
    let endpoints = bundle["metadata"]["endpoints"].as_object().ok_or_else(shape)?;
    let modules = bundle["modules"].as_array().ok_or_else(shape)?;
    let names: Vec<&str> = modules.iter().filter_map(|module| module["name"].as_str()).collect();
    for (path, methods) in endpoints {
        for (method, endpoint) in methods.as_object().unwrap_or(&Map::new()) {
            let module = endpoint["js_module"].as_str().unwrap_or_default();
            if !names.contains(&module) {
                return Err(InvalidBundle::NoModule {
                    route: format!("{} {path}", method.to_uppercase()),
                    module: module.to_owned(),
                    modules: names.into_iter().map(str::to_owned).collect(),
                });
            }
        }
    }
    Ok(())
}

fn json_of(path: &Path) -> Result<Value, InvalidBundle> {
    let text = read_text(path)?;
    serde_json::from_str(&text).map_err(|error| InvalidBundle::Json { path: path.to_path_buf(), error })
}

fn or_it_is(modules: &[String]) -> String {
    match modules {
        [] => "; there are no modules at all".to_owned(),
        [.., _] if modules.len() > 10 => String::new(),
        _ => format!("; there are {}", modules.join(", ")),
    }
}

#[cfg(test)]
mod tests;
