//! The adapter: what messages ask for, executing it, and closing blocks.

use std::{collections::BTreeSet, sync::Arc};

use alloy_primitives::Bytes;
use coco_app::{
    Adapter, Appended, Call, CallBody, Caller, Committed, Context, Conversation, ErrorCode, Event,
    Forwarding, Freshness, IndexStatus, Manifest, Method, Mode, Origin, Plan, Policy, Redirection, Reject,
    ReplyAt, Request, Response, RestAdapter, Status, Weight, Window as Closing, WindowRule, media,
    openapi::ApiInfo, policy::Identities, rest::admit,
};
use coco_evm::{Genesis, Verified};
use coco_kv::{Reader, Snapshot, Tx};
use coco_wire::{Digest, Key, Seqno, Value};

use crate::{
    access::Viewer,
    chain::{Chain, Chains},
    conversation::{BLOCKS, Talk, is_here},
    filters::Filters,
    methods::{self, Reading, View},
    rpc::{Ask, Item, Message, RpcError, answer, failure},
    state::State,
    submit,
    tables::{self, Tables},
    window::Window,
};

/// Where JSON-RPC is spoken; behind it may stand a session.
pub(crate) const PATH: &str = "/eth";
/// How long a client waits for its transaction to be committed.
const COMMIT_MS: u64 = 10_000;
/// How often it is looked whether the members have decided how the network begins, in milliseconds.
const TIMER_MS: u64 = 50;
/// A transaction of at most so much gas is executed where it arrives: it takes no longer than a few milliseconds.
const LIGHT_GAS: u64 = 500_000;
/// Shortest time from one block to the next, in milliseconds.
const INTERVAL_MS: u64 = 20;
/// Most transactions in a block.
const MAX_TRANSACTIONS: u32 = 5_000;
/// The route of what was answered when it was read.
const ANSWERED: &str = "answered";

/// Ethereum as an application.
pub struct Ethereum {
    manifest: Manifest,
    /// Everything but JSON-RPC.
    rest: RestAdapter,
    identities: Identities,
    /// In this order somebody may say who they are.
    policies: [Policy; 4],
    inner: Arc<Inner>,
    window: Window,
    /// Where the network is transparent.
    state: State,
    filters: Filters,
}

/// What conversations read, too.
#[derive(Default)]
pub(crate) struct Inner {
    pub(crate) tables: Tables,
    pub(crate) chains: Chains,
}

impl Inner {
    /// Whoever asks, with the accounts that they proved to be theirs.
    pub(crate) fn viewer(
        &self,
        chain: &Chain,
        _caller: &Caller,
        _session: &[u8],
        _state: &Snapshot,
    ) -> Viewer {
        Viewer::new(&chain.network, BTreeSet::new())
    }

    /// The session that a request names, if any: what stands behind the path.
    pub(crate) fn session(&self, request: &Request) -> Bytes {
        let rest = request.path().strip_prefix(PATH).and_then(|rest| rest.strip_prefix('/'));
        rest.unwrap_or_default().as_bytes().to_vec().into()
    }
}

impl Default for Ethereum {
    fn default() -> Self {
        let manifest = Manifest {
            name: "ethereum",
            window: Some(WindowRule { max_calls: MAX_TRANSACTIONS, interval_ms: INTERVAL_MS }),
            timer_ms: Some(TIMER_MS),
            ..Manifest::default()
        };
        let info = ApiInfo {
            mount: "/app",
            title: "Ethereum",
            description: "Contracts of Ethereum; JSON-RPC is at /eth.",
            version: env!("CARGO_PKG_VERSION"),
        };
        Self {
            rest: RestAdapter::new(manifest.clone(), info).with_api(),
            manifest,
            identities: Identities::default(),
            policies: [Policy::UserCert, Policy::MemberCert, Policy::Jwt, Policy::NoAuth],
            inner: Arc::default(),
            window: Window::default(),
            state: State::default(),
            filters: Filters::default(),
        }
    }
}

/// What the calls of a message need.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Need {
    Nothing,
    LightRead,
    HeavyRead,
    LightWrite,
    HeavyWrite,
}

