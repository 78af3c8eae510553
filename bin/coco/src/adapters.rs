//! The applications that an executable carries: the one list of plug-ins.

use std::sync::Arc;

use coco_app::Adapter;

/// Applications by name.
#[derive(Clone, Default)]
pub struct Adapters {
    plugins: Vec<Plugin>,
}

#[derive(Clone)]
struct Plugin {
    name: &'static str,
    build: fn() -> Arc<dyn Adapter>,
}

/// Names of applications that a later version will have.
const PLANNED: [&str; 2] = ["js_generic", "ethereum"];

/// A name that no application has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownApp {
    /// It is not known at all.
    #[error("there is no application `{name}`; there is: {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is, joined by commas.
        known: String,
    },
    /// A later version will have it.
    #[error("the application `{name}` is not part of this version yet; there is: {known}")]
    Planned {
        /// What was asked for.
        name: String,
        /// What there is, joined by commas.
        known: String,
    },
}

impl Adapters {
    /// No applications.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Those that `coco` is shipped with.
    #[must_use]
    pub fn shipped() -> Self {
        Self::none().with("logging", || Arc::new(coco_sample_logging::adapter()))
    }

    /// Adds an application. An executable called by its name runs a node with it.
    #[must_use]
    pub fn with(mut self, name: &'static str, build: fn() -> Arc<dyn Adapter>) -> Self {
        self.plugins.push(Plugin { name, build });
        self
    }

    /// The application of a name.
    ///
    /// # Errors
    /// If there is none.
    pub fn find(&self, name: &str) -> Result<Arc<dyn Adapter>, UnknownApp> {
        if let Some(plugin) = self.plugins.iter().find(|plugin| plugin.name == name) {
            return Ok((plugin.build)());
        }
        let names: Vec<_> = self.plugins.iter().map(|plugin| plugin.name).collect();
        let (name, known) = (name.to_owned(), names.join(", "));
        if PLANNED.contains(&name.as_str()) {
            return Err(UnknownApp::Planned { name, known });
        }
        Err(UnknownApp::Unknown { name, known })
    }

    /// Whether an executable of this name is one of the applications, now or later.
    pub(crate) fn is_name(&self, name: &str) -> bool {
        PLANNED.contains(&name) || self.plugins.iter().any(|plugin| plugin.name == name)
    }
}

#[cfg(test)]
mod tests;
