//! An adapter made of HTTP endpoints.

use std::sync::Arc;

use coco_kv::Tx;
use coco_wire::{Digest, TxId};

use crate::{
    accept,
    adapter::{
        Adapter, Call, CallBody, Committed, Event, Freshness, IndexStatus, Manifest, Mode, Origin, Plan,
        ReplyAt, Weight,
    },
    context::Context,
    endpoint::{Endpoint, EndpointMode, Forwarding, Found, Redirection, Router},
    error::{ErrorCode, Reject},
    openapi::{ApiInfo, document},
    policy::Identities,
    request::{Method, Request, Response, Status, parse_txid},
};

/// Longest wait that a client may ask for with `Prefer: wait`, in seconds.
const MAX_WAIT_S: u64 = 60;
/// How long a linearizable read may take unless the client says otherwise, in milliseconds.
const READ_WAIT_MS: u64 = 3_000;

/// Endpoints under one mount, with those that every application has.
pub struct RestAdapter {
    manifest: Manifest,
    info: ApiInfo,
    router: Router,
    identities: Identities,
    observer: Option<Arc<dyn CommitObserver>>,
    genesis: Option<GenesisHook>,
}

/// Takes part in the first transaction; see [`Adapter::genesis`].
pub type GenesisHook = fn(&mut Tx) -> Result<Digest, Reject>;

/// What an application makes of committed transactions, on every node.
pub trait CommitObserver: Send + Sync {
    /// See [`Adapter::committed`].
    fn committed(&self, _committed: &Committed<'_>) -> Vec<Event> {
        Vec::new()
    }

    /// See [`Adapter::index`].
    fn index(&self, _committed: &Committed<'_>) {}

    /// See [`Adapter::indexes`].
    fn indexes(&self) -> Vec<IndexStatus> {
        Vec::new()
    }
}

impl RestAdapter {
    /// An adapter without endpoints of its own.
    #[must_use]
    pub fn new(manifest: Manifest, info: ApiInfo) -> Self {
        let mut router = Router::new(info.mount);
        for endpoint in crate::standard::endpoints() {
            router.install(endpoint);
        }
        Self { manifest, info, router, identities: Identities::default(), observer: None, genesis: None }
    }

    /// Adds an endpoint, or replaces that of the same method and path.
    #[must_use]
    pub fn with(mut self, endpoint: Endpoint) -> Self {
        self.router.install(endpoint);
        self
    }

    /// Adds the endpoint that serves the OpenAPI document of those added so far.
    #[must_use]
    pub fn with_api(self) -> Self {
        let listed = crate::standard::api_endpoint(Response::empty(Status::OK));
        let adapter = self.with(listed);
        let document = document(&adapter.info, adapter.router.iter());
        let endpoint = crate::standard::api_endpoint(Response::json(Status::OK, &document));
        adapter.with(endpoint)
    }

    /// Tells `observer` of committed transactions.
    #[must_use]
    pub fn observed_by(self, observer: Arc<dyn CommitObserver>) -> Self {
        Self { observer: Some(observer), ..self }
    }

    /// Has `hook` take part in the first transaction.
    #[must_use]
    pub fn at_genesis(self, hook: GenesisHook) -> Self {
        Self { genesis: Some(hook), ..self }
    }

    /// The OpenAPI document.
    #[must_use]
    pub fn openapi(&self) -> serde_json::Value {
        document(&self.info, self.router.iter())
    }

    /// First path element, such as `/app`.
    #[must_use]
    pub fn mount(&self) -> &'static str {
        self.info.mount
    }

    fn run(&self, call: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
        let endpoint = self.router.by_route(&call.route).ok_or_else(|| unknown_path(&call.route))?;
        if !self.identities.knows(&call.caller, cx.tx) {
            return Err(Reject::new(
                Status::UNAUTHORIZED,
                ErrorCode::InvalidAuthenticationInfo,
                "Invalid authentication credentials.",
            ));
        }
        let response = (endpoint.handler)(call, cx)?;
        match call.http() {
            Some(request) => accept::check(request, response),
            None => Ok(response),
        }
    }