impl Ethereum {
    /// Reads a message of JSON-RPC.
    fn message(
        &self,
        request: &Request,
        session: &Bytes,
        caller: &Caller,
        origin: &Origin<'_>,
    ) -> Result<Plan, Response> {
        let chain = self.inner.chains.of(&self.inner.tables, origin.state).map_err(RpcError::from);
        let chain =
            match chain.and_then(|chain| chain.ok_or_else(|| not_begun(&self.inner.tables, origin.state))) {
                Ok(chain) => chain,
                Err(error) => return Err(alone(failure(b"null", &error))),
            };
        let (items, batched) = match Message::read(&request.body) {
            Ok(Message::One(item)) => (vec![item], false),
            Ok(Message::Batch(items)) => (items, true),
            Err(error) => return Err(alone(failure(b"null", &error))),
        };
        let mut need = Need::Nothing;
        let mut then = None;
        let mut calls = Vec::with_capacity(items.len());
        for item in items {
            let ask = Ask { batched, session: session.clone(), ..Ask::default() };
            let (route, ask, needed) = match item {
                Ok(item) => self.ask(&chain, &item, ask),
                Err(error) => {
                    (ANSWERED, Ask { content: failure(b"null", &error).into(), ..ask }, Need::Nothing)
                }
            };
            need = need.max(needed);
            if route == submit::SYNC && !batched {
                let content = submit::receipt_params(&ask.content);
                let body = Ask { content, ..ask.clone() }.body();
                then = Some(Call { caller: caller.clone(), route: "eth_getTransactionReceipt".into(), body });
            }
            calls.push(Call { caller: caller.clone(), route: route.into(), body: ask.body() });
        }
        let writes = need >= Need::LightWrite;
        let light = calls.len() == 1 && matches!(need, Need::Nothing | Need::LightRead | Need::LightWrite);
        Ok(Plan {
            calls,
            mode: if writes { Mode::Execute } else { Mode::QueryCommitted },
            weight: if light { Weight::Light } else { Weight::Heavy },
            reply_at: if writes { ReplyAt::CommitOnly { within_ms: COMMIT_MS } } else { ReplyAt::Execution },
            freshness: Freshness::Local,
            forwarding: if writes { Forwarding::Always } else { Forwarding::Never },
            then,
        })
    }

    /// What one request asks for.
    fn ask(&self, chain: &Chain, item: &Item<'_>, ask: Ask) -> (&'static str, Ask, Need) {
        let id = item.id.map_or(&[][..], |id| id.get().as_bytes());
        let ask = Ask { id: id.to_vec().into(), ..ask };
        let params = item.params.map_or(&[][..], |params| params.get().as_bytes());
        let failed = |error: &RpcError| {
            let content = if id.is_empty() { Bytes::new() } else { failure(id, error).into() };
            (ANSWERED, Ask { content, ..ask.clone() }, Need::Nothing)
        };
        if let Some(route) = submit::ROUTES.iter().find(|route| **route == item.method) {
            return match submit::read(chain, params) {
                Ok(verified) => {
                    let light = verified.gas_limit() <= LIGHT_GAS;
                    let ask = Ask { sender: verified.sender(), content: verified.bytes().into(), ..ask };
                    (route, ask, if light { Need::LightWrite } else { Need::HeavyWrite })
                }
                Err(error) => failed(&error),
            };
        }
        match methods::find(&item.method) {
            Some(method) => {
                let need = if method.heavy { Need::HeavyRead } else { Need::LightRead };
                (method.name, Ask { content: params.to_vec().into(), ..ask }, need)
            }
            None => failed(&RpcError::method(&item.method)),
        }
    }

    fn read(&self, call: &Call, cx: &Context<'_>) -> Option<Response> {
        let ask = Ask::read(&call.body)?;
        if &*call.route == ANSWERED {
            return Some(alone(ask.content.to_vec()));
        }
        let state = cx.tx.snapshot();
        let result =
            self.inner.chains.of(&self.inner.tables, state).map_err(RpcError::from).and_then(|chain| {
                let chain = chain.ok_or_else(|| not_begun(&self.inner.tables, state))?;
                let viewer = self.inner.viewer(&chain, &call.caller, &ask.session, state);
                let view = View { tables: &self.inner.tables, chain: &chain, state, viewer };
                let reading = Reading { view, services: cx.services, filters: &self.filters };
                reading.answer(&call.route, &ask.content)
            });
        Some(answered(&ask, result))
    }
}

/// Why there is no chain.
fn not_begun(tables: &Tables, state: &impl Reader) -> RpcError {
    let Ok(Some(genesis)) = tables.genesis.get(state) else {
        return RpcError::refused("the network has not begun: the members have not set its genesis");
    };
    match Genesis::from_json(&genesis) {
        Ok(_) => RpcError::refused("the network is about to begin"),
        Err(error) => RpcError::refused(format!("the network cannot begin: {error}")),
    }
}

/// The answer to a request, as part of the answer to its message.
fn answered(ask: &Ask, result: Result<serde_json::Value, RpcError>) -> Response {
    let id = &ask.id;
    if id.is_empty() {
        return alone(Vec::new());
    }
    alone(match result {
        Ok(value) => answer(id, value.to_string().as_bytes()),
        Err(error) => failure(id, &error),
    })
}

fn alone(body: Vec<u8>) -> Response {
    Response::with_body(Status::OK, media::JSON, body)
}

impl Adapter for Ethereum {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn decode(&self, request: Request, origin: &Origin<'_>) -> Result<Plan, Response> {
        if !is_here(&request) {
            return self.rest.decode(request, origin);
        }
        if request.method != Method::Post {
            let methods = [Method::Post];
            return Err(coco_app::rest::other_methods(&request, PATH, &methods));
        }
        admit(PATH, Redirection::None, &request, origin)?;
        let session = self.inner.session(&request);
        let caller = self.identities.authenticate(&self.policies, &request, origin)?;
        self.message(&request, &session, &caller, origin)
    }

