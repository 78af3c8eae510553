//! A whole node in one thread.

use std::{collections::BTreeMap, sync::Arc};

use arc_swap::ArcSwap;
use coco_app::{Call, Historical, InterfaceName, Lookup, Mode, Peer, Request, Response};
use coco_attest::Roots;
use coco_boundary::{Event, Evidence, EvidenceFormat, Log, Monotonic, Unix};
use coco_crypto::{
    Curve, LedgerSecret, SystemEntropy,
    x509::{UnixTime, issue_endorsed},
};
use coco_kv::Tx;
use coco_ledger::{Ledger, LedgerConfig, LedgerSecrets, SignatureMode, SigningPolicy, Timing};
use coco_node::{
    Certificates, Core, Genesis, Job, Joined, Keys, Mount, Mounts, Outgoing, Output, Readable, Refusal,
    Shared, SnapshotPolicy, SnapshotTime, View, Write,
    core::Settings,
    keys::{CoseNames, NodeNaming, SecretSlot, ServiceIdentity, ServiceNaming},
};
use coco_raft::ReadId;
use coco_tables::{
    Tables,
    nodes::NodeNetwork,
    service::{ServiceConfig, ServiceInfo, ServiceStatus},
};
use coco_wire::{Digest, Seqno, TxId};
use serde_json::Value;

use crate::adapter::Toy;

/// When nodes are started, in milliseconds since 1970.
pub(crate) const STARTED_MS: u64 = 1_780_000_000_000;

pub(crate) struct Node {
    pub(crate) core: Core,
    pub(crate) view: View,
    /// Entries on the disk, in order; those before `Persisted` too.
    pub(crate) entries: BTreeMap<Seqno, Vec<u8>>,
    pub(crate) committed: Seqno,
    pub(crate) stopped: bool,
    /// Whether signatures are reported as persisted only by [`Node::catch_up`].
    pub(crate) slow_disk: bool,
    /// Jobs that are held back, if they are.
    pub(crate) held: Option<Vec<Job>>,
    /// What others are to be told.
    pub(crate) messages: Vec<Outgoing>,
    /// Snapshots that are not committed yet, as far as they are written.
    pub(crate) unfinished: BTreeMap<Seqno, Vec<u8>>,
    /// Committed ones, by their last entry and that of their evidence.
    pub(crate) snapshots: BTreeMap<(Seqno, Seqno), Vec<u8>>,
    /// Whether pieces of snapshots are never reported as written.
    pub(crate) stuck_files: bool,
    /// What became of reads.
    pub(crate) reads: Vec<(ReadId, Readable)>,
    /// Whether certificates were to be taken over.
    pub(crate) certificates: Certificates,
    /// What vouches for it.
    pub(crate) platform: Platform,
    now: u64,
    pub(crate) persisted: TxId,
}

/// Gives evidence that is bound to report data.
pub(crate) type Platform = Box<dyn Fn(&Digest) -> Evidence>;

/// What a node runs on, and what its service is told of it.
pub(crate) struct Ground {
    pub(crate) platform: Platform,
    /// Whose signatures of evidence count.
    pub(crate) roots: Roots,
    pub(crate) security_policy: Option<String>,
    pub(crate) log: Log,
}

impl Default for Ground {
    fn default() -> Self {
        let platform: Platform = Box::new(evidence);
        Self { platform, roots: Roots::MAKERS, security_policy: None, log: Log::discard() }
    }
}

impl Node {
    /// A node whose service is created, signed and committed.
    pub(crate) fn start(toy: Toy) -> Self {
        let node = Self::start_on(toy, Ground::default());
        assert_eq!(node.committed, Seqno(2), "the first signature is committed");
        node
    }

    /// A node that was told to create a service.
    pub(crate) fn start_on(toy: Toy, ground: Ground) -> Self {
        let secrets = LedgerSecrets::new(Seqno(1), LedgerSecret::generate(&SystemEntropy));
        let Ground { platform, roots, security_policy, log } = ground;
        let view = view(toy, keys(true), secrets.clone().into(), (roots, log));
        view.shared.clock.set(Monotonic(0), Unix(STARTED_MS));
        let ledger =
            Ledger::new(secrets, LedgerConfig { chunk_size: 5_000_000, signatures: SignatureMode::Dual });
        let genesis = Genesis { security_policy, ..genesis() };
        let core = Core::start(view.clone(), genesis, ledger, settings());
        let mut node = Self { platform, ..Self::new(core, view) };
        let mut out = Output::default();
        node.core.begin(&mut out);
        node.settle(out);
        node
    }

