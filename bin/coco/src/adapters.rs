//! The applications that an executable carries: the one list of plug-ins.

use std::sync::Arc;

use coco_app::Adapter;
use coco_boundary::Log;
use coco_crypto::SystemEntropy;
use coco_ethereum::Ethereum;
use coco_host::{clock::Clock, lanes::give_way};
use coco_js::{Application, Senses};

use crate::run::SCRIPT_STACK_BYTES;

/// Applications by name.
#[derive(Clone, Default)]
pub struct Adapters {
    plugins: Vec<Plugin>,
}

#[derive(Clone)]
struct Plugin {
    name: &'static str,
    build: fn(&Log) -> Arc<dyn Adapter>,
}

/// A name that no application has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no application `{name}`; there is: {known}")]
pub struct UnknownApp {
    /// What was asked for.
    name: String,
    /// What there is, joined by commas.
    known: String,
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
        Self::none()
            .with("logging", |_| Arc::new(coco_sample_logging::adapter()))
            .with("js", javascript)
            .with("js_generic", javascript)
            .with("ethereum", |_| Arc::new(Ethereum::default()))
            .with("programmability", |log| Arc::new(coco_sample_programmability::adapter(senses(log))))
    }

    /// Adds an application. An executable called by its name runs a node with it.
    #[must_use]
    pub fn with(mut self, name: &'static str, build: fn(&Log) -> Arc<dyn Adapter>) -> Self {
        self.plugins.push(Plugin { name, build });
        self
    }

    /// The application of a name, which logs to `log`.
    ///
    /// # Errors
    /// If there is none.
    pub fn find(&self, name: &str, log: &Log) -> Result<Arc<dyn Adapter>, UnknownApp> {
        if let Some(plugin) = self.plugins.iter().find(|plugin| plugin.name == name) {
            return Ok((plugin.build)(log));
        }
        let names: Vec<_> = self.plugins.iter().map(|plugin| plugin.name).collect();
        Err(UnknownApp { name: name.to_owned(), known: names.join(", ") })
    }

    /// Whether an executable of this name is one of the applications.
    pub(crate) fn is_name(&self, name: &str) -> bool {
        self.plugins.iter().any(|plugin| plugin.name == name)
    }
}

/// The application that the members install.
fn javascript(log: &Log) -> Arc<dyn Adapter> {
    Arc::new(Application::new(senses(log)))
}

/// What this process lends to applications in scripts.
fn senses(log: &Log) -> Senses {
    let clock = Clock::start();
    Senses {
        elapsed: Arc::new(move || {
            // Scripts ask for the time again and again.
            give_way();
            clock.now().0
        }),
        entropy: Arc::new(SystemEntropy),
        script_stack_bytes: SCRIPT_STACK_BYTES,
        log: log.clone(),
    }
}

#[cfg(test)]
mod tests;
