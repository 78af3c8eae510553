//! An application before it is proposed: what a node would say of it, without one.

use std::{collections::BTreeMap, sync::Arc};

use coco_crypto::Entropy;
use coco_kv::{Store, Tx};
use serde_json::Value;

use super::{
    Extension,
    bundle::Bundle,
    endpoint::Endpoint,
    machine::{Allowance, Failure, Machine},
    pool::{Key, Kind},
};
use crate::{
    Capabilities, Limits, Modules,
    clock::Elapsed,
    compile::check_modules,
    error::{ErrorKind, ScriptError},
    modules::Compiled,
};

/// What is wrong with an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// A module is not JavaScript: `set_js_app` fails.
    Module(ScriptError),
    /// An endpoint cannot be called. Callers are told why, in these words.
    Endpoint {
        /// `METHOD /path`
        route: String,
        /// Why.
        error: ScriptError,
    },
}

/// Says what calls of each endpoint would meet: compiles all modules, evaluates those that endpoints name, where all
/// tables are empty, and looks for the functions. Endpoints are as `app.json` has them, by `METHOD /path`.
#[must_use]
pub fn check_application(
    endpoints: &BTreeMap<String, Value>,
    modules: &Modules,
    elapsed: &Elapsed,
    entropy: &Arc<dyn Entropy>,
) -> Vec<Flaw> {
    let limits = Limits::default();
    let allowance = Allowance { limits, elapsed: elapsed.clone() };
    let capabilities =
        Capabilities { deadline: allowance.deadline(limits), entropy: entropy.clone(), untrusted_now_ms: 0 };
    if let Err(error) = check_modules(modules, &capabilities) {
        return vec![Flaw::Module(error)];
    }
    let bundle = Arc::new(Bundle::of_modules(modules));
    let prelude = Compiled::default();
    let mut flaws = Vec::new();
    for (route, properties) in endpoints {
        let Some(endpoint) = Endpoint::read(route.as_bytes(), properties.to_string().as_bytes()) else {
            let error = ScriptError::new(ErrorKind::Load, "there is no such method");
            flaws.push(Flaw::Endpoint { route: route.clone(), error });
            continue;
        };
        if let Err(error) = callable(&endpoint, &bundle, &allowance, entropy, &prelude) {
            flaws.push(Flaw::Endpoint { route: route.clone(), error });
        }
    }
    flaws
}

/// Whether there is a function to call.
fn callable(
    endpoint: &Endpoint,
    bundle: &Arc<Bundle>,
    allowance: &Allowance,
    entropy: &Arc<dyn Entropy>,
    prelude: &Compiled,
) -> Result<(), ScriptError> {
    let definition =
        endpoint.definition.as_ref().map_err(|error| ScriptError::new(ErrorKind::Load, error.to_string()))?;
    let key = Key { kind: Kind::Undone(definition.module.clone()), rights: definition.rights };
    let mut machine =
        Machine::fresh(bundle, &key, allowance, entropy.clone(), prelude, Extension::default())?;
    let nothing = Tx::new(Store::new().latest());
    machine.find_function(definition, nothing, allowance).map_err(|failure| match failure {
        Failure::Load(message, error) => {
            let trace = error.and_then(|error| error.trace);
            ScriptError { trace, ..ScriptError::new(ErrorKind::Load, message) }
        }
        Failure::Script(error) => error,
        Failure::Result(message, error) => {
            error.unwrap_or_else(|| ScriptError::new(ErrorKind::Result, message))
        }
    })
}
