//! The modules of an application: those that endpoints name, and all that these import.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    path::{Path, PathBuf},
};

use super::{
    commonjs::{self, Required},
    flaw::{Flaw, Place},
    resolve::{Found, PACKAGES, Project, Source, Style},
    script::{Answer, Form, Language, Script},
};
use crate::input::read_text;

/// Most modules of an application.
const MAX_MODULES: usize = 10_000;
/// Most text of all modules, in bytes.
const MAX_BYTES: usize = 64 << 20;
/// Most names that are followed from one module to the next.
const MAX_STARS: usize = 64;

/// Modules by their names.
#[derive(Default)]
pub(super) struct Graph {
    pub(super) modules: BTreeMap<String, Module>,
    pub(super) flaws: Vec<Flaw>,
}

/// A module, and whom it means.
pub(super) struct Module {
    /// As it is shown.
    pub(super) file: PathBuf,
    script: Script,
    /// Names of what its requests mean, in their order.
    targets: Vec<Option<String>>,
}

impl Graph {
    /// Reads everything from these modules on.
    pub(super) fn from(project: &Project, roots: Vec<Found>) -> Self {
        let mut graph = Self::default();
        let mut known: BTreeSet<String> = roots.iter().map(|root| root.name.clone()).collect();
        let (mut queue, mut bytes) = (VecDeque::from(roots), 0);
        while let Some(found) = queue.pop_front() {
            let Some((module, wanted)) = graph.read(project, &found) else { continue };
            bytes += module.script.source().len();
            if known.len() > MAX_MODULES || bytes > MAX_BYTES {
                let message = format!("more than {MAX_MODULES} modules, or {MAX_BYTES} bytes of them");
                graph.flaws.push(Flaw { file: module.file, place: None, message });
                return graph;
            }
            queue.extend(wanted.into_iter().filter(|it| known.insert(it.name.clone())));
            graph.modules.insert(found.name, module);
        }
        graph.leave_out_types();
        graph.look_for_names();
        graph
    }

    /// Reads a module; yields what it imports, too.
    fn read(&mut self, project: &Project, found: &Found) -> Option<(Module, Vec<Found>)> {
        let (file, text, language) = match &found.source {
            Source::Shipped(text) => {
                (PathBuf::from(&found.name), (*text).to_owned(), Some(Language::JavaScript))
            }
            Source::File(file) => match read_text(file) {
                Ok(text) => (file.clone(), text, Language::of(file)),
                Err(error) => {
                    let (file, message) = (error.path, error.error.to_string());
                    self.flaws.push(Flaw { file, place: None, message });
                    return None;
                }
            },
        };
        let Some(language) = language else {
            let message = "not a module: its name ends in .js, .mjs, .ts or .mts".to_owned();
            self.flaws.push(Flaw { file, place: None, message });
            return None;
        };
        let is_packaged = found.name.starts_with(PACKAGES) && language == Language::JavaScript;
        let parsed = if is_packaged {
            Script::parse_packaged(text.clone())
        } else {
            Script::parse(text.clone(), language)
        };
        match parsed {
            Ok(script) => Some(self.follow(project, found, file, script)),
            Err(flaws) => {
                self.flaws.extend(flaws.into_iter().map(|flaw| {
                    let place = Some(Place::of(&text, flaw.at));
                    Flaw { file: file.clone(), place, message: flaw.message }
                }));
                None
            }
        }
    }

    /// Finds what a module imports.
    fn follow(
        &mut self,
        project: &Project,
        found: &Found,
        file: PathBuf,
        script: Script,
    ) -> (Module, Vec<Found>) {
        let style = if script.form == Form::CommonJs { Style::Require } else { Style::Import };
        let (mut targets, mut wanted) = (Vec::new(), Vec::new());
        for request in &script.requests {
            // Types may come from packages without code.
            let target = (!request.is_dropped()).then(|| project.import(found, &request.specifier, style));
            targets.push(match target {
                Some(Ok(target)) if style == Style::Import || target.is_module() => {
                    let name = target.name.clone();
                    wanted.push(target);
                    Some(name)
                }
                Some(Err(error)) if style == Style::Import => {
                    let place = Some(Place::of(script.source(), request.place.start));
                    self.flaws.push(Flaw { file: file.clone(), place, message: error.to_string() });
                    None
                }
                // What a module of CommonJS lacks it may do without, or fails when it is run.
                _ => None,
            });
        }
        (Module { file, script, targets }, wanted)
    }

