//! What `cargo metadata` and git say about the tree.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The root folder, the packages and the files of the workspace.
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) packages: Vec<Package>,
    /// Every file that git tracks or would track, relative to the root, sorted.
    pub(crate) files: Vec<String>,
}

/// One member of the workspace.
pub(crate) struct Package {
    pub(crate) name: String,
    /// The folder of the package, relative to the root.
    pub(crate) folder: String,
    pub(crate) layer: Option<u64>,
    pub(crate) side: Option<String>,
    pub(crate) dependencies: Vec<Dependency>,
    /// The first source file of each target, relative to the root.
    pub(crate) roots: Vec<String>,
}

/// An entry of one of a package's dependency tables.
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// False for a dependency of tests only.
    pub(crate) shipped: bool,
}

impl Workspace {
    /// Reads the workspace that holds the current folder.
    pub(crate) fn load() -> Result<Self, String> {
        let metadata = output("cargo", &["metadata", "--format-version", "1", "--no-deps"])?;
        let metadata: Value =
            serde_json::from_str(&metadata).map_err(|error| format!("cargo metadata: {error}"))?;
        let root = PathBuf::from(text(&metadata["workspace_root"])?);
        let listing = output(
            "git",
            &["-C", &root.to_string_lossy(), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        )?;
        let mut files: Vec<String> = listing
            .split('\0')
            .filter(|file| !file.is_empty() && root.join(file).is_file())
            .map(String::from)
            .collect();
        files.sort();
        files.dedup();
        let packages = list(&metadata["packages"])
            .iter()
            .map(|package| Package::parse(package, &root))
            .collect::<Result<_, _>>()?;
        Ok(Self { root, packages, files })
    }

    /// The text of a file, or nothing if it is not UTF-8.
    pub(crate) fn read(&self, file: &str) -> Option<String> {
        std::fs::read_to_string(self.root.join(file)).ok()
    }
}

impl Package {
    fn parse(package: &Value, root: &Path) -> Result<Self, String> {
        let relative = |path: &Value| -> Result<String, String> {
            let path = PathBuf::from(text(path)?);
            Ok(path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned())
        };
        let manifest = relative(&package["manifest_path"])?;
        Ok(Self {
            name: text(&package["name"])?,
            folder: manifest.trim_end_matches("Cargo.toml").trim_end_matches('/').to_owned(),
            layer: package["metadata"]["coco"]["layer"].as_u64(),
            side: package["metadata"]["coco"]["side"].as_str().map(String::from),
            dependencies: list(&package["dependencies"])
                .iter()
                .map(|dependency| {
                    let shipped = dependency["kind"].as_str() != Some("dev");
                    Ok(Dependency { name: text(&dependency["name"])?, shipped })
                })
                .collect::<Result<_, String>>()?,
            roots: list(&package["targets"])
                .iter()
                .map(|target| relative(&target["src_path"]))
                .collect::<Result<_, _>>()?,
        })
    }
}

pub(crate) fn output(program: &str, args: &[&str]) -> Result<String, String> {
    let output = Command::new(program).args(args).output().map_err(|error| format!("{program}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr)));
    }
    String::from_utf8(output.stdout).map_err(|error| format!("{program}: {error}"))
}

fn text(value: &Value) -> Result<String, String> {
    value.as_str().map(String::from).ok_or_else(|| format!("cargo metadata: no text in {value}"))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
