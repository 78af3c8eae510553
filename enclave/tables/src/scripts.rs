//! Constitution, modules, endpoints and the limits of their execution.

use coco_kv::{JsonValue, Singleton, Table};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::value::{JsonText, is_default};

/// Tables of scripts.
pub struct Scripts {
    /// `constitution`: its source. Written by the first transaction and `set_constitution`.
    pub constitution: Singleton<JsonText>,
    /// `modules`: source by name, which begins with a slash. Written by `set_js_app` and `remove_js_app`.
    pub modules: Table<String, String>,
    /// `modules_quickjs_bytecode`: by the name of the module; only in ledgers of CCF, since nodes compile by
    /// themselves. Written by `set_js_app`, `remove_js_app` and `refresh_js_app_bytecode_cache`, which clear it.
    pub bytecode: Table<String, Vec<u8>>,
    /// `modules_quickjs_version`: the engine that made the bytecode. Written by the same, which remove it.
    pub bytecode_version: Singleton<String>,
    /// `interpreter.flush`: written when kept interpreters must be forgotten. Written by `set_js_app` and
    /// `remove_js_app`.
    pub interpreter_flush: Singleton<bool>,
    /// `js_runtime_options`: limits of scripts. Written by `set_js_runtime_options`.
    pub runtime_options: Singleton<RuntimeOptions>,
    /// `endpoints`: by `METHOD /path`. Written by `set_js_app` and `remove_js_app`.
    pub endpoints: Table<String, EndpointProperties>,
}

impl Default for Scripts {
    fn default() -> Self {
        let ApplicationTables { modules, interpreter_flush, runtime_options, endpoints } = Default::default();
        Self {
            constitution: Singleton::new("public:ccf.gov.constitution"),
            modules,
            bytecode: Table::new("public:ccf.gov.modules_quickjs_bytecode"),
            bytecode_version: Singleton::new("public:ccf.gov.modules_quickjs_version"),
            interpreter_flush,
            runtime_options,
            endpoints,
        }
    }
}

/// Tables of one application in scripts, whoever installs it.
pub struct ApplicationTables {
    /// Source by name, which begins with a slash.
    pub modules: Table<String, String>,
    /// Written when kept interpreters must be forgotten.
    pub interpreter_flush: Singleton<bool>,
    /// Limits of its scripts.
    pub runtime_options: Singleton<RuntimeOptions>,
    /// By `METHOD /path`.
    pub endpoints: Table<String, EndpointProperties>,
}

impl Default for ApplicationTables {
    /// Those of the application that the members install: part of [`Scripts`].
    fn default() -> Self {
        Self {
            modules: Table::new("public:ccf.gov.modules"),
            interpreter_flush: Singleton::new("public:ccf.gov.interpreter.flush"),
            runtime_options: Singleton::new("public:ccf.gov.js_runtime_options"),
            endpoints: Table::new("public:ccf.gov.endpoints"),
        }
    }
}

impl ApplicationTables {
    /// Those of an application that a native one keeps in tables of its own, whose names begin with `prefix` and a dot.
    /// Source of the names: CCF `src/js/registry.cpp`.
    #[must_use]
    pub fn under(prefix: &str) -> Self {
        Self {
            modules: Table::new(&format!("{prefix}.modules")),
            interpreter_flush: Singleton::new(&format!("{prefix}.interpreter_flush")),
            runtime_options: Singleton::new(&format!("{prefix}.runtime_options")),
            endpoints: Table::new(&format!("{prefix}.metadata")),
        }
    }
}

/// Limits of the execution of a script; missing fields have their default. Source: CCF
/// `include/ccf/service/tables/jsengine.h`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RuntimeOptions {
    /// Largest heap.
    pub max_heap_bytes: u64,
    /// Largest stack.
    pub max_stack_bytes: u64,
    /// Longest execution.
    pub max_execution_time_ms: u64,
    /// Whether exceptions are logged in full, which shows them to the host.
    pub log_exception_details: bool,
    /// Whether exceptions are told to the caller in full.
    pub return_exception_details: bool,
    /// Most interpreters kept for reuse.
    pub max_cached_interpreters: u64,
}

impl JsonValue for RuntimeOptions {}

impl Default for RuntimeOptions {
    fn default() -> Self {
        Self {
            max_heap_bytes: 100 * 1024 * 1024,
            max_stack_bytes: 1024 * 1024,
            max_execution_time_ms: 5000,
            log_exception_details: false,
            return_exception_details: false,
            max_cached_interpreters: 10,
        }
    }
}

/// An endpoint defined by governance. Source: CCF `include/ccf/endpoint.h`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointProperties {
    /// What it may do.
    #[serde(default, skip_serializing_if = "is_default")]
    pub mode: Mode,
    /// When a backup forwards it.
    pub forwarding_required: ForwardingRequired,
    /// Where a node without the right role redirects it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub redirection_strategy: RedirectionStrategy,
    /// Names of policies, or objects that combine them; the first that accepts decides.
    pub authn_policies: Vec<Value>,
    /// Its part of the OpenAPI document; null if not given.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub openapi: Value,
    /// Whether it is left out of the OpenAPI document.
    #[serde(default, skip_serializing_if = "is_default")]
    pub openapi_hidden: bool,
    /// Name of the module.
    #[serde(default, skip_serializing_if = "is_default")]
    pub js_module: String,
    /// Name of the function exported by the module.
    #[serde(default, skip_serializing_if = "is_default")]
    pub js_function: String,
    /// Longest wait, in milliseconds, of an endpoint that answers at commit; ours.
    #[serde(default, skip_serializing_if = "is_default")]
    pub at_commit_ms: Option<u64>,
    /// How interpreters are shared between calls; none means never.
    #[serde(default, skip_serializing_if = "is_default")]
    pub interpreter_reuse: Option<InterpreterReuse>,
}

impl JsonValue for EndpointProperties {}

/// What an endpoint may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Read and write.
    #[default]
    ReadWrite,
    /// Read.
    ReadOnly,
    /// Read a past state.
    Historical,
}

/// When a backup forwards a request to the primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ForwardingRequired {
    /// If the session was forwarded before.
    Sometimes,
    /// Each time.
    Always,
    /// Not at all.
    Never,
}

/// Where a request is redirected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RedirectionStrategy {
    /// Nowhere: any node serves it.
    None,
    /// To the primary.
    #[default]
    ToPrimary,
    /// To a backup.
    ToBackup,
}

/// Calls with the same key may share an interpreter and its global state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterpreterReuse {
    /// Any text.
    #[serde(default)]
    pub key: String,
}
