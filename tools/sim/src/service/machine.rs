//! One node with its host: the production core, its disk and its clock.

use std::{collections::BTreeMap, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use coco_app::{Adapter, console::Page};
use coco_boundary::{Evidence, EvidenceFormat, Log, Monotonic, Unix};
use coco_gov::{Authority, NewestSecrets};
use coco_ledger::Ledger;
use coco_node::{
    Core, Genesis, Keys, Mounts, Shared, SnapshotPolicy, Stage, State, View, core::Settings,
    forward::Forwards, keys::SecretSlot, peers::Peers, reads::Reads, view::Part,
};
use coco_raft::NodeId;
use coco_tables::{
    nodes::{Interface, NodeNetwork},
    service::ServiceConfig,
};
use coco_wire::{Digest, Seqno, TxId};
use serde_json::Value;

use super::{
    app::Items,
    consortium::Consortium,
    disk::Disk,
    files::Files,
    identities::{BEGIN_S, Identities, Seeded},
    network::address,
    recovery::Damage,
    requests::Reading,
};

/// Stack that scripts may use, of the 2 MiB that a thread has.
const SCRIPT_STACK_BYTES: usize = 1 << 20;
/// What the cache of past transactions may take.
const HISTORY_BYTES: usize = 1 << 20;

pub(super) struct Machine {
    pub(super) core: Core,
    pub(super) view: View,
    /// The channels to other nodes, if messages go through them.
    pub(super) peers: Option<Peers>,
    /// Requests that it forwarded, each by its number.
    pub(super) forwards: Forwards<u64>,
    pub(super) reads: Reads<Reading>,
    pub(super) disk: Disk,
    pub(super) files: Files,
    /// As the host was told.
    pub(super) committed: Seqno,
    pub(super) clock: Clock,
    pub(super) alive: bool,
    pub(super) gone_at_ms: Option<u64>,
    /// Whether it was given a reason to stop.
    pub(super) is_stopping: bool,
    /// The last change of the configuration that was placed here.
    pub(super) changed: TxId,
    /// The process stands still until then.
    pub(super) paused_until_ms: u64,
    /// The tick that the core wants.
    pub(super) wish: Option<Monotonic>,
}

/// A node's time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clock {
    shown_ms: u64,
    read_at_ms: u64,
    /// How far its date is off.
    pub(super) skew_ms: u64,
    pub(super) fast_until_ms: u64,
    pub(super) stopped_until_ms: u64,
}

impl Clock {
    pub(super) fn new(now_ms: u64, shown_ms: u64, skew_ms: u64) -> Self {
        Self { shown_ms, read_at_ms: now_ms, skew_ms, ..Self::default() }
    }

    pub(super) fn read(&mut self, now_ms: u64) -> (Monotonic, Unix) {
        let rate = match () {
            () if now_ms < self.stopped_until_ms => 0,
            () if now_ms < self.fast_until_ms => 3,
            () => 1,
        };
        self.shown_ms += (now_ms - self.read_at_ms) * rate;
        self.read_at_ms = now_ms;
        (Monotonic(self.shown_ms), Unix(u64::from(BEGIN_S) * 1000 + self.skew_ms + self.shown_ms))
    }
}

impl Machine {
    /// The first node of a service.
    pub(super) fn first(
        identities: &Identities,
        settings: Settings,
        votes: bool,
        clock: Clock,
        seed: u64,
        log: Log,
    ) -> Self {
        let keys = identities.keys(0);
        keys.enter(identities.service(0));
        let view = view(keys, identities.secrets().into(), votes, seed, log);
        let ledger = Ledger::new(identities.secrets(), settings.ledger);
        let genesis = genesis(votes.then_some(&identities.consortium));
        Self::new(Core::start(view.clone(), genesis, ledger, settings), view, clock)
    }

    /// A node that belongs to no service yet.
    pub(super) fn joiner(
        identities: &Identities,
        place: usize,
        settings: Settings,
        votes: bool,
        clock: Clock,
        seed: u64,
        log: Log,
    ) -> Self {
        let view = view(identities.keys(place), SecretSlot::default(), votes, seed, log);
        Self::new(Core::join(view.clone(), settings), view, clock)
    }

    fn new(core: Core, view: View, clock: Clock) -> Self {
        Self {
            core,
            view,
            peers: None,
            forwards: Forwards::default(),
            reads: Reads::default(),
            disk: Disk::default(),
            files: Files::default(),
            committed: Seqno::ZERO,
            clock,
            alive: true,
            gone_at_ms: None,
            is_stopping: false,
            changed: TxId::default(),
            paused_until_ms: 0,
            wish: None,
        }
    }

    /// It makes snapshots.
    pub(super) fn making_snapshots(self, policy: Option<SnapshotPolicy>) -> Self {
        match policy {
            Some(policy) => Self { core: self.core.making_snapshots(policy), ..self },
            None => self,
        }
    }