    /// A node that belongs to no service yet.
    pub(crate) fn joiner(toy: Toy) -> Self {
        let Ground { roots, log, .. } = Ground::default();
        let view = view(toy, keys(false), SecretSlot::default(), (roots, log));
        Self::new(Core::join(view.clone(), settings()), view)
    }

    fn new(core: Core, view: View) -> Self {
        Self {
            core,
            view,
            entries: BTreeMap::new(),
            committed: Seqno::ZERO,
            stopped: false,
            slow_disk: false,
            held: None,
            messages: Vec::new(),
            unfinished: BTreeMap::new(),
            snapshots: BTreeMap::new(),
            stuck_files: false,
            reads: Vec::new(),
            certificates: Certificates::Untouched,
            platform: Box::new(evidence),
            now: 1000,
            persisted: TxId::default(),
        }
    }

    /// Has it make a snapshot each time that so many entries were added.
    pub(crate) fn making_snapshots(self, tx_count: u64, time: Option<SnapshotTime>) -> Self {
        let core = self.core.making_snapshots(SnapshotPolicy { tx_count, time });
        Self { core, ..self }
    }

    pub(crate) fn id(&self) -> Digest {
        self.view.shared.keys.node_id
    }

    /// What the service gives to a node that it lets in.
    pub(crate) fn welcome(&self, other: &Self) -> Joined {
        let keys = &self.view.shared.keys;
        let service = keys.service().expect("it belongs to one");
        let certificate = service.certificate.load().as_ref().clone();
        let newcomer = &other.view.shared.keys;
        let validity = newcomer.self_signed.load().validity();
        let endorsed =
            issue_endorsed(&*service.key, &certificate, &newcomer.request, validity, &SystemEntropy);
        let secrets = self.view.shared.secrets.load().expect("it belongs to a service");
        Joined {
            service: ServiceIdentity {
                key: Arc::clone(&service.key),
                certificate: ArcSwap::from_pointee(certificate),
                endorsed: ArcSwap::from_pointee(endorsed),
                cose: service.cose.clone(),
            },
            secrets: secrets.iter().map(|(from, secret)| (from, secret.clone())).collect(),
            status: ServiceStatus::Opening,
            startup_seqno: Seqno::ZERO,
            nodes: BTreeMap::new(),
        }
    }

    /// What `change` writes on the latest state.
    pub(crate) fn written(&mut self, change: impl FnOnce(&Tables, &mut Tx)) -> Write {
        self.core.refresh_committed();
        let mut tx = Tx::new(self.view.state().latest.clone());
        change(&Tables::default(), &mut tx);
        let (claims, requests) = (Digest::ZERO, coco_app::NodeRequests::default());
        Write { executed: tx.finish(), claims, requests, mount: Mount::Gov }
    }

    /// Appends it.
    pub(crate) fn write(&mut self, change: impl FnOnce(&Tables, &mut Tx)) -> Result<TxId, Refusal> {
        let write = self.written(change);
        let placed = self.core.sequence(&write);
        self.with_core(Core::flush);
        placed
    }

    pub(crate) fn with_core(&mut self, run: impl FnOnce(&mut Core, &mut Output)) {
        let mut out = Output::default();
        run(&mut self.core, &mut out);
        self.settle(out);
    }

    /// Opens the service without a vote, as the governance of these tests is a toy too.
    pub(crate) fn open(&mut self) {
        let state = self.view.state();
        let service = Tables::default().service;
        let mut tx = Tx::new(state.latest.clone());
        let info = service.info.get(&tx).expect("a row").expect("written by genesis");
        service.info.put(&mut tx, &ServiceInfo { status: ServiceStatus::Open, ..info });
        let write = Write {
            executed: tx.finish(),
            claims: Digest::ZERO,
            requests: coco_app::NodeRequests::default(),
            mount: Mount::Gov,
        };
        self.core.sequence(&write).expect("a place");
        self.tick(1000);
        assert!(self.view.state().open);
    }

    /// A committed transaction, read back from the ledger.
    pub(crate) fn committed_transaction(&mut self, seqno: Seqno) -> Arc<Historical> {
        self.look_up(seqno).unwrap_or_else(|| panic!("{seqno} cannot be read back"))
    }

    /// The same, if what the host reads back is believed.
    pub(crate) fn look_up(&mut self, seqno: Seqno) -> Option<Arc<Historical>> {
        for _ in 0..2 {
            let chain = self.view.state().chain.clone();
            let now = self.later();
            match self.view.shared.history.lookup(&chain, &[seqno], now).expect("it is committed") {
                Lookup::Found(mut found) => return Some(found.remove(0)),
                Lookup::Loading => self.answer_reads(),
            }
        }
        None
    }

