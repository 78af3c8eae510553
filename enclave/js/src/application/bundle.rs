//! What the members installed: endpoints and modules, read once for each content of their tables.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use coco_app::{Method, endpoint::match_template};
use coco_kv::{Reader as _, Snapshot, Stamp, Tx};
use coco_tables::scripts::{ApplicationTables, RuntimeOptions};
use coco_wire::TableName;

use super::{endpoint::Endpoint, printed::Edition};
use crate::modules::{Compiled, Modules};

/// An application at one content of its tables.
#[derive(Default)]
pub(crate) struct Bundle {
    /// Endpoints of paths without parameters.
    fixed: BTreeMap<String, Vec<Arc<Endpoint>>>,
    /// Endpoints of paths with parameters.
    templates: BTreeMap<String, Vec<Arc<Endpoint>>>,
    /// By `METHOD /path`.
    routes: BTreeMap<Arc<str>, Arc<Endpoint>>,
    /// What its scripts may import.
    pub(crate) modules: Arc<Modules>,
    /// The same, as far as it was compiled.
    pub(crate) compiled: Arc<Compiled>,
}

/// What a path leads to.
pub(crate) enum Found {
    /// An endpoint, and the values of its path parameters as sent.
    Endpoint(Arc<Endpoint>, Vec<String>),
    /// The path has endpoints, but not of this method; those it has.
    OtherMethods(Vec<Method>),
    /// More than one template fits.
    Ambiguous(Vec<String>),
    /// Nothing.
    Nothing,
}

impl Bundle {
    /// Modules without endpoints.
    pub(crate) fn of_modules(modules: &Modules) -> Self {
        Self { modules: Arc::new(modules.clone()), ..Self::default() }
    }

    fn read(tables: &ApplicationTables, state: &Snapshot) -> Self {
        let mut bundle = Self::default();
        for (key, value) in state.iter(tables.endpoints.name()) {
            if let Some(endpoint) = Endpoint::read(key, value) {
                bundle.install(Arc::new(endpoint));
            }
        }
        let modules = state.iter(tables.modules.name()).filter_map(|(name, source)| {
            Some((str::from_utf8(name).ok()?.to_owned(), str::from_utf8(source).ok()?.into()))
        });
        bundle.modules = Arc::new(modules.collect());
        bundle
    }

    fn install(&mut self, endpoint: Arc<Endpoint>) {
        let path = endpoint.path().to_owned();
        let paths = if path.contains('{') { &mut self.templates } else { &mut self.fixed };
        paths.entry(path).or_default().push(endpoint.clone());
        self.routes.insert(endpoint.route.clone(), endpoint);
    }

    /// The endpoint of a call's route.
    pub(crate) fn by_route(&self, route: &str) -> Option<&Arc<Endpoint>> {
        self.routes.get(route)
    }

    /// All endpoints in the order of their routes.
    pub(crate) fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        self.routes.values().map(|endpoint| &**endpoint)
    }

    /// The endpoint for a method and a path under the mount.
    pub(crate) fn find(&self, method: Method, path: &str) -> Found {
        let mut others = Vec::new();
        let mut of_method = |endpoints: &[Arc<Endpoint>]| {
            others.extend(endpoints.iter().map(|endpoint| endpoint.method));
            endpoints.iter().find(|endpoint| endpoint.method == method).cloned()
        };
        if let Some(endpoint) = self.fixed.get(path).and_then(|endpoints| of_method(endpoints)) {
            return Found::Endpoint(endpoint, Vec::new());
        }
        let mut matches = Vec::new();
        for (template, endpoints) in &self.templates {
            if let Some(parameters) = match_template(template, path)
                && let Some(endpoint) = of_method(endpoints)
            {
                matches.push((endpoint, parameters));
            }
        }
        match matches.len() {
            0 if others.is_empty() => Found::Nothing,
            0 => Found::OtherMethods(others),
            1 => {
                let (endpoint, parameters) = matches.remove(0);
                Found::Endpoint(endpoint, parameters)
            }
            _ => Found::Ambiguous(matches.iter().map(|(endpoint, _)| endpoint.path().to_owned()).collect()),
        }
    }
}

/// The last bundle and the last limits that were read.
pub(crate) struct Installed {
    tables: ApplicationTables,
    bundle: Mutex<Option<([Stamp; 3], Arc<Bundle>)>>,
    options: Mutex<Option<(Stamp, Arc<RuntimeOptions>)>>,
}

impl Installed {
    pub(crate) fn new(tables: ApplicationTables) -> Self {
        Self { tables, bundle: Mutex::default(), options: Mutex::default() }
    }

    /// The application in a state, to find endpoints by.
    pub(crate) fn at(&self, state: &Snapshot) -> Arc<Bundle> {
        self.kept(self.edition(state).stamps, state)
    }

    /// Which application a state has.
    pub(crate) fn edition(&self, state: &Snapshot) -> Edition {
        let stamps = self.names().map(|table| state.stamp(table));
        Edition { stamps, version: state.version() }
    }

    /// The application of a transaction, which conflicts with whatever changes it.
    pub(crate) fn of(&self, tx: &mut Tx) -> Arc<Bundle> {
        let stamps = self.names().map(|table| tx.stamp(table));
        self.kept(stamps, tx.snapshot())
    }

    /// Tables of an application. The last is written when what interpreters keep must be forgotten, even if the modules
    /// are the same.
    fn names(&self) -> [&TableName; 3] {
        [self.tables.endpoints.name(), self.tables.modules.name(), self.tables.interpreter_flush.name()]
    }

    fn kept(&self, stamps: [Stamp; 3], state: &Snapshot) -> Arc<Bundle> {
        let mut kept = self.bundle.lock().unwrap_or_else(PoisonError::into_inner);
        match &*kept {
            Some((known, bundle)) if *known == stamps => bundle.clone(),
            _ => {
                let bundle = Arc::new(Bundle::read(&self.tables, state));
                *kept = Some((stamps, bundle.clone()));
                bundle
            }
        }
    }

    /// The limits in force. What cannot be read is as if it were not there.
    pub(crate) fn options(&self, tx: &mut Tx) -> Arc<RuntimeOptions> {
        let stamp = tx.stamp(self.tables.runtime_options.name());
        let mut kept = self.options.lock().unwrap_or_else(PoisonError::into_inner);
        match &*kept {
            Some((known, options)) if *known == stamp => options.clone(),
            _ => {
                let options = self.tables.runtime_options.get(tx.snapshot()).ok().flatten();
                let options = Arc::new(options.unwrap_or_default());
                *kept = Some((stamp, options.clone()));
                options
            }
        }
    }
}