    /// With channels to other nodes, or without.
    pub(super) fn with_channels(self, place: usize, has_channels: bool) -> Self {
        let peers = has_channels.then(|| Peers::new(Arc::clone(&self.view.shared), address(place).into()));
        Self { peers, ..self }
    }

    pub(super) fn id(&self) -> NodeId {
        self.view.shared.keys.node_id
    }

    pub(super) fn state(&self) -> Arc<State> {
        self.view.state()
    }

    pub(super) fn leads(&self) -> bool {
        self.alive && self.state().consensus.role == Part::Leader
    }

    pub(super) fn takes_part(&self) -> bool {
        self.alive && self.state().stage == Stage::PartOfNetwork
    }

    /// Whether another node appends.
    pub(super) fn is_backup(&self) -> bool {
        let state = self.state();
        !state.primary && state.stage == Stage::PartOfNetwork
    }

    /// Whether it placed a change of the configuration behind a signature that is not made yet.
    pub(super) fn is_changing(&self) -> bool {
        let waits = self.changed.seqno > self.disk.last().seqno;
        waits && self.leads() && self.state().chain.latest.view == self.changed.view
    }

    /// The process goes, and with it what was not synchronised.
    pub(super) fn crash(&mut self, now_ms: u64) {
        self.lose_power(now_ms, Damage::Lost);
    }

    /// The same; yields what the disk has then.
    pub(super) fn lose_power(&mut self, now_ms: u64, damage: Damage) -> Vec<u8> {
        self.alive = false;
        self.gone_at_ms = Some(now_ms);
        self.files.crash();
        self.disk.crash(damage)
    }

    pub(super) fn describe(&self, place_of: impl Fn(&NodeId) -> usize) -> String {
        let state = self.state();
        let consensus = &state.consensus;
        let configurations: Vec<_> = consensus
            .configurations
            .iter()
            .map(|(from, nodes)| (from.0, nodes.iter().map(&place_of).collect::<Vec<_>>()))
            .collect();
        format!(
            "{}: {:?} of {:?}, last {}, on disk {}, committed {}, {configurations:?}, {:?}, {:?}",
            if self.alive { "alive" } else { "gone" },
            consensus.role,
            consensus.leader.as_ref().map(&place_of),
            self.disk.last(),
            self.disk.synced(),
            state.chain.committed,
            consensus.membership,
            state.stage,
        )
    }
}

/// Evidence of a platform that is none.
pub(super) fn evidence(report_data: &Digest) -> Evidence {
    let quote = serde_json::json!({
        "measurement": "Insecure hard-coded virtual measurement v1",
        "host_data": Digest([7; 32]),
        "report_data": STANDARD.encode(report_data.0),
    });
    Evidence {
        format: EvidenceFormat::Virtual,
        quote: quote.to_string().into_bytes(),
        endorsements: Vec::new(),
        uvm_endorsements: None,
    }
}

/// The interfaces of a node.
pub(super) fn network(place: usize) -> NodeNetwork {
    let node_to_node_interface = Interface { bind_address: address(place), ..Interface::default() };
    NodeNetwork { node_to_node_interface, ..NodeNetwork::default() }
}

fn genesis(consortium: Option<&Consortium>) -> Genesis {
    Genesis {
        members: consortium.map(Consortium::members).unwrap_or_default(),
        constitution: consortium.map(|_| Consortium::constitution()).unwrap_or_default(),
        service_data: Value::Null,
        configuration: ServiceConfig::default(),
        network: network(0),
        node_data: Value::Null,
        security_policy: None,
    }
}

fn view(keys: Keys, secrets: SecretSlot, votes: bool, seed: u64, log: Log) -> View {
    let items = || Arc::new(Items::new()) as Arc<dyn Adapter>;
    let shared = Shared::new(keys, secrets, HISTORY_BYTES, items(), Arc::new(Seeded::new(seed)), log);
    let gov = if votes { Arc::new(coco_gov::adapter(Arc::new(authority(&shared)))) } else { items() };
    let (offered, redirections) = (BTreeMap::new(), BTreeMap::new());
    let mounts = Mounts { app: items(), gov, node: items(), offered, redirections };
    View { shared: Arc::new(shared), mounts: Arc::new(mounts) }
}

fn authority(shared: &Shared) -> Authority {
    let secrets = shared.secrets.clone();
    Authority {
        service_key: Arc::new(shared.keys.service_signer()),
        ledger_secrets: Box::new(move || {
            let secrets = secrets.load().expect("governance runs on nodes of a service");
            let newest = secrets.iter().next_back().expect("a node of a service knows a secret");
            NewestSecrets { latest: (newest.0, newest.1.clone()), previous: None }
        }),
        entropy: Arc::clone(&shared.entropy),
        // Scripts take no time here.
        elapsed_ms: Arc::new(|| 0),
        script_stack_bytes: SCRIPT_STACK_BYTES,
        console: Box::new(|_| ()),
        application_console: Box::new(|_, _| Page::default()),
        refused: Box::new(|_| ()),
    }
}
