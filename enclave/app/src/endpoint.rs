//! Endpoints of a REST adapter: what each accepts, how it runs and how it is described.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    adapter::{Call, Weight},
    context::Context,
    error::Reject,
    openapi::Description,
    policy::Policy,
    request::{Method, Response},
};

/// What a node that is not the primary does with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Forwarding {
    /// Sends it to the primary if an earlier call of the session was sent there.
    Sometimes,
    /// Sends it to the primary.
    Always,
    /// Executes it.
    Never,
}

/// What a node does with a call on an interface that redirects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Redirection {
    /// Executes it.
    None,
    /// Sends the client to the primary.
    ToPrimary,
    /// Sends the client to a backup.
    ToBackup,
}

/// How an endpoint runs; the transaction of a historical call is in its query or header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointMode {
    /// May write.
    Write,
    /// Reads the latest state.
    Read,
    /// Is answered with what the host has, files or evidence of what runs: there is no state of it that could be fresher.
    Host,
    /// Reads one committed transaction, named by the query parameter `transaction_id`, in the manner of CCF's own endpoints.
    Receipt,
    /// Reads one committed transaction, named by the header `x-ms-ccf-transaction-id`.
    Historical,
}

/// What an endpoint does.
pub type Handler = Arc<dyn Fn(&Call, &mut Context<'_>) -> Result<Response, Reject> + Send + Sync>;

/// One operation.
#[derive(Clone)]
pub struct Endpoint {
    /// Its method.
    pub method: Method,
    /// Path under the adapter's mount, such as `/log/private/raw_text/{id}`.
    pub path: &'static str,
    /// Identities accepted, tried in order; none means everyone.
    pub policies: Vec<Policy>,
    /// How it runs.
    pub mode: EndpointMode,
    /// Where it runs.
    pub weight: Weight,
    /// Longest wait, in milliseconds, of an endpoint that answers at commit.
    pub at_commit_ms: Option<u64>,
    /// Boolean query parameter by which a client asks for the answer at commit; none if that is not left to it.
    pub at_commit_if: Option<&'static str>,
    /// What other nodes than the primary do.
    pub forwarding: Forwarding,
    /// The same on interfaces that redirect.
    pub redirection: Redirection,
    /// How it is described in the OpenAPI document; none hides it.
    pub description: Option<Description>,
    /// What it does.
    pub handler: Handler,
}

impl Endpoint {
    /// An endpoint that may write.
    #[must_use]
    pub fn write(
        method: Method,
        path: &'static str,
        policies: &[Policy],
        handler: impl Fn(&Call, &mut Context<'_>) -> Result<Response, Reject> + Send + Sync + 'static,
    ) -> Self {
        Self {
            method,
            path,
            policies: policies.to_vec(),
            mode: EndpointMode::Write,
            weight: Weight::Light,
            at_commit_ms: None,
            at_commit_if: None,
            forwarding: Forwarding::Always,
            redirection: Redirection::ToPrimary,
            description: Some(Description::default()),
            handler: Arc::new(handler),
        }
    }

    /// An endpoint that only reads.
    #[must_use]
    pub fn read(
        method: Method,
        path: &'static str,
        policies: &[Policy],
        handler: impl Fn(&Call, &mut Context<'_>) -> Result<Response, Reject> + Send + Sync + 'static,
    ) -> Self {
        Self {
            mode: EndpointMode::Read,
            forwarding: Forwarding::Sometimes,
            redirection: Redirection::None,
            ..Self::write(method, path, policies, handler)
        }
    }

    /// Changes how it runs.
    #[must_use]
    pub fn mode(self, mode: EndpointMode) -> Self {
        Self { mode, ..self }
    }

    /// Runs it on an execution thread.
    #[must_use]
    pub fn heavy(self) -> Self {
        Self { weight: Weight::Heavy, ..self }
    }

    /// Changes what other nodes than the primary do.
    #[must_use]
    pub fn forwarding(self, forwarding: Forwarding) -> Self {
        Self { forwarding, ..self }
    }

    /// Changes what nodes do on interfaces that redirect.
    #[must_use]
    pub fn redirection(self, redirection: Redirection) -> Self {
        Self { redirection, ..self }
    }

    /// Answers at commit if the query parameter of this name is `true`.
    #[must_use]
    pub fn at_commit_if(self, parameter: &'static str, within_ms: u64) -> Self {
        Self { at_commit_if: Some(parameter), ..self.at_commit(within_ms) }
    }

    /// Answers at commit, or after this many milliseconds.
    #[must_use]
    pub fn at_commit(self, within_ms: u64) -> Self {
        Self { at_commit_ms: Some(within_ms), ..self }
    }

    /// Describes it.
    #[must_use]
    pub fn describe(self, description: Description) -> Self {
        Self { description: Some(description), ..self }
    }

    /// Leaves it out of the OpenAPI document.
    #[must_use]
    pub fn hidden(self) -> Self {
        Self { description: None, ..self }
    }

    /// The call's route.
    #[must_use]
    pub fn route(&self) -> Arc<str> {
        format!("{} {}", self.method, self.path).into()
    }
}

/// What a path leads to.
pub enum Found<'a> {
    /// An endpoint, and the values of its path parameters as sent.
    Endpoint(&'a Installed, Vec<String>),
    /// The path has endpoints, but not of this method; those it has.
    OtherMethods(Vec<Method>),
    /// More than one template fits.
    Ambiguous(Vec<&'static str>),
    /// Nothing.
    Nothing,
}

/// An endpoint with its route.
pub struct Installed {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// Its route.
    pub route: Arc<str>,
    /// Its path with the mount.
    pub full_path: String,
}

/// All endpoints of an adapter.
pub struct Router {
    mount: &'static str,
    endpoints: Vec<Installed>,
    fixed: BTreeMap<&'static str, Vec<usize>>,
    templates: BTreeMap<&'static str, Vec<usize>>,
    routes: BTreeMap<Arc<str>, usize>,
}

impl Router {
    /// No endpoints, under this first path element, such as `/app`.
    #[must_use]
    pub fn new(mount: &'static str) -> Self {
        Self {
            mount,
            endpoints: Vec::new(),
            fixed: BTreeMap::new(),
            templates: BTreeMap::new(),
            routes: BTreeMap::new(),
        }
    }

    /// Adds an endpoint; one with the same method and path is replaced.
    pub fn install(&mut self, endpoint: Endpoint) {
        let route = endpoint.route();
        if let Some(&at) = self.routes.get(&route) {
            self.endpoints[at].endpoint = endpoint;
            return;
        }
        let at = self.endpoints.len();
        let paths = if endpoint.path.contains('{') { &mut self.templates } else { &mut self.fixed };
        paths.entry(endpoint.path).or_default().push(at);
        self.routes.insert(route.clone(), at);
        let full_path = format!("{}{}", self.mount, endpoint.path);
        self.endpoints.push(Installed { endpoint, route, full_path });
    }

    /// All endpoints in the order of their paths: first those without, then those with path parameters.
    pub fn iter(&self) -> impl Iterator<Item = &Endpoint> {
        self.fixed.values().chain(self.templates.values()).flatten().map(|at| &self.endpoints[*at].endpoint)
    }

    /// The endpoint of a route.
    #[must_use]
    pub fn by_route(&self, route: &str) -> Option<&Endpoint> {
        self.routes.get(route).map(|at| &self.endpoints[*at].endpoint)
    }

    /// The endpoint for a method and a path under the mount.
    #[must_use]
    pub fn find(&self, method: Method, path: &str) -> Found<'_> {
        let mut others = Vec::new();
        if let Some(at) = self.of_method(self.fixed.get(path), method, &mut others) {
            return Found::Endpoint(at, Vec::new());
        }
        let mut matches = Vec::new();
        for (template, endpoints) in &self.templates {
            let Some(parameters) = match_template(template, path) else { continue };
            if let Some(at) = self.of_method(Some(endpoints), method, &mut others) {
                matches.push((at, parameters));
            }
        }
        match (matches.len(), others.is_empty()) {
            (0, true) => Found::Nothing,
            (0, false) => {
                others.sort_unstable();
                others.dedup();
                Found::OtherMethods(others)
            }
            (1, _) => {
                let (at, parameters) = matches.remove(0);
                Found::Endpoint(at, parameters)
            }
            _ => Found::Ambiguous(matches.iter().map(|(at, _)| at.endpoint.path).collect()),
        }
    }

    fn of_method(
        &self,
        endpoints: Option<&Vec<usize>>,
        method: Method,
        others: &mut Vec<Method>,
    ) -> Option<&Installed> {
        for at in endpoints.into_iter().flatten() {
            let installed = &self.endpoints[*at];
            if installed.endpoint.method == method {
                return Some(installed);
            }
            others.push(installed.endpoint.method);
        }
        None
    }
}

/// Values of the parameters if `path` fits `template`. A parameter matches one or more characters other than `/`, and
/// may have text around it, as in `{id}:submit`.
#[must_use]
pub fn match_template(template: &str, path: &str) -> Option<Vec<String>> {
    let mut parameters = Vec::new();
    let mut patterns = template.split('/');
    let mut segments = path.split('/');
    loop {
        match (patterns.next(), segments.next()) {
            (None, None) => return Some(parameters),
            (Some(pattern), Some(segment)) => {
                let (Some(open), Some(close)) = (pattern.find('{'), pattern.find('}')) else {
                    if pattern != segment {
                        return None;
                    }
                    continue;
                };
                let value = segment.strip_prefix(&pattern[..open])?.strip_suffix(&pattern[close + 1..])?;
                if value.is_empty() {
                    return None;
                }
                parameters.push(value.to_owned());
            }
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests;
