//! What native code adds to an application in scripts, and what it keeps from its scripts.

use coco_app::{ApiInfo, Manifest, Reject, RestAdapter};
use coco_kv::Tx;
use coco_tables::{Access, scripts::ApplicationTables};
use coco_wire::TableName;
use serde_json::Value;

use super::endpoint::MOUNT;
use crate::Limits;

/// What surrounds the scripts of an application.
pub struct Surroundings {
    /// Endpoints of native code. Those of scripts come first where both have the same.
    pub native: RestAdapter,
    /// Where the scripts and their limits are kept.
    pub tables: ApplicationTables,
    /// What no limits that are kept there may exceed.
    pub ceiling: Limits,
    /// What scripts find in their realm, and what they do not.
    pub extension: Extension,
}

impl Default for Surroundings {
    /// Those of the application that the members install: nothing is added.
    fn default() -> Self {
        let manifest = Manifest { name: "js", ..Manifest::default() };
        let info = ApiInfo {
            mount: MOUNT,
            title: "CCF Sample JS App",
            description: "An application in JavaScript that the members installed",
            version: "0.1.0",
        };
        Self {
            native: RestAdapter::new(manifest, info).with_api(),
            tables: ApplicationTables::default(),
            ceiling: Limits::UNBOUNDED,
            extension: Extension::default(),
        }
    }
}

/// How the realm of scripts differs from that of other applications.
#[derive(Clone, Copy)]
pub struct Extension {
    /// Global objects of native code.
    pub objects: &'static [NativeObject],
    /// What is left of the access to a table, if that is less than applications have.
    pub restriction: fn(&TableName) -> Option<Restriction>,
}

impl Default for Extension {
    /// Not at all.
    fn default() -> Self {
        Self { objects: &[], restriction: |_| None }
    }
}

/// Why a table is not like others.
#[derive(Clone, Copy, Debug)]
pub struct Restriction {
    /// The most that scripts may do with it.
    pub access: Access,
    /// What a script is told that tries more.
    pub reason: &'static str,
}

/// A global object.
pub struct NativeObject {
    /// Its name.
    pub name: &'static str,
    /// Text by name.
    pub constants: &'static [(&'static str, &'static str)],
    /// What can be called.
    pub functions: &'static [NativeFunction],
}

/// A function that scripts call with text. What it reads belongs to the transaction of the call.
pub struct NativeFunction {
    /// Its name.
    pub name: &'static str,
    /// Number of its arguments.
    pub arity: usize,
    /// What it does: scripts get its result as JSON has it, and the message of a refusal as an exception.
    pub body: fn(&Tx, &[String]) -> Result<Value, Reject>,
}

impl Extension {
    /// What is left of `access` to a table, and why if that is less.
    pub(crate) fn restrict(&self, table: &TableName, access: Access) -> (Access, Option<&'static str>) {
        let Some(restriction) = (self.restriction)(table) else { return (access, None) };
        let left = access.and(restriction.access);
        (left, (left != access).then_some(restriction.reason))
    }
}
