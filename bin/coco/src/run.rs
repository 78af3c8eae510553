//! One node from its configuration to its end: host, enclave and application put together.

mod backup;
mod error;
mod files;
mod issuers;
mod join;
mod leases;
pub(crate) mod platform;
mod sessions;
mod settings;
mod snapshot;

use std::{
    fs, io,
    path::Path,
    process::ExitCode,
    sync::{Arc, OnceLock},
    time::Duration,
};

use coco_app::Adapter;
use coco_boundary::{Event, Log, StopReason};
use coco_crypto::{LedgerSecret, SystemEntropy, hash::sha256, x509::UnixTime};
use coco_gov::{Authority, NewestSecrets};
use coco_host::{
    clock::Clock,
    disk::RealDisk,
    files::Files,
    jobs::JobPool,
    lanes::Lanes,
    ledger::{EventSink, Ledger as LedgerFiles},
    machine::{Machine, MachineOptions},
    net::Server,
    platform::EvidenceSource,
    process::{write_output, write_pid_file},
};
use coco_http::{CertificateSlots, Driver, Resources, Rpc};
use coco_ledger::{Ledger, LedgerSecrets};
use coco_node::{
    Core, Keys, Mounts, Shared, View,
    admin::{self, NodeFacts},
    keys::SecretSlot,
};
use coco_tables::nodes::NodeNetwork;
use coco_wire::Seqno;
use serde_json::Value;
use tokio::sync::watch;

use self::{backup::Fetching, issuers::Refreshing, join::Joining, leases::Leasing, platform::Vouching};
use crate::config::{
    NodeConfig,
    command::{CommandKind, Start},
};

pub use self::{error::RunError, files::FileError, platform::PlatformError};

/// Heavy calls that may wait for an execution thread.
const MAX_HEAVY: usize = 1024;
/// Jobs of consensus and channels that may wait; few are under way at a time.
const MAX_CONSENSUS: usize = 64;
/// Jobs that make snapshots that may wait; one snapshot is made at a time.
const MAX_SNAPSHOT_JOBS: usize = 16;
/// Stack that scripts may use on an execution thread.
pub(crate) const SCRIPT_STACK_BYTES: usize = 1 << 20;
/// How long sessions may go on when the node stops.
const GRACE: Duration = Duration::from_millis(200);

/// Runs a node with `app` as its application until it is stopped.
///
/// # Errors
/// If it cannot start, or the service that it was to join refuses it.
pub fn run(config: &NodeConfig, app: Arc<dyn Adapter>, log: &Log) -> Result<ExitCode, RunError> {
    if let CommandKind::Recover(_) = &config.command.kind {
        return Err(RunError::Command(config.command.kind.name()));
    }
    let pid_file = &config.output_files.pid_file;
    write_pid_file(pid_file)?;
    let ended = run_here(config, app, log);
    if ended.is_err() {
        // A node that did not start leaves nothing that would keep the next one from it.
        drop(fs::remove_file(pid_file));
    }
    ended
}

/// Runs a node where no other runs.
fn run_here(config: &NodeConfig, app: Arc<dyn Adapter>, log: &Log) -> Result<ExitCode, RunError> {
    let (options, disk) = (settings::ledger(config), Arc::new(RealDisk));
    let files = Files::open(settings::files(config), Arc::clone(&disk) as _)?;
    let ledger = match &config.command.kind {
        // The service's ledger may be there already, for reading.
        CommandKind::Join(_) => LedgerFiles::open(options, disk)?,
        CommandKind::Start(_) | CommandKind::Recover(_) => LedgerFiles::create(options, disk)?,
    };
    let machine = Machine::new(ledger).with_files(files);
    let (node, machine) = Node::prepare(config, machine, log)?;
    match &config.command.kind {
        CommandKind::Start(start) => node.start(start, machine, app),
        CommandKind::Join(join) => {
            let service = files::certificate(&config.command.service_certificate_file)?;
            node.join(Joining::new(join, service), machine, app)
        }
        CommandKind::Recover(_) => Err(RunError::Command(config.command.kind.name())),
    }
}

