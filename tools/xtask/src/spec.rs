//! The specification: TLC visits every state of the small models, and judges what `coco-sim` saw nodes do.

mod runs;
mod tlc;

use std::{fs, path::Path, time::Instant};

use crate::workspace::Workspace;
use tlc::Tlc;

/// What stands in the first line of a model that TLC visits here.
const BY_TLC: &str = "TLC counts them in the gate";

/// Models, runs of nodes, and runs that never were. Without Java or TLC nothing of it is done, which is said loudly.
pub(crate) fn run() -> Result<(), String> {
    let root = Workspace::load()?.root;
    let scratch = root.join("target/spec");
    fs::create_dir_all(&scratch).map_err(|error| format!("{}: {error}", scratch.display()))?;
    let tlc = match Tlc::find(&scratch) {
        Ok(tlc) => tlc,
        Err(why) => {
            println!("spec: SKIPPED, {why}: neither models nor runs are checked by TLC");
            return Ok(());
        }
    };
    models(&tlc, &root)?;
    runs::check(&tlc, &root)
}

/// TLC finds as many states as the model says, which `coco-spec` finds too: so the two texts say the same.
fn models(tlc: &Tlc, root: &Path) -> Result<(), String> {
    let folder = root.join("spec");
    let mut files: Vec<_> = fs::read_dir(&folder)
        .map_err(|error| format!("{}: {error}", folder.display()))?
        .filter_map(|file| Some(file.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|end| end == "cfg"))
        .collect();
    files.sort();
    for file in files {
        let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        let says = text.lines().next().unwrap_or_default();
        if !says.contains(BY_TLC) {
            continue;
        }
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let begun = Instant::now();
        let told = tlc.run(&folder, &name, "bounded")?;
        let found = told.lines().filter_map(|line| line.split_once(" distinct states found, 0 states left"));
        let found = found.filter_map(|(before, _)| before.rsplit(", ").next()).next_back();
        let expected = says.split_whitespace().nth(1);
        if found.is_none() || found != expected {
            return Err(format!("{name}: TLC finds {found:?} states, not {expected:?}\n{}", tail(&told)));
        }
        println!(
            "spec: {name}: {} states, {:.0} s",
            found.unwrap_or_default(),
            begun.elapsed().as_secs_f64()
        );
    }
    Ok(())
}

/// The end of what TLC told: where it went wrong.
fn tail(told: &str) -> String {
    let lines: Vec<&str> = told.lines().collect();
    lines[lines.len().saturating_sub(60)..].join("\n")
}
