//! `coco app init`: a small, complete application to begin with.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};

use super::{
    error::{AppError, at},
    shipped,
};
use crate::exit;

const EXAMPLES: &str = "\
Examples:
  coco app init my-app
  coco app init my-app --language ts

The application keeps records for users: app.json, modules in src/, types for editors in types/, a package.json for npm,
and a README.md with the next commands. Nothing is fetched.
Exit status: 0 written, 2 the folder is not empty, or cannot be written.";

/// Begin an application.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct InitArgs {
    /// New or empty folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// In what its modules are written
    #[arg(long, value_enum, default_value = "js")]
    language: Language,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Language {
    /// JavaScript
    Js,
    /// TypeScript
    Ts,
}

macro_rules! template {
    ($folder:literal: $($name:literal),*) => {
        &[$(($name, include_str!(concat!("../../templates/", $folder, "/", $name)))),*]
    };
}

const JS: &[(&str, &str)] =
    template!("js": "app.json", "package.json", "jsconfig.json", "src/records.js", "src/checks.js");
const TS: &[(&str, &str)] =
    template!("ts": "app.json", "package.json", "tsconfig.json", "src/records.ts", "src/checks.ts");
const README: &str = include_str!("../../templates/shared/README.md");
const IGNORED: &str = include_str!("../../templates/shared/gitignore");
const CONSOLE: &str = include_str!("../../templates/shared/console.d.ts");

impl InitArgs {
    pub(super) fn run(&self) -> Result<(), AppError> {
        let folder = &self.folder;
        match fs::read_dir(folder).map(|mut entries| entries.next().is_some()) {
            Ok(true) => return Err(AppError::NotEmpty(folder.clone())),
            Ok(false) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(at(folder)(error)),
        }
        for (name, text) in self.language.files() {
            write(&folder.join(name), &text)?;
        }
        let shown = folder.display();
        exit::print(|out| {
            writeln!(out, "An application in {} is in {shown}.", self.language.name())?;
            writeln!(out, "To check it:  coco app build {shown}")?;
            writeln!(out, "To try it:    see {shown}/README.md")
        })?;
        Ok(())
    }
}

impl Language {
    fn name(self) -> &'static str {
        match self {
            Self::Js => "JavaScript",
            Self::Ts => "TypeScript",
        }
    }

    /// Names and texts.
    fn files(self) -> Vec<(&'static str, String)> {
        let own = match self {
            Self::Js => JS,
            Self::Ts => TS,
        };
        let readme = README.replace("{{language}}", self.name());
        let shared = [
            ("README.md", readme.as_str()),
            (".gitignore", IGNORED),
            ("types/ccf-app.d.ts", shipped::TYPES),
            ("types/console.d.ts", CONSOLE),
        ];
        own.iter().chain(&shared).map(|(name, text)| (*name, (*text).to_owned())).collect()
    }
}

fn write(path: &Path, text: &str) -> Result<(), AppError> {
    let folder = path.parent().unwrap_or(Path::new(""));
    fs::create_dir_all(folder).map_err(at(folder))?;
    fs::write(path, text).map_err(at(path))
}

#[cfg(test)]
mod tests;