    /// Leaves out imports of what others only have as types, until they are all left out.
    fn leave_out_types(&mut self) {
        for _ in 0..MAX_STARS {
            let mut is_settled = true;
            let names: Vec<_> = self.modules.keys().cloned().collect();
            for name in names {
                let types = self.wanted(&name, Offer::Type);
                is_settled &= types.is_empty();
                if let Some(module) = self.modules.get_mut(&name) {
                    for (number, index) in types {
                        module.script.requests[number].names[index].is_dropped = true;
                    }
                    module.script.drop_exports_of_types();
                }
            }
            if is_settled {
                return;
            }
        }
    }

    /// Says which names nobody exports.
    fn look_for_names(&mut self) {
        let mut flaws = Vec::new();
        for (name, module) in &self.modules {
            for (number, index) in self.wanted(name, Offer::Nothing) {
                let request = &module.script.requests[number];
                let wanted = &request.names[index];
                let place = Some(Place::of(module.script.source(), wanted.place.start));
                let message = lack(&request.specifier, &wanted.imported);
                flaws.push(Flaw { file: module.file.clone(), place, message });
            }
        }
        self.flaws.extend(flaws);
    }

    /// Requests of a module, and names in them, that get such an offer.
    fn wanted(&self, module: &str, offer: Offer) -> Vec<(usize, usize)> {
        let mut wanted = Vec::new();
        let Some(module) = self.modules.get(module) else { return wanted };
        for (number, (request, target)) in module.script.requests.iter().zip(&module.targets).enumerate() {
            let Some(target) = target else { continue };
            let names = request.names.iter().enumerate().filter(|(_, name)| !name.is_dropped);
            let offered = names.filter(|(_, name)| self.offers(target, &name.imported) == offer);
            wanted.extend(offered.map(|(index, _)| (number, index)));
        }
        wanted
    }

    /// What a module exports by a name.
    fn offers(&self, module: &str, name: &str) -> Offer {
        let (mut queue, mut seen) = (vec![module.to_owned()], BTreeSet::new());
        let mut offer = Offer::Nothing;
        while let Some(module) = queue.pop() {
            if seen.len() == MAX_STARS || !seen.insert(module.clone()) {
                continue;
            }
            // A module that could not be read is told of elsewhere.
            let Some(found) = self.modules.get(&module) else { return Offer::Value };
            // What a module of CommonJS exports is known when it is run, and not passed on by `export *`.
            let is_open = found.script.form == Form::CommonJs && seen.len() == 1;
            if name == "*" || is_open || found.script.exports.contains(name) {
                return Offer::Value;
            }
            if found.script.types.contains(name) {
                offer = Offer::Type;
            }
            let stars = found.script.requests.iter().zip(&found.targets).filter(|(it, _)| it.is_star);
            queue.extend(stars.filter_map(|(_, target)| target.clone()));
        }
        offer
    }

    /// Whether a file is one of the modules.
    pub(super) fn has_file(&self, file: &Path) -> bool {
        self.modules.values().any(|module| module.file == file)
    }

