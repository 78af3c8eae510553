//! Drives the node: requests become calls, calls get their place, effects go to the host, replies wait for commit.
//!
//! Here is the enclave's one lock. It is taken once for each batch of requests or event of the host, and let go before
//! anything slow begins.

mod conversation;
mod evidence;
mod execute;
mod files;
mod forward;
mod itself;
mod others;
mod reads;
mod token_keys;
mod waiters;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use coco_app::{InterfaceName, Mode, Request, Response};
use coco_boundary::{Event, Full, Host, Jobs, MAX_BACKLOG, Monotonic, Unix};
use coco_node::{
    Beginning, Certificates, Core, Joined, Mount, Output, Planned, Renewed, Stage, View, is_requested_by_core,
};
use tokio::sync::Notify;

pub use self::files::SnapshotFileError;
use self::{
    evidence::Attestations, execute::Turn, files::Files, forward::Forwarded, others::Others, reads::Reads,
    waiters::Waiters,
};
use crate::{
    CertificateSlot, CertificateSlots,
    dispatch::{Batch, Dispatch, Session, Talk},
};

/// The node as sessions and host see it. Clones share it.
#[derive(Clone)]
pub struct Driver(Arc<Inner>);

struct Inner {
    view: View,
    core: Mutex<Core>,
    waiters: Waiters,
    others: Others,
    forwards: Mutex<Forwarded>,
    files: Files,
    attestations: Attestations,
    reads: Reads,
    /// Told when an issuer of tokens was set or removed.
    issuers: Notify,
    /// Held while certificates are taken over.
    renewing: Mutex<()>,
    resources: Resources,
}

/// What the host lends to the enclave.
pub struct Resources {
    /// Takes effects.
    pub host: Arc<dyn Host>,
    /// Runs the jobs of consensus and channels, which heavy calls must not delay.
    pub consensus: Arc<dyn Jobs>,
    /// Runs heavy calls, at most one a core.
    pub heavy: Arc<dyn Jobs>,
    /// Makes snapshots, which must delay neither.
    pub snapshots: Arc<dyn Jobs>,
    /// Where other nodes reach this one, host and port.
    pub node_address: Arc<str>,
    /// How long a forwarded request may take, in milliseconds, by the interface it came in by; one not listed allows
    /// 3 seconds.
    pub forwarding_timeouts: BTreeMap<InterfaceName, u64>,
    /// What the interfaces show.
    pub slots: CertificateSlots,
    /// Reads the host's clocks, which are not trusted.
    pub clock: Arc<dyn Fn() -> (Monotonic, Unix) + Send + Sync>,
}

impl Driver {
    /// A driver of `core`, which publishes to `view`.
    #[must_use]
    pub fn new(view: View, core: Core, resources: Resources) -> Self {
        let others = Others::new(Arc::clone(&view.shared), Arc::clone(&resources.node_address));
        Self(Arc::new(Inner {
            view,
            core: Mutex::new(core),
            waiters: Waiters::default(),
            others,
            forwards: Mutex::default(),
            files: Files::default(),
            attestations: Attestations::default(),
            reads: Reads::default(),
            issuers: Notify::new(),
            renewing: Mutex::default(),
            resources,
        }))
    }

    /// Begins the node's life: it asks for evidence.
    pub fn begin(&self) {
        self.with_core(Core::begin);
    }

    /// The service let this node in.
    pub fn joined(&self, joined: Joined) {
        self.with_core(|core, out| core.joined(joined, out));
    }

    /// The service let this node in, which begins with a snapshot.
    pub fn joined_with(&self, joined: Joined, beginning: Beginning) {
        self.with_core(|core, out| core.joined_with(joined, beginning, out));
    }

    /// Takes in an event of the host.
    pub fn event(&self, event: Event) {
        match event {
            Event::Entries { request, entries } if !is_requested_by_core(request) => {
                self.entries_read(request, entries);
            }
            Event::Frame(frame) => self.frame(frame),
            Event::Files(event) => self.file_event(event),
            Event::Quote { report_data, evidence } => {
                if !self.attested(&report_data, &evidence) {
                    let event = Event::Quote { report_data, evidence };
                    self.with_core(|core, out| core.handle(event, out));
                }
            }
            event => {
                let ticks = matches!(event, Event::Tick { .. });
                self.with_core(|core, out| core.handle(event, out));
                if ticks {
                    self.tick_others();
                    self.tick_reads();
                    self.expire_attestations();
                }
            }
        }
    }

    /// What calls are executed on.
    #[must_use]
    pub fn view(&self) -> &View {
        &self.0.view
    }

    /// Has the interfaces of `slot` show the certificate that the service endorsed, if the node belongs to one.
    ///
    /// # Errors
    /// If key and certificate cannot be used for TLS.
    pub fn show_endorsed(&self, slot: &CertificateSlot) -> Result<(), crate::InvalidCertificate> {
        let keys = &self.0.view.shared.keys;
        let Some(service) = keys.service() else { return Ok(()) };
        slot.install(vec![service.endorsed.load().der().to_vec()], &keys.node)
    }

