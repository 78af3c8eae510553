//! The adapter under `/node`: what a node tells of itself and its service, to anyone who asks.
//!
//! Paths, answers and errors are CCF's (`src/node/rpc/node_frontend.h`); `metrics/prometheus` and `attestation` are ours.

mod attestation;
mod consensus;
pub(crate) mod files;
mod join;
mod leases;
mod metrics;
mod network;
mod prometheus;
mod quotes;
mod redirect;
mod schemas;
mod service;
pub(crate) mod snapshots;
mod status;
mod token_keys;

use std::sync::Arc;

use coco_app::{
    Adapter, ApiInfo, Call, Context, Description, Endpoint, Forwarding, Manifest, Method, Reject, Request,
    Response, RestAdapter, Schema, Status,
};
use coco_boundary::{InterfaceName, Unix};
use coco_crypto::LedgerSecret;
use coco_kv::Tx;
use coco_tables::{Tables, nodes::NodeNetwork};
use coco_wire::Digest;
use serde_json::Value;

use crate::view::{Shared, State};

/// What the executable knows and the ledger does not say.
pub struct NodeFacts {
    /// Version that clients are told, such as `ccf-7.0.0`.
    pub ccf_version: String,
    /// Version of the JavaScript engine.
    pub quickjs_version: String,
    /// Whether the build gives up confidentiality, so that it must not be trusted with data.
    pub unsafe_build: bool,
    /// Interfaces as configured, with the addresses published.
    pub network: NodeNetwork,
    /// What the operator noted of the node; null if nothing.
    pub node_data: Value,
    /// When the process began, by the host's clock.
    pub started: Unix,
    /// The application, which may keep indexes of its own.
    pub app: Arc<dyn Adapter>,
    /// Counts sessions.
    pub sessions: Arc<dyn SessionMetrics>,
    /// Seals what comes after a transaction with a new secret.
    pub rekey: Rekey,
}

/// Makes a new ledger secret within a transaction, which hands it to all that are to have it. The error says why not.
pub type Rekey = Arc<dyn Fn(&mut Tx) -> Result<LedgerSecret, String> + Send + Sync>;

/// Counts of sessions, kept by whoever serves the interfaces.
pub trait SessionMetrics: Send + Sync {
    /// The counts now.
    fn report(&self) -> SessionReport;
}

/// Sessions of a node (CCF `src/node/session_metrics.h`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionReport {
    /// Open now.
    pub active: usize,
    /// The largest number open at a time.
    pub peak: usize,
    /// The same by interface.
    pub interfaces: Vec<InterfaceReport>,
}

/// Sessions of one interface and the requests refused on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceReport {
    /// Its name.
    pub name: InterfaceName,
    /// Open now.
    pub active: usize,
    /// The largest number open at a time.
    pub peak: usize,
    /// More sessions are told to come back later.
    pub soft_cap: usize,
    /// More sessions are closed at once.
    pub hard_cap: usize,
    /// Requests that are not HTTP.
    pub parsing: u64,
    /// Requests with too long a body.
    pub request_payload_too_large: u64,
    /// Requests with too long a header.
    pub request_header_too_large: u64,
}

/// The adapter of one node.
#[must_use]
pub fn adapter(shared: Arc<Shared>, facts: NodeFacts) -> RestAdapter {
    let admin = Admin { shared, facts: Arc::new(facts), tables: Arc::default(), challenges: Arc::default() };
    let manifest = Manifest { name: "node", ..Manifest::default() };
    let info = ApiInfo {
        mount: "/node",
        title: "CCF Public Node API",
        description: "This API provides public, uncredentialed access to service and node state.",
        version: "4.14.0",
    };
    let groups = [
        status::endpoints,
        network::endpoints,
        join::endpoints,
        leases::endpoints,
        service::endpoints,
        quotes::endpoints,
        attestation::endpoints,
        consensus::endpoints,
        files::endpoints,
        snapshots::endpoints,
        metrics::endpoints,
        token_keys::endpoints,
    ];
    let endpoints = groups.iter().flat_map(|group| group(&admin));
    endpoints.fold(RestAdapter::new(manifest, info), RestAdapter::with).with_api()
}

/// What the handlers share.
#[derive(Clone)]
struct Admin {
    shared: Arc<Shared>,
    facts: Arc<NodeFacts>,
    tables: Arc<Tables>,
    /// Of nodes that join, or renew their leases.
    challenges: Arc<join::Challenges>,
}

/// What a handler of this adapter is.
type Handle = fn(&Admin, &Call, &mut Context<'_>) -> Result<Response, Reject>;

impl Admin {
    /// An endpoint that answers in JSON.
    fn get(&self, path: &'static str, answer: Schema, handle: Handle) -> Endpoint {
        self.read(Method::Get, path, handle).describe(Description::json(None, Some(answer)))
    }

    /// One whose answer is about this very node, so that no other is asked.
    fn get_own(&self, path: &'static str, answer: Schema, handle: Handle) -> Endpoint {
        self.get(path, answer, handle).forwarding(Forwarding::Never)
    }

    fn read(&self, method: Method, path: &'static str, handle: Handle) -> Endpoint {
        let admin = self.clone();
        Endpoint::read(method, path, &[], move |call, cx| handle(&admin, call, cx))
    }

    fn state(&self) -> Arc<State> {
        self.shared.state.load_full()
    }

    fn node_id(&self) -> Digest {
        self.shared.keys.node_id
    }

    /// Who appends transactions, if known.
    fn primary(&self) -> Option<Digest> {
        let state = self.state();
        if state.primary {
            return Some(self.node_id());
        }
        // Whoever leads without being allowed to append is no primary.
        state.consensus.leader.filter(|leader| *leader != self.node_id())
    }
}

fn request_of(call: &Call) -> &Request {
    call.http().expect("routes of a REST adapter carry HTTP requests")
}

fn ok(body: &Value) -> Response {
    Response::json(Status::OK, body)
}
