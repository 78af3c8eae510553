//! JavaScript applications as `set_js_app` takes them.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::{
    app::{self, InvalidApplication, Strictness},
    input::{Unreadable, read_text},
};

/// What is no application.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvalidBundle {
    #[error(transparent)]
    File(#[from] Unreadable),
    #[error("{}: not JSON: {error}", .path.display())]
    Json { path: PathBuf, error: serde_json::Error },
    #[error(
        "{}: not the bundle of an application, which is JSON with `metadata` and `modules`",
        .0.display()
    )]
    Shape(PathBuf),
    #[error("{route}: there is no module `{module}`{}", or_it_is(.modules))]
    NoModule { route: String, module: String, modules: Vec<String> },
    #[error(transparent)]
    Application(#[from] InvalidApplication),
}

/// The bundle of an application: of a folder, which is built, or of a file that is one already.
pub(crate) fn read(path: &Path) -> Result<Value, InvalidBundle> {
    if path.is_dir() {
        return Ok(app::build(path, Strictness::Strict)?.bundle);
    }
    let bundle = json_of(path)?;
    check(path, &bundle)?;
    Ok(bundle)
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