    /// What a method and a path under the mount lead to.
    #[must_use]
    pub fn find(&self, method: Method, path: &str) -> Found<'_> {
        self.router.find(method, path)
    }

    /// The path of `request` under the mount; a first element that is no mount belongs to the application.
    #[must_use]
    pub fn path_of<'a>(&self, request: &'a Request) -> &'a str {
        match request.path().strip_prefix(self.info.mount) {
            Some(rest) if rest.starts_with('/') => rest,
            _ => request.path(),
        }
    }
}

impl Adapter for RestAdapter {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn genesis(&self, tx: &mut Tx) -> Result<Digest, Reject> {
        self.genesis.map_or(Ok(Digest::ZERO), |hook| hook(tx))
    }

    fn decode(&self, request: Request, origin: &Origin<'_>) -> Result<Plan, Response> {
        let path = self.path_of(&request);
        let (installed, parameters) = match self.router.find(request.method, path) {
            Found::Endpoint(installed, parameters) => (installed, parameters),
            Found::OtherMethods(methods) => return Err(other_methods(&request, path, &methods)),
            Found::Ambiguous(paths) => {
                let paths = paths.join(", ");
                return Err(Reject::internal(format!("Ambiguous path {path}: matches {paths}")).into());
            }
            Found::Nothing => return Err(unknown_path(path).into()),
        };
        let endpoint = &installed.endpoint;
        admit(&installed.full_path, endpoint.redirection, &request, origin)?;
        let caller = self.identities.authenticate(&endpoint.policies, &request, origin)?;
        let terms = Terms {
            mode: endpoint.mode,
            weight: endpoint.weight,
            at_commit_ms: endpoint.at_commit_ms,
            at_commit_if: endpoint.at_commit_if,
            forwarding: endpoint.forwarding,
        };
        let body = CallBody::Http(request, parameters);
        terms.plan(Call { caller, route: installed.route.clone(), body })
    }

    fn encode(&self, _: &[Call], replies: Vec<Response>) -> Response {
        let mut response = replies.into_iter().next_back().expect("decode makes one call of a message");
        response.write_txid();
        response
    }

    fn query(&self, call: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
        self.run(call, cx)
    }

    fn execute(&self, call: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
        self.run(call, cx)
    }

    fn committed(&self, committed: &Committed<'_>) -> Vec<Event> {
        self.observer.as_ref().map_or_else(Vec::new, |observer| observer.committed(committed))
    }

    fn index(&self, committed: &Committed<'_>) {
        if let Some(observer) = &self.observer {
            observer.index(committed);
        }
    }

    fn indexes(&self) -> Vec<IndexStatus> {
        self.observer.as_ref().map_or_else(Vec::new, |observer| observer.indexes())
    }
}

/// Lets a request pass to the endpoint of this full path.
///
/// # Errors
/// The answer if the interface does not offer it, or sends the client to another node.
pub fn admit(
    full_path: &str,
    redirection: Redirection,
    request: &Request,
    origin: &Origin<'_>,
) -> Result<(), Response> {
    if !(origin.offers)(full_path) {
        return Err(Response::empty(Status::SERVICE_UNAVAILABLE));
    }
    match (origin.redirect)(redirection, request) {
        Some(response) => Err(response),
        None => Ok(()),
    }
}

/// The terms on which an endpoint takes calls.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// How it runs.
    pub mode: EndpointMode,
    /// Where it runs.
    pub weight: Weight,
    /// See [`Endpoint::at_commit_ms`].
    pub at_commit_ms: Option<u64>,
    /// See [`Endpoint::at_commit_if`].
    pub at_commit_if: Option<&'static str>,
    /// What other nodes than the primary do.
    pub forwarding: Forwarding,
}

impl Terms {
    /// What is to be done about a call, by its request's preferences.
    ///
    /// # Errors
    /// If it names no transaction where it has to.
    pub fn plan(self, call: Call) -> Result<Plan, Response> {
        let request = call.request();
        let mode = match self.mode {
            EndpointMode::Write => Mode::Execute,
            EndpointMode::Read | EndpointMode::Host => Mode::Query,
            EndpointMode::Receipt => Mode::Historical(txid_in_query(request)?),
            EndpointMode::Historical => Mode::Historical(txid_in_header(request)?),
        };
        let preferences = Preferences::of(request);
        let freshness = match self.mode {
            EndpointMode::Read => preferences.freshness,
            _ => Freshness::Local,
        };
        Ok(Plan {
            mode: if freshness == Freshness::Local { mode } else { Mode::QueryCommitted },
            weight: self.weight,
            reply_at: self.reply_at(request, preferences.wait_ms),
            freshness,
            forwarding: self.forwarding,
            then: None,
            calls: vec![call],
        })
    }

