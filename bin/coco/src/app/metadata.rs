//! `app.json`, and where in it everything is.

use std::{collections::BTreeMap, path::PathBuf};

use coco_app::Method;
use coco_tables::scripts::{ForwardingRequired, InterpreterReuse, Mode, RedirectionStrategy};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, value::RawValue};

use super::flaw::{Flaw, Place};

/// Content of `app.json`.
#[derive(Debug)]
pub(super) struct Metadata {
    /// As it goes into the bundle.
    pub(super) value: Value,
    /// By `METHOD /path`.
    pub(super) endpoints: BTreeMap<String, Value>,
    /// Bytes of endpoints and, with their names behind a dot, of their properties.
    places: BTreeMap<String, usize>,
    file: PathBuf,
    text: String,
}

type Members<'a> = BTreeMap<String, &'a RawValue>;

/// Says whether a value has the type of its property.
type Check = fn(&str) -> Result<(), serde_json::Error>;

/// Properties of endpoints, and which must be there.
const PROPERTIES: [(&str, Check, bool); 10] = [
    ("js_module", is::<String>, true),
    ("js_function", is::<String>, true),
    ("forwarding_required", is::<ForwardingRequired>, true),
    ("authn_policies", is::<Vec<Value>>, true),
    ("mode", is::<Mode>, true),
    ("redirection_strategy", is::<RedirectionStrategy>, false),
    ("openapi", is::<Map<String, Value>>, false),
    ("openapi_hidden", is::<bool>, false),
    ("interpreter_reuse", is::<InterpreterReuse>, false),
    ("at_commit_ms", is::<u64>, false),
];

impl Metadata {
    /// Reads it and says what no service takes.
    pub(super) fn read(file: PathBuf, text: String) -> Result<Self, Vec<Flaw>> {
        let value = match serde_json::from_str(&text) {
            Ok(value) => value,
            Err(error) => {
                let place = Some(Place { line: error.line(), column: error.column() });
                return Err(vec![Flaw { file, place, message: bare(&error) }]);
            }
        };
        let mut metadata = Self { value, endpoints: BTreeMap::new(), places: BTreeMap::new(), file, text };
        let text = metadata.text.clone();
        let mut reader = Reader { metadata: &mut metadata, text: &text, flaws: Vec::new() };
        reader.all();
        let mut flaws = reader.flaws;
        flaws.sort_by_key(|flaw| flaw.place);
        if flaws.is_empty() { Ok(metadata) } else { Err(flaws) }
    }

    /// Something wrong with an endpoint, or with a property of it.
    pub(super) fn flaw(&self, route: &str, property: &str, message: &str) -> Flaw {
        let at = self.places.get(&format!("{route}.{property}")).or_else(|| self.places.get(route));
        let place = at.map(|at| Place::of(&self.text, *at));
        Flaw { file: self.file.clone(), place, message: format!("{route}: {message}") }
    }
}

struct Reader<'m, 't> {
    metadata: &'m mut Metadata,
    text: &'t str,
    flaws: Vec<Flaw>,
}

impl<'t> Reader<'_, 't> {
    fn all(&mut self) {
        let Some(top) = self.members(self.text, 0, "app.json") else { return };
        for (name, value) in &top {
            if name != "endpoints" {
                let message = format!("unknown property `{name}`; there is: endpoints");
                self.refuse(self.at(value), message);
            }
        }
        let Some(endpoints) = top.get("endpoints") else {
            self.refuse(0, "`endpoints` is missing".to_owned());
            return;
        };
        let Some(paths) = self.members(endpoints.get(), self.at(endpoints), "`endpoints`") else { return };
        for (path, methods) in paths {
            let at = self.at(methods);
            if !path.starts_with('/') {
                self.refuse(at, format!("path `{path}` does not begin with a slash"));
                continue;
            }
            for (method, endpoint) in self.members(methods.get(), at, &path).into_iter().flatten() {
                self.endpoint(&format!("{} {path}", method.to_uppercase()), endpoint);
            }
        }
    }

    fn endpoint(&mut self, route: &str, endpoint: &'t RawValue) {
        let at = self.at(endpoint);
        let method = route.split(' ').next().unwrap_or_default();
        if Method::parse(method.as_bytes()).is_none() {
            self.refuse(at, format!("{route}: there is no such method"));
            return;
        }
        let Some(properties) = self.members(endpoint.get(), at, route) else { return };
        self.metadata.places.insert(route.to_owned(), at);
        for (name, value) in &properties {
            let at = self.at(value);
            self.metadata.places.insert(format!("{route}.{name}"), at);
            match PROPERTIES.iter().find(|(known, ..)| known == name) {
                None => {
                    let known = PROPERTIES.map(|(known, ..)| known).join(", ");
                    self.refuse(at, format!("{route}: unknown property `{name}`; there are: {known}"));
                }
                Some((_, check, _)) => {
                    if let Err(error) = check(value.get()) {
                        self.refuse(at, format!("{route}: `{name}`: {}", bare(&error)));
                    }
                }
            }
        }
        for (name, _, needed) in PROPERTIES {
            if needed && !properties.contains_key(name) {
                self.refuse(at, format!("{route}: `{name}` is missing"));
            }
        }
        let value = serde_json::from_str(endpoint.get()).unwrap_or_default();
        self.metadata.endpoints.insert(route.to_owned(), value);
    }

    fn members(&mut self, text: &'t str, at: usize, what: &str) -> Option<Members<'t>> {
        let members = serde_json::from_str(text).ok();
        if members.is_none() {
            self.refuse(at, format!("{what}: not an object"));
        }
        members
    }

    /// Where a value of the text is.
    fn at(&self, value: &RawValue) -> usize {
        (value.get().as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize)
    }

    fn refuse(&mut self, at: usize, message: String) {
        let place = Some(Place::of(self.text, at));
        self.flaws.push(Flaw { file: self.metadata.file.clone(), place, message });
    }
}

fn is<T: DeserializeOwned>(text: &str) -> Result<(), serde_json::Error> {
    serde_json::from_str::<T>(text).map(drop)
}

/// What is wrong, without the place, which is told in another way.
fn bare(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(message, _)| message.to_owned())
}
