//! How a node inside of the test is put together, as the executable does it.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use coco_attest::Roots;
use coco_boundary::{Jobs, Log, StopReason};
use coco_crypto::{Certificate, Curve, SystemEntropy, hash::sha256, x509::Name};
use coco_gov::{Authority, NewestSecrets};
use coco_host::{
    clock::Clock,
    disk::Disk,
    jobs::JobPool,
    ledger::{Durability, EventSink, Ledger as Files, LedgerOptions},
    machine::{Machine, MachineOptions},
    peers::PeerNetwork,
    platform::insecure_virtual::VirtualPlatform,
};
use coco_http::{CertificateSlots, Driver, Resources};
use coco_ledger::LedgerConfig;
use coco_node::{
    Genesis, Keys, Mounts, Shared, View,
    admin::{self, NodeFacts, SessionMetrics, SessionReport},
    core::Settings,
    genesis::NewMember,
    keys::{CoseNames, NodeNaming, SecretSlot, ServiceNaming},
};
use coco_tables::{
    nodes::{Interface, NodeNetwork},
    service::ServiceConfig,
};
use serde_json::Value;

use super::{Ground, Writing};
use crate::{Consortium, consortium::now, process};

/// Time between two ticks.
const TICK: Duration = Duration::from_millis(10);

/// What a node is put together from before it is told what to do first.
pub(super) struct Parts {
    pub(super) machine: Machine,
    pub(super) clock: Clock,
    pub(super) network: NodeNetwork,
    pub(super) ground: Ground,
}

impl Parts {
    pub(super) fn resources(&self, heavy: Arc<dyn Jobs>) -> Resources {
        let clock = self.clock;
        Resources {
            host: self.machine.host(),
            consensus: pool(4),
            heavy,
            snapshots: pool(4),
            node_address: self.network.node_to_node_interface.address().into(),
            forwarding_timeouts: BTreeMap::new(),
            slots: CertificateSlots::default(),
            clock: Arc::new(move || (clock.now(), clock.wall())),
        }
    }

    /// Binds the interface for other nodes.
    pub(super) fn new(
        directory: &Path,
        disk: Arc<dyn Disk>,
        writing: Writing,
        ground: Option<Ground>,
    ) -> Self {
        let options = LedgerOptions {
            directory: directory.join("ledger"),
            read_only_directories: Vec::new(),
            durability: Durability::Fsync,
            reserve: writing.chunk_size * 2,
            slow_io: Duration::from_secs(10),
        };
        fs::create_dir_all(directory).expect("a directory for the node");
        let peers = PeerNetwork::bind("127.0.0.1:0").expect("a free port");
        let address = peers.address().to_string();
        let node_to_node_interface =
            Interface { bind_address: address.clone(), published_address: address, ..Interface::default() };
        let network = NodeNetwork { node_to_node_interface, ..NodeNetwork::default() };
        let ledger = Files::create(options, disk).expect("the ledger directory is new");
        let ground = ground.unwrap_or_else(|| {
            let platform = VirtualPlatform::start(sha256(b"a test"), directory);
            Ground { platform: Arc::new(platform.expect("its files can be written")), roots: Roots::MAKERS }
        });
        let machine = Machine::new(ledger).with_peers(peers);
        Self { machine, clock: Clock::start(), network, ground }
    }

    /// The enclave's parts that are the same whatever the node does first.
    pub(super) fn view(&self, secrets: SecretSlot) -> View {
        view(secrets, self.network.clone(), self.clock, self.ground.roots)
    }

    /// Runs the node's host on a thread of its own.
    pub(super) fn run(self, driver: &Driver) -> JoinHandle<StopReason> {
        let Self { machine, clock, ground: Ground { platform, .. }, .. } = self;
        let events: EventSink = {
            let driver = driver.clone();
            Arc::new(move |event| driver.event(event))
        };
        let options = MachineOptions {
            clock,
            tick: TICK,
            message_timeout: TICK,
            ignore_first_sigterm: false,
            quote: Arc::new(move |report_data| platform.quote(report_data)),
        };
        let run = move || machine.run(options, &events, &Log::discard()).expect("the machine runs");
        thread::Builder::new().name("machine".to_owned()).spawn(run).expect("a thread")
    }
}

