//! A node inside of the test: everything but sockets, over a disk that the test chooses.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::Arc,
    thread::{self, JoinHandle, sleep},
    time::{Duration, Instant},
};

use bytes::Bytes;
use coco_app::{ClientCertificate, Headers, InterfaceName, Method, Peer, Request, Response, TxStatus};
use coco_boundary::{Event, Jobs, Log, StopReason};
use coco_client::{
    Identity,
    governance::{AGREE, API_VERSION, Message, sign},
};
use coco_crypto::{Certificate, Curve, LedgerSecret, SystemEntropy, hash::sha256};
use coco_gov::{Authority, NewestSecrets};
use coco_host::{
    clock::Clock,
    disk::Disk,
    jobs::JobPool,
    ledger::{Durability, EventSink, Ledger as Files, LedgerOptions},
    machine::{Machine, MachineOptions},
    platform::VirtualPlatform,
};
use coco_http::{Answer, Batch, Dispatch, Driver, Resources, Session};
use coco_ledger::{Ledger, LedgerConfig, LedgerSecrets, SignatureMode, SigningPolicy, Timing};
use coco_node::{
    Core, Genesis, Keys, Mounts, Shared, View,
    admin::{self, NodeFacts, SessionMetrics, SessionReport},
    core::Settings,
    genesis::NewMember,
    keys::{CoseNames, NodeNaming, ServiceNaming},
};
use coco_tables::{nodes::NodeNetwork, service::ServiceConfig};
use coco_wire::{Seqno, TxId};
use serde_json::{Value, json};

use crate::{Consortium, consortium::now, process};

/// How long anything may take.
const LIMIT: Duration = Duration::from_secs(120);
/// Time between two looks.
const POLL: Duration = Duration::from_millis(1);
/// Time between two ticks.
const TICK: Duration = Duration::from_millis(10);

/// How the ledger is written.
#[derive(Clone, Copy, Debug)]
pub struct Writing {
    /// Bytes after which a chunk ends with its next signature.
    pub chunk_size: u64,
    /// When to sign.
    pub signing: SigningPolicy,
    /// Who signs.
    pub signatures: SignatureMode,
}

/// A node that runs on threads of the test; stops when dropped.
pub struct Embedded {
    /// Takes requests.
    pub driver: Driver,
    /// Decrypt the ledger.
    pub secrets: LedgerSecrets,
    /// Identifies the service.
    pub service: Certificate,
    machine: Option<JoinHandle<StopReason>>,
}

impl Default for Writing {
    fn default() -> Self {
        let signing =
            SigningPolicy { timing: Timing::Adaptive { min_interval_ms: 5 }, tx_count: 5000, delay_ms: 1000 };
        Self { chunk_size: 5_000_000, signing, signatures: SignatureMode::Dual }
    }
}

impl Embedded {
    /// Starts a node whose ledger is in `directory`, which is new or empty.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start(consortium: &Consortium, directory: &Path, disk: Arc<dyn Disk>, writing: Writing) -> Self {
        let options = LedgerOptions {
            directory: directory.join("ledger"),
            read_only_directories: Vec::new(),
            durability: Durability::Fsync,
            reserve: writing.chunk_size * 2,
            slow_io: Duration::from_secs(10),
        };
        fs::create_dir_all(directory).expect("a directory for the node");
        let machine = Machine::new(Files::create(options, disk).expect("the ledger directory is new"));
        let clock = Clock::start();
        let secret = LedgerSecret::generate(&SystemEntropy);
        let secrets = LedgerSecrets::new(Seqno(1), secret.clone());
        let view = view(&secrets, secret, clock);
        let service = view.shared.keys.service().expect("it starts one").certificate.load().as_ref().clone();
        let settings = settings(writing);
        let ledger = Ledger::new(secrets.clone(), settings.ledger);
        let core = Core::start(view.clone(), genesis(consortium), ledger, settings);
        let driver = Driver::new(view, core, resources(&machine, clock));