    /// A time at which unanswered reads are tried again.
    pub(crate) fn later(&mut self) -> Monotonic {
        self.now += 10_000;
        Monotonic(self.now)
    }

    /// Lets time pass.
    pub(crate) fn tick(&mut self, ms: u64) {
        self.now += ms;
        let (now, wall) = (Monotonic(self.now), Unix(STARTED_MS + self.now));
        self.event(Event::Tick { now, wall });
    }

    /// Reports everything as persisted at once.
    pub(crate) fn catch_up(&mut self) {
        self.event(Event::Persisted { upto: self.persisted });
    }

    /// Does the jobs that were held back so far.
    pub(crate) fn do_held(&mut self) {
        for job in self.held.as_mut().map(std::mem::take).unwrap_or_default() {
            self.with_core(|core, out| core.done(job.run(), out));
        }
    }

    pub(crate) fn event(&mut self, event: Event) {
        let mut out = Output::default();
        self.core.handle(event, &mut out);
        self.settle(out);
    }

    /// Has a message decoded, run, sequenced and answered, as the driver does.
    pub(crate) fn send(&mut self, message: Request) -> Response {
        let planned = self.view.decode(message, &peer()).expect("the message is understood");
        let replies = planned.plan.calls.iter().map(|call| self.one(planned.mount, call, planned.plan.mode));
        let replies = replies.collect();
        self.view.mounts.adapter(planned.mount).encode(&planned.plan.calls, replies)
    }

    fn one(&mut self, mount: Mount, call: &Call, mode: Mode) -> Response {
        loop {
            let ran = self.view.run(mount, call, mode, None);
            let Some(write) = ran.write else { return ran.response };
            let placed = self.core.sequence(&write);
            let mut out = Output::default();
            self.core.flush(&mut out);
            self.settle(out);
            match placed {
                Ok(txid) => return Response { txid: Some(txid), ..ran.response },
                Err(Refusal::Conflict) => {}
                Err(refusal) => panic!("{refusal}"),
            }
        }
    }
}

pub(crate) fn peer() -> Peer {
    Peer { interface: InterfaceName::new("main"), certificate: None, session: None }
}

pub(crate) fn evidence(report_data: &Digest) -> Evidence {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
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

fn genesis() -> Genesis {
    Genesis {
        members: Vec::new(),
        constitution: String::new(),
        service_data: Value::Null,
        configuration: ServiceConfig::default(),
        network: NodeNetwork::default(),
        node_data: Value::Null,
        security_policy: None,
    }
}

fn settings() -> Settings {
    Settings {
        signing: SigningPolicy { timing: Timing::ADAPTIVE, tx_count: 5000, delay_ms: 1000 },
        ledger: LedgerConfig { chunk_size: 5_000_000, signatures: SignatureMode::Dual },
        consensus: coco_raft::Settings::default(),
        max_uncommitted: 10_000,
        keep_committed: 8,
    }
}

fn keys(starts_service: bool) -> Keys {
    let name = |text: &str| text.parse().expect("a subject name");
    let node =
        NodeNaming { curve: Curve::P384, subject: name("CN=Node"), alt_names: Vec::new(), validity_days: 1 };
    let service = ServiceNaming {
        subject: name("CN=Service"),
        validity_days: 1,
        cose: CoseNames { issuer: "issuer".into(), subject: "subject".into() },
    };
    let keys =
        Keys::generate(&node, UnixTime(1_780_000_000), &SystemEntropy).expect("a certificate of today");
    if starts_service {
        keys.found(&service, UnixTime(1_780_000_000), &SystemEntropy).expect("a certificate of today");
    }
    keys
}

fn view(toy: Toy, keys: Keys, secrets: SecretSlot, (roots, log): (Roots, Log)) -> View {
    let app: Arc<dyn coco_app::Adapter> = Arc::new(toy);
    let shared =
        Shared::new(keys, secrets, 1 << 20, Arc::clone(&app), Arc::new(SystemEntropy), log).trusting(roots);
    let still = || Arc::new(Toy::new(None, None)) as Arc<dyn coco_app::Adapter>;
    let (offered, redirections) = (BTreeMap::new(), BTreeMap::new());
    let mounts = Mounts { app, gov: still(), node: still(), offered, redirections };
    View { shared: Arc::new(shared), mounts: Arc::new(mounts) }
}
