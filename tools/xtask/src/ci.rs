//! The gate: every part in order, each timed against its budget, stopping at the first that fails.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::{planted, spec, tidy};

/// What the whole gate may take on 2 cores from a clean clone.
const TOTAL: Duration = Duration::from_secs(30 * 60);

/// A named step of the gate.
struct Part {
    name: &'static str,
    /// What the part may take on 2 cores from a clean clone.
    budget: Duration,
    run: fn() -> Result<(), String>,
}

const PARTS: [Part; 9] = [
    Part { name: "tidy", budget: Duration::from_secs(30), run: tidy::run },
    Part { name: "fmt", budget: Duration::from_secs(30), run: fmt },
    Part { name: "clippy", budget: Duration::from_secs(9 * 60), run: clippy },
    Part { name: "tests", budget: Duration::from_secs(16 * 60), run: tests },
    Part { name: "spec", budget: Duration::from_secs(3 * 60), run: spec::run },
    Part { name: "planted", budget: Duration::from_secs(10), run: planted::check },
    Part { name: "simulation", budget: Duration::from_secs(6 * 60), run: simulation },
    Part { name: "docs", budget: Duration::from_secs(3 * 60), run: docs },
    Part { name: "deny", budget: Duration::from_secs(60), run: deny },
];

/// Runs all parts; the error names the part that failed.
pub(crate) fn run() -> Result<(), String> {
    let start = Instant::now();
    let mut late = Vec::new();
    for (index, part) in PARTS.iter().enumerate() {
        println!("── {} ({} of {}), budget {}", part.name, index + 1, PARTS.len(), minutes(part.budget));
        let began = Instant::now();
        let outcome = (part.run)();
        let took = began.elapsed();
        if let Err(message) = outcome {
            return Err(format!(
                "{message}\n── FAILED: {} after {}. The gate is red; mend `{}` and run `cargo xtask ci` again.",
                part.name,
                minutes(took),
                part.name
            ));
        }
        println!("── {}: ok in {}, budget {}", part.name, minutes(took), minutes(part.budget));
        if took > part.budget {
            late.push(part.name);
        }
    }
    if !late.is_empty() {
        println!("── over their budget: {}", late.join(", "));
    }
    let total = start.elapsed();
    let verdict = if total > TOTAL { "over budget" } else { "within budget" };
    println!("── the gate is green: {} ({verdict}, {})", minutes(total), minutes(TOTAL));
    Ok(())
}

fn fmt() -> Result<(), String> {
    cargo(&["fmt", "--all", "--check"], &[])
}

fn clippy() -> Result<(), String> {
    cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"], &[])
}

/// With nextest the documentation's examples are a run of their own: it does not run them.
fn tests() -> Result<(), String> {
    if present("nextest") {
        cargo(&["nextest", "run", "--workspace", "--locked", "--no-tests=pass"], &[])?;
        return cargo(&["test", "--workspace", "--locked", "--doc", "--quiet"], &[]);
    }
    cargo(&["test", "--workspace", "--locked", "--quiet"], &[])
}

/// 20,000 clusters, each from its seed.
fn simulation() -> Result<(), String> {
    cargo(&["run", "--release", "--locked", "--package", "coco-sim", "--", "--seeds", "0..20000"], &[])
}

fn docs() -> Result<(), String> {
    cargo(&["doc", "--workspace", "--no-deps", "--locked", "--quiet"], &[("RUSTDOCFLAGS", "-D warnings")])
}

/// Advisories need a database from the network; without one the other checks still count.
fn deny() -> Result<(), String> {
    if !present("deny") {
        println!("cargo-deny is not installed: skipped");
        return Ok(());
    }
    cargo(&["deny", "--offline", "check", "bans", "licenses", "sources"], &[])?;
    if cargo(&["deny", "fetch", "db"], &[]).is_err() {
        println!("no advisory database: advisories skipped");
        return Ok(());
    }
    cargo(&["deny", "check", "advisories"], &[])
}

fn cargo(args: &[&str], environment: &[(&str, &str)]) -> Result<(), String> {
    let status = Command::new("cargo")
        .args(args)
        .envs(environment.iter().copied())
        .status()
        .map_err(|error| format!("cargo: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("cargo {}: {status}", args.join(" "))) }
}

fn present(subcommand: &str) -> bool {
    let quiet = Command::new("cargo")
        .args([subcommand, "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    quiet.is_ok_and(|status| status.success())
}

fn minutes(duration: Duration) -> String {
    let tenths = duration.as_millis() / 100;
    format!("{}:{:02}.{}", tenths / 600, tenths / 10 % 60, tenths % 10)
}
