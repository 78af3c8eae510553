//! The rules that a compiler does not check, each in its own file.

mod layers;
mod lengths;
mod manifests;
mod names;
mod purity;
mod reach;
mod reference;
mod words;

use crate::workspace::Workspace;

/// Checks every rule and prints the report of lengths; the error lists every breach.
pub(crate) fn run() -> Result<(), String> {
    let workspace = Workspace::load()?;
    let mut breaches = Vec::new();
    layers::check(&workspace, &mut breaches);
    manifests::check(&workspace, &mut breaches);
    names::check(&workspace, &mut breaches);
    purity::check(&workspace, &mut breaches);
    reach::check(&workspace, &mut breaches);
    reference::check(&workspace, &mut breaches);
    words::check(&workspace, &mut breaches);
    for long in lengths::check(&workspace, &mut breaches) {
        println!("long: {long}");
    }
    if breaches.is_empty() {
        println!("tidy: {} files in {} packages", workspace.files.len(), workspace.packages.len());
        return Ok(());
    }
    breaches.sort();
    Err(format!("{}\ntidy: {} breaches", breaches.join("\n"), breaches.len()))
}

/// True for the file of a test: a `tests` folder or a `tests.rs`.
fn is_test(file: &str) -> bool {
    file.ends_with("/tests.rs") || file.split('/').any(|part| part == "tests" || part == "benches")
}

#[cfg(test)]
mod tests;