    /// Takes over certificates that governance renewed: new connections and handshakes show them.
    fn renew(&self) {
        let _one_at_a_time = others::lock(&self.0.renewing);
        self.lock().refresh_committed();
        let shared = &self.0.view.shared;
        if shared.renew() == Renewed::Nothing {
            return;
        }
        self.with_peers(|peers, _| peers.renew());
        let CertificateSlots { node, service } = &self.0.resources.slots;
        let own = shared.keys.self_signed.load();
        let shown = node.install(vec![own.der().to_vec()], &shared.keys.node);
        match shown.and_then(|()| self.show_endorsed(service)) {
            Ok(()) => shared.log.info(format_args!("This node shows a renewed certificate")),
            Err(error) => shared.log.fail(format_args!("A renewed certificate cannot be used: {error}")),
        }
    }

    /// Has the latest state published if it is not; says whether it was not.
    fn refresh(&self) -> bool {
        let stale = self.0.view.is_stale();
        if stale {
            self.lock().refresh();
        }
        stale
    }

    /// Has the states published that a call is to see.
    fn show(&self, planned: &Planned) {
        let lags = || {
            let state = self.0.view.shared.state.load();
            state.committed.version() < state.chain.committed.seqno
        };
        let adapter = self.0.view.mounts.adapter(planned.mount);
        let reads_committed = match planned.plan.mode {
            Mode::QueryCommitted => true,
            Mode::Execute => planned.plan.calls.iter().any(|call| adapter.only_reads(call)),
            Mode::Query | Mode::Historical(_) => false,
        };
        if planned.mount == Mount::Node || (reads_committed && lags()) {
            self.lock().refresh_committed();
        } else if planned.plan.mode != Mode::QueryCommitted {
            self.refresh();
        }
    }

    /// Runs `change` under the lock and carries out what follows from it.
    fn with_core<T>(&self, change: impl FnOnce(&mut Core, &mut Output) -> T) -> T {
        let mut out = Output::default();
        let result = {
            let mut core = self.lock();
            let (now, wall) = (self.0.resources.clock)();
            self.0.view.shared.clock.set(now, wall);
            let result = change(&mut core, &mut out);
            self.0.resources.host.perform(&mut out.effects);
            self.0.others.queue(&mut out.messages);
            result
        };
        self.after(out);
        result
    }

    /// What does not need the lock; `out` is dropped at the end.
    fn after(&self, out: Output) {
        for job in out.jobs {
            let driver = self.clone();
            let Resources { consensus, snapshots, .. } = &self.0.resources;
            let pool = if job.is_long() { snapshots } else { consensus };
            let work = Box::new(move || {
                let done = job.run();
                driver.with_core(|core, out| core.done(done, out));
            });
            if let Err(Full(job)) = pool.spawn(work) {
                // Few are under way at a time, so their pool is full only while it stops.
                job();
            }
        }
        self.send_queued();
        for (read, readable) in out.reads {
            self.read_settled(read, readable);
        }
        if out.certificates == Certificates::Written {
            self.renew();
        }
        self.tell_of_issuers();
        if let Some(at) = out.wake_at {
            self.0.resources.host.wake_at(at);
        }
        self.settle();
    }

    fn entries_read(
        &self,
        request: coco_boundary::RequestId,
        entries: Result<Vec<Vec<u8>>, coco_boundary::ReadFault>,
    ) {
        let Some(decoding) = self.0.view.shared.history.answered(request, entries) else { return };
        let driver = self.clone();
        let work = Box::new(move || {
            let shared = &driver.0.view.shared;
            shared.history.decode(&shared.state.load().chain, decoding);
            driver.perform_reads();
        });
        // If there is no room the client is told to ask again, and the entries are read again.
        drop(self.0.resources.heavy.spawn(work));
    }

    /// Passes on reads of the ledger that a call asked for.
    fn perform_reads(&self) {
        let mut reads = self.0.view.shared.history.take_reads();
        if !reads.is_empty() {
            self.0.resources.host.perform(&mut reads);
        }
    }

    /// Whether this node takes part, and another one appends.
    fn is_backup(&self) -> bool {
        let state = self.0.view.shared.state.load();
        !state.primary && state.stage == Stage::PartOfNetwork
    }

    fn is_backlogged(&self) -> bool {
        self.0.resources.host.backlog() > MAX_BACKLOG
    }

    fn lock(&self) -> MutexGuard<'_, Core> {
        // A panic under the lock aborts a release build; a poisoned lock is one of a test.
        self.0.core.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Dispatch for Driver {
    fn dispatch(&self, batches: &mut [Batch]) {
        Turn::new(self, batches).run();
    }

    fn converse(&self, request: &Request, session: &Session) -> Option<Result<Box<dyn Talk>, Response>> {
        self.begin_conversation(request, &session.peer)
    }
}

#[cfg(test)]
mod tests;