/// A node before it is told what to do first.
struct Node<'a> {
    config: &'a NodeConfig,
    log: &'a Log,
    clock: Clock,
    keys: Keys,
    listening: sessions::Listening,
    /// Its interfaces as others are told of them.
    network: NodeNetwork,
    node_data: Value,
    slots: CertificateSlots,
    interfaces: sessions::Interfaces,
    /// Set when sessions are to end.
    stop: watch::Sender<bool>,
    vouching: Vouching,
}

impl<'a> Node<'a> {
    /// Binds the interfaces and makes the node's keys.
    fn prepare(config: &'a NodeConfig, machine: Machine, log: &'a Log) -> Result<(Self, Machine), RunError> {
        let (listening, peers) = sessions::Listening::bind(&config.network)?;
        let network = files::published(&config.network, &listening);
        let clock = Clock::start();
        let naming = settings::node_naming(config, &listening);
        let keys = Keys::generate(&naming, unix(clock), &SystemEntropy)?;
        let slots = CertificateSlots::default();
        let (stop, stopping) = watch::channel(false);
        let interfaces = sessions::interfaces(config, &slots, &stopping);
        let node_data = files::data(config.node_data_json_file.as_deref())?;
        let named = platform::named();
        let machine_root = (Path::new("/"), named.as_deref());
        let attestation = &config.attestation;
        let vouching =
            Vouching::begin(machine_root, executable_digest()?, attestation, stop.subscribe(), log)?
                .about(keys.node_id)?;
        keys.attest(&vouching.source.quote(keys.node_id)?, &SystemEntropy);
        slots.node.install(vec![keys.self_signed.load().der().to_vec()], &keys.node)?;
        let node = Self {
            config,
            log,
            clock,
            keys,
            listening,
            network,
            node_data,
            slots,
            interfaces,
            stop,
            vouching,
        };
        Ok((node, machine.with_peers(peers)))
    }

    /// Creates a service.
    fn start(self, start: &Start, machine: Machine, app: Arc<dyn Adapter>) -> Result<ExitCode, RunError> {
        let security_policy = self.vouching.security_policy.clone();
        let genesis = files::genesis(self.config, start, &self.network, security_policy)?;
        self.keys.found(&settings::service_naming(start), unix(self.clock), &SystemEntropy)?;
        let secrets = LedgerSecrets::new(Seqno(1), LedgerSecret::generate(&SystemEntropy));
        let (mut running, view) = self.assemble(app, secrets.clone().into());
        let settings = settings::core(running.config);
        let core = Core::start(view.clone(), genesis, Ledger::new(secrets, settings.ledger), settings)
            .making_snapshots(settings::snapshots(running.config));
        let driver = Driver::new(view, core, running.resources(&machine)?);
        let server = running.open(&driver)?;
        let events = running.created(&driver);
        driver.begin();
        running.carry_on(machine, &events, (&driver, server))
    }

    /// Joins a service: asks until it is let in, while its interfaces already tell how it stands.
    fn join(self, joining: Joining, machine: Machine, app: Arc<dyn Adapter>) -> Result<ExitCode, RunError> {
        let evidence = self.vouching.source.quote(self.keys.node_id)?;
        let node_data = self.node_data.clone();
        let (mut running, view) = self.assemble(app, SecretSlot::default());
        let core = Core::join(view.clone(), settings::core(running.config))
            .making_snapshots(settings::snapshots(running.config));
        let driver = Driver::new(view, core, running.resources(&machine)?);
        let server = running.open(&driver)?;
        let introduction = coco_node::join::Introduction {
            network: running.network.clone(),
            node_data,
            evidence,
            startup_seqno: Seqno::ZERO,
        };
        let slot = Arc::clone(&running.slots.service);
        let asking = joining.begin(
            &driver,
            Arc::clone(&running.platform),
            introduction,
            slot,
            running.stop.subscribe(),
            running.log,
        )?;
        let events: EventSink = {
            let driver = driver.clone();
            Arc::new(move |event| driver.event(event))
        };
        let ended = running.carry_on(machine, &events, (&driver, server));
        match asking.end() {
            Some(reason) => Err(reason.into()),
            None => ended,
        }
    }

