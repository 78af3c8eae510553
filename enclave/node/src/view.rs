//! What Core publishes and every thread may read.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use arc_swap::ArcSwap;
use coco_app::{Adapter, Chain, ErrorCode, Reject, Status};
use coco_attest::Roots;
use coco_boundary::{Log, Monotonic, Unix};
use coco_crypto::entropy::Entropy;
use coco_kv::{Snapshot, Store};
use coco_raft::{Membership, NodeId};
use coco_tables::nodes::NodeStatus;
use coco_wire::{Digest, Seqno, TxId, View as ViewNumber};

use crate::{
    call::{Mount, Mounts},
    feed::Feed,
    history::History,
    index::Indexes,
    keys::{Keys, SecretSlot},
    lease::Rules,
    streams::Streams,
    token_keys::Refreshing,
};

/// How far a node has come; the names that clients see are CCF's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Waits for evidence of what it runs.
    Initialized,
    /// Asks a service to be let in.
    Pending,
    /// Takes part.
    PartOfNetwork,
}

impl Stage {
    /// Its name in `/node/state`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Initialized => "Initialized",
            Self::Pending => "Pending",
            Self::PartOfNetwork => "PartOfNetwork",
        }
    }
}

/// One published state; never changes.
#[derive(Clone)]
pub struct State {
    /// How far the node has come.
    pub stage: Stage,
    /// After a transaction that has its place: the last one if the state was published by a refresh.
    pub latest: Snapshot,
    /// After a committed one: the last one if the state was published by
    /// [`Core::refresh_committed`](crate::Core::refresh_committed).
    pub committed: Snapshot,
    /// Views and commit level.
    pub chain: Chain,
    /// How often transactions that had their place were undone on this node.
    pub rollbacks: u64,
    /// The last signature that was made.
    pub signed: TxId,
    /// Root under that signature.
    pub root: Digest,
    /// Whether the application takes requests.
    pub open: bool,
    /// Whether this node appends transactions.
    pub primary: bool,
    /// The agreement between nodes.
    pub consensus: Consensus,
    /// Whether the host announced that it will stop the node.
    pub stop_notice: bool,
}

/// The agreement between nodes, as this one sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consensus {
    /// What this node does.
    pub role: Part,
    /// Its view, which a node that catches up knows before it has entries of it.
    pub view: ViewNumber,
    /// Who appends, if known.
    pub leader: Option<NodeId>,
    /// Whether this node takes part, or how far its leaving is settled.
    pub membership: Membership,
    /// Configurations in force, the oldest first, each with the entry that brought it.
    pub configurations: Vec<(Seqno, BTreeSet<NodeId>)>,
    /// To the leader: what the others acknowledged.
    pub acks: Vec<Ack>,
}

/// What a node does in consensus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// Takes entries from a leader.
    #[default]
    Follower,
    /// Asks whether it would be voted for.
    PreVoteCandidate,
    /// Asks for votes.
    Candidate,
    /// Appends.
    Leader,
}

/// The last acknowledgement of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack {
    /// Who.
    pub node: NodeId,
    /// Up to here its log equals the leader's and is on its disk.
    pub seqno: Seqno,
    /// When it last answered.
    pub heard: Monotonic,
}

/// Another node of the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// `host:port` of its interface for other nodes.
    pub address: Arc<str>,
    /// Its part.
    pub status: NodeStatus,
}

/// What stays the same as long as a session sees all that it saw and wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Continuity {
    view: ViewNumber,
    /// Whether a leader was known: before that there is nothing to lose with the view but what is counted in `rollbacks`.
    led: bool,
    /// How often transactions were undone; a primary that loses its majority undoes some without a new view.
    rollbacks: u64,
}

/// A session may have seen or written what is lost: its view, and the present one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    /// In which it began.
    pub began: ViewNumber,
    /// In which it goes on.
    pub now: ViewNumber,
}

impl Lost {
    /// What the session is told, as CCF says it.
    #[must_use]
    pub fn reject(self) -> Reject {
        let Self { began, now } = self;
        let text = format!(
            "Potential loss of session consistency. Started in view {began}, now in view {now}. Closing session."
        );
        Reject::new(Status::INTERNAL_SERVER_ERROR, ErrorCode::SessionConsistencyLost, text)
    }
}

impl Continuity {
    /// The view in which the session began, or first knew of a leader.
    #[must_use]
    pub fn view(&self) -> ViewNumber {
        self.view
    }

    /// What a session that began here is to be compared with from now on.
    ///
    /// # Errors
    /// If the primary changed since, or transactions were undone.
    pub fn follow(&mut self, now: Self) -> Result<(), Lost> {
        if self.rollbacks != now.rollbacks || (self.led && self.view != now.view) {
            return Err(Lost { began: self.view, now: now.view });
        }
        *self = Self { led: self.led || now.led, ..now };
        Ok(())
    }
}

impl State {
    /// To be compared by sessions.
    #[must_use]
    pub fn continuity(&self) -> Continuity {
        Continuity {
            view: self.consensus.view,
            led: self.consensus.leader.is_some(),
            rollbacks: self.rollbacks,
        }
    }

    /// Whether requests for a mount are served now.
    pub(crate) fn serves(&self, mount: Mount) -> bool {
        match mount {
            Mount::App => self.open,
            Mount::Gov => self.stage == Stage::PartOfNetwork,
            Mount::Node => true,
        }
    }

