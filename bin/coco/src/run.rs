//! One node from its configuration to its end: host, enclave and application put together.

mod files;
mod sessions;

use std::{
    fs, io,
    path::PathBuf,
    process::ExitCode,
    sync::{Arc, OnceLock},
    time::Duration,
};

use coco_app::Adapter;
use coco_boundary::{Event, Jobs, Log, StopReason};
use coco_crypto::{LedgerSecret, SystemEntropy, hash::sha256, x509::UnixTime};
use coco_gov::{Authority, NewestSecrets};
use coco_host::{
    clock::Clock,
    disk::RealDisk,
    jobs::JobPool,
    ledger::{EventSink, Ledger as Files, LedgerOptions, StartError},
    machine::{Machine, MachineOptions},
    net::{BindError, Server},
    platform::VirtualPlatform,
    process::{PidFileError, write_output, write_pid_file},
};
use coco_http::{CertificateSlot, Driver, Resources, Rpc};
use coco_ledger::{Ledger, LedgerConfig, LedgerSecrets, SignatureMode, SigningPolicy, Timing};
use coco_node::{
    Core, Keys, Mounts, Shared, View,
    admin::{self, NodeFacts},
    core::Settings,
    keys::{CoseNames, Naming},
};
use coco_tables::nodes::NodeNetwork;
use coco_wire::Seqno;

use crate::config::{
    NodeConfig,
    command::{CommandKind, Start},
    network::Authority as Endorser,
    storage::{self, SignatureTiming},
};

pub use self::files::FileError;

/// Shortest time between two signatures under load, in milliseconds.
const MIN_SIGNATURE_INTERVAL_MS: u64 = 5;
/// Heavy calls that may wait for an execution thread.
const MAX_HEAVY: usize = 1024;
/// Signatures that may wait; one is made at a time.
const MAX_SIGNING: usize = 4;
/// Stack that scripts may use on an execution thread.
const SCRIPT_STACK_BYTES: usize = 1 << 20;
/// How long sessions may go on when the node stops.
const GRACE: Duration = Duration::from_millis(200);

