//! The one owner of consensus, store and ledger.
//!
//! Events come in, effects and jobs come out; nothing here blocks, reads a clock or touches a disk. Its caller holds
//! the sequencer's lock for the length of each call, which is why anything slow is a job.

mod begin;
mod commit;
mod events;
mod follow;
mod jobs;
mod leave;
mod nodes;
mod send;
mod sequence;
mod sign;
mod snapshots;
mod window;

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Arc, atomic::Ordering},
};

use coco_boundary::{Effect, Monotonic};
use coco_kv::{Conflict, Snapshot, Store, Surplus};
use coco_ledger::{Ledger, LedgerConfig, LedgerSecrets, PreviousSignature, SigningPolicy};
use coco_raft::{Input, NodeId, Raft, ReadId, Role, Start};
use coco_tables::Tables;
use coco_wire::{Digest, Seqno, TxId, View as ViewNumber};

use self::{
    follow::Following, leave::Leaving, nodes::Change, send::Sending, snapshots::Snapshots, window::Windows,
};
pub use self::{
    jobs::{Done, Job},
    send::{Outgoing, is_requested_by_core},
    snapshots::{SnapshotPolicy, SnapshotTime},
};
use crate::{
    genesis::Genesis,
    join::Joined,
    view::{Ack, Consensus, Part, Stage, State, View},
};

/// Consensus, store and ledger of one node.
pub struct Core {
    view: View,
    stage: Stage,
    /// Until the service is created.
    genesis: Option<Box<Genesis>>,
    kv: Store,
    ledger: Ledger,
    raft: Raft,
    signing: Signing,
    following: Following,
    sending: Sending,
    snapshots: Snapshots,
    /// Changes of the agreement that wait to be proposed with their entries.
    reconfigurations: VecDeque<(Seqno, Change)>,
    /// Nodes whose retirement is committed and that this primary has not marked yet.
    retirable: BTreeSet<NodeId>,
    tables: Tables,
    settings: Settings,
    /// How often transactions that had their place were undone.
    rollbacks: u64,
    /// First seqno of each view.
    views: Arc<[(ViewNumber, Seqno)]>,
    windows: Windows,
    timer_at: Option<Monotonic>,
    open: bool,
    stop_notice: bool,
    stopping: bool,
    /// While the leadership is handed over before the node stops.
    leaving: Option<Leaving>,
    /// What changed since the last publication.
    changed: Changed,
}

/// What does not change while the node runs.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// When to sign.
    pub signing: SigningPolicy,
    /// How the ledger is written.
    pub ledger: LedgerConfig,
    /// Intervals of consensus, and the size of its messages.
    pub consensus: coco_raft::Settings,
    /// Most transactions that wait for commit; zero for no limit.
    pub max_uncommitted: u64,
    /// How many past committed states are kept for queries.
    pub keep_committed: usize,
}

/// How much there is to publish.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Changed {
    Nothing,
    /// Transactions were appended: of interest once somebody reads.
    Appended,
    /// Something that is told at once: commit, signature, the node's own standing.
    Standing,
    /// Tables that say who may do what: those of the service, and what the application names.
    Decisive,
}

/// The signature in the making, or the last one.
struct Signing {
    state: PreviousSignature,
    made: Signatures,
    /// A new leader signs at once, since nothing else of earlier views can be committed.
    at_once: bool,
    reserved_at: Monotonic,
}

/// The last signature that is committed, and those after it, each with its root.
#[derive(Default)]
struct Signatures(VecDeque<(TxId, Digest)>);

impl Signatures {
    fn last(&self) -> (TxId, Digest) {
        self.0.back().copied().unwrap_or_default()
    }

    fn made(&mut self, txid: TxId, root: Digest) {
        self.0.push_back((txid, root));
    }

    fn committed(&mut self, upto: Seqno) {
        while self.0.get(1).is_some_and(|(txid, _)| txid.seqno <= upto) {
            self.0.pop_front();
        }
    }

    fn rollback(&mut self, to: Seqno) {
        self.0.retain(|(txid, _)| txid.seqno <= to);
    }
}