        let events: EventSink = {
            let driver = driver.clone();
            Arc::new(move |event| driver.event(event))
        };
        driver.begin();
        let platform =
            VirtualPlatform::start(sha256(b"a test"), directory).expect("its files can be written");
        let options = MachineOptions {
            clock,
            tick: TICK,
            ignore_first_sigterm: false,
            quote: Box::new(move |report_data| platform.quote(report_data)),
        };
        let run = move || machine.run(options, &events, &Log::discard()).expect("the machine runs");
        let machine = thread::Builder::new().name("machine".to_owned()).spawn(run).expect("a thread");
        let node = Self { driver, secrets, service, machine: Some(machine) };
        node.wait_until("the service is created", |node| node.committed() >= Seqno(2));
        node
    }

    /// Activates the members, registers the first user and opens the service.
    ///
    /// # Panics
    /// If governance refuses.
    pub fn open(&self, consortium: &Consortium) {
        for member in &consortium.signers() {
            let digests = format!("/gov/members/state-digests/{}", member.id());
            let update =
                self.govern(member, &format!("{digests}:update"), Message::StateDigest, &Value::Null);
            let ack = json!({ "stateDigest": update["stateDigest"] });
            self.govern(member, &format!("{digests}:ack"), Message::Ack, &ack);
        }
        let actions = json!({ "actions": process::opening(consortium, &self.service) });
        let proposer = &consortium.signers()[0];
        let mut proposal =
            self.govern(proposer, "/gov/members/proposals:create", Message::Proposal, &actions);
        for member in &consortium.signers() {
            if proposal["proposalState"] != "Open" {
                break;
            }
            let id = proposal["proposalId"].as_str().expect("a proposal has an identifier").to_owned();
            let path = format!("/gov/members/proposals/{id}/ballots/{}:submit", member.id());
            proposal = self.govern(member, &path, Message::Ballot(&id), &json!({ "ballot": AGREE }));
        }
        assert_eq!(proposal["proposalState"], "Accepted", "{proposal}");
        self.wait_until("the service is open", |node| node.driver.view().state().open);
    }

    fn govern(&self, member: &Identity, path: &str, message: Message<'_>, content: &Value) -> Value {
        let payload = if content.is_null() { String::new() } else { content.to_string() };
        let body = sign(member, message, payload.as_bytes(), now());
        let target = format!("{path}?api-version={API_VERSION}");
        let request = request(Method::Post, &target, &[("content-type", "application/cose")], body);
        let response = self.send(None, vec![request]).remove(0);
        let text = String::from_utf8_lossy(&response.body);
        assert!(response.status.is_success(), "{path}: {} {text}", response.status.0);
        serde_json::from_slice(&response.body).unwrap_or_default()
    }

    /// Sends requests together on a new connection of `identity`; waits for the answers.
    ///
    /// # Panics
    /// If one is not answered.
    #[must_use]
    pub fn send(&self, identity: Option<&Identity>, requests: Vec<Request>) -> Vec<Response> {
        let certificate = identity.map(|identity| {
            ClientCertificate::from_der(identity.certificate().der()).expect("an identity has a certificate")
        });
        let session = Session::new(Peer { interface: InterfaceName::new("main"), certificate });
        let mut batches = [Batch { requests, ..Batch::new(session) }];
        self.driver.dispatch(&mut batches);
        let [Batch { answers, .. }] = batches;
        let wait = |answer| match answer {
            Answer::Ready(response) | Answer::Close(response) => response,
            Answer::Later(response) => response.blocking_recv().expect("every request is answered"),
        };
        answers.into_iter().map(wait).collect()
    }

    /// Last committed transaction.
    #[must_use]
    pub fn committed(&self) -> Seqno {
        self.driver.view().state().chain.committed.seqno
    }

    /// Waits until `id` is committed.
    ///
    /// # Panics
    /// If it is not.
    pub fn wait_for_commit(&self, id: TxId) {
        let is_committed = |node: &Self| node.driver.view().state().chain.status(id) == TxStatus::Committed;
        self.wait_until("the transaction is committed", is_committed);
    }

    fn wait_until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + LIMIT;
        while !holds(self) {
            assert!(Instant::now() < deadline, "not yet: {what}");
            sleep(POLL);
        }
    }

    /// Stops the node and waits until its ledger is written.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if let Some(machine) = self.machine.take() {
            self.driver.event(Event::Stop);
            let ended = machine.join();
            assert!(thread::panicking() || ended.is_ok_and(|reason| reason == StopReason::Asked));
        }
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.end();
    }
}

