//! Endpoints as the table `endpoints` describes them.

use std::sync::Arc;

use coco_app::{EndpointMode, Forwarding, Method, Policy, Redirection, Terms, Weight};
use coco_tables::{
    Context,
    scripts::{EndpointProperties, ForwardingRequired, Mode, RedirectionStrategy},
};
use serde_json::Value;

/// First path element of applications.
pub(crate) const MOUNT: &str = "/app";

/// Longest wait for commit, as long as clients may ask for it by `Prefer: wait`.
const MAX_AT_COMMIT_MS: u64 = 60_000;

/// An endpoint that the members installed.
pub(crate) struct Endpoint {
    /// Its method.
    pub(crate) method: Method,
    /// `METHOD /path/{template}`
    pub(crate) route: Arc<str>,
    /// Path with the mount, as the interface offers it.
    pub(crate) full_path: String,
    /// Names of its path parameters.
    pub(crate) parameters: Vec<String>,
    /// The rest of it, or why it cannot be called.
    pub(crate) definition: Result<Definition, InvalidEndpoint>,
}

/// What is asked of an endpoint and what it does.
pub(crate) struct Definition {
    /// What it accepts as proof, in order.
    pub(crate) policies: Vec<Policy>,
    /// How it takes calls.
    pub(crate) terms: Terms,
    /// What nodes do on interfaces that redirect.
    pub(crate) redirection: Redirection,
    /// What its script may do with tables.
    pub(crate) rights: Context,
    /// Name of the module, which begins with a slash.
    pub(crate) module: String,
    /// Name of the function that the module exports.
    pub(crate) function: String,
    /// Calls of the same key share interpreters; without, each has its own.
    pub(crate) reuse: Option<String>,
    /// Its part of the OpenAPI document; none hides it.
    pub(crate) openapi: Option<Value>,
}

/// Why an endpoint cannot be called. Clients are told, in CCF's words (`include/ccf/endpoints/authentication/js.h`).
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvalidEndpoint {
    /// What is stored is not the JSON of an endpoint.
    #[error("The endpoint cannot be read: {0}")]
    Malformed(#[from] serde_json::Error),
    /// There is no policy of that name.
    #[error("Unknown auth policy: {0}")]
    UnknownPolicy(String),
    /// A policy is no name and no list of names.
    #[error(
        "Unsupported auth policy. Policies must be either a string, or an object containing an \"all_of\" key with \
         list-of-strings value. Unsupported value: {0}"
    )]
    PolicyForm(Value),
}

impl Endpoint {
    /// Reads a row of the table: `METHOD /path`, and JSON. None if there is no such method.
    pub(crate) fn read(key: &[u8], value: &[u8]) -> Option<Self> {
        let (method, path) = str::from_utf8(key).ok()?.split_once(' ')?;
        Some(Self {
            method: Method::parse(method.as_bytes())?,
            route: format!("{method} {path}").into(),
            full_path: format!("{MOUNT}{path}"),
            parameters: parameter_names(path),
            definition: Definition::read(value),
        })
    }

    /// Path under the mount.
    pub(crate) fn path(&self) -> &str {
        &self.full_path[MOUNT.len()..]
    }
}

impl Definition {
    fn read(value: &[u8]) -> Result<Self, InvalidEndpoint> {
        let properties: EndpointProperties = serde_json::from_slice(value)?;
        let policies = properties.authn_policies.iter().map(policy).collect::<Result<_, _>>()?;
        let (mode, rights) = match properties.mode {
            Mode::ReadWrite => (EndpointMode::Write, Context::Application),
            Mode::ReadOnly => (EndpointMode::Read, Context::ApplicationReadOnly),
            Mode::Historical => (EndpointMode::Historical, Context::ApplicationReadOnly),
        };
        let forwarding = match properties.forwarding_required {
            ForwardingRequired::Sometimes => Forwarding::Sometimes,
            ForwardingRequired::Always => Forwarding::Always,
            ForwardingRequired::Never => Forwarding::Never,
        };
        let redirection = match properties.redirection_strategy {
            RedirectionStrategy::None => Redirection::None,
            RedirectionStrategy::ToPrimary => Redirection::ToPrimary,
            RedirectionStrategy::ToBackup => Redirection::ToBackup,
        };
        let at_commit_ms = properties.at_commit_ms.map(|ms| ms.min(MAX_AT_COMMIT_MS));
        let EndpointProperties { js_module: module, js_function: function, openapi, .. } = properties;
        Ok(Self {
            policies,
            terms: Terms { mode, weight: Weight::Heavy, at_commit_ms, at_commit_if: None, forwarding },
            redirection,
            rights,
            module: if module.starts_with('/') { module } else { format!("/{module}") },
            function,
            reuse: properties.interpreter_reuse.map(|reuse| reuse.key),
            openapi: (!properties.openapi_hidden).then_some(openapi),
        })
    }
}

/// Policies that endpoints may name.
const POLICIES: [Policy; 7] = [
    Policy::UserCert,
    Policy::MemberCert,
    Policy::AnyCert,
    Policy::UserCoseSign1,
    Policy::MemberCoseSign1,
    Policy::Jwt,
    Policy::NoAuth,
];

/// Reads an element of `authn_policies`: a name, or `{"all_of": [names]}`.
fn policy(description: &Value) -> Result<Policy, InvalidEndpoint> {
    let named = |name: &str| {
        let policy = POLICIES.into_iter().find(|policy| policy.name() == name);
        policy.ok_or_else(|| InvalidEndpoint::UnknownPolicy(name.to_owned()))
    };
    if let Value::String(name) = description {
        return named(name);
    }
    let form = || InvalidEndpoint::PolicyForm(description.clone());
    let names = description.get("all_of").and_then(Value::as_array).filter(|names| !names.is_empty());
    let policies = names.ok_or_else(form)?.iter().map(|name| named(name.as_str().ok_or_else(form)?));
    Ok(Policy::all_of(policies.collect::<Result<Vec<_>, _>>()?))
}

fn parameter_names(path: &str) -> Vec<String> {
    let parts = path.split('{').skip(1);
    parts.filter_map(|part| part.split_once('}')).map(|(name, _)| name.to_owned()).collect()
}