/// What Core asks for; carried out by its caller, effects in order and before the lock is let go.
#[derive(Default)]
pub struct Output {
    /// For the host.
    pub effects: Vec<Effect>,
    /// For another thread of the enclave.
    pub jobs: Vec<Job>,
    /// For other nodes, in order.
    pub messages: Vec<Outgoing>,
    /// Reads asked for by [`Core::read`], and whether they may go on.
    pub reads: Vec<(ReadId, Readable)>,
    /// Whether certificates are to be taken over: see [`Shared::renew`](crate::Shared::renew).
    pub certificates: Certificates,
    /// A tick is wanted then, if none comes earlier.
    pub wake_at: Option<Monotonic>,
    /// To be dropped without the lock.
    pub surplus: Vec<Surplus>,
}

/// Whether rows with certificates of nodes, or of the service, were committed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Certificates {
    /// They were not.
    #[default]
    Untouched,
    /// They were written.
    Written,
}

/// What becomes of a read that has to see everything committed before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readable {
    /// The committed state shows it.
    Yes,
    /// No primary is known that could tell: it may be asked for again.
    NotNow,
}

/// Why a transaction gets no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It read what has changed since: execute it again.
    #[error("the transaction conflicts with another one")]
    Conflict,
    /// Another node is the primary, or none is.
    #[error("this node is not the primary")]
    NotPrimary,
    /// Too many transactions wait for commit.
    #[error("too many transactions wait for commit")]
    Full,
    /// It writes more than a ledger entry holds.
    #[error("the transaction writes more than a ledger entry holds")]
    TooLarge,
    /// It describes a node in a way that nodes cannot read.
    #[error("the transaction writes a malformed row of nodes")]
    Malformed,
}

impl From<Conflict> for Refusal {
    fn from(_: Conflict) -> Self {
        Self::Conflict
    }
}

impl Core {
    /// A node that will create a service once it has evidence of what it runs.
    #[must_use]
    pub fn start(view: View, genesis: Genesis, ledger: Ledger, settings: Settings) -> Self {
        let genesis = Some(Box::new(genesis));
        Self { genesis, ..Self::new(view, Stage::Initialized, ledger, settings, Start::Service) }
    }

    /// A node that asks a service to be let in.
    #[must_use]
    pub fn join(view: View, settings: Settings) -> Self {
        let ledger = Ledger::new(LedgerSecrets::default(), settings.ledger);
        Self::new(view, Stage::Pending, ledger, settings, Start::Empty)
    }

    fn new(view: View, stage: Stage, ledger: Ledger, settings: Settings, start: Start) -> Self {
        let id = view.shared.keys.node_id;
        let mut kv = Store::new();
        kv.keep_committed(settings.keep_committed);
        Self {
            kv,
            stage,
            genesis: None,
            ledger,
            raft: Raft::new(id, settings.consensus, start, seed(&id)),
            signing: Signing {
                state: PreviousSignature::Committed,
                made: Signatures::default(),
                at_once: false,
                reserved_at: Monotonic(0),
            },
            following: Following::default(),
            sending: Sending::default(),
            snapshots: Snapshots::default(),
            reconfigurations: VecDeque::new(),
            retirable: BTreeSet::new(),
            tables: Tables::default(),
            settings,
            rollbacks: 0,
            views: [].into(),
            windows: Windows::default(),
            timer_at: None,
            open: false,
            stop_notice: false,
            stopping: false,
            leaving: None,
            changed: Changed::Nothing,
            view,
        }
    }

    /// The service let this node in: it takes part from now on.
    pub fn joined(&mut self, joined: Joined, out: &mut Output) {
        if self.stage == Stage::Pending {
            if self.kv.version() == Seqno::ZERO {
                self.ledger = Ledger::new(joined.secrets.clone(), self.settings.ledger);
            }
            joined.install(&self.view.shared);
            self.stage = Stage::PartOfNetwork;
            self.changed = self.changed.max(Changed::Standing);
        }
        self.flush(out);
    }

    /// Somebody wants to read here, without missing anything that was committed anywhere before. The answer is in
    /// [`Output::reads`], of this call or a later one; it fails to come if messages between nodes are lost.
    pub fn read(&mut self, read: ReadId, out: &mut Output) {
        if self.stage == Stage::PartOfNetwork {
            self.raft_input(Input::Read(read), out);
            self.flush(out);
        } else {
            out.reads.push((read, Readable::NotNow));
        }
    }