    fn converse(
        &self,
        request: &Request,
        origin: &Origin<'_>,
    ) -> Option<Result<Box<dyn Conversation>, Response>> {
        if !is_here(request) {
            return None;
        }
        let begin = || -> Result<Box<dyn Conversation>, Response> {
            admit(PATH, Redirection::None, request, origin)?;
            let caller = self.identities.authenticate(&self.policies, request, origin)?;
            if caller != Caller::Anyone && request.headers.get("origin").is_some() {
                // A page of another site must not speak with the certificate of whoever looks at it.
                let text = "A page may not use the certificate of its reader.";
                return Err(Reject::new(Status::FORBIDDEN, ErrorCode::AuthorizationFailed, text).into());
            }
            Ok(Box::new(Talk::new(Arc::clone(&self.inner), request.clone(), caller)))
        };
        Some(begin())
    }

    fn only_reads(&self, call: &Call) -> bool {
        matches!(call.body, CallBody::Bytes(_)) && !submit::ROUTES.contains(&&*call.route)
    }

    fn encode(&self, calls: &[Call], replies: Vec<Response>) -> Response {
        let Some(first) = calls.first().and_then(|call| Ask::read(&call.body)) else {
            return self.rest.encode(calls, replies);
        };
        if !first.batched {
            return replies.into_iter().next_back().expect("a message has a request");
        }
        // What failed before it was a JSON-RPC answer, as a service without a primary does, is the answer to all.
        if let Some(at) = replies.iter().position(|reply| !reply.status.is_success()) {
            return replies.into_iter().nth(at).expect("it is there");
        }
        let txid = replies.iter().filter_map(|reply| reply.txid).next_back();
        let answers: Vec<_> =
            replies.into_iter().map(|reply| reply.body).filter(|body| !body.is_empty()).collect();
        let body = if answers.is_empty() { Vec::new() } else { [b"[", &*answers.join(&b','), b"]"].concat() };
        Response { txid, ..alone(body) }
    }

    fn query(&self, call: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
        match self.read(call, cx) {
            Some(response) => Ok(response),
            None => self.rest.query(call, cx),
        }
    }

    fn execute(&self, call: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
        if !submit::ROUTES.contains(&&*call.route) {
            return match self.read(call, cx) {
                Some(response) => Ok(response),
                None => self.rest.execute(call, cx),
            };
        }
        let ask = Ask::read(&call.body).ok_or_else(|| Reject::internal("Not a request of JSON-RPC."))?;
        let chain = self.inner.chains.of(&self.inner.tables, cx.tx).map_err(RpcError::from);
        let result = chain.and_then(|chain| {
            let chain = chain.ok_or_else(|| not_begun(&self.inner.tables, cx.tx))?;
            let verified = Verified::recovered(&ask.content, ask.sender)
                .ok_or_else(|| RpcError::params("not a transaction"))?;
            submit::execute(&self.inner.tables, &chain, &verified, cx)
        });
        if result.is_err() {
            cx.keep_writes = Some(false);
        }
        Ok(answered(&ask, result.map(crate::hex::data)))
    }

    fn appended(&self, appended: &Appended<'_>) {
        self.window.appended(appended.seqno, appended.writes);
    }

    fn rolled_back(&self, to: Seqno) {
        self.window.rolled_back(to);
    }

    fn is_full(&self) -> bool {
        let Some(chain) = self.inner.chains.last() else { return false };
        let max = chain.network.max_transaction_gas.unwrap_or(coco_evm::rules::MAX_TRANSACTION_GAS);
        self.window.is_full(max, chain.network.max_block_gas)
    }

    fn close_window(&self, _: &Closing, cx: &mut Context<'_>) -> Result<(), Reject> {
        let (entries, changed) = self.window.take();
        if entries.is_empty() {
            return Ok(());
        }
        submit::close(&self.inner.tables, &self.inner.chains, &self.state, (&entries, &changed), cx)
            .map_err(|error| Reject::internal(error.message))
    }

    fn timer(&self, cx: &mut Context<'_>) -> Result<(), Reject> {
        submit::begin(&self.inner.tables, &self.state, cx).map_err(|error| Reject::internal(error.message))
    }

    fn genesis(&self, tx: &mut Tx) -> Result<Digest, Reject> {
        self.rest.genesis(tx)
    }

    fn committed(&self, committed: &Committed<'_>) -> Vec<Event> {
        let blocks = committed.writes.table(tables::BLOCKS).into_iter().flatten();
        let event = |(number, _): (&Key, &Option<Value>)| Event {
            topic: BLOCKS.into(),
            seqno: committed.seqno,
            data: number.to_vec(),
        };
        blocks.map(event).collect()
    }

    fn index(&self, committed: &Committed<'_>) {
        self.rest.index(committed);
    }

    fn indexes(&self) -> Vec<IndexStatus> {
        self.rest.indexes()
    }
}
