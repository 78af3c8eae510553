//! The trait that every protocol implements: REST records, governance, node administration, contracts.
//!
//! An adapter is pure logic over capabilities. It sees its caller, a transaction and what [`Services`](crate::Services) offers;
//! sockets, files, clocks, keys and consensus stay out of its reach.

use std::{borrow::Cow, sync::Arc};

use coco_kv::{Snapshot, Tx};
use coco_wire::{Digest, Seqno, TxId, WriteSet};
use serde::{Deserialize, Serialize, de::DeserializeSeed as _};

use crate::{
    caller::{Caller, Peer},
    console,
    context::Context,
    conversation::Conversation,
    endpoint::{Forwarding, Redirection},
    error::{ErrorCode, Reject},
    objects::Objects,
    request::{Request, Response, Status, percent_decode},
};

/// What an adapter is and wants; fixed for its lifetime.
#[derive(Clone, Debug, Default)]
pub struct Manifest {
    /// Short name, such as `logging`.
    pub name: &'static str,
    /// Tables whose writes are to be indexed by key, after commit and on every node.
    pub indexed_tables: Vec<&'static str>,
    /// Tables that decide what requests ask for, as a table of endpoints does. What is written to them counts for every
    /// request that begins after the answer; what is written to others, for every call that is executed then.
    pub decisive_tables: Vec<&'static str>,
    /// When to close a window; none if the protocol has no blocks.
    pub window: Option<WindowRule>,
    /// How often [`Adapter::timer`] is to be called on the primary, in milliseconds.
    pub timer_ms: Option<u64>,
}

/// A window closes with the signature that covers it, right before it, so that none is ever of two views and what is
/// committed ends with a closed one; or earlier, when it is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowRule {
    /// Most transactions in a window; an adapter may find it full before: see [`Adapter::is_full`].
    pub max_calls: u32,
    /// Shortest time from one signature that closes a window to the next, in milliseconds: so long signatures wait.
    pub interval_ms: u64,
}

/// Where a message came from, and what it may ask for.
#[derive(Clone, Copy)]
pub struct Origin<'a> {
    /// Who sent it.
    pub peer: &'a Peer,
    /// Whether the interface it came in by offers the endpoint of this full path.
    pub offers: &'a dyn Fn(&str) -> bool,
    /// The answer that sends the client to another node, if the interface has such calls go there. Asked before the
    /// caller is authenticated, since the other node may know more callers.
    pub redirect: &'a dyn Fn(Redirection, &Request) -> Option<Response>,
    /// State in which identities and governed endpoints are looked up.
    pub state: &'a Snapshot,
    /// Wall clock of the host in milliseconds since 1970; untrusted.
    pub now_ms: u64,
}

/// One unit of work. A value with no tie to a connection, so that another node can execute it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// Who asks.
    pub caller: Caller,
    /// Which operation, in the adapter's own naming; REST adapters use `METHOD /path/{template}`.
    pub route: Arc<str>,
    /// What is asked.
    pub body: CallBody,
}

impl Call {
    /// The HTTP request that it carries, if it does.
    #[must_use]
    pub fn http(&self) -> Option<&Request> {
        match &self.body {
            CallBody::Http(request, _) => Some(request),
            CallBody::Bytes(_) => None,
        }
    }

    /// The HTTP request that it carries.
    ///
    /// # Panics
    /// If the call is of another protocol; routes of a [`RestAdapter`](crate::RestAdapter) are not.
    #[must_use]
    pub fn request(&self) -> &Request {
        self.http().expect("routes of a REST adapter carry HTTP requests")
    }

    /// What the caller sent: the signed content if the request is a signed message, else its body.
    #[must_use]
    pub fn content(&self) -> &[u8] {
        self.caller.signed().map_or_else(|| &*self.request().body, |signed| &signed.payload)
    }

    /// The JSON object that the caller sent.
    ///
    /// # Errors
    /// 400 `InvalidInput` if it sent anything else.
    pub fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Reject> {
        let content = self.content().trim_ascii_start();
        if content.first().is_some_and(|first| *first != b'{') {
            return Err(Reject::invalid_input("The request is not a JSON object."));
        }
        serde_json::from_slice(content).map_err(|error| Reject::invalid_input(error.to_string()))
    }

