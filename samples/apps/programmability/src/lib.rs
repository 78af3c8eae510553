//! The programmability application: native endpoints, and others in JavaScript that its users install.
//!
//! What members do to an application in JavaScript by vote, users do here by themselves, if their data, which the members
//! set, says that they are admins. Each change is recorded with whoever made it, signed if they signed it (`actions`), so
//! that the ledger shows who changed what without trust in hardware or members. `custom` installs and shows endpoints,
//! `options` their limits, `records` is native, and `roles` adds a native function to the realm of scripts. The
//! endpoints, tables and formats are those of CCF's sample of the same name.

mod actions;
mod bundle;
mod custom;
mod options;
mod records;
mod roles;

use coco_app::{ApiInfo, Endpoint, Manifest, Reject, Response, RestAdapter};
use coco_js::{Application, Extension, Limits, Restriction, Senses, Surroundings};
use coco_tables::{Access, scripts::ApplicationTables};
use coco_wire::TableName;

/// Prefix of the tables of scripts, their limits and their audit.
const CUSTOM_ENDPOINTS: &str = "public:custom_endpoints";

/// What a handler answers.
type Answer = Result<Response, Reject>;

/// Above what no admin can raise the limits of scripts: other users' requests are served by the same node.
const CEILING: Limits = Limits { heap_bytes: 256 << 20, stack_bytes: 4 << 20, execution_ms: 10_000 };

/// The application.
#[must_use]
pub fn adapter(senses: Senses) -> Application {
    let decisive_tables = vec!["public:custom_endpoints.metadata"];
    let manifest = Manifest { name: "programmability", decisive_tables, ..Manifest::default() };
    let info = ApiInfo {
        mount: "/app",
        title: "CCF Programmability App",
        description: "Lightweight application demonstrating app-space JS programmability",
        version: "0.0.1",
    };
    let endpoints: [Vec<Endpoint>; 3] =
        [records::endpoints(), custom::endpoints(&senses), options::endpoints()];
    let native = endpoints.into_iter().flatten().fold(RestAdapter::new(manifest, info), RestAdapter::with);
    let surroundings = Surroundings {
        native: native.with_api(),
        tables: ApplicationTables::under(CUSTOM_ENDPOINTS),
        ceiling: CEILING,
        extension: Extension { objects: roles::OBJECTS, restriction },
    };
    Application::within(surroundings, senses)
}

/// What scripts may do with the tables of the application itself. In CCF's sample they may write their own code and the
/// trail of its changes; here they may not.
fn restriction(table: &TableName) -> Option<Restriction> {
    let restriction = |access, reason| Some(Restriction { access, reason });
    match table.as_str() {
        records::TABLE => restriction(
            Access::ReadOnly,
            "The programmability.records map is managed by native endpoints, so is read-only in JS.",
        ),
        name if name.strip_prefix("public:").unwrap_or(name).starts_with("programmability.") => restriction(
            Access::Illegal,
            "The 'programmability.' prefix is reserved by the native endpoints for future use.",
        ),
        name if name.starts_with("public:custom_endpoints.") => restriction(
            Access::ReadOnly,
            "Endpoints and the trail of their changes are managed by native endpoints, so are read-only in JS.",
        ),
        _ => None,
    }
}
