//! Whether the specification allows what nodes did, and refuses what none can have done.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use super::tlc::Tlc;

/// How many steps of a seed: `coco-spec` judges many whole ones, TLC only whether it says the same.
const STEPS_OF_A_SEED: &str = "600";

/// All scenarios and some seeds are allowed; none of the tampered ones is.
pub(super) fn check(tlc: &Tlc, root: &Path) -> Result<(), String> {
    let own = files(&root.join("tools/sim/scenarios"))?;
    let mut all = own.clone();
    match env::var_os("COCO_CCF") {
        Some(ccf) => all.extend(files(&Path::new(&ccf).join("tests/raft_scenarios"))?),
        None => println!("spec: set COCO_CCF to judge CCF's scenarios too: SKIPPED"),
    }
    let names = |files: &[PathBuf]| files.iter().map(|file| file.to_string_lossy().into_owned()).collect();
    let scenario = |files: &[PathBuf]| [vec!["scenario".to_owned()], names(files)].concat();
    let raft = |args: &[&str]| ["raft"].iter().chain(args).map(|arg| (*arg).to_owned()).collect::<Vec<_>>();
    let cases = [
        ("scenarios", scenario(&all), true),
        ("a seed", raft(&["--seeds", "0..1", "--limit", STEPS_OF_A_SEED]), true),
        ("tampered scenarios", [scenario(&own), vec!["--tampered".to_owned()]].concat(), false),
        ("a tampered seed", raft(&["--seeds", "0..1", "--limit", STEPS_OF_A_SEED, "--tampered"]), false),
    ];
    cases.iter().try_for_each(|(what, args, allowed)| judge(tlc, root, what, args, *allowed))
}

fn judge(tlc: &Tlc, root: &Path, what: &str, args: &[String], allowed: bool) -> Result<(), String> {
    let begun = Instant::now();
    let folder = root.join("target/spec").join(what.replace(' ', "-"));
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    fs::create_dir_all(&folder).map_err(failed)?;
    for file in ["consensus.tla", "words.tla", "validate.tla", "validate.cfg"] {
        fs::copy(root.join("spec").join(file), folder.join(file)).map_err(failed)?;
    }
    record(root, &folder, args)?;
    let text = fs::read_to_string(folder.join("runs.tla")).map_err(failed)?;
    let names: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("[name |-> \"")?.split('"').next()).collect();
    let told = tlc.run(&folder, "validate.cfg", "validate")?;
    if !told.contains("Model checking completed") {
        return Err(format!("{what}: {}", super::tail(&told)));
    }
    let good: Vec<usize> = told
        .lines()
        .filter_map(|line| line.strip_prefix("<<\"allowed\", ")?.split(',').next()?.parse().ok())
        .collect();
    let wrong: Vec<&str> =
        (1..=names.len()).filter(|run| good.contains(run) != allowed).map(|run| names[run - 1]).collect();
    if !wrong.is_empty() || names.is_empty() {
        let verdict = if allowed { "refuses" } else { "allows" };
        let place = if allowed {
            place(&tlc.run_to_deadlock(&folder, "validate.cfg", "validate")?, &text)
        } else {
            None
        };
        let place = place.map(|line| format!("\nrefused: {line}")).unwrap_or_default();
        return Err(format!(
            "the specification {verdict} {} of {what}:\n{}{place}",
            wrong.len(),
            wrong.join("\n")
        ));
    }
    let verdict = if allowed { "allowed" } else { "refused" };
    let steps = text.lines().filter(|line| line.trim_end_matches(',').ends_with(')')).count();
    println!(
        "spec: {what}: {} runs, {steps} steps, {verdict}, {:.0} s",
        names.len(),
        begun.elapsed().as_secs_f64()
    );
    Ok(())
}

/// The step at which a run could not go on, from TLC's last state.
fn place(told: &str, text: &str) -> Option<String> {
    let last = |of: &str| -> Option<usize> {
        told.lines().filter_map(|line| line.strip_prefix(of)).next_back()?.parse().ok()
    };
    let (run, at) = (last("/\\ run = ")?, last("/\\ at = ")?);
    let first = text.lines().position(|line| line == format!("Run{run} =="))? + 1;
    Some(format!("run {run}, step {at}: {}", text.lines().nth(first + at)?))
}

fn record(root: &Path, folder: &Path, args: &[String]) -> Result<(), String> {
    let output = Command::new("cargo")
        .current_dir(root)
        .args(["run", "--quiet", "--locked", "--package", "coco-sim", "--"])
        .args(args)
        .arg("--steps")
        .arg(folder.join("runs.tla"))
        .output()
        .map_err(|error| format!("cargo: {error}"))?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.sort();
    Ok(files)
}