    /// Asks for evidence, from which all else follows.
    pub fn begin(&mut self, out: &mut Output) {
        out.effects.push(Effect::Quote { report_data: self.view.shared.keys.node_id });
    }

    /// Whether this node may append.
    #[must_use]
    pub fn is_primary(&self) -> bool {
        self.is_leader() && self.stage == Stage::PartOfNetwork && !self.stopping
    }

    fn is_leader(&self) -> bool {
        matches!(self.raft.role(), Role::Leader { .. })
    }

    /// What is told of the agreement.
    fn consensus(&self) -> Consensus {
        let role = self.raft.role();
        let acks = match role {
            Role::Leader { peers, .. } => {
                let ack = |(node, peer): (&NodeId, &coco_raft::Progress)| Ack {
                    node: *node,
                    seqno: peer.matched,
                    heard: Monotonic(peer.heard_ms),
                };
                peers.iter().map(ack).collect()
            }
            _ => Vec::new(),
        };
        let configurations = self.raft.log().configurations();
        Consensus {
            role: match role {
                Role::Leader { .. } => Part::Leader,
                Role::Candidate { .. } => Part::Candidate,
                Role::PreCandidate { .. } => Part::PreVoteCandidate,
                Role::Follower { .. } | Role::Retired => Part::Follower,
            },
            view: self.raft.view(),
            leader: self.raft.leader(),
            membership: self.raft.membership(),
            configurations: configurations
                .map(|(from, nodes)| (from, nodes.nodes().copied().collect()))
                .collect(),
            acks,
        }
    }

    /// Everything as it is now; `latest` and `committed` are what is shown of the store.
    fn state(&self, latest: Snapshot, committed: Snapshot) -> State {
        let log = self.raft.log();
        let (signed, root) = self.signing.made.last();
        // A new service is of use to its members once there is a signature that they can acknowledge.
        let unsigned = self.is_leader() && signed.seqno == Seqno::ZERO;
        let stage = if unsigned { Stage::Initialized } else { self.stage };
        let chain = coco_app::Chain {
            views: Arc::clone(&self.views),
            committed: log.committed(),
            latest: TxId {
                view: if self.is_leader() { self.raft.view() } else { log.last().view },
                seqno: self.kv.version(),
            },
        };
        State {
            stage,
            latest,
            committed,
            chain,
            rollbacks: self.rollbacks,
            signed,
            root,
            open: self.open,
            primary: self.is_primary(),
            consensus: self.consensus(),
            stop_notice: self.stop_notice,
        }
    }

    /// Publishes everything appended so far.
    pub fn refresh(&mut self) {
        let committed = self.view.shared.state.load().committed.clone();
        self.show(self.kv.latest(), committed);
    }

    /// As [`Core::refresh`], and the last committed state with it.
    pub fn refresh_committed(&mut self) {
        let committed = self.kv.committed();
        self.show(self.kv.latest(), committed);
    }

    fn show(&mut self, latest: Snapshot, committed: Snapshot) {
        self.changed = Changed::Nothing;
        // A reader that still sees the flag asks for nothing worse than a state it already has.
        self.view.shared.state.store(Arc::new(self.state(latest, committed)));
        self.view.shared.stale.store(false, Ordering::Release);
    }

    /// Publishes what is told at once. The store is shown as before, unless decisive tables changed: who holds a snapshot
    /// has every write after it copy what it touches.
    fn publish(&mut self) {
        match self.changed {
            Changed::Nothing | Changed::Appended => {}
            Changed::Standing => {
                let shown = self.view.shared.state.load();
                let state = self.state(shown.latest.clone(), shown.committed.clone());
                self.view.shared.state.store(Arc::new(state));
                self.changed = if self.view.is_stale() { Changed::Appended } else { Changed::Nothing };
            }
            Changed::Decisive => self.refresh(),
        }
    }
}

/// Nodes draw different election timeouts.
fn seed(id: &NodeId) -> u64 {
    u64::from_le_bytes(*id.0.first_chunk().expect("a digest has 32 bytes"))
}