    /// The JSON array of 1 to `most` objects that the caller sent.
    ///
    /// # Errors
    /// 400 `InvalidInput` if it sent anything else.
    pub fn json_objects<'a, T: Deserialize<'a>>(&'a self, most: usize) -> Result<Vec<T>, Reject> {
        let mut json = serde_json::Deserializer::from_slice(self.content());
        Objects::at_most(most)
            .deserialize(&mut json)
            .and_then(|objects| json.end().map(|()| objects))
            .map_err(|error| Reject::invalid_input(error.to_string()))
    }

    /// The value of the path parameter at `position` of the route's template, percent-decoded.
    ///
    /// # Errors
    /// 400 `InvalidResourceName` if its encoding is malformed.
    pub fn parameter(&self, position: usize) -> Result<Cow<'_, str>, Reject> {
        let CallBody::Http(_, parameters) = &self.body else {
            unreachable!("only HTTP calls have path parameters")
        };
        percent_decode(&parameters[position]).ok_or_else(|| {
            let message = "A path parameter is not percent-encoded UTF-8.";
            Reject::new(Status::BAD_REQUEST, ErrorCode::InvalidResourceName, message)
        })
    }
}

/// Content of a call.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum CallBody {
    /// An HTTP request and the values of its path parameters, as sent, in the order of the template.
    Http(Request, Vec<String>),
    /// A message of another protocol.
    Bytes(Vec<u8>),
}

impl PartialEq for CallBody {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Http(a, p), Self::Http(b, q)) => {
                p == q
                    && a.method == b.method
                    && a.target() == b.target()
                    && a.body == b.body
                    && a.headers.iter().eq(b.headers.iter())
            }
            (Self::Bytes(a), Self::Bytes(b)) => a == b,
            _ => false,
        }
    }
}

/// How a call runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Reads the latest state.
    Query,
    /// Reads the last committed state.
    QueryCommitted,
    /// May write.
    Execute,
    /// Reads one committed transaction, given to it with its receipt.
    Historical(TxId),
}

/// Where a call runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// Native and short: on the thread of its connection.
    Light,
    /// Scripts, proofs, contracts: on an execution thread.
    Heavy,
}

/// When a write is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyAt {
    /// As soon as it has its place in the order.
    Execution,
    /// Once it is committed, or when this many milliseconds have passed.
    Commit {
        /// Longest wait.
        within_ms: u64,
    },
    /// Once it is committed, and by an error when this many milliseconds have passed before.
    CommitOnly {
        /// Longest wait.
        within_ms: u64,
    },
}

/// What a read has to have seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Whatever its node has.
    Local,
    /// Everything that was committed anywhere before it was asked for; refused if that cannot be made sure of in this
    /// many milliseconds. It reads what is committed and nothing else.
    Linearizable {
        /// Longest wait.
        within_ms: u64,
    },
}

/// What one message asks for.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Executed in order; each in a transaction of its own.
    pub calls: Vec<Call>,
    /// How they run.
    pub mode: Mode,
    /// Where they run.
    pub weight: Weight,
    /// When the message is answered.
    pub reply_at: ReplyAt,
    /// What a message that only reads has to have seen.
    pub freshness: Freshness,
    /// What a node that is not the primary does.
    pub forwarding: Forwarding,
    /// A read of what is committed whose answer is given instead, once the message was executed and is committed.
    pub then: Option<Call>,
}

/// Transactions of a closed window, in the order of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The first of them.
    pub first: TxId,
    /// The last of them.
    pub last: TxId,
    /// How many of them were the adapter's own.
    pub calls: u32,
}

/// A transaction that has its place in the ledger of this node, and may lose it until it is committed.
#[derive(Clone, Copy, Debug)]
pub struct Appended<'a> {
    /// Its place in the ledger.
    pub seqno: Seqno,
    /// What it changed.
    pub writes: &'a WriteSet,
}

/// A committed transaction.
#[derive(Clone, Copy, Debug)]
pub struct Committed<'a> {
    /// Its place in the ledger.
    pub seqno: Seqno,
    /// What it changed.
    pub writes: &'a WriteSet,
}

/// Something that subscribers to `topic` are told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Stream that it belongs to.
    pub topic: Arc<str>,
    /// Transaction that it comes from.
    pub seqno: Seqno,
    /// Content in the adapter's own encoding.
    pub data: Vec<u8>,
}

/// How far an index that an adapter keeps for itself has come; listed by `/node/index/strategies`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexStatus {
    /// What it is called.
    pub name: String,
    /// The first transaction that it lacks and wants: it is told of that one next. [`Adapter::index`] moves it on.
    pub next: Seqno,
}

