//! Builds the enclave side for targets that nothing of it runs on here: enclaves of SGX, and Windows.
//!
//! Both want a standard library that is built with it, from sources that rustup has (`rust-src`) or, without it, Debian:
//! its packages are unpacked into a folder, and nothing is installed.

use std::{
    collections::BTreeSet,
    env,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use crate::workspace::{Workspace, output};

/// Something to build for.
struct Target {
    name: &'static str,
    /// What more than base and enclave is built.
    more: &'static [&'static str],
    /// What is not, and why.
    less: &'static [(&'static str, &'static str)],
    /// Flags for C, and a program that must be there.
    c: (&'static str, &'static str),
}

const TARGETS: [Target; 2] = [
    Target {
        name: "x86_64-fortanix-unknown-sgx",
        more: &[],
        less: &[
            ("coco-js", "rquickjs has no declarations of QuickJS for this target"),
            ("coco-gov", "its constitution is a script of coco-js"),
        ],
        // There is no C library for this target: declarations of this machine's let C compile, and would not link.
        c: ("-D_GNU_SOURCE", "cc"),
    },
    Target {
        name: "x86_64-pc-windows-gnu",
        more: &["coco-host"],
        less: &[],
        c: ("", "x86_64-w64-mingw32-gcc"),
    },
];

/// Packages of Debian with a compiler, and sources of its standard library.
const PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];
/// Where sources of the standard library are, below a toolchain.
const SOURCES: &str = "lib/rustlib/src/rust/library/std/Cargo.toml";

/// A compiler with sources of its standard library: that of `cargo`, or one in a folder.
struct Toolchain(Option<PathBuf>);

/// Builds for all targets; the first package that does not build ends it.
pub(crate) fn run() -> Result<(), String> {
    let workspace = Workspace::load()?;
    let folder = workspace.root.join("target/targets");
    let toolchain = Toolchain::find(&folder)?;
    for target in &TARGETS {
        build(target, &workspace, &toolchain, &folder)?;
    }
    Ok(())
}

fn build(target: &Target, workspace: &Workspace, toolchain: &Toolchain, folder: &Path) -> Result<(), String> {
    let (flags, compiler) = target.c;
    output(compiler, &["--version"]).map_err(|error| {
        format!("{}: a C compiler, {compiler} (Debian: gcc, gcc-mingw-w64-x86-64): {error}", target.name)
    })?;
    let inside = |side: Option<&str>| matches!(side, Some("base" | "enclave"));
    let names = workspace.packages.iter().filter(|package| inside(package.side.as_deref()));
    let mut names: BTreeSet<&str> = names.map(|package| package.name.as_str()).collect();
    names.extend(target.more);
    for (package, why) in target.less {
        println!("{}: without {package}: {why}", target.name);
        names.remove(package);
    }
    let start = Instant::now();
    let mut cargo = toolchain.cargo();
    cargo.current_dir(&workspace.root);
    cargo.args(["build", "--lib", "--locked", "--target", target.name, "--target-dir"]).arg(folder);
    // Nothing runs, so that nothing needs to be fast.
    cargo.args(["-Zbuild-std=std,panic_abort", "--config", "profile.dev.package.\"*\".opt-level=0"]);
    cargo.env(format!("CFLAGS_{}", target.name.replace('-', "_")), flags);
    for name in &names {
        cargo.args(["--package", name]);
    }
    let status = cargo.status().map_err(|error| format!("cargo: {error}"))?;
    if !status.success() {
        return Err(format!("{}: {status}", target.name));
    }
    let names: Vec<&str> = names.into_iter().collect();
    println!("{}: built in {} s: {}", target.name, start.elapsed().as_secs(), names.join(" "));
    Ok(())
}

impl Toolchain {
    fn find(folder: &Path) -> Result<Self, String> {
        let sysroot = output("rustc", &["--print", "sysroot"])?;
        if Path::new(sysroot.trim()).join(SOURCES).exists() {
            return Ok(Self(None));
        }
        let root = folder.join("toolchain");
        if !root.join("usr").join(SOURCES).exists() {
            unpack(&root)?;
        }
        Ok(Self(Some(root)))
    }

    /// Has unstable options, of which one has the standard library built.
    fn cargo(&self) -> Command {
        let mut command = match &self.0 {
            None => Command::new("cargo"),
            Some(root) => {
                let programs = root.join("usr/bin");
                let mut command = Command::new(programs.join("cargo"));
                let others = env::var_os("PATH").unwrap_or_default();
                let paths = [programs].into_iter().chain(env::split_paths(&others));
                command.env("PATH", env::join_paths(paths).expect("paths that were joined before"));
                command.env("LD_LIBRARY_PATH", root.join("usr/lib/x86_64-linux-gnu"));
                command
            }
        };
        command.env("RUSTC_BOOTSTRAP", "1");
        command
    }
}

/// Unpacks packages of Debian, with those that they depend on and that are not installed.
fn unpack(root: &Path) -> Result<(), String> {
    println!("unpacking Debian's {} into {} (1 GB)", PACKAGES.join(", "), root.display());
    let downloads = root.join("downloads");
    fs::create_dir_all(downloads.join("partial"))
        .map_err(|error| format!("{}: {error}", downloads.display()))?;
    let into = format!("Dir::Cache::archives={}", downloads.display());
    let how =
        ["--download-only", "--yes", "--no-install-recommends", "-o", "Debug::NoLocking=1", "-o", &into];
    output("apt-get", &[&["install"], &how[..], &PACKAGES].concat())?;
    let files = fs::read_dir(&downloads).map_err(|error| format!("{}: {error}", downloads.display()))?;
    for file in files {
        let file = file.map_err(|error| format!("{}: {error}", downloads.display()))?.path();
        if file.extension() != Some(OsStr::new("deb")) {
            continue;
        }
        output("dpkg-deb", &["--extract", &file.to_string_lossy(), &root.to_string_lossy()])?;
    }
    fs::remove_dir_all(&downloads).map_err(|error| format!("{}: {error}", downloads.display()))
}