    fn reply_at(&self, request: &Request, wait_ms: Option<u64>) -> ReplyAt {
        let asked = |name: &&str| request.parameter(name).as_deref() == Some("true");
        let at_commit_ms = self.at_commit_ms.filter(|_| self.at_commit_if.as_ref().is_none_or(asked));
        match wait_ms.or(at_commit_ms) {
            Some(within_ms) => ReplyAt::Commit { within_ms },
            None => ReplyAt::Execution,
        }
    }
}

/// What a client prefers (RFC 7240).
struct Preferences {
    /// `wait=SECONDS`: how long it would wait.
    wait_ms: Option<u64>,
    /// `consistency=linearizable`, ours.
    freshness: Freshness,
}

impl Preferences {
    fn of(request: &Request) -> Self {
        let mut found = Self { wait_ms: None, freshness: Freshness::Local };
        let mut linearizable = false;
        let preferences = request.headers.text("prefer").unwrap_or("");
        for (name, value) in preferences.split([',', ';']).filter_map(|it| it.split_once('=')) {
            let (name, value) = (name.trim(), value.trim().trim_matches('"'));
            if name.eq_ignore_ascii_case("wait") && found.wait_ms.is_none() {
                found.wait_ms = value.parse().ok().map(|seconds: u64| seconds.min(MAX_WAIT_S) * 1000);
            }
            linearizable |=
                name.eq_ignore_ascii_case("consistency") && value.eq_ignore_ascii_case("linearizable");
        }
        if linearizable {
            found.freshness = Freshness::Linearizable { within_ms: found.wait_ms.unwrap_or(READ_WAIT_MS) };
        }
        found
    }
}

/// 404 `ResourceNotFound`: nothing is at `path` under the mount.
#[must_use]
pub fn unknown_path(path: &str) -> Reject {
    Reject::not_found(format!("Unknown path: {path}."))
}

/// 204 to a request for the methods of `path`, 405 `UnsupportedHttpVerb` to any other.
#[must_use]
pub fn other_methods(request: &Request, path: &str, methods: &[Method]) -> Response {
    let names: Vec<_> = std::iter::once(Method::Options).chain(methods.iter().copied()).collect();
    let allow = names.iter().map(|method| method.as_str()).collect::<Vec<_>>().join(", ");
    let response = if request.method == Method::Options {
        Response::empty(Status::NO_CONTENT)
    } else {
        let message = format!("Allowed methods for '{path}' are: {allow}.");
        Reject::new(Status::METHOD_NOT_ALLOWED, ErrorCode::UnsupportedHttpVerb, message).into()
    };
    response.header("allow", allow)
}

fn txid_in_query(request: &Request) -> Result<TxId, Reject> {
    let refuse =
        |message: String| Reject::new(Status::BAD_REQUEST, ErrorCode::InvalidQueryParameterValue, message);
    let text = request
        .parameter("transaction_id")
        .ok_or_else(|| refuse("Query string must contain a 'transaction_id' parameter".into()))?;
    parse_txid(&text).ok_or_else(|| {
        refuse(format!(
            "The value '{text}' passed as 'transaction_id' could not be converted to a valid Tx ID."
        ))
    })
}

fn txid_in_header(request: &Request) -> Result<TxId, Reject> {
    const NAME: &str = "x-ms-ccf-transaction-id";
    let text = request.headers.text(NAME).ok_or_else(|| {
        let message = format!("Historical query is missing '{NAME}' header.");
        Reject::new(Status::BAD_REQUEST, ErrorCode::MissingRequiredHeader, message)
    })?;
    parse_txid(text).ok_or_else(|| {
        let message =
            format!("The value '{text}' in header '{NAME}' could not be converted to a valid Tx ID.");
        Reject::new(Status::BAD_REQUEST, ErrorCode::InvalidHeaderValue, message)
    })
}