/// One thread, for which so many jobs may wait.
pub(super) fn pool(waiting: usize) -> Arc<dyn Jobs> {
    Arc::new(JobPool::start(1, waiting).expect("a thread"))
}

/// Has a node found a service; its certificate.
pub(super) fn found(view: &View) -> Certificate {
    let service = ServiceNaming { subject: name("CN=Service"), validity_days: 1, cose: CoseNames::default() };
    let keys = &view.shared.keys;
    keys.found(&service, now(), &SystemEntropy).expect("a certificate of today");
    keys.service().expect("it founded one").certificate.load().as_ref().clone()
}

fn name(text: &str) -> Name {
    text.parse().expect("a subject name")
}

struct NoSessions;

impl SessionMetrics for NoSessions {
    fn report(&self) -> SessionReport {
        SessionReport::default()
    }
}

fn view(secrets: SecretSlot, network: NodeNetwork, clock: Clock, roots: Roots) -> View {
    let node =
        NodeNaming { curve: Curve::P384, subject: name("CN=Node"), alt_names: Vec::new(), validity_days: 1 };
    let keys = Keys::generate(&node, now(), &SystemEntropy).expect("a certificate of today");
    let app: Arc<dyn coco_app::Adapter> = Arc::new(coco_sample_logging::adapter());
    let entropy = Arc::new(SystemEntropy);
    let shared =
        Shared::new(keys, secrets.clone(), 1 << 20, Arc::clone(&app), entropy.clone(), Log::discard());
    let shared = Arc::new(shared.trusting(roots));
    let authority = Authority {
        service_key: Arc::new(shared.keys.service_signer()),
        ledger_secrets: Box::new(move || newest(&secrets)),
        entropy,
        elapsed_ms: Arc::new(move || clock.now().0),
        script_stack_bytes: 1 << 20,
        console: Box::new(|_| {}),
        application_console: {
            let app = Arc::clone(&app);
            Box::new(move |state, query| app.console(state, query))
        },
        refused: Box::new(|_| {}),
    };
    let authority = Arc::new(authority);
    let facts = NodeFacts {
        ccf_version: "ccf-7.0.0".to_owned(),
        quickjs_version: String::new(),
        unsafe_build: false,
        network,
        node_data: Value::Null,
        started: clock.wall(),
        app: Arc::clone(&app),
        sessions: Arc::new(NoSessions),
        rekey: Arc::new(coco_gov::rekeying(Arc::clone(&authority))),
    };
    let mounts = Mounts {
        app,
        gov: Arc::new(coco_gov::adapter(authority)),
        node: Arc::new(admin::adapter(Arc::clone(&shared), facts)),
        offered: BTreeMap::new(),
        redirections: BTreeMap::new(),
    };
    View { shared, mounts: Arc::new(mounts) }
}

fn newest(secrets: &SecretSlot) -> NewestSecrets {
    let secrets = secrets.load().expect("governance runs on nodes of a service");
    let (from, secret) = secrets.iter().next_back().expect("a node of a service knows a secret");
    NewestSecrets { latest: (from, secret.clone()), previous: None }
}

pub(super) fn genesis(consortium: &Consortium, network: NodeNetwork) -> Genesis {
    let member = |(number, party): (usize, &crate::Party)| {
        let key = (number == 0).then(|| consortium.encryption.public_key().to_pem());
        NewMember::new(party.identity.certificate().to_pem(), key, Value::Null, None).expect("a member")
    };
    let scripts = process::constitution();
    let scripts = scripts.iter().map(|path| fs::read_to_string(path).expect("the constitution is there"));
    Genesis {
        members: consortium.members.iter().enumerate().map(member).collect(),
        constitution: scripts.collect::<Vec<_>>().join("\n"),
        service_data: Value::Null,
        configuration: ServiceConfig { recovery_threshold: 1, ..ServiceConfig::default() },
        network,
        node_data: Value::Null,
        security_policy: None,
    }
}

pub(super) fn settings(writing: Writing) -> Settings {
    Settings {
        signing: writing.signing,
        ledger: LedgerConfig { chunk_size: writing.chunk_size, signatures: writing.signatures },
        consensus: coco_raft::Settings::default(),
        max_uncommitted: 0,
        keep_committed: 8,
    }
}
