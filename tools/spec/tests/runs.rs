//! The specification allows what simulated nodes did, and refuses what none can have done.

use std::{
    env, fs,
    path::{Path, PathBuf},
    time::Instant,
};

use coco_sim::{
    raft, scenario,
    steps::{self, Steps},
};
use coco_spec::runs::{Verdict, judge};

/// Judges the runs; each must be allowed, or none.
fn check(what: &str, runs: &[Steps], allowed: bool) {
    let begun = Instant::now();
    let verdicts = judge(&steps::module("runs", runs)).expect("coco-sim writes the specification's words");
    assert_eq!(verdicts.len(), runs.len());
    assert!(!runs.is_empty(), "{what}");
    let wrong: Vec<&Verdict> =
        verdicts.iter().filter(|verdict| verdict.refused.is_none() != allowed).collect();
    assert!(wrong.is_empty(), "{what}: {} of {} runs: {wrong:#?}", wrong.len(), runs.len());
    let steps: usize = verdicts.iter().map(|verdict| verdict.steps).sum();
    let verdict = if allowed { "allowed" } else { "refused" };
    println!("{what}: {} runs, {steps} steps, {verdict}, {:.1} s", runs.len(), begun.elapsed().as_secs_f64());
}

fn scenarios(folder: &Path) -> Vec<Steps> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .and_then(|files| files.map(|file| file.map(|file| file.path())).collect())
        .expect("a folder of scenarios");
    files.sort();
    let play = |file: &PathBuf| {
        let played = scenario::play(&fs::read_to_string(file).expect("a scenario"));
        let driver = played.unwrap_or_else(|failure| panic!("{}: {failure}", file.display()));
        driver.steps().clone().named(&file.file_name().unwrap_or_default().to_string_lossy())
    };
    files.iter().map(play).collect()
}

fn own_scenarios() -> Vec<Steps> {
    scenarios(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../sim/scenarios"))
}

fn tampered(runs: &[Steps]) -> Vec<Steps> {
    runs.iter().flat_map(Steps::tampered).collect()
}

#[test]
fn scenarios_are_allowed() {
    check("own scenarios", &own_scenarios(), true);
    match env::var_os("COCO_CCF") {
        Some(ccf) => {
            check("CCF's scenarios", &scenarios(&Path::new(&ccf).join("tests/raft_scenarios")), true);
        }
        None => eprintln!("SKIPPED: set COCO_CCF to CCF's sources to judge its scenarios"),
    }
}

#[test]
fn seeds_are_allowed() {
    let from: u64 = env::var("COCO_FROM").map_or(0, |from| from.parse().expect("a seed"));
    let count = if env::var_os("COCO_FULL").is_some() { 2_000 } else { 60 };
    for first in (from..from + count).step_by(20) {
        let runs: Vec<Steps> = (first..first + 20).map(|seed| raft::record(seed, 4_000)).collect();
        check(&format!("seeds {first}..{}", first + 20), &runs, true);
    }
}

#[test]
fn tampered_runs_are_refused() {
    check("tampered scenarios", &tampered(&own_scenarios()), false);
    let runs: Vec<Steps> = (0..12).map(|seed| raft::record(seed, 1_500)).collect();
    check("tampered seeds", &tampered(&runs), false);
}
