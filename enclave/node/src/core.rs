//! The one owner of consensus, store and ledger.
//!
//! Events come in, effects and jobs come out; nothing here blocks, reads a clock or touches a disk. Its caller holds
//! the sequencer's lock for the length of each call, which is why anything slow is a job.

mod commit;
mod events;
mod sequence;
mod sign;
mod window;

use std::sync::{Arc, atomic::Ordering};

use coco_boundary::{Effect, Monotonic};
use coco_kv::{Conflict, Snapshot, Store, Surplus};
use coco_ledger::{Ledger, LedgerConfig, PreviousSignature, SigningPolicy};
use coco_raft::{Raft, Start};
use coco_wire::{Digest, Seqno, TxId, View as ViewNumber};

pub use self::sign::SigningJob;
use self::window::OpenWindow;
use crate::{
    genesis::Genesis,
    view::{Stage, State, View},
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
    settings: Settings,
    /// First seqno of each view.
    views: Arc<[(ViewNumber, Seqno)]>,
    window: Option<OpenWindow>,
    timer_at: Option<Monotonic>,
    open: bool,
    stop_notice: bool,
    stopping: bool,
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
    /// Tables of the service, which say who may do what.
    Governance,
}

/// The signature in the making, or the last one.
struct Signing {
    state: PreviousSignature,
    last: TxId,
    reserved_at: Monotonic,
    root: Digest,
}

/// What Core asks for; carried out by its caller, effects in order and before the lock is let go.
#[derive(Default)]
pub struct Output {
    /// For the host.
    pub effects: Vec<Effect>,
    /// For another thread of the enclave.
    pub jobs: Vec<SigningJob>,
    /// A tick is wanted then, if none comes earlier.
    pub wake_at: Option<Monotonic>,
    /// To be dropped without the lock.
    pub surplus: Vec<Surplus>,
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
        let id = view.shared.keys.node_id;
        // Names differ, and so the moments at which nodes stand for election.
        let seed = u64::from_le_bytes(*id.0.first_chunk().expect("a digest has 32 bytes"));
        let mut kv = Store::new();
        kv.keep_committed(settings.keep_committed);
        Self {
            kv,
            stage: Stage::Initialized,
            genesis: Some(Box::new(genesis)),
            ledger,
            raft: Raft::new(id, settings.consensus, Start::Service, seed),
            signing: Signing {
                state: PreviousSignature::Committed,
                last: TxId::default(),
                reserved_at: Monotonic(0),
                root: Digest::ZERO,
            },
            settings,
            views: [].into(),
            window: None,
            timer_at: None,
            open: false,
            stop_notice: false,
            stopping: false,
            changed: Changed::Nothing,
            view,
        }
    }

    /// Asks for evidence, from which all else follows.
    pub fn begin(&mut self, out: &mut Output) {
        out.effects.push(Effect::Quote { report_data: self.view.shared.keys.node_id });
    }

    /// Whether this node may append.
    #[must_use]
    pub fn is_primary(&self) -> bool {
        matches!(self.raft.role(), coco_raft::Role::Leader { .. })
            && self.stage == Stage::PartOfNetwork
            && !self.stopping
    }

    /// Everything as it is now; `latest` and `committed` are what is shown of the store.
    fn state(&self, latest: Snapshot, committed: Snapshot) -> State {
        let log = self.raft.log();
        let chain = coco_app::Chain {
            views: Arc::clone(&self.views),
            committed: log.committed(),
            latest: TxId { view: self.raft.view(), seqno: self.kv.version() },
        };
        State {
            stage: self.stage,
            latest,
            committed,
            chain,
            signed: self.signing.last,
            root: self.signing.root,
            open: self.open,
            primary: self.is_primary(),
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

    /// Publishes what is told at once. The store is shown as before, unless governance changed it: who holds a snapshot
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
            Changed::Governance => self.refresh(),
        }
    }
}
