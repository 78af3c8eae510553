//! JSON-RPC on a WebSocket: the same requests, and subscriptions to what is committed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use alloy_primitives::Bloom;
use coco_app::{Caller, Conversation, Event, Method, Origin, Reaction, Request, Response};
use coco_kv::Decode as _;
use serde_json::{Value, json};

use crate::{
    adapter::{Inner, PATH},
    hex::{data, quantity},
    methods::{Filter, View},
    records::Number,
    render,
    rpc::{BlockId, Item, Message, Params, RpcError, answer, failure},
};

/// What is told of each block.
pub(crate) const BLOCKS: &str = "ethereum blocks";
/// Most subscriptions of a connection.
const MAX_SUBSCRIPTIONS: usize = 256;

/// One client on a WebSocket.
pub(crate) struct Talk {
    inner: Arc<Inner>,
    /// The request that began it: what it proves holds for all that follow.
    opening: Request,
    caller: Caller,
    subscriptions: BTreeMap<u64, What>,
    next: u64,
}

/// What a subscription is to.
enum What {
    Heads,
    Logs(Box<Filter>),
    Transactions {
        whole: bool,
    },
    /// A node that answers is never behind itself.
    Nothing,
}

impl Talk {
    pub(crate) fn new(inner: Arc<Inner>, opening: Request, caller: Caller) -> Self {
        Self { inner, opening, caller, subscriptions: BTreeMap::new(), next: 1 }
    }

    fn subscribe(&mut self, params: &[u8]) -> Result<Value, RpcError> {
        let params = Params::read(params, 2)?;
        let kind: String = params.required(0)?;
        let what = match kind.as_str() {
            "newHeads" => What::Heads,
            "logs" => What::Logs(Filter::read(params.json(1).unwrap_or("{}"))?.into()),
            "newPendingTransactions" => What::Transactions { whole: params.optional(1)?.unwrap_or_default() },
            "syncing" => What::Nothing,
            other => {
                let text = format!("no {:?} subscription in eth namespace", other.escape_debug().to_string());
                return Err(RpcError::new(-32_601, text));
            }
        };
        if self.subscriptions.len() >= MAX_SUBSCRIPTIONS {
            return Err(RpcError::refused(format!(
                "a connection has at most {MAX_SUBSCRIPTIONS} subscriptions"
            )));
        }
        let id = self.next;
        self.next += 1;
        self.subscriptions.insert(id, what);
        Ok(quantity(id))
    }

    fn unsubscribe(&mut self, params: &[u8]) -> Result<Value, RpcError> {
        let id = Params::read(params, 1)?.number(0)?;
        match self.subscriptions.remove(&id) {
            Some(_) => Ok(true.into()),
            None => Err(RpcError::refused("subscription not found")),
        }
    }

    /// Answers what only a conversation can.
    fn own(&mut self, item: &Item<'_>) -> Option<Result<Value, RpcError>> {
        let params = item.params.map_or(&[][..], |params| params.get().as_bytes());
        match &*item.method {
            "eth_subscribe" => Some(self.subscribe(params)),
            "eth_unsubscribe" => Some(self.unsubscribe(params)),
            _ => None,
        }
    }

    /// What a subscription is told of a block.
    fn told(what: &What, view: &View<'_>, number: u64) -> Result<Vec<Value>, RpcError> {
        let Some((block, hash)) = view.block(BlockId::Number(number))? else { return Ok(Vec::new()) };
        match what {
            What::Nothing => Ok(Vec::new()),
            What::Heads => {
                let bloom = if view.viewer.sees_all() { block.header.logs_bloom } else { Bloom::ZERO };
                Ok(vec![render::header(&block.header, hash, bloom)])
            }
            What::Logs(filter) => view.logs(filter, number, number),
            What::Transactions { whole } => {
                let listed = view.listed(&block, hash)?;
                let shown = listed.iter().filter_map(|placed| match whole {
                    true => placed.transaction(view),
                    false => Some(data(placed.envelope.tx_hash())),
                });
                Ok(shown.collect())
            }
        }
    }
}

impl Conversation for Talk {
    fn message(&mut self, text: String, _: &Origin<'_>) -> Reaction {
        if let Ok(Message::One(Ok(item))) = Message::read(text.as_bytes())
            && let Some(result) = self.own(&item)
        {
            let Some(id) = item.id.map(|id| id.get().as_bytes()) else { return Reaction::Silence };
            let said = match result {
                Ok(value) => answer(id, value.to_string().as_bytes()),
                Err(error) => failure(id, &error),
            };
            return Reaction::Say(String::from_utf8_lossy(&said).into_owned());
        }
        let target = self.opening.target().to_owned();
        let request = Request::new(Method::Post, target, self.opening.headers.clone(), text.into());
        Reaction::Ask(request, Box::new(|response| finish(&response)))
    }

    fn event(&mut self, event: &Event, origin: &Origin<'_>) -> Vec<String> {
        let Some(Number(number)) = Number::decode(&event.data) else { return Vec::new() };
        let Ok(Some(chain)) = self.inner.chains.of(&self.inner.tables, origin.state) else {
            return Vec::new();
        };
        let session = self.inner.session(&self.opening);
        let viewer = self.inner.viewer(&chain, &self.caller, &session, origin.state);
        let view = View { tables: &self.inner.tables, chain: &chain, state: origin.state, viewer };
        let mut said = Vec::new();
        for (id, what) in &self.subscriptions {
            for result in Self::told(what, &view, number).unwrap_or_default() {
                let params = json!({ "subscription": quantity(*id), "result": result });
                said.push(
                    json!({ "jsonrpc": "2.0", "method": "eth_subscription", "params": params }).to_string(),
                );
            }
        }
        said
    }

    fn topics(&self) -> BTreeSet<Arc<str>> {
        let any = self.subscriptions.values().any(|what| !matches!(what, What::Nothing));
        any.then(|| Arc::from(BLOCKS)).into_iter().collect()
    }
}

/// What is said of an answer: an error of the service is one of JSON-RPC here, as there is no status to see.
fn finish(response: &Response) -> Option<String> {
    let body = String::from_utf8_lossy(&response.body).into_owned();
    if response.status.is_success() {
        return Some(body).filter(|body| !body.is_empty());
    }
    let json: Value = serde_json::from_str(&body).unwrap_or_default();
    let message = json["error"]["message"]
        .as_str()
        .map_or_else(|| format!("status {}", response.status.0), str::to_owned);
    let said = failure(b"null", &RpcError::refused(message));
    Some(String::from_utf8_lossy(&said).into_owned())
}

/// Whether a request is for this place.
pub(crate) fn is_here(request: &Request) -> bool {
    request.path().strip_prefix(PATH).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