    /// Puts the enclave's parts together that do not depend on what the node does first.
    fn assemble(self, app: Arc<dyn Adapter>, secrets: SecretSlot) -> (Running<'a>, View) {
        let Self {
            config,
            log,
            clock,
            keys,
            listening,
            network,
            node_data,
            slots,
            interfaces,
            stop,
            vouching,
        } = self;
        let shared = Arc::new(Shared::new(
            keys,
            secrets,
            usize::try_from(config.historical_cache_soft_limit.0).unwrap_or(usize::MAX),
            Arc::clone(&app),
            Arc::new(SystemEntropy),
            log.clone(),
        ));
        let authority = Arc::new(authority(&shared, Arc::clone(&app), clock, log));
        let facts = NodeFacts {
            ccf_version: crate::version::CCF.to_owned(),
            quickjs_version: coco_js::engine_version().to_owned(),
            unsafe_build: false,
            network: network.clone(),
            node_data,
            started: clock.wall(),
            app: Arc::clone(&app),
            sessions: Arc::new(interfaces.metrics()),
            rekey: Arc::new(coco_gov::rekeying(Arc::clone(&authority))),
        };
        let mounts = Mounts {
            app,
            gov: Arc::new(coco_gov::adapter(authority)),
            node: Arc::new(admin::adapter(Arc::clone(&shared), facts)),
            offered: sessions::offered(&config.network),
            redirections: sessions::redirections(&config.network),
        };
        let platform = vouching.source;
        let running =
            Running { config, log, clock, rpc: listening.rpc, network, slots, interfaces, stop, platform };
        (running, View { shared, mounts: Arc::new(mounts) })
    }
}

/// A node whose enclave is put together.
struct Running<'a> {
    config: &'a NodeConfig,
    log: &'a Log,
    clock: Clock,
    rpc: Vec<coco_host::net::Interface>,
    network: NodeNetwork,
    slots: CertificateSlots,
    interfaces: sessions::Interfaces,
    stop: watch::Sender<bool>,
    platform: Arc<dyn EvidenceSource>,
}

