//! A Python with CCF's package, in an environment of its own below the target folder.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{executable, scale};

const SCRIPT: &str = include_str!("python/verify.py");

/// What is installed.
const PACKAGE: &str = "ccf==7.0.22";
/// Names a Python that has it already.
const GIVEN: &str = "COCO_PYTHON";
/// Names the Python of an environment that has all of the package, its commands too.
const INSTALLED: &str = "COCO_CCF_PYTHON";
/// The package wants at least 3.11.
const IS_NEW_ENOUGH: &str = "import sys; sys.exit(sys.version_info < (3, 11))";
const CANDIDATES: [&str; 4] = ["python3", "python3.13", "python3.12", "python3.11"];

/// The Python, or none: then it is said loudly what is missing.
///
/// # Panics
/// In a long run without one.
#[must_use]
pub fn with_ccf() -> Option<PathBuf> {
    let found = find();
    if let Err(why) = &found {
        assert!(!scale::is_full(), "a long run wants CCF's Python package: {why}");
        eprintln!("SKIPPED: CCF's Python package does not verify our ledgers here: {why}");
    }
    found.ok()
}

/// Where the commands of CCF's package are, such as `ccf_cose_sign1`: beside the Python that `COCO_CCF_PYTHON` names.
/// None without it: then that is said loudly.
///
/// # Panics
/// If the variable names no file of a folder.
#[must_use]
pub fn commands() -> Option<PathBuf> {
    let Some(python) = env::var_os(INSTALLED) else {
        eprintln!("SKIPPED: {INSTALLED} is not set, so CCF's commands sign nothing for our nodes");
        return None;
    };
    Some(Path::new(&python).parent().expect("a Python is in a folder").to_path_buf())
}

/// Has the package verify a ledger that `service` (a file) signs, and the receipts in a directory. What it saw of the
/// ledger: `chunks`, `transactions`, `signatures`, and the last transaction that is `verified`.
///
/// # Panics
/// If it finds something wrong.
#[must_use]
pub fn verify(python: &Path, ledger: &Path, service: &Path, receipts: &Path) -> Value {
    let output = Command::new(python)
        .args(["-c", SCRIPT])
        .args([ledger, service, receipts])
        .output()
        .expect("Python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("the script prints JSON")
}

fn find() -> Result<PathBuf, String> {
    if let Some(given) = env::var_os(GIVEN) {
        return Ok(given.into());
    }
    let python = CANDIDATES.into_iter().find(|python| runs(Command::new(python).args(["-c", IS_NEW_ENOUGH])));
    let python = python.ok_or("no Python of version 3.11 or newer")?;
    let folder = executable::scratch().join(PACKAGE.replace("==", "-"));
    let (own, complete) = (folder.join("bin/python"), folder.join("complete"));
    if complete.exists() && runs(Command::new(&own).args(["-c", "import ccf.ledger"])) {
        return Ok(own);
    }
    // What an interrupted run left.
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|error| error.to_string())?;
    }
    if !runs(Command::new(python).args(["-m", "venv"]).arg(&folder)) {
        return Err(format!("{python} -m venv fails"));
    }
    let install = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--ignore-requires-python",
        PACKAGE,
    ];
    if !runs(Command::new(&own).args(install)) {
        return Err(format!("pip cannot install {PACKAGE}"));
    }
    fs::write(complete, PACKAGE).map_err(|error| error.to_string())?;
    Ok(own)
}

fn runs(command: &mut Command) -> bool {
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}
