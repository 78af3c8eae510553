//! `coco app build`: from a folder to a bundle that a service takes.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use clap::Args;
use serde_json::{Value, json};

use super::{
    check,
    error::{AppError, at},
    flaw::Flaw,
    graph::Graph,
    metadata::Metadata,
    resolve::{Project, files_below},
    script::Language,
};
use crate::{
    exit,
    input::{Unreadable, read_text},
};

const EXAMPLES: &str = "\
Examples:
  coco app build                                          of this folder, into bundle.json
  coco app build my-app --out my-app.json
  coco app build my-app --out - | jq '.modules[].name'

A folder has app.json, and modules below src/: .js and .mjs, or .ts and .mts, whose types are left out, line by line.
Modules are those that endpoints name, and all that these import: by a path, which may lack its ending; from packages in
node_modules, ES modules or CommonJS; @microsoft/ccf-app also without node_modules. Every endpoint is checked as a node
would do it: modules are compiled, linked and evaluated, and functions looked for. Types are not checked: that is tsc's.
Exit status: 0 made, 1 the application has errors, 2 unreadable files.";

/// Check an application and make its bundle.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct BuildArgs {
    /// Folder of the application
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// Where the bundle goes; - is standard output [default: bundle.json in the folder]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    strictness: StrictnessArgs,
}

/// What is an error.
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct StrictnessArgs {
    /// Only note which endpoints cannot be called, as where a module fails because tables are empty
    #[arg(long)]
    lenient: bool,
}

/// Whether an application may have endpoints that cannot be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strictness {
    Strict,
    Lenient,
}

impl From<StrictnessArgs> for Strictness {
    fn from(args: StrictnessArgs) -> Self {
        if args.lenient { Self::Lenient } else { Self::Strict }
    }
}

/// An application that a service would take.
#[derive(Debug)]
pub(crate) struct Built {
    /// What `set_js_app` takes.
    pub(crate) bundle: Value,
    /// What its author may want to know.
    pub(crate) notes: Vec<String>,
    /// By `METHOD /path`.
    routes: Vec<String>,
}

/// What is no application.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvalidApplication {
    #[error("not an application, which has app.json and src/: {0}")]
    File(#[from] Unreadable),
    #[error(transparent)]
    Flaws(Flaws),
}

/// All that is wrong with an application.
#[derive(Debug, thiserror::Error)]
pub(crate) struct Flaws(Vec<Flaw>);

impl fmt::Display for Flaws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(flaws) = self;
        writeln!(f, "the application has {}:", counted(flaws.len(), "error"))?;
        let lines: Vec<_> = flaws.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

/// Largest body of a request that nodes take if their configuration does not say. Source: CCF,
/// `http_configuration.max_body_size`.
const MAX_BODY_BYTES: usize = 1 << 20;
/// Folders below `src` that are looked into for modules that are left out, and how many.
const LOOK: (usize, usize) = (16, 1000);
/// Modules that are named of those that are left out, or import each other.
const MAX_NAMED: usize = 10;

impl BuildArgs {
    pub(super) fn run(&self) -> Result<(), AppError> {
        let Built { bundle, notes, routes } = build(&self.folder, self.strictness.into())?;
        tell(&notes);
        let modules = bundle["modules"].as_array().map_or(0, Vec::len);
        let text = format!("{bundle:#}\n");
        let file = self.out.clone().unwrap_or_else(|| self.folder.join("bundle.json"));
        if file == Path::new("-") {
            exit::print(|out| out.write_all(text.as_bytes()))?;
            return Ok(());
        }
        fs::write(&file, &text).map_err(at(&file))?;
        let (endpoints, modules) = (counted(routes.len(), "endpoint"), counted(modules, "module"));
        exit::print(|out| {
            writeln!(out, "{}: {endpoints}, {modules}, {} bytes.", file.display(), text.len())
        })?;
        Ok(())
    }
}

/// Reads, translates and checks the application of a folder.
pub(crate) fn build(folder: &Path, strictness: Strictness) -> Result<Built, InvalidApplication> {
    let folder = if folder == Path::new(".") { Path::new("") } else { folder };
    let project = Project::at(folder);
    let flaws = |flaws| InvalidApplication::Flaws(Flaws(flaws));
    let file = project.metadata();
    let text = read_text(&file)?;
    fs::read_dir(project.sources()).map_err(Unreadable::at(&project.sources()))?;
    let metadata = Metadata::read(file, text).map_err(flaws)?;
    let (mut roots, mut missing) = (Vec::new(), Vec::new());
    for (route, endpoint) in &metadata.endpoints {
        let name = endpoint["js_module"].as_str().unwrap_or_default();
        match project.endpoint_module(name) {
            Some(found) if roots.contains(&found) => {}
            Some(found) => roots.push(found),
            None => missing.push(metadata.flaw(route, "js_module", &no_module(&project, name))),
        }
    }
    let graph = Graph::from(&project, roots);
    missing.extend(graph.flaws.iter().cloned());
    let mut notes = notes(&project, &graph);
    if missing.is_empty() {
        let findings = check::findings(&metadata, &graph);
        missing = findings.modules;
        match strictness {
            Strictness::Strict => missing.extend(findings.endpoints),
            Strictness::Lenient => notes.extend(findings.endpoints.iter().map(ToString::to_string)),
        }
    }
    if !missing.is_empty() {
        return Err(flaws(missing));
    }
    let modules = graph.texts().into_iter().map(|(name, module)| json!({ "name": name, "module": module }));
    let bundle = json!({ "metadata": metadata.value, "modules": modules.collect::<Vec<_>>() });
    let bytes = bundle.to_string().len();
    if bytes > MAX_BODY_BYTES {
        notes.push(format!(
            "the bundle has {bytes} bytes: nodes take {MAX_BODY_BYTES} with a request, unless max_body_size says more"
        ));
    }
    Ok(Built { bundle, notes, routes: metadata.endpoints.into_keys().collect() })
}

/// Tells of what is no error.
pub(super) fn tell(notes: &[String]) {
    notes.iter().for_each(|note| eprintln!("note: {note}"));
}

fn no_module(project: &Project, name: &str) -> String {
    for (typed, plain) in [(".ts", ".js"), (".mts", ".mjs")] {
        if let Some(stem) = name.strip_suffix(typed)
            && project.endpoint_module(&format!("{stem}{plain}")).is_some()
        {
            return format!(
                "there is no module `{name}`: TypeScript becomes JavaScript, so it is `{stem}{plain}`"
            );
        }
    }
    format!("there is no module `{name}` in src/")
}

fn notes(project: &Project, graph: &Graph) -> Vec<String> {
    let mut notes = Vec::new();
    let rings = graph.rings();
    for ring in
        rings.iter().filter(|ring| ring.iter().all(|name| !name.contains("node_modules/"))).take(MAX_NAMED)
    {
        notes.push(format!("modules import each other: {} → {}", ring.join(" → "), ring[0]));
    }
    let files = files_below(&project.sources(), LOOK.0, LOOK.1).into_iter();
    let is_module =
        |file: &PathBuf| Language::of(file).is_some() && !file.to_string_lossy().ends_with(".d.ts");
    let left: Vec<_> = files.filter(is_module).filter(|file| !graph.has_file(file)).collect();
    if !left.is_empty() {
        let named: Vec<_> = left.iter().take(MAX_NAMED).map(|file| file.display().to_string()).collect();
        let more = if left.len() > MAX_NAMED { ", …" } else { "" };
        notes.push(format!("left out, as no endpoint leads there: {}{more}", named.join(", ")));
    }
    notes
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests;