impl Running<'_> {
    /// What the enclave is lent.
    fn resources(&self, machine: &Machine) -> io::Result<Resources> {
        let clock = self.clock;
        Ok(Resources {
            host: machine.host(),
            consensus: Arc::new(JobPool::start(1, MAX_CONSENSUS)?),
            heavy: Arc::new(Lanes::start(0, MAX_HEAVY)?),
            snapshots: Arc::new(JobPool::start(1, MAX_SNAPSHOT_JOBS)?),
            node_address: self.network.node_to_node_interface.address().into(),
            forwarding_timeouts: sessions::forwarding_timeouts(&self.config.network),
            slots: self.slots.clone(),
            clock: Arc::new(move || (clock.now(), clock.wall())),
        })
    }

    /// Serves the interfaces and writes the files that tell others of them.
    fn open(&mut self, driver: &Driver) -> Result<Server, RunError> {
        let rpc = Arc::new(Rpc::new(self.interfaces.all(), driver.clone()));
        let threads = usize::try_from(self.config.worker_threads).unwrap_or(0);
        let server = Server::start(std::mem::take(&mut self.rpc), threads, &rpc, self.log)?;
        let outputs = &self.config.output_files;
        if let Some(path) = &outputs.node_to_node_address_file {
            write(path, files::node_address(&self.network).as_bytes())?;
        }
        if let Some(path) = &outputs.rpc_addresses_file {
            write(path, files::rpc_addresses(&self.network).as_bytes())?;
        }
        let certificate = driver.view().shared.keys.self_signed.load().to_pem();
        write(&outputs.node_certificate_file, certificate.as_bytes())?;
        Ok(server)
    }

    /// Passes events on. Once the service is created, its certificate is written and the node's endorsed one shown.
    fn created(&self, driver: &Driver) -> EventSink {
        let (driver, log, slot) = (driver.clone(), self.log.clone(), Arc::clone(&self.slots.service));
        let file = self.config.command.service_certificate_file.clone();
        let created = OnceLock::new();
        Arc::new(move |event| {
            let own = driver.view().shared.keys.node_id;
            let evidence = matches!(event, Event::Quote { report_data, .. } if report_data == own);
            driver.event(event);
            if evidence && created.set(()).is_ok() {
                if let Err(error) = driver.show_endorsed(&slot) {
                    log.fatal(format_args!("The node's certificate cannot be used: {error}"));
                }
                let service = driver.view().shared.keys.service();
                let certificate = service.map(|service| service.certificate.load().to_pem());
                if let Err(error) = write_output(&file, certificate.unwrap_or_default().as_bytes()) {
                    log.fatal(format_args!("{}: {error}", file.display()));
                }
            }
        })
    }

    /// Runs until the node is stopped.
    fn carry_on(
        self,
        machine: Machine,
        events: &EventSink,
        (driver, server): (&Driver, Server),
    ) -> Result<ExitCode, RunError> {
        let how = self.config.snapshots.backup_fetch.as_ref();
        let fetching = how.map(|how| Fetching::begin(how, driver, self.stop.subscribe(), self.log));
        let fetching = fetching.transpose()?;
        let refreshing = Refreshing::begin(self.config.jwt, driver, self.stop.subscribe(), self.log)?;
        let platform = Arc::clone(&self.platform);
        let leasing = Leasing::begin(driver, self.platform, self.stop.subscribe(), self.log)?;
        let options = MachineOptions {
            clock: self.clock,
            tick: self.config.tick_interval,
            message_timeout: self.config.consensus.message_timeout,
            ignore_first_sigterm: self.config.ignore_first_sigterm,
            quote: Arc::new(move |report_data| platform.quote(report_data)),
        };
        let reason = machine.run(options, events, self.log)?;
        self.stop.send_replace(true);
        server.stop(GRACE);
        fetching.into_iter().for_each(Fetching::end);
        refreshing.end();
        leasing.end();
        Ok(match reason {
            StopReason::Asked => ExitCode::SUCCESS,
            StopReason::Fault => ExitCode::FAILURE,
        })
    }
}

fn write(path: &Path, content: &[u8]) -> Result<(), RunError> {
    write_output(path, content).map_err(|error| RunError::Output { path: path.to_path_buf(), error })
}

fn authority(shared: &Arc<Shared>, app: Arc<dyn Adapter>, clock: Clock, log: &Log) -> Authority {
    let (log, gov) = (log.tagged("js"), log.tagged("gov"));
    let secrets = shared.secrets.clone();
    Authority {
        service_key: Arc::new(shared.keys.service_signer()),
        ledger_secrets: Box::new(move || newest(&secrets)),
        entropy: Arc::new(SystemEntropy),
        elapsed_ms: Arc::new(move || clock.now().0),
        script_stack_bytes: SCRIPT_STACK_BYTES,
        console: Box::new(move |line| match line.level {
            coco_js::ConsoleLevel::Info => log.info(format_args!("{}", line.text)),
            coco_js::ConsoleLevel::Fail => log.fail(format_args!("{}", line.text)),
        }),
        application_console: Box::new(move |state, query| app.console(state, query)),
        refused: Box::new(move |text| gov.info(format_args!("{text}"))),
    }
}

fn newest(secrets: &SecretSlot) -> NewestSecrets {
    let secrets = secrets.load().expect("governance runs on nodes of a service");
    let mut newest = secrets.iter().rev().map(|(from, secret)| (from, secret.clone()));
    let latest = newest.next().expect("a node of a service knows a secret");
    NewestSecrets { latest, previous: newest.next() }
}

fn unix(clock: Clock) -> UnixTime {
    UnixTime(i64::try_from(clock.wall().0 / 1000).unwrap_or(i64::MAX))
}

/// SHA-256 of the executable file.
pub(crate) fn executable_digest() -> io::Result<coco_wire::Digest> {
    Ok(sha256(&fs::read("/proc/self/exe")?))
}