/// Why a node does not start, or cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Another node may run here.
    #[error(transparent)]
    PidFile(#[from] PidFileError),
    /// The ledger directory cannot be used.
    #[error(transparent)]
    Ledger(#[from] StartError),
    /// An interface cannot listen.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A file named in the configuration cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// A command that this version does not know how to carry out.
    #[error("command.type {0}: this version of Coco can only Start a service")]
    Command(&'static str),
    /// A certificate cannot be made.
    #[error("a certificate cannot be made: {0}")]
    Certificate(#[from] coco_crypto::x509::InvalidTime),
    /// A certificate cannot be shown.
    #[error(transparent)]
    Tls(#[from] coco_http::InvalidCertificate),
    /// A file that tells others about the node cannot be written.
    #[error("{} cannot be written: {error}", .path.display())]
    Output {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The system refuses something.
    #[error("the system refuses what a node needs: {0}")]
    System(#[from] io::Error),
}

/// Runs a node with `app` as its application until it is stopped.
///
/// # Errors
/// If it cannot start.
pub fn run(config: &NodeConfig, app: Arc<dyn Adapter>, log: &Log) -> Result<ExitCode, RunError> {
    let CommandKind::Start(start) = &config.command.kind else {
        return Err(RunError::Command(config.command.kind.name()));
    };
    let pid_file = &config.output_files.pid_file;
    write_pid_file(pid_file)?;
    let ended = run_here(config, start, app, log);
    if ended.is_err() {
        // A node that did not start leaves nothing that would keep the next one from it.
        drop(fs::remove_file(pid_file));
    }
    ended
}

/// Runs a node where no other runs.
fn run_here(
    config: &NodeConfig,
    start: &Start,
    app: Arc<dyn Adapter>,
    log: &Log,
) -> Result<ExitCode, RunError> {
    let machine = Machine::new(Files::create(ledger_options(config), Arc::new(RealDisk))?);
    let listening = sessions::Listening::bind(&config.network)?;
    let network = files::published(&config.network, &listening);
    let genesis = files::genesis(config, start, &network)?;

    let clock = Clock::start();
    let keys = Keys::generate(
        &naming(config, start, &listening),
        UnixTime(i64::try_from(clock.wall().0 / 1000).unwrap_or(i64::MAX)),
        &SystemEntropy,
    )?;
    let node_certificate = keys.self_signed.to_pem();
    let service_certificate = keys.service_certificate.load().to_pem();
    let slots = Slots::default();
    slots.node.install(vec![keys.self_signed.der().to_vec()], &keys.node)?;
    let (stop, stopping) = tokio::sync::watch::channel(false);
    let interfaces = sessions::interfaces(config, &slots, &stopping);

    let secret = LedgerSecret::generate(&SystemEntropy);
    let secrets = LedgerSecrets::new(Seqno(1), secret.clone());
    let shared = Arc::new(Shared::new(
        keys,
        secrets.clone(),
        usize::try_from(config.historical_cache_soft_limit.0).unwrap_or(usize::MAX),
        app.manifest().indexed_tables.iter().copied(),
        Arc::new(SystemEntropy),
        log.clone(),
    ));
    let facts = NodeFacts {
        ccf_version: crate::version::CCF.to_owned(),
        quickjs_version: coco_js::engine_version().to_owned(),
        unsafe_build: false,
        network: network.clone(),
        node_data: genesis.node_data.clone(),
        started: clock.wall(),
        app: Arc::clone(&app),
        sessions: Arc::new(interfaces.metrics()),
    };
    let mounts = Mounts {
        app,
        gov: Arc::new(coco_gov::adapter(Arc::new(authority(&shared, secret, clock, log)))),
        node: Arc::new(admin::adapter(Arc::clone(&shared), facts)),
        offered: sessions::offered(&config.network),
    };
    let view = View { shared, mounts: Arc::new(mounts) };
    let settings = settings(config);
    let core = Core::start(view.clone(), genesis, Ledger::new(secrets, settings.ledger), settings);
    let driver = Driver::new(view, core, resources(&machine, clock)?);

    let rpc = Arc::new(Rpc::new(interfaces.all(), driver.clone()));
    let threads = usize::try_from(config.worker_threads).unwrap_or(0);
    let server = Server::start(listening.rpc, threads, &rpc, log)?;
    write_files(config, &network, &node_certificate)?;
    let events =
        events(&driver, slots, config.command.service_certificate_file.clone(), service_certificate, log);
    driver.begin();
    let platform = VirtualPlatform::start(executable_digest()?, &PathBuf::from("."))?;
    let options = MachineOptions {
        clock,
        tick: config.tick_interval,
        ignore_first_sigterm: config.ignore_first_sigterm,
        quote: Box::new(move |report_data| platform.quote(report_data)),
    };
    let reason = machine.run(options, &events, log)?;
    stop.send_replace(true);
    server.stop(GRACE);
    Ok(match reason {
        StopReason::Asked => ExitCode::SUCCESS,
        StopReason::Fault => ExitCode::FAILURE,
    })
}

/// Certificates that interfaces show, by who vouches for them.
#[derive(Default)]
struct Slots {
    node: Arc<CertificateSlot>,
    service: Arc<CertificateSlot>,
}

impl Slots {
    fn of(&self, endorser: Endorser) -> Arc<CertificateSlot> {
        match endorser {
            Endorser::Node => Arc::clone(&self.node),
            Endorser::Service | Endorser::Unsecured => Arc::clone(&self.service),
        }
    }
}

/// Passes events on. Once the service is created, its certificate is written and the node's endorsed one shown.
fn events(
    driver: &Driver,
    slots: Slots,
    service_certificate_file: PathBuf,
    service_certificate: String,
    log: &Log,
) -> EventSink {
    let (driver, log) = (driver.clone(), log.clone());
    let created = OnceLock::new();
    Arc::new(move |event| {
        let evidence = matches!(event, Event::Quote { .. });
        driver.event(event);
        if evidence && created.set(()).is_ok() {
            if let Err(error) = driver.show_endorsed(&slots.service) {
                log.fatal(format_args!("The node's certificate cannot be used: {error}"));
            }
            if let Err(error) = write_output(&service_certificate_file, service_certificate.as_bytes()) {
                log.fatal(format_args!("{}: {error}", service_certificate_file.display()));
            }
        }
    })
}

fn write_files(config: &NodeConfig, network: &NodeNetwork, node_certificate: &str) -> Result<(), RunError> {
    let outputs = &config.output_files;
    let write = |path: &PathBuf, content: &[u8]| {
        write_output(path, content).map_err(|error| RunError::Output { path: path.clone(), error })
    };
    if let Some(path) = &outputs.node_to_node_address_file {
        write(path, files::node_address(network).as_bytes())?;
    }
    if let Some(path) = &outputs.rpc_addresses_file {
        write(path, files::rpc_addresses(network).as_bytes())?;
    }
    write(&outputs.node_certificate_file, node_certificate.as_bytes())
}

fn resources(machine: &Machine, clock: Clock) -> io::Result<Resources> {
    let signing: Arc<dyn Jobs> = Arc::new(JobPool::start(1, MAX_SIGNING)?);
    let heavy: Arc<dyn Jobs> = Arc::new(JobPool::start(0, MAX_HEAVY)?);
    let clock = Arc::new(move || (clock.now(), clock.wall()));
    Ok(Resources { host: machine.host(), signing, heavy, clock })
}

fn authority(shared: &Arc<Shared>, secret: LedgerSecret, clock: Clock, log: &Log) -> Authority {
    let log = log.tagged("js");
    Authority {
        service_key: shared.keys.service.clone(),
        ledger_secrets: Box::new(move || NewestSecrets {
            latest: (Seqno(1), secret.clone()),
            previous: None,
        }),
        entropy: Arc::new(SystemEntropy),
        elapsed_ms: Arc::new(move || clock.now().0),
        script_stack_bytes: SCRIPT_STACK_BYTES,
        console: Box::new(move |line| match line.level {
            coco_js::ConsoleLevel::Info => log.info(format_args!("{}", line.text)),
            coco_js::ConsoleLevel::Fail => log.fail(format_args!("{}", line.text)),
        }),
    }
}

fn ledger_options(config: &NodeConfig) -> LedgerOptions {
    let ledger = &config.ledger;
    LedgerOptions {
        directory: ledger.directory.clone(),
        read_only_directories: ledger.read_only_directories.clone(),
        durability: match ledger.durability {
            storage::Durability::Fsync => coco_host::ledger::Durability::Fsync,
            storage::Durability::PageCache => coco_host::ledger::Durability::PageCache,
        },
        // A chunk ends with the first signature after its size is reached.
        reserve: ledger.chunk_size.0.saturating_add(ledger.chunk_size.0 / 4),
        slow_io: config.slow_io_logging_threshold,
    }
}

fn settings(config: &NodeConfig) -> Settings {
    let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let signatures = &config.ledger_signatures;
    Settings {
        signing: SigningPolicy {
            timing: match signatures.timing {
                SignatureTiming::Adaptive => Timing::Adaptive { min_interval_ms: MIN_SIGNATURE_INTERVAL_MS },
                SignatureTiming::Fixed => Timing::Fixed,
            },
            tx_count: signatures.tx_count.get(),
            delay_ms: millis(signatures.delay),
        },
        ledger: LedgerConfig {
            chunk_size: config.ledger.chunk_size.0,
            signatures: match signatures.mode {
                storage::SignatureMode::Dual => SignatureMode::Dual,
                storage::SignatureMode::CoseOnly => SignatureMode::CoseOnly,
            },
        },
        consensus: coco_raft::Settings {
            election_timeout_ms: millis(config.consensus.election_timeout),
            message_timeout_ms: millis(config.consensus.message_timeout),
            ..coco_raft::Settings::default()
        },
        max_uncommitted: config.consensus.max_uncommitted_tx_count.unwrap_or(0),
        // No application asks for past states yet, and each that is kept holds on to what it shares with no other.
        keep_committed: 0,
    }
}

fn naming(config: &NodeConfig, start: &Start, listening: &sessions::Listening) -> Naming {
    let certificate = &config.node_certificate;
    let alt_names = if certificate.subject_alt_names.is_empty() {
        sessions::alt_names(&config.network, listening)
    } else {
        certificate.subject_alt_names.clone()
    };
    Naming {
        curve: certificate.curve_id,
        node_subject: certificate.subject_name.clone(),
        node_alt_names: alt_names,
        node_validity_days: certificate.initial_validity_days.get(),
        service_subject: start.service_subject_name.clone(),
        service_validity_days: start.initial_service_certificate_validity_days.get(),
        cose: CoseNames {
            issuer: start.cose_signatures.issuer.clone(),
            subject: start.cose_signatures.subject.clone(),
        },
    }
}

fn executable_digest() -> io::Result<coco_wire::Digest> {
    Ok(sha256(&fs::read("/proc/self/exe")?))
}
