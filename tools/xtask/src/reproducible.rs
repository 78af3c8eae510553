//! Builds what is committed twice, in two folders, and compares the executables byte by byte.
//!
//! What differs between two machines is named the same for the compilers: the folder of the sources and cargo's. The
//! versions of compilers are for who builds: `rust-toolchain.toml` says that of Rust, that of the C compiler is printed.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::workspace::Workspace;

/// Names of the two folders, of which one is longer, so that lengths of paths cannot hide.
const FOLDERS: [&str; 2] = ["one", "another-and-longer-folder"];
/// What sources are called instead of where they are, and what cargo's folder is.
const SOURCES: &str = "/coco";
const CARGO: &str = "/cargo";

/// What is built.
struct Subject<'a> {
    package: &'a str,
    profile: &'a str,
}

/// Builds a package twice by a profile, `coco` by `release` unless others are named.
pub(crate) fn run(args: &[&str]) -> Result<(), String> {
    let subject = match args {
        [] => Subject { package: "coco", profile: "release" },
        [package] => Subject { package, profile: "release" },
        [package, profile] => Subject { package, profile },
        _ => return Err("usage: cargo xtask reproducible [PACKAGE [PROFILE]]".to_owned()),
    };
    let workspace = Workspace::load()?;
    let top = env::temp_dir().join(format!("coco-reproducible-{}", std::process::id()));
    for (program, args) in [("rustc", ["-vV"]), ("cc", ["--version"])] {
        println!("{}", output(Command::new(program).args(args))?.lines().next().unwrap_or_default());
    }
    let time = output(git(&workspace.root).args(["log", "-1", "--format=%ct"]))?;
    let mut executables = Vec::new();
    for name in FOLDERS {
        let folder = top.join(name);
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let root = workspace.root.to_string_lossy().into_owned();
        let clone = ["clone", "--quiet", "--no-hardlinks", "--no-local", &root, &folder.to_string_lossy()];
        succeed(Command::new("git").args(clone))?;
        succeed(&mut build(&subject, &folder, time.trim()))?;
        let output = if subject.profile == "dev" { "debug" } else { subject.profile };
        executables.push(folder.join("target").join(output).join(subject.package));
    }
    compare(&executables[0], &executables[1])?;
    println!("{}", output(Command::new("sha256sum").args(&executables))?.trim_end());
    fs::remove_dir_all(&top).map_err(|error| format!("{}: {error}", top.display()))
}

/// A build that knows no path of sources, neither in Rust nor in C, and has no names of what is local: those that LLVM
/// makes for link-time optimisation are digests of modules, in which it may list the same in another order, and it is only
/// in those that two builds differed.
fn build(subject: &Subject<'_>, folder: &Path, time: &str) -> Command {
    let folder = folder.display();
    let cargo = cargo_home();
    let cargo = cargo.display();
    let mut command = Command::new("cargo");
    command.args(["build", "--locked", "--package", subject.package, "--profile", subject.profile]);
    command.current_dir(folder.to_string());
    command.env(
        "RUSTFLAGS",
        format!("--remap-path-prefix={folder}={SOURCES} --remap-path-prefix={cargo}={CARGO}"),
    );
    let of_c = format!("-ffile-prefix-map={folder}={SOURCES} -ffile-prefix-map={cargo}={CARGO}");
    command.env("CFLAGS", &of_c).env("CXXFLAGS", of_c);
    command.env("SOURCE_DATE_EPOCH", time);
    command
        .env(format!("CARGO_PROFILE_{}_STRIP", subject.profile.replace('-', "_").to_uppercase()), "symbols");
    command.env_remove("CARGO_TARGET_DIR").env_remove("CARGO_ENCODED_RUSTFLAGS");
    command
}

fn cargo_home() -> PathBuf {
    let home = || env::var_os("HOME").map_or_else(PathBuf::new, PathBuf::from).join(".cargo");
    env::var_os("CARGO_HOME").map_or_else(home, PathBuf::from)
}

/// The error names the first byte that differs.
fn compare(one: &Path, other: &Path) -> Result<(), String> {
    let read = |path: &Path| fs::read(path).map_err(|error| format!("{}: {error}", path.display()));
    let (first, second) = (read(one)?, read(other)?);
    let Some(at) = difference(&first, &second) else {
        println!("the same {} bytes twice", first.len());
        return Ok(());
    };
    Err(format!(
        "{} and {} differ from byte {at:#x} on, of {} and {}: `{}` and `{}`",
        one.display(),
        other.display(),
        first.len(),
        second.len(),
        text(&first, at),
        text(&second, at)
    ))
}

/// Where two begin to differ.
pub(super) fn difference(one: &[u8], other: &[u8]) -> Option<usize> {
    let differs = one.iter().zip(other).position(|(a, b)| a != b);
    differs.or_else(|| (one.len() != other.len()).then(|| one.len().min(other.len())))
}

/// What can be read around a place.
pub(super) fn text(bytes: &[u8], at: usize) -> String {
    let around = &bytes[at.saturating_sub(32).min(bytes.len())..(at + 64).min(bytes.len())];
    around.iter().map(|byte| if matches!(byte, b' '..=b'~') { char::from(*byte) } else { '.' }).collect()
}

fn git(root: &Path) -> Command {
    let mut git = Command::new("git");
    git.current_dir(root);
    git
}

fn succeed(command: &mut Command) -> Result<(), String> {
    let status = command.status().map_err(|error| format!("{command:?}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{command:?}: {status}")) }
}

fn output(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)));
    }
    String::from_utf8(output.stdout).map_err(|error| format!("{command:?}: {error}"))
}

#[cfg(test)]
mod tests;