/// A protocol on the service.
///
/// `execute`, `close_window` and `timer` run on the primary; replicas apply the writes. `execute` may run again on a
/// newer state if what it read has changed. `appended` and `rolled_back` run on every node, in order. So do `committed` and
/// `index`, and only for what is final.
pub trait Adapter: Send + Sync + 'static {
    /// What it is and wants.
    fn manifest(&self) -> &Manifest;

    /// Writes its initial state as part of the service's first transaction, after members, constitution and node are
    /// in it. The digest of what the application claims of that transaction is returned; zero if nothing.
    ///
    /// # Errors
    /// If the configuration does not allow it; the service is not created.
    fn genesis(&self, _tx: &mut Tx) -> Result<Digest, Reject> {
        Ok(Digest::ZERO)
    }

    /// Reads one message: finds the endpoint, authenticates, and says what is to be done.
    ///
    /// # Errors
    /// The answer to a message that asks for nothing that can be done.
    fn decode(&self, message: Request, origin: &Origin<'_>) -> Result<Plan, Response>;

    /// Whether a call of a message that may write only reads: it reads what is committed then.
    fn only_reads(&self, _call: &Call) -> bool {
        false
    }

    /// Begins a conversation on the connection of `request`, which asks for a WebSocket; none if there is nothing of the
    /// kind at its path, and it is answered like any other. Browsers do not keep pages of other sites from asking, so
    /// that a client known by its certificate may not want what its `origin` header says.
    ///
    /// # Errors
    /// The answer to a request that must not have one.
    fn converse(
        &self,
        _request: &Request,
        _origin: &Origin<'_>,
    ) -> Option<Result<Box<dyn Conversation>, Response>> {
        None
    }

    /// Makes the answer to a message from its calls and the answers to them, in their order.
    fn encode(&self, _calls: &[Call], replies: Vec<Response>) -> Response {
        replies.into_iter().next_back().expect("a message without calls is answered by decode")
    }

    /// Answers a call that writes nothing.
    ///
    /// # Errors
    /// If the caller is wrong.
    fn query(&self, call: &Call, cx: &mut Context<'_>) -> Result<Response, Reject>;

    /// Executes a call that may write. Its writes are dropped if it rejects or answers with an error status, unless
    /// [`Context::keep_writes`] says otherwise.
    ///
    /// # Errors
    /// If the caller is wrong.
    fn execute(&self, call: &Call, cx: &mut Context<'_>) -> Result<Response, Reject>;

    /// Tells of a transaction when it gets its place, in order, on every node. It is called while nothing else is
    /// sequenced: what takes long belongs elsewhere.
    fn appended(&self, _appended: &Appended<'_>) {}

    /// Tells that all transactions after this one have lost their places.
    fn rolled_back(&self, _to: Seqno) {}

    /// Whether the window is to be closed after the transaction that it was told of last.
    fn is_full(&self) -> bool {
        false
    }

    /// Closes a window, in the order of the store: nothing comes between its last transaction and this one.
    ///
    /// # Errors
    /// If the window cannot be closed; its transactions stay, the window remains open.
    fn close_window(&self, _window: &Window, _cx: &mut Context<'_>) -> Result<(), Reject> {
        Ok(())
    }

    /// Tells of a transaction when it is committed; returns what subscribers are to be told. Of what was before the
    /// snapshot that its node began with it tells nothing.
    fn committed(&self, _committed: &Committed<'_>) -> Vec<Event> {
        Vec::new()
    }

    /// Has a committed transaction taken into the indexes that the adapter keeps for itself. None is left out from the
    /// first on that one of them lacks: what was before the snapshot that the node began with is read from ledger files,
    /// and what is committed meanwhile comes after it. Indexes that have a transaction already may be told of it again.
    fn index(&self, _committed: &Committed<'_>) {}

    /// Indexes that the adapter keeps for itself, beside those that its manifest asks for; there may be others later.
    fn indexes(&self) -> Vec<IndexStatus> {
        Vec::new()
    }

    /// What its scripts printed on this node, of the application that `state` has. Active members read it.
    fn console(&self, _state: &Snapshot, _query: &console::Query) -> console::Page {
        console::Page::default()
    }

    /// Called as often as the manifest asks; may write.
    ///
    /// # Errors
    /// If there is nothing to do now.
    fn timer(&self, _cx: &mut Context<'_>) -> Result<(), Reject> {
        Ok(())
    }
}
