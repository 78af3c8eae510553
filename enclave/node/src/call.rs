//! From a request to its effect on the store: which adapter it belongs to, and running it.

use std::{collections::BTreeMap, sync::Arc};

use coco_app::{
    Adapter, Attesting, Call, Chain, Context, Conversation, Download, ErrorCode, Forwarding, Freshness,
    Historical, Index, InterfaceName, Lookup, Mode, NodeRequests, Origin, Peer, Plan, Reject, ReplyAt,
    Request, Response, Services, Status,
};
use coco_kv::{Executed, Snapshot, Tx};
use coco_wire::{Digest, Seqno};
use regex::Regex;

use crate::{
    admin::{
        files::{CHUNK, SNAPSHOT},
        snapshots::CREATE,
    },
    redirect::Redirections,
    view::{Shared, State, View, version_of},
};

/// Which adapter a call belongs to, by the first element of its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mount {
    /// `/app`, and every path whose first element is none of the others.
    App,
    /// `/gov`
    Gov,
    /// `/node`
    Node,
}

impl Mount {
    /// That of a path.
    fn of(path: &str) -> Self {
        match path.split('/').nth(1) {
            Some("gov") => Self::Gov,
            Some("node") => Self::Node,
            _ => Self::App,
        }
    }
}

/// The adapters of a node and what its interfaces offer of them.
pub struct Mounts {
    /// The application.
    pub app: Arc<dyn Adapter>,
    /// Governance.
    pub gov: Arc<dyn Adapter>,
    /// Administration of the node.
    pub node: Arc<dyn Adapter>,
    /// An interface that is not listed offers all.
    pub offered: BTreeMap<InterfaceName, Offered>,
    /// Where interfaces redirect to; one not listed has requests for other nodes forwarded.
    pub redirections: BTreeMap<InterfaceName, Redirections>,
}

/// What an interface offers.
#[derive(Debug, Default)]
pub struct Offered {
    /// Expressions that its paths match from end to end; none: all paths.
    pub paths: Option<Vec<Regex>>,
    /// Whether snapshots can be downloaded.
    pub snapshots: bool,
    /// Whether the ledger can be.
    pub chunks: bool,
    /// Whether snapshots can be asked for.
    pub creation: bool,
}

impl Offered {
    fn has(&self, path: &str) -> bool {
        self.paths.as_ref().is_none_or(|paths| paths.iter().any(|pattern| pattern.is_match(path)))
    }

    /// Whether a path is one of those that an operator has to switch on, and did not.
    fn withholds(&self, path: &str) -> bool {
        let is_below = |prefix| {
            path.strip_prefix(prefix).is_some_and(|rest: &str| rest.is_empty() || rest.starts_with('/'))
        };
        !self.snapshots && is_below(SNAPSHOT)
            || !self.chunks && is_below(CHUNK)
            || !self.creation && path == CREATE
    }
}

impl Mounts {
    /// The adapter of a mount.
    #[must_use]
    pub fn adapter(&self, mount: Mount) -> &dyn Adapter {
        match mount {
            Mount::App => &*self.app,
            Mount::Gov => &*self.gov,
            Mount::Node => &*self.node,
        }
    }
}

/// A request that was understood.
#[derive(Debug)]
pub struct Planned {
    /// Adapter that it belongs to.
    pub mount: Mount,
    /// What it asks for.
    pub plan: Plan,
}

impl Planned {
    /// A read of what is committed, asked of the same adapter.
    #[must_use]
    pub fn asking(&self, call: Call) -> Self {
        let plan = Plan {
            calls: vec![call],
            mode: Mode::QueryCommitted,
            weight: self.plan.weight,
            reply_at: ReplyAt::Execution,
            freshness: Freshness::Local,
            forwarding: Forwarding::Never,
            then: None,
        };
        Self { mount: self.mount, plan }
    }

    /// What a call of the application has in common with those that tend to take equally long: the route. Governance has
    /// no kinds: a ballot that takes long says nothing of the next.
    #[must_use]
    pub fn kind(&self) -> Option<Arc<str>> {
        let call = self.plan.calls.first().filter(|_| self.mount == Mount::App);
        call.map(|call| Arc::clone(&call.route))
    }
}

/// Writes that wait for their place.
pub struct Write {
    /// What was read and is to be written.
    pub executed: Executed,
    /// Digest of the application's claims; zero if there are none.
    pub claims: Digest,
    /// What the node is to do besides.
    pub requests: NodeRequests,
    /// Whether it counts for the application's window.
    pub mount: Mount,
}

/// What an adapter is shown beside a message.
#[derive(Clone, Copy)]
struct Seen<'a> {
    state: &'a State,
    /// That of the rows.
    snapshot: &'a Snapshot,
    redirections: Option<&'a Redirections>,
}

/// A call that was run.
pub struct Ran {
    /// Its answer; of a write, without its transaction ID.
    pub response: Response,
    /// Its writes, if there are any to keep.
    pub write: Option<Write>,
    /// What makes the answer instead.
    pub instead: Option<Instead>,
}

/// What makes an answer out of what the host has.
pub enum Instead {
    /// Files.
    Download(Box<dyn Download>),
    /// Evidence.
    Attesting(Box<dyn Attesting>),
}

impl View {
    /// Finds out what a request asks for.
    ///
    /// # Errors
    /// The answer to a request that asks for nothing that can be done, or that another node is to answer.
    pub fn decode(&self, request: Request, peer: &Peer) -> Result<Planned, Response> {
        self.plan(request, peer, self.mounts.redirections.get(&peer.interface))
    }