    /// Before the first transaction.
    fn empty() -> Self {
        let mut store = Store::new();
        Self {
            stage: Stage::Initialized,
            latest: store.latest(),
            committed: store.committed(),
            chain: Chain::default(),
            rollbacks: 0,
            signed: TxId::default(),
            root: Digest::ZERO,
            open: false,
            primary: false,
            consensus: Consensus::default(),
            stop_notice: false,
        }
    }
}

/// Everything that threads share, but the adapters.
pub struct Shared {
    /// Keys and certificates.
    pub keys: Keys,
    /// Ledger secrets.
    pub secrets: SecretSlot,
    /// The last published state. Core publishes commits, signatures, its own standing and what governance changes at once;
    /// what applications wrote it shows when [`Core::refresh`](crate::Core::refresh) is called, so that writes alone
    /// need not copy what readers hold.
    pub state: ArcSwap<State>,
    /// Whether transactions were appended since.
    pub(crate) stale: AtomicBool,
    /// Committed transactions, read back from the ledger.
    pub history: History,
    /// Indexes over tables of the application.
    pub indexes: Arc<Indexes>,
    /// What these and the application's own are told.
    pub(crate) feed: Arc<Feed>,
    /// What adapters tell their subscribers.
    pub streams: Streams,
    /// How the keys of token issuers are kept fresh.
    pub refreshing: Refreshing,
    /// Counts changes of what nodes have to show.
    pub(crate) rules: Rules,
    /// The other nodes, by the latest state.
    pub peers: ArcSwap<BTreeMap<NodeId, Peer>>,
    /// Random bytes.
    pub entropy: Arc<dyn Entropy>,
    /// Time as the host tells it.
    pub clock: Clock,
    /// Where messages to the operator go.
    pub log: Log,
    /// Whose signatures of evidence count.
    roots: Roots,
    /// The snapshot that the node begins with.
    startup_seqno: AtomicU64,
}

impl Shared {
    /// The last entry of the snapshot that the node begins with; zero if it begins with none.
    pub fn startup_seqno(&self) -> Seqno {
        Seqno(self.startup_seqno.load(Ordering::Relaxed))
    }

    /// Has other signatures of evidence count than those of the makers of hardware: for tests, whose hardware is imitated.
    #[must_use]
    pub fn trusting(self, roots: Roots) -> Self {
        Self { roots, ..self }
    }

    /// Whose signatures of evidence count.
    pub(crate) fn roots(&self) -> &Roots {
        &self.roots
    }

    /// Says which snapshot the node begins with.
    pub fn begin_with(&self, snapshot: Seqno) {
        self.startup_seqno.store(snapshot.0, Ordering::Relaxed);
    }

    /// What a node shares before it has done anything. `app` is the application, whose indexes are told of what is
    /// committed; `history_bytes` is about what the cache of past transactions may take.
    pub fn new(
        keys: Keys,
        secrets: impl Into<SecretSlot>,
        history_bytes: usize,
        app: Arc<dyn Adapter>,
        entropy: Arc<dyn Entropy>,
        log: Log,
    ) -> Self {
        let secrets = secrets.into();
        let indexes = Arc::new(Indexes::over(app.manifest().indexed_tables.iter().copied()));
        let feed = Arc::new(Feed::new(Arc::clone(&indexes), app));
        Self {
            keys,
            secrets: secrets.clone(),
            state: ArcSwap::from_pointee(State::empty()),
            stale: AtomicBool::new(false),
            history: History::new(secrets, history_bytes, Arc::clone(&feed)),
            indexes,
            feed,
            streams: Streams::default(),
            refreshing: Refreshing::default(),
            rules: Rules::default(),
            peers: ArcSwap::default(),
            entropy,
            clock: Clock::default(),
            log,
            roots: Roots::MAKERS,
            startup_seqno: AtomicU64::default(),
        }
    }
}

/// What calls are executed on.
#[derive(Clone)]
pub struct View {
    /// The state and what derives from it.
    pub shared: Arc<Shared>,
    /// The adapters.
    pub mounts: Arc<Mounts>,
}

impl View {
    /// Whether the last published state lacks transactions that were appended since.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.shared.stale.load(Ordering::Acquire)
    }

    /// The last published state.
    #[must_use]
    pub fn state(&self) -> Arc<State> {
        self.shared.state.load_full()
    }
}

/// The host's clocks at the last tick; they drive liveness, and dates that anyone can check.
#[derive(Debug, Default)]
pub struct Clock {
    monotonic_ms: AtomicU64,
    wall_ms: AtomicU64,
}

impl Clock {
    /// Takes over a new time; neither clock goes back.
    pub fn set(&self, now: Monotonic, wall: Unix) {
        self.monotonic_ms.fetch_max(now.0, Ordering::Relaxed);
        self.wall_ms.fetch_max(wall.0, Ordering::Relaxed);
    }

    /// Time since some fixed moment.
    #[must_use]
    pub fn now(&self) -> Monotonic {
        Monotonic(self.monotonic_ms.load(Ordering::Relaxed))
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub fn wall_ms(&self) -> u64 {
        self.wall_ms.load(Ordering::Relaxed)
    }
}

/// Seqno of a state's last transaction, with its view.
#[must_use]
pub fn version_of(state: &State, snapshot: &Snapshot) -> Option<TxId> {
    let seqno = snapshot.version();
    if seqno == Seqno::ZERO {
        return None;
    }
    state.chain.view_of(seqno).map(|view| TxId { view, seqno })
}
