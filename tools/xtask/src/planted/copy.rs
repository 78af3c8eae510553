//! A copy of the tree to plant bugs in, with builds of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use crate::workspace::Workspace;

/// A copy of the tree. It stays from run to run, so that only what changed is built again.
pub(super) struct Tree {
    root: PathBuf,
    copy: PathBuf,
    builds: PathBuf,
}

impl Tree {
    /// Brings the copy up to date.
    pub(super) fn of(workspace: &Workspace) -> Result<Self, String> {
        let target = std::env::var_os("CARGO_TARGET_DIR");
        let target = target.map_or_else(|| workspace.root.join("target"), PathBuf::from);
        let folder = target.join("planted");
        let tree =
            Self { root: workspace.root.clone(), copy: folder.join("tree"), builds: folder.join("target") };
        let list = folder.join("files");
        let earlier = fs::read_to_string(&list).unwrap_or_default();
        for gone in earlier.lines().filter(|file| !workspace.files.iter().any(|kept| kept == file)) {
            // Somebody may have cleared the copy.
            drop(fs::remove_file(tree.copy.join(gone)));
        }
        for file in &workspace.files {
            tree.copy(file)?;
        }
        let kept = workspace.files.join("\n");
        fs::write(&list, kept).map_err(|error| format!("{}: {error}", list.display()))?;
        Ok(tree)
    }

    /// Whether a patch applies.
    pub(super) fn check(&self, patch: &Path) -> Result<(), String> {
        self.apply(patch, "--check").map(drop)
    }

    /// Applies a patch; yields the files that it changes, as they were before.
    pub(super) fn plant(&self, patch: &Path) -> Result<Vec<(PathBuf, Vec<u8>)>, String> {
        let named = self.apply(patch, "--numstat")?;
        let files = named.lines().filter_map(|line| Some(self.copy.join(line.split('\t').nth(2)?)));
        let keep = |file: PathBuf| match fs::read(&file) {
            Ok(content) => Ok((file, content)),
            Err(error) => Err(format!("{}: {error}", file.display())),
        };
        let before = files.map(keep).collect::<Result<_, _>>()?;
        self.apply(patch, "--apply")?;
        Ok(before)
    }

    /// Takes a patch back.
    pub(super) fn restore(&self, files: &[(PathBuf, Vec<u8>)]) -> Result<(), String> {
        let write = |(file, content): &(PathBuf, Vec<u8>)| {
            fs::write(file, content).map_err(|error| format!("{}: {error}", file.display()))
        };
        files.iter().try_for_each(write)
    }

    fn apply(&self, patch: &Path, how: &str) -> Result<String, String> {
        // Outside of a repository paths are those of the folder that it runs in.
        let output = Command::new("git")
            .arg("apply")
            .arg(how)
            .arg(patch)
            .current_dir(&self.copy)
            .env("GIT_CEILING_DIRECTORIES", self.copy.parent().unwrap_or(&self.copy))
            .output();
        let output = succeeded(&patch.display().to_string(), output)?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Builds the simulator of the copy: fast to build rather than fast, but as careful as the usual one.
    pub(super) fn build(&self) -> Result<(), String> {
        let output = Command::new("cargo")
            .args(["build", "--release", "--locked", "--package", "coco-sim", "--quiet"])
            .current_dir(&self.copy)
            .env("CARGO_TARGET_DIR", &self.builds)
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
            .env("CARGO_PROFILE_RELEASE_INCREMENTAL", "true")
            .output();
        succeeded("the planted tree does not build", output).map(drop)
    }

    /// What [`Tree::build`] builds.
    pub(super) fn simulator(&self) -> PathBuf {
        self.builds.join("release/coco-sim")
    }

    /// Only what differs is written, since builds go by dates.
    fn copy(&self, file: &str) -> Result<(), String> {
        let (from, to) = (self.root.join(file), self.copy.join(file));
        let failed = |error| format!("{}: {error}", to.display());
        let wanted = fs::read(&from).map_err(failed)?;
        if fs::read(&to).is_ok_and(|there| there == wanted) {
            return Ok(());
        }
        fs::create_dir_all(to.parent().unwrap_or(&self.copy)).map_err(failed)?;
        fs::write(&to, wanted).map_err(failed)
    }
}

fn succeeded(what: &str, output: std::io::Result<Output>) -> Result<Output, String> {
    let output = output.map_err(|error| format!("{what}: {error}"))?;
    if output.status.success() {
        return Ok(output);
    }
    Err(format!("{what}: {}", String::from_utf8_lossy(&output.stderr).trim()))
}
