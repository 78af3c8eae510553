//! Planted bugs: each patch of `tools/sim/planted` is applied to a copy of the tree, whose simulator must find it.

mod copy;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use self::copy::Tree;
use crate::workspace::Workspace;

/// Where the patches are, from the root.
const PATCHES: &str = "tools/sim/planted";
/// How long the simulation may take to find a bug.
const HUNT: Duration = Duration::from_secs(60);
/// For so long it must find nothing in the tree as it is.
const CONTROL: Duration = Duration::from_secs(10);
/// A simulation that does not end by then stands still.
const PATIENCE: Duration = Duration::from_secs(60);
/// How a line begins that names what was found.
const FOUND: &str = "found after ";

/// A bug.
struct Bug {
    name: String,
    patch: PathBuf,
    /// What is wrong, in a sentence.
    about: String,
}

/// Says whether all patches apply.
pub(crate) fn check() -> Result<(), String> {
    let workspace = Workspace::load()?;
    let tree = Tree::of(&workspace)?;
    let bugs = bugs(&workspace.root)?;
    let stale: Vec<_> = bugs.iter().filter_map(|bug| tree.check(&bug.patch).err()).collect();
    if stale.is_empty() {
        println!("{} patches apply", bugs.len());
        return Ok(());
    }
    Err(format!("patches that no longer apply:\n{}", stale.join("\n")))
}

/// Plants the bugs whose names begin with one of `names`, or all.
pub(crate) fn run(names: &[&str]) -> Result<(), String> {
    check()?;
    let workspace = Workspace::load()?;
    let tree = Tree::of(&workspace)?;
    tree.build()?;
    if let Some(found) = hunt_in_both(&tree.simulator(), CONTROL)? {
        return Err(format!("something is found in the tree as it is: {found}"));
    }
    println!("nothing is found without a patch in {} s", CONTROL.as_secs());
    let is_wanted = |bug: &Bug| names.is_empty() || names.iter().any(|name| bug.name.starts_with(name));
    let (mut killed, mut alive) = (0, Vec::new());
    for bug in bugs(&workspace.root)?.into_iter().filter(is_wanted) {
        let before = tree.plant(&bug.patch)?;
        let found = tree.build().and_then(|()| hunt_in_both(&tree.simulator(), HUNT));
        tree.restore(&before)?;
        match found? {
            Some(found) => {
                killed += 1;
                println!("{:36} {found}", bug.name);
            }
            None => {
                println!("{:36} ALIVE after {} s: {}", bug.name, HUNT.as_secs(), bug.about);
                alive.push(bug.name);
            }
        }
    }
    if alive.is_empty() {
        println!("{killed} bugs planted, all found");
        return Ok(());
    }
    Err(format!("{killed} planted bugs found, {} not: {}", alive.len(), alive.join(", ")))
}

/// All bugs, by name.
fn bugs(root: &Path) -> Result<Vec<Bug>, String> {
    let folder = root.join(PATCHES);
    let entries = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut bugs = Vec::new();
    for patch in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if patch.extension().is_none_or(|extension| extension != "patch") {
            continue;
        }
        let text = fs::read_to_string(&patch).map_err(|error| format!("{}: {error}", patch.display()))?;
        let name = patch.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        bugs.push(Bug { name, about: text.lines().next().unwrap_or_default().to_owned(), patch });
    }
    bugs.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(bugs)
}

/// What is found in clusters of whole nodes, or else in clusters of the raft core alone, which see more elections.
fn hunt_in_both(simulator: &Path, limit: Duration) -> Result<Option<String>, String> {
    if let Some(found) = hunt(simulator, &[], limit)? {
        return Ok(Some(found));
    }
    let found = hunt(simulator, &["raft"], limit)?;
    Ok(found.map(|found| format!("raft alone: {found}")))
}

/// What the simulator finds within a time, as it says it.
fn hunt(simulator: &Path, command: &[&str], limit: Duration) -> Result<Option<String>, String> {
    let failed = |error| format!("{}: {error}", simulator.display());
    let said = simulator.with_extension("out");
    let mut child = Command::new(simulator)
        .args(command)
        .args(["--seeds", "0..1000000000", "--hunt", &limit.as_secs().to_string()])
        .stdout(fs::File::create(&said).map_err(failed)?)
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed)?;
    let begun = Instant::now();
    while child.try_wait().map_err(failed)?.is_none() {
        if begun.elapsed() > limit + PATIENCE {
            child.kill().and_then(|()| child.wait()).map_err(failed)?;
            break;
        }
        thread::sleep(Duration::from_millis(50));
    }
    let said = fs::read_to_string(&said).map_err(failed)?;
    let found = said.lines().find_map(|line| line.strip_prefix(FOUND));
    Ok(found.map(|line| line.chars().take(160).collect()))
}
