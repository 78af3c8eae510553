//! CCF's own scenario files (`tests/raft_scenarios`), played on our raft.

use std::{env, fs, path::Path};

/// As many as CCF has at the commit that the project is compared with.
const FILES: usize = 36;

#[test]
fn all_of_ccf() {
    let Some(root) = env::var_os("COCO_CCF") else {
        eprintln!("SKIPPED: set COCO_CCF to CCF's sources to play its scenarios");
        return;
    };
    let mut files: Vec<_> = fs::read_dir(Path::new(&root).join("tests/raft_scenarios"))
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    assert_eq!(files.len(), FILES);
    let failed: Vec<String> = files
        .iter()
        .filter_map(|path| {
            let outcome = coco_sim::scenario::play(&fs::read_to_string(path).unwrap());
            outcome.err().map(|failure| format!("{}: {failure}", path.display()))
        })
        .collect();
    assert!(failed.is_empty(), "{} of {FILES} failed:\n{}", failed.len(), failed.join("\n"));
}