/// A request.
#[must_use]
pub fn request(method: Method, target: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Request {
    let headers = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    Request::new(method, target.to_owned(), Headers::from_pairs(headers), body.into())
}

struct NoSessions;

impl SessionMetrics for NoSessions {
    fn report(&self) -> SessionReport {
        SessionReport::default()
    }
}

fn view(secrets: &LedgerSecrets, secret: LedgerSecret, clock: Clock) -> View {
    let name = |text: &str| text.parse().expect("a subject name");
    let node =
        NodeNaming { curve: Curve::P384, subject: name("CN=Node"), alt_names: Vec::new(), validity_days: 1 };
    let service = ServiceNaming { subject: name("CN=Service"), validity_days: 1, cose: CoseNames::default() };
    let keys = Keys::generate(&node, now(), &SystemEntropy).expect("a certificate of today");
    keys.found(&service, now(), &SystemEntropy).expect("a certificate of today");
    let app: Arc<dyn coco_app::Adapter> = Arc::new(coco_sample_logging::adapter());
    let indexed = app.manifest().indexed_tables.iter().copied();
    let entropy = Arc::new(SystemEntropy);
    let shared = Shared::new(keys, secrets.clone(), 1 << 20, indexed, entropy.clone(), Log::discard());
    let shared = Arc::new(shared);
    let facts = NodeFacts {
        ccf_version: "ccf-7.0.0".to_owned(),
        quickjs_version: String::new(),
        unsafe_build: false,
        network: NodeNetwork::default(),
        node_data: Value::Null,
        started: clock.wall(),
        startup_seqno: Seqno::ZERO,
        app: Arc::clone(&app),
        sessions: Arc::new(NoSessions),
    };
    let authority = Authority {
        service_key: Arc::new(shared.keys.service_signer()),
        ledger_secrets: Box::new(move || NewestSecrets {
            latest: (Seqno(1), secret.clone()),
            previous: None,
        }),
        entropy,
        elapsed_ms: Arc::new(move || clock.now().0),
        script_stack_bytes: 1 << 20,
        console: Box::new(|_| {}),
    };
    let mounts = Mounts {
        app,
        gov: Arc::new(coco_gov::adapter(Arc::new(authority))),
        node: Arc::new(admin::adapter(Arc::clone(&shared), facts)),
        offered: BTreeMap::new(),
    };
    View { shared, mounts: Arc::new(mounts) }
}

fn genesis(consortium: &Consortium) -> Genesis {
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
        network: NodeNetwork::default(),
        node_data: Value::Null,
    }
}

fn settings(writing: Writing) -> Settings {
    Settings {
        signing: writing.signing,
        ledger: LedgerConfig { chunk_size: writing.chunk_size, signatures: writing.signatures },
        consensus: coco_raft::Settings::default(),
        max_uncommitted: 0,
        keep_committed: 8,
    }
}

fn resources(machine: &Machine, clock: Clock) -> Resources {
    let pool = |waiting| Arc::new(JobPool::start(1, waiting).expect("a thread")) as Arc<dyn Jobs>;
    let clock = Arc::new(move || (clock.now(), clock.wall()));
    Resources {
        host: machine.host(),
        consensus: pool(4),
        heavy: pool(1024),
        forwarding_timeout_ms: 3000,
        clock,
    }
}
