//! Applications that members install: an adapter whose endpoints and scripts are rows of the service's own tables.

mod bundle;
mod check;
pub(crate) mod endpoint;
mod machine;
mod openapi;
mod pool;
mod printed;
mod refusal;
mod response;
mod surroundings;

use std::{collections::BTreeSet, mem, sync::Arc};

use coco_app::{
    Adapter, Call, CallBody, Committed, Context, ErrorCode, Event, IndexStatus, Manifest, Origin, Plan,
    Reject, Request, Response, RestAdapter, Status,
    console::{Level, Page, Query},
    endpoint::Found as Native,
    policy::Identities,
    rest::{admit, other_methods},
};
use coco_boundary::Log;
use coco_crypto::Entropy;
use coco_kv::{Snapshot, Store, Tx};
use coco_tables::scripts::RuntimeOptions;
use coco_wire::{Digest, TxId};

pub use self::check::{Flaw, check_application};
pub(crate) use self::machine::Machine;
pub use self::surroundings::{Extension, NativeFunction, NativeObject, Restriction, Surroundings};
use self::{
    bundle::{Bundle, Found, Installed},
    endpoint::{Definition, Endpoint},
    machine::{Allowance, Ran},
    pool::{Key, Kind, Pool},
    printed::{Journal, Printed, Source},
    refusal::refuse,
};
use crate::{Limits, clock::Elapsed, modules::Compiled, occasion::Occasion};

/// What the enclave lends to applications.
pub struct Senses {
    /// Bounds the time of scripts.
    pub elapsed: Elapsed,
    /// Randomness of scripts and of the keys that they make.
    pub entropy: Arc<dyn Entropy>,
    /// Most bytes of stack that a script may use on the threads that run heavy calls. Governance cannot raise it.
    pub script_stack_bytes: usize,
    /// Takes what scripts print, and their exceptions if the members want these logged.
    pub log: Log,
}

/// An application in scripts, with the native endpoints that it has beside them.
pub struct Application {
    senses: Senses,
    log: Log,
    native: RestAdapter,
    identities: Identities,
    installed: Installed,
    ceiling: Limits,
    extension: Extension,
    /// Interpreters that calls share.
    pool: Pool,
    /// Interpreters whose calls are undone.
    undone: Pool,
    /// What calls printed and threw.
    journal: Journal,
    /// What every interpreter begins with.
    prelude: Compiled,
    /// Stands in the place of a transaction while a script has that.
    nothing: Snapshot,
}

/// The route of the OpenAPI document.
const API: &str = "GET /api";

impl Application {
    /// Serves whatever the members installed.
    #[must_use]
    pub fn new(senses: Senses) -> Self {
        Self::within(Surroundings::default(), senses)
    }

    /// Serves the scripts and the native endpoints of an application.
    #[must_use]
    pub fn within(surroundings: Surroundings, senses: Senses) -> Self {
        let Surroundings { native, tables, ceiling, extension } = surroundings;
        Self {
            log: senses.log.tagged("app"),
            senses,
            native,
            identities: Identities::default(),
            installed: Installed::new(tables),
            ceiling,
            extension,
            pool: Pool::default(),
            undone: Pool::default(),
            journal: Journal::default(),
            prelude: Compiled::default(),
            nothing: Store::new().latest(),
        }
    }

    /// Interpreters whose calls are undone that wait for the next, of about a mebibyte each.
    const MAX_UNDONE: u64 = 64;

    /// Answers a call, of whichever endpoint.
    fn answer(&self, call: &Call, cx: &mut Context<'_>) -> Result<Option<Response>, Reject> {
        let bundle = self.installed.of(cx.tx);
        let Some(endpoint) = bundle.by_route(&call.route) else {
            let document = || openapi::document(self.native.openapi(), &bundle);
            return Ok((*call.route == *API).then(|| Response::json(Status::OK, &document())));
        };
        if !self.identities.knows(&call.caller, cx.tx) {
            let text = "Invalid authentication credentials.";
            return Err(Reject::new(Status::UNAUTHORIZED, ErrorCode::InvalidAuthenticationInfo, text));
        }
        let definition = endpoint.definition.as_ref().map_err(|error| Reject::internal(error.to_string()))?;
        let historical = cx.historical.clone();
        let occasion = Occasion { call, endpoint, services: cx.services, historical: historical.as_ref() };
        let options = self.installed.options(cx.tx);
        let lent = mem::replace(cx.tx, Tx::new(self.nothing.clone()));
        let ran = self.run(&bundle, definition, &occasion, lent, &options);
        *cx.tx = ran.tx;
        cx.keep_writes = ran.keep_writes;
        cx.claims = ran.claims;
        let mut printed = Printed::new(ran.console);
        if let (Some(ms), Ok(response)) = (ran.logged_ms, &ran.outcome) {
            let (method, path, status) = (endpoint.method, &endpoint.full_path, response.status.0);
            self.senses.log.tagged("js").info(format_args!(
                "JS execution complete: Method={method}, Path={path}, Status={status}, ExecMilliseconds={ms}"
            ));
        }
        let outcome = ran.outcome.map_err(|failure| refuse(failure, &options, &mut printed));
        self.publish(printed, &endpoint.route, cx);
        outcome.map(Some)
    }