    /// The text of each module, and of those that modules of CommonJS need.
    pub(super) fn texts(&self) -> BTreeMap<String, String> {
        let mut texts: BTreeMap<_, _> =
            self.modules.iter().map(|(name, module)| (name.clone(), self.text(name, module))).collect();
        let mut facades: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for module in self.modules.values().filter(|module| module.script.form == Form::Module) {
            for (request, target) in module.script.requests.iter().zip(&module.targets) {
                if let Some(target) = target.as_deref().filter(|target| self.is_commonjs(target)) {
                    let names = request.names.iter().filter(|name| !name.is_dropped);
                    facades.entry(target).or_default().extend(names.map(|name| name.imported.clone()));
                }
            }
        }
        for (name, names) in facades {
            texts.insert(commonjs::facade_name(name), commonjs::facade(name, &names));
        }
        if self.modules.values().any(|module| module.script.form == Form::CommonJs) {
            let (name, text) = commonjs::RUNTIME;
            texts.insert(name.to_owned(), text.to_owned());
        }
        texts
    }

    /// The text of a module, in which imports name modules as the node finds them.
    fn text(&self, own: &str, module: &Module) -> String {
        let requests = module.script.requests.iter().zip(&module.targets);
        if module.script.form == Form::CommonJs {
            let mut known = BTreeSet::new();
            let required = requests.filter_map(|(request, target)| {
                let (specifier, target) = (request.specifier.as_str(), target.as_deref()?);
                let kind = if self.is_commonjs(target) { Required::CommonJs } else { Required::Module };
                known.insert(specifier).then(|| (specifier, kind(target)))
            });
            return commonjs::wrap(own, module.script.source(), &required.collect::<Vec<_>>());
        }
        let answers = requests.map(|(request, target)| match target {
            Some(target) if self.is_commonjs(target) => {
                Answer::CommonJs(format!("/{}", commonjs::facade_name(target)))
            }
            Some(target) if node_name(own, &request.specifier).as_ref() != Some(target) => {
                Answer::Name(format!("/{target}"))
            }
            _ => Answer::AsWritten,
        });
        module.script.render(&answers.collect::<Vec<_>>())
    }

    fn is_commonjs(&self, module: &str) -> bool {
        self.modules.get(module).is_some_and(|module| module.script.form == Form::CommonJs)
    }

    /// Modules that import each other, each ring once, from its first name.
    pub(super) fn rings(&self) -> Vec<Vec<String>> {
        let (mut rings, mut done) = (BTreeSet::new(), BTreeSet::new());
        for root in self.modules.keys() {
            let mut path: Vec<(&str, usize)> = vec![(root.as_str(), 0)];
            while let Some((name, next)) = path.last_mut() {
                let name: &str = name;
                let module = self.modules.get(name).filter(|_| !done.contains(name));
                let target = module.and_then(|module| module.targets.get(*next));
                *next += 1;
                match target {
                    None => {
                        done.insert(name);
                        path.pop();
                    }
                    Some(None) => {}
                    Some(Some(target)) => match path.iter().position(|(name, _)| *name == target.as_str()) {
                        Some(from) => drop(rings.insert(ring(&path[from..]))),
                        None => path.push((target.as_str(), 0)),
                    },
                }
            }
        }
        rings.into_iter().collect()
    }
}

/// What a module has by a name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Offer {
    Value,
    Type,
    Nothing,
}

/// What is told of a name that a module does not export.
fn lack(specifier: &str, name: &str) -> String {
    match name {
        "default" => format!("`{specifier}` has no default export"),
        _ => format!("`{specifier}` does not export `{name}`"),
    }
}

/// The module that a node finds for an import, without the slash in front.
fn node_name(own: &str, specifier: &str) -> Option<String> {
    let relative = specifier.starts_with("./") || specifier.starts_with("../");
    let mut parts: Vec<&str> = Vec::new();
    if relative {
        parts.extend(Path::new(own).parent()?.to_str()?.split('/').filter(|part| !part.is_empty()));
    }
    for part in specifier.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// A ring from its first name on.
fn ring(path: &[(&str, usize)]) -> Vec<String> {
    let mut names: Vec<_> = path.iter().map(|(name, _)| (*name).to_owned()).collect();
    let first = names.iter().enumerate().min_by_key(|(_, name)| *name).map_or(0, |(at, _)| at);
    names.rotate_left(first);
    names
}
