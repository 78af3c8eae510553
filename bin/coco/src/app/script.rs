//! A module: what it imports and exports, and its JavaScript, line by line where it was TypeScript.

use std::{collections::BTreeSet, ops::Range, path::Path};

use oxc_allocator::Allocator;
use oxc_ast_visit::VisitJs as _;
use oxc_parser::Parser;
use oxc_span::{SourceType, Span};

use edits::Edits;
use links::Links;
use types::Eraser;

mod classes;
mod commonjs;
mod edits;
mod enums;
mod links;
mod types;

/// In what a module is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    JavaScript,
    TypeScript,
}

/// A module that was parsed.
#[derive(Debug)]
pub(super) struct Script {
    source: String,
    edits: Edits,
    /// What it imports, in order.
    pub(super) requests: Vec<Request>,
    /// What it exports by name.
    pub(super) exports: BTreeSet<String>,
    /// What its types export by name.
    pub(super) types: BTreeSet<String>,
    pub(super) form: Form,
}

/// How a module says what it imports and exports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `import` and `export`.
    Module,
    /// `require` and `module.exports`.
    CommonJs,
}

/// An import, or an export from elsewhere.
#[derive(Debug)]
pub(super) struct Request {
    /// As written, without quotes.
    pub(super) specifier: String,
    /// Where that is, quotes included.
    pub(super) place: Range<usize>,
    /// The whole statement; none of an `import()`.
    statement: Option<Range<usize>>,
    /// What it wants by name.
    pub(super) names: Vec<Name>,
    /// Whether all that is exported there is exported here.
    pub(super) is_star: bool,
}

/// Which module a request means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// That which it names.
    AsWritten,
    /// Another one.
    Name(String),
    /// The module by which one of CommonJS is imported.
    CommonJs(String),
}

/// A name that is imported or exported from elsewhere.
#[derive(Debug)]
pub(super) struct Name {
    /// As the other module calls it.
    pub(super) imported: String,
    /// What it is called here, if it is imported.
    local: Option<String>,
    /// As others see it, if it is exported.
    exported: Option<String>,
    /// Where.
    pub(super) place: Range<usize>,
    /// Whether the program has no use for it, as it names a type.
    pub(super) is_dropped: bool,
}

/// What is wrong with a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flaw {
    /// Byte in the source.
    pub(super) at: usize,
    pub(super) message: String,
}

impl Language {
    /// By the name of a file; none of what is no module.
    pub(super) fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "js" | "mjs" | "cjs" => Some(Self::JavaScript),
            "ts" | "mts" => Some(Self::TypeScript),
            _ => None,
        }
    }
}

impl Script {
    pub(super) fn parse(source: String, language: Language) -> Result<Self, Vec<Flaw>> {
        let (edits, Links { requests, exports, types, .. }, _) = analyse(&source, language)?;
        Ok(Self { source, edits, requests, exports, types, form: Form::Module })
    }

    /// A module of a package, which may be one of CommonJS.
    pub(super) fn parse_packaged(source: String) -> Result<Self, Vec<Flaw>> {
        let is_module = analyse(&source, Language::JavaScript).is_ok_and(|(.., is_module)| is_module);
        match commonjs::requests(&source).filter(|_| !is_module) {
            Some(requests) => {
                let (edits, exports, types) = (Edits::default(), BTreeSet::new(), BTreeSet::new());
                Ok(Self { source, edits, requests, exports, types, form: Form::CommonJs })
            }
            None => Self::parse(source, Language::JavaScript),
        }
    }

    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// Its JavaScript, where requests are answered in their order.
    pub(super) fn render(&self, answers: &[Answer]) -> String {
        let mut edits = self.edits.clone();
        for (request, answer) in self.requests.iter().zip(answers) {
            request.drop_names(&self.source, &mut edits);
            let (Answer::Name(name) | Answer::CommonJs(name)) = answer else { continue };
            edits.replace(request.place.clone(), serde_json::Value::from(name.as_str()).to_string());
            if let Answer::CommonJs(_) = answer {
                request.import_default(&mut edits);
            }
        }
        edits.apply(&self.source)
    }

    /// Leaves out names of types that others export, which only they could say.
    pub(super) fn drop_exports_of_types(&mut self) {
        for name in self.requests.iter().flat_map(|request| &request.names) {
            if let (true, Some(exported)) = (name.is_dropped, &name.exported) {
                self.exports.remove(exported);
                self.types.insert(exported.clone());
            }
        }
    }
}

impl Request {
    /// One that names a module, and nothing in it.
    fn named(specifier: &str, place: Range<usize>) -> Self {
        let (specifier, names, statement) = (specifier.to_owned(), Vec::new(), None);
        Self { specifier, place, statement, names, is_star: false }
    }

    /// Imports what a module of CommonJS exports in place of a namespace.
    fn import_default(&self, edits: &mut Edits) {
        for name in self.names.iter().filter(|name| name.imported == "*") {
            if let Some(local) = &name.local {
                edits.replace(name.place.clone(), local.clone());
            }
        }
    }

    /// Whether nothing of it is left.
    pub(super) fn is_dropped(&self) -> bool {
        !self.names.is_empty() && self.names.iter().all(|name| name.is_dropped)
    }

    fn drop_names(&self, source: &str, edits: &mut Edits) {
        if self.is_dropped() {
            if let Some(statement) = &self.statement {
                edits.erase_statement(statement.clone());
            }
            return;
        }
        // Without a namespace, the comma in front of it would be left.
        for name in self.names.iter().filter(|name| name.is_dropped && name.imported != "*") {
            edits.erase(name.place.start..behind_comma(source, name.place.end));
        }
    }
}

/// What to change, imports and exports, and whether there are any.
fn analyse(source: &str, language: Language) -> Result<(Edits, Links, bool), Vec<Flaw>> {
    let allocator = Allocator::default();
    let kind = match language {
        Language::JavaScript => SourceType::mjs(),
        Language::TypeScript => SourceType::ts(),
    };
    let parsed = Parser::new(&allocator, source, kind).parse();
    let errors = parsed.diagnostics.errors().map(|error| Flaw {
        at: error.labels.first().map_or(0, |label| label.offset() as usize),
        message: error.message.to_string(),
    });
    let mut flaws: Vec<_> = errors.collect();
    if parsed.panicked || !flaws.is_empty() {
        flaws.dedup();
        return Err(flaws);
    }
    let mut links = Links::read(&parsed.program);
    let mut eraser = Eraser::new(source);
    if language == Language::TypeScript {
        eraser.visit_program(&parsed.program);
        if !eraser.flaws.is_empty() {
            return Err(eraser.flaws);
        }
        links.drop_unused(&eraser.values, source, &mut eraser.edits);
    }
    let calls = parsed.module_record.dynamic_imports.iter();
    links.requests.extend(calls.filter_map(|call| dynamic(range(call.module_request), source)));
    Ok((eraser.edits, links, parsed.module_record.has_module_syntax))
}

/// The `import()` at a place, if its module is named.
fn dynamic(place: Range<usize>, source: &str) -> Option<Request> {
    let text = &source[place.clone()];
    let specifier = text.strip_prefix(['"', '\''])?.strip_suffix(['"', '\''])?;
    Some(Request::named(specifier, place))
}

/// Behind the comma that follows, if one does.
fn behind_comma(source: &str, from: usize) -> usize {
    let rest = source[from..].trim_start();
    if rest.starts_with(',') { source.len() - rest.len() + 1 } else { from }
}

fn range(span: Span) -> Range<usize> {
    span.start as usize..span.end as usize
}

#[cfg(test)]
mod tests;