    /// Has the node log what a call printed and threw, and keeps it for the members.
    fn publish(&self, printed: Printed, endpoint: &Arc<str>, cx: &Context<'_>) {
        if printed.is_empty() {
            return;
        }
        for (level, text) in &printed.lines {
            match level {
                Level::Info => self.log.info(format_args!("{text}")),
                Level::Fail | Level::Exception => self.log.fail(format_args!("{text}")),
            }
        }
        let edition = self.installed.edition(cx.tx.snapshot());
        let read_at = cx.historical.as_ref().map_or_else(
            || {
                let view = cx.services.chain().view_of(edition.version).unwrap_or_default();
                TxId { view, seqno: edition.version }
            },
            |historical| historical.txid,
        );
        let source = Source { endpoint, time_ms: cx.services.now_ms(), read_at };
        self.journal.keep(edition, &source, printed);
    }

    /// Executes a call in an interpreter of its own, or in one that calls of its key share.
    fn run(
        &self,
        bundle: &Arc<Bundle>,
        definition: &Definition,
        occasion: &Occasion<'_>,
        tx: Tx,
        options: &RuntimeOptions,
    ) -> Ran {
        let limits = Limits::from(options).no_higher_than(self.ceiling);
        let allowance = Allowance {
            limits: Limits { stack_bytes: limits.stack_bytes.min(self.senses.script_stack_bytes), ..limits },
            elapsed: self.senses.elapsed.clone(),
        };
        let kind = match &definition.reuse {
            Some(name) => Kind::Shared(name.clone()),
            None => Kind::Undone(definition.module.clone()),
        };
        let (pool, most) = match kind {
            Kind::Shared(_) => (&self.pool, options.max_cached_interpreters),
            Kind::Undone(_) => (&self.undone, Self::MAX_UNDONE),
        };
        let key = Key { kind, rights: definition.rights };
        let fresh = || {
            let entropy = self.senses.entropy.clone();
            Machine::fresh(bundle, &key, &allowance, entropy, &self.prelude, self.extension)
        };
        let mut machine = match pool.take(&key, bundle).map_or_else(fresh, Ok) {
            Ok(machine) => machine,
            Err(error) => return Ran::failed(tx, error),
        };
        let ran = machine.run(occasion, tx, &allowance);
        let is_fit = match &key.kind {
            Kind::Shared(_) => ran.is_reusable,
            Kind::Undone(_) => machine.undo(),
        };
        if is_fit {
            pool.put(key, bundle.clone(), machine, most);
        }
        ran
    }

    fn plan(
        &self,
        endpoint: &Endpoint,
        request: Request,
        parameters: Vec<String>,
        origin: &Origin<'_>,
    ) -> Result<Plan, Response> {
        let definition = endpoint.definition.as_ref().map_err(|error| Reject::internal(error.to_string()))?;
        admit(&endpoint.full_path, definition.redirection, &request, origin)?;
        let caller = self.identities.authenticate(&definition.policies, &request, origin)?;
        let body = CallBody::Http(request, parameters);
        definition.terms.plan(Call { caller, route: endpoint.route.clone(), body })
    }
}

impl Adapter for Application {
    fn manifest(&self) -> &Manifest {
        self.native.manifest()
    }

    fn decode(&self, request: Request, origin: &Origin<'_>) -> Result<Plan, Response> {
        let path = self.native.path_of(&request);
        match self.installed.at(origin.state).find(request.method, path) {
            Found::Endpoint(endpoint, parameters) => self.plan(&endpoint, request, parameters, origin),
            Found::Ambiguous(paths) => {
                let paths = paths.join(", ");
                Err(Reject::internal(format!("Ambiguous path {path}: matches {paths}")).into())
            }
            Found::OtherMethods(methods) => match self.native.find(request.method, path) {
                Native::Endpoint(..) => self.native.decode(request, origin),
                Native::OtherMethods(others) => {
                    Err(other_methods(&request, path, &sorted(methods.into_iter().chain(others))))
                }
                Native::Ambiguous(_) | Native::Nothing => {
                    Err(other_methods(&request, path, &sorted(methods)))
                }
            },
            Found::Nothing => self.native.decode(request, origin),
        }
    }

    fn encode(&self, calls: &[Call], replies: Vec<Response>) -> Response {
        self.native.encode(calls, replies)
    }

    fn genesis(&self, tx: &mut Tx) -> Result<Digest, Reject> {
        self.native.genesis(tx)
    }

    fn console(&self, state: &Snapshot, query: &Query) -> Page {
        self.journal.page(self.installed.edition(state), query)
    }

    fn query(&self, call: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
        match self.answer(call, cx)? {
            Some(response) => Ok(response),
            None => self.native.query(call, cx),
        }
    }

    fn execute(&self, call: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
        match self.answer(call, cx)? {
            Some(response) => Ok(response),
            None => self.native.execute(call, cx),
        }
    }

    fn committed(&self, committed: &Committed<'_>) -> Vec<Event> {
        self.native.committed(committed)
    }

    fn index(&self, committed: &Committed<'_>) {
        self.native.index(committed);
    }

    fn indexes(&self) -> Vec<IndexStatus> {
        self.native.indexes()
    }
}

fn sorted(methods: impl IntoIterator<Item = coco_app::Method>) -> Vec<coco_app::Method> {
    methods.into_iter().collect::<BTreeSet<_>>().into_iter().collect()
}

#[cfg(test)]
mod tests;
