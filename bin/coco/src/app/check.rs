//! What a node would say of an application, and which line of which file it means.

use std::{sync::Arc, time::Instant};

use coco_crypto::{Entropy, SystemEntropy};
use coco_js::{Elapsed, Modules, ScriptError, check_application};

use super::{
    flaw::{Flaw, Place},
    graph::Graph,
    metadata::Metadata,
};

/// What a node finds wrong.
#[derive(Default)]
pub(super) struct Findings {
    /// It is not installed.
    pub(super) modules: Vec<Flaw>,
    /// Endpoints cannot be called.
    pub(super) endpoints: Vec<Flaw>,
}

/// What is wrong with it.
pub(super) fn findings(metadata: &Metadata, graph: &Graph) -> Findings {
    let texts = graph.texts();
    let modules: Modules =
        texts.into_iter().map(|(name, text)| (format!("/{name}"), Arc::from(text))).collect();
    let began = Instant::now();
    let elapsed: Elapsed = Arc::new(move || u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX));
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let mut findings = Findings::default();
    for flaw in check_application(&metadata.endpoints, &modules, &elapsed, &entropy) {
        match flaw {
            coco_js::Flaw::Module(error) => {
                let whole = || Flaw { file: "src".into(), place: None, message: error.message.clone() };
                findings.modules.push(at(graph, &error, None).unwrap_or_else(whole));
            }
            coco_js::Flaw::Endpoint { route, error } => {
                let named = || metadata.flaw(&route, property(&error.message), &error.message);
                findings.add(at(graph, &error, Some(&route)).unwrap_or_else(named));
            }
        }
    }
    findings
}

impl Findings {
    /// What a module does wrong is told once, for the first endpoint.
    fn add(&mut self, flaw: Flaw) {
        let is_known = |known: &Flaw| known.file == flaw.file && known.place == flaw.place;
        if flaw.place.is_none() || !self.endpoints.iter().any(is_known) {
            self.endpoints.push(flaw);
        }
    }
}

/// The flaw at the place that a trace names.
fn at(graph: &Graph, error: &ScriptError, route: Option<&str>) -> Option<Flaw> {
    let (name, place) = error.trace.as_deref()?.lines().find_map(|line| {
        let (name, place) = place(line)?;
        graph.modules.contains_key(name).then_some((name, place))
    })?;
    let message = error.message.strip_prefix(&format!("/{name}: ")).unwrap_or(&error.message);
    let message = match route {
        Some(route) => format!("{route}: {message}"),
        None => message.to_owned(),
    };
    Some(Flaw { file: graph.modules[name].file.clone(), place: Some(place), message })
}

/// Of a line of a trace: `at f (/a.js:1:2)` or `at /a.js:1:2`.
fn place(line: &str) -> Option<(&str, Place)> {
    let place = line.trim().strip_prefix("at ")?;
    let place = place.rsplit_once('(').map_or(place, |(_, place)| place).trim_end_matches(')');
    let (rest, column) = place.rsplit_once(':')?;
    let (name, line) = rest.rsplit_once(':')?;
    Some((name.strip_prefix('/')?, Place { line: line.parse().ok()?, column: column.parse().ok()? }))
}

/// The property of an endpoint that a refusal is about.
fn property(message: &str) -> &'static str {
    if message.contains("auth policy") {
        "authn_policies"
    } else if message.contains("export '") || message.starts_with("Export '") {
        "js_function"
    } else {
        "js_module"
    }
}
