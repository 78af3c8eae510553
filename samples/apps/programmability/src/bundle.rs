//! Endpoints and modules that belong together, as JSON and as rows.

use std::collections::BTreeMap;

use coco_app::{Method, Reject};
use coco_js::Modules;
use coco_kv::{Malformed, Tx};
use coco_tables::scripts::{ApplicationTables, EndpointProperties};
use serde::{Deserialize, Serialize};

/// An application in JavaScript. Source: CCF `include/ccf/js/bundle.h`.
#[derive(Serialize, Deserialize)]
pub(crate) struct Bundle {
    metadata: Metadata,
    modules: Vec<Module>,
}

#[derive(Serialize, Deserialize)]
struct Metadata {
    /// By path and method.
    endpoints: BTreeMap<String, BTreeMap<String, EndpointProperties>>,
}

#[derive(Serialize, Deserialize)]
struct Module {
    name: String,
    /// Its source.
    module: String,
}

/// The name under which a module is kept.
pub(crate) fn rooted(name: &str) -> String {
    if name.starts_with('/') { name.to_owned() } else { format!("/{name}") }
}

impl Bundle {
    /// What is installed.
    pub(crate) fn installed(tables: &ApplicationTables, tx: &Tx) -> Result<Self, Malformed> {
        let mut endpoints: BTreeMap<String, BTreeMap<_, _>> = BTreeMap::new();
        for row in tables.endpoints.iter(tx) {
            let (route, properties) = row?;
            let malformed = || Malformed { table: tables.endpoints.name().clone() };
            let (method, path) = route.split_once(' ').ok_or_else(malformed)?;
            endpoints.entry(path.to_owned()).or_default().insert(method.to_owned(), properties);
        }
        let modules = tables.modules.iter(tx).map(|row| row.map(|(name, module)| Module { name, module }));
        let mut modules: Vec<_> = modules.collect::<Result<_, _>>()?;
        // Those of a folder before those of folders in it.
        modules.sort_by_key(|module| module.name.matches('/').count());
        Ok(Self { metadata: Metadata { endpoints }, modules })
    }

    /// The modules by the names under which they are kept.
    pub(crate) fn modules(&self) -> Modules {
        self.modules.iter().map(|module| (rooted(&module.name), module.module.as_str().into())).collect()
    }

    /// Replaces what is installed.
    pub(crate) fn install(&self, tables: &ApplicationTables, tx: &mut Tx) -> Result<(), Reject> {
        tables.endpoints.clear(tx);
        for (path, methods) in &self.metadata.endpoints {
            for (method, properties) in methods {
                let method = method.to_ascii_uppercase();
                if Method::parse(method.as_bytes()).is_none() || !path.starts_with('/') {
                    let message = format!("No endpoint can be {method} {path}");
                    return Err(Reject::invalid_input(message));
                }
                tables.endpoints.put(tx, &format!("{method} {path}"), properties);
            }
        }
        tables.modules.clear(tx);
        for Module { name, module } in &self.modules {
            tables.modules.put(tx, &rooted(name), module);
        }
        tables.interpreter_flush.put(tx, &true);
        Ok(())
    }
}