    /// The same for a request that another node forwarded.
    ///
    /// # Errors
    /// The answer to a request that asks for nothing that can be done.
    pub fn decode_forwarded(&self, request: Request, peer: &Peer) -> Result<Planned, Response> {
        self.plan(request, peer, None)
    }

    fn plan(
        &self,
        request: Request,
        peer: &Peer,
        redirections: Option<&Redirections>,
    ) -> Result<Planned, Response> {
        let state = self.shared.state.load();
        let mount = Mount::of(request.path());
        if !state.serves(mount) {
            let text = "Frontend is not open.";
            return Err(Reject::new(Status::NOT_FOUND, ErrorCode::FrontendNotOpen, text).into());
        }
        let offered = self.mounts.offered.get(&peer.interface);
        if offered.is_some_and(|offered| offered.withholds(request.path())) {
            return Err(Response::empty(Status::NOT_FOUND));
        }
        let adapter = self.mounts.adapter(mount);
        let seen = Seen { state: &state, snapshot: &state.latest, redirections };
        let plan = self.with_origin(peer, seen, |origin| adapter.decode(request, origin))?;
        Ok(Planned { mount, plan })
    }

    /// Begins a conversation with whoever asks for one; none if there is none to be had there.
    ///
    /// # Errors
    /// The answer to a request that must not have one, or that another node is to answer.
    #[must_use]
    pub fn converse(
        &self,
        request: &Request,
        peer: &Peer,
    ) -> Option<Result<Box<dyn Conversation>, Response>> {
        let state = self.shared.state.load();
        let mount = Mount::of(request.path());
        if !state.serves(mount) {
            return None;
        }
        let redirections = self.mounts.redirections.get(&peer.interface);
        let seen = Seen { state: &state, snapshot: &state.latest, redirections };
        self.with_origin(peer, seen, |origin| self.mounts.adapter(mount).converse(request, origin))
    }

    /// Runs a step of a conversation on the last committed state.
    pub fn with_committed<T>(&self, peer: &Peer, step: impl FnOnce(&Origin<'_>) -> T) -> T {
        let state = self.shared.state.load();
        let redirections = self.mounts.redirections.get(&peer.interface);
        self.with_origin(peer, Seen { state: &state, snapshot: &state.committed, redirections }, step)
    }

    fn with_origin<T>(&self, peer: &Peer, seen: Seen<'_>, step: impl FnOnce(&Origin<'_>) -> T) -> T {
        let Seen { state, snapshot, redirections } = seen;
        let offered = self.mounts.offered.get(&peer.interface);
        step(&Origin {
            peer,
            offers: &|path| offered.is_none_or(|offered| offered.has(path)),
            redirect: &|wanted, request| redirections?.answer(&self.shared, state, peer, (wanted, request)),
            state: snapshot,
            now_ms: self.shared.clock.wall_ms(),
        })
    }

    /// Runs one call on the latest state, or on the last committed one.
    pub fn run(&self, mount: Mount, call: &Call, mode: Mode, historical: Option<Arc<Historical>>) -> Ran {
        let state = self.shared.state.load();
        let snapshot = match mode {
            Mode::QueryCommitted => &state.committed,
            Mode::Query | Mode::Execute | Mode::Historical(_) => &state.latest,
        };
        let mut tx = Tx::new(snapshot.clone());
        let services = CallServices { shared: &self.shared, state: &state };
        let mut cx = Context::new(&mut tx, &services, historical);
        let adapter = self.mounts.adapter(mount);
        let answer = match mode {
            Mode::Execute => adapter.execute(call, &mut cx),
            Mode::Query | Mode::QueryCommitted | Mode::Historical(_) => adapter.query(call, &mut cx),
        };
        let mut response = answer.unwrap_or_else(Response::from);
        let keep = cx.keep_writes.unwrap_or(response.status.is_success());
        let (claims, requests) = (cx.claims.unwrap_or_default(), cx.requests);
        let instead = cx.download.map(Instead::Download).or(cx.attesting.map(Instead::Attesting));
        let instead = instead.filter(|_| mount == Mount::Node);
        let writes = mode == Mode::Execute && keep && !tx.is_read_only();
        if writes {
            let write = Write { executed: tx.finish(), claims, requests, mount };
            return Ran { response, write: Some(write), instead: None };
        }
        if response.txid.is_none() {
            response.txid = version_of(&state, snapshot);
        }
        Ran { response, write: None, instead }
    }
}

/// What handlers are offered.
pub(crate) struct CallServices<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) state: &'a State,
}

impl Services for CallServices<'_> {
    fn chain(&self) -> &Chain {
        &self.state.chain
    }

    fn now_ms(&self) -> u64 {
        self.shared.clock.wall_ms()
    }

    fn fill_random(&self, out: &mut [u8]) {
        self.shared.entropy.fill(out);
    }

    fn history(&self, seqnos: &[Seqno]) -> Result<Lookup<Vec<Arc<Historical>>>, Reject> {
        self.shared.history.lookup(&self.state.chain, seqnos, self.shared.clock.now())
    }

    fn index(&self, table: &str) -> Option<&dyn Index> {
        self.shared.indexes.table(table).map(|index| index as &dyn Index)
    }

    fn root(&self) -> Digest {
        self.state.root
    }
}
