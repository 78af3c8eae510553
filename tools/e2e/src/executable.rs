//! Finds the executable `coco` as the sources are now, and builds it if it is not there.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
    time::SystemTime,
};

/// Names an executable to be tested in place of ours.
const GIVEN: &str = "COCO_EXECUTABLE";

/// The executable, built like this test.
///
/// # Panics
/// If it cannot be built.
#[must_use]
pub fn coco() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| {
        if let Some(given) = env::var_os(GIVEN) {
            return given.into();
        }
        alike("coco")
    })
}

/// An executable of the workspace, built like this test.
///
/// # Panics
/// If it cannot be built.
#[must_use]
pub fn alike(package: &str) -> PathBuf {
    let (folder, profile) = beside_this_test();
    let there = folder.join(package);
    if is_fresh(&there) { there } else { build(package, &profile) }
}

/// An executable of the workspace with full optimisation.
///
/// # Panics
/// If it cannot be built.
#[must_use]
pub fn release(package: &str) -> PathBuf {
    build(package, "release")
}

/// Where tests keep what they need again, as `CARGO_TARGET_TMPDIR`.
pub(crate) fn scratch() -> PathBuf {
    let (folder, _) = beside_this_test();
    folder.parent().expect("a profile has a folder in the target folder").join("tmp")
}

/// Folder of the executables of this test's profile, and the profile.
fn beside_this_test() -> (PathBuf, String) {
    let test = env::current_exe().expect("a test knows its executable");
    // TARGET/PROFILE/deps/TEST
    let folder = test.ancestors().nth(2).expect("tests are built in a folder of a folder").to_path_buf();
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let profile = if name == "debug" { "dev".to_owned() } else { name.into_owned() };
    (folder, profile)
}

/// Whether no source is newer: the build leaves a list of them beside the executable. A test of the whole workspace
/// has built the executable already, with the features that all packages together ask for; this spares
/// building half of it again without them.
fn is_fresh(executable: &Path) -> bool {
    let modified = |path: &Path| fs::metadata(path).and_then(|it| it.modified()).ok();
    let Some(built) = modified(executable) else { return false };
    let Ok(list) = fs::read_to_string(executable.with_extension("d")) else { return false };
    let Some((_, sources)) = list.split_once(": ") else { return false };
    let mut sources = sources.split_whitespace();
    sources.all(|source| modified(Path::new(source)).is_some_and(|at: SystemTime| at <= built))
}

fn build(package: &str, profile: &str) -> PathBuf {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--locked", "--package", package, "--bin", package, "--profile", profile])
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{package} does not build");
    let messages = String::from_utf8_lossy(&output.stdout);
    let mut made = messages.lines().filter_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        message["executable"].as_str().map(PathBuf::from)
    });
    made.next_back().unwrap_or_else(|| panic!("cargo does not name the executable of {package}"))
}
