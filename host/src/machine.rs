//! The host of one node: takes the enclave's effects, and gives it time, signals and the disk's answers.

use std::{
    io,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use coco_boundary::{Effect, Event, Evidence, Host, Log, Monotonic, QuoteFault, StopReason};
use coco_wire::Digest;
use tokio::{
    runtime::Builder,
    sync::{Notify, mpsc, watch},
    task::{JoinHandle, spawn_blocking},
    time::{Instant, MissedTickBehavior, interval, sleep, sleep_until},
};

use crate::{
    clock::Clock,
    files::{Files, FilesQueue, FilesThread},
    ledger::{EventSink, Ledger, LedgerQueue},
    memory::SmallPages,
    peers::{PeerNetwork, PeerQueue, PeerThread},
    process::{StopSignal, StopSignals},
};

/// Questions to the platform that may wait. The enclave asks a few at a time.
const MAX_QUOTES: usize = 16;
/// After so many ticks for which the enclave had nothing to do but talk with other nodes, they come less often.
const QUIET_TICKS: u32 = 10;
/// Time between two of them then, at most. A little more than half of the usual time between two signs of life of a
/// primary, each of which then is in time for the second.
const MAX_REST: Duration = Duration::from_millis(51);
/// A machine that runs for so long has started.
const STARTING: Duration = Duration::from_secs(1);
/// How long the enclave may take to answer [`Event::Stop`].
const STOP_LIMIT: Duration = Duration::from_secs(8);

/// Produces evidence that binds the given digest. May take seconds.
pub type QuoteSource = Arc<dyn Fn(Digest) -> Result<Evidence, QuoteFault> + Send + Sync>;

/// Everything outside of the enclave but for the connections of its users.
pub struct Machine {
    effects: Arc<Effects>,
    ledger: Ledger,
    files: Option<Files>,
    peers: Option<PeerNetwork>,
    quotes: mpsc::Receiver<Digest>,
    stopped: watch::Receiver<Option<StopReason>>,
    wakes: watch::Receiver<Monotonic>,
    starting: SmallPages,
}

/// How a machine behaves.
pub struct MachineOptions {
    /// What ticks tell.
    pub clock: Clock,
    /// Time between two [`Event::Tick`]; not 0.
    pub tick: Duration,
    /// Time after which a silent primary says something; while there is nothing to do, ticks
    /// are about half of it apart, 51 ms at most.
    pub message_timeout: Duration,
    /// The first SIGTERM only warns.
    pub ignore_first_sigterm: bool,
    /// The platform.
    pub quote: QuoteSource,
}

/// Routes effects to whoever carries them out.
struct Effects {
    ledger: LedgerQueue,
    /// Set before the machine runs, as is `peers`.
    files: OnceLock<FilesQueue>,
    peers: OnceLock<PeerQueue>,
    quotes: mpsc::Sender<Digest>,
    stop: watch::Sender<Option<StopReason>>,
    wake: watch::Sender<Monotonic>,
    pace: Pace,
}

/// How often the enclave is told the time. Each time costs a sleeping core dear.
#[derive(Default)]
struct Pace {
    /// Ticks since there was something to do.
    quiet: AtomicU32,
    roused: Notify,
}

impl Pace {
    /// There is something to do.
    fn work(&self) {
        if self.quiet.load(Ordering::Relaxed) > 0 && self.quiet.swap(0, Ordering::Relaxed) > QUIET_TICKS {
            self.roused.notify_one();
        }
    }

    /// After a tick, whether the next one may come late; if so, [`Self::work`] tells `roused`.
    fn rests(&self) -> bool {
        self.quiet.fetch_add(1, Ordering::Relaxed) >= QUIET_TICKS
    }
}

impl Host for Effects {
    fn perform(&self, effects: &mut Vec<Effect>) {
        if effects.iter().any(|effect| !matches!(effect, Effect::Send { .. })) {
            self.pace.work();
        }
        self.ledger.push(effects.drain(..).filter_map(|effect| match effect {
            Effect::Quote { report_data } => {
                // Beyond the bound questions stay without answer, on which the enclave gives up.
                let _ = self.quotes.try_send(report_data);
                None
            }
            Effect::Files(effect) => {
                if let Some(files) = self.files.get() {
                    files.push(effect);
                }
                None
            }
            Effect::Send { to, frame } => {
                if let Some(peers) = self.peers.get() {
                    peers.push(to, frame);
                }
                None
            }
            Effect::Stop { reason } => {
                self.stop.send_replace(Some(reason));
                None
            }
            effect => Some(effect),
        }));
    }

    fn wake_at(&self, at: Monotonic) {
        self.wake.send_if_modified(|wanted| std::mem::replace(wanted, at) != at);
    }

    fn backlog(&self) -> usize {
        self.ledger.backlog()
    }
}

impl Machine {
    /// Around a ledger that does not run yet.
    #[must_use]
    pub fn new(ledger: Ledger) -> Self {
        let (ask, quotes) = mpsc::channel(MAX_QUOTES);
        let (stop, stopped) = watch::channel(None);
        let (wake, wakes) = watch::channel(Monotonic(0));
        let (files, peers) = (OnceLock::new(), OnceLock::new());
        let ledger_queue = ledger.queue();
        let pace = Pace::default();
        let effects = Arc::new(Effects { ledger: ledger_queue, files, peers, quotes: ask, stop, wake, pace });
        let starting = SmallPages::begin();
        Self { effects, ledger, files: None, peers: None, quotes, stopped, wakes, starting }
    }

    /// With a directory of snapshots; without, effects on files stay without answer.
    #[must_use]
    pub fn with_files(mut self, files: Files) -> Self {
        self.effects.files.get_or_init(|| files.queue());
        self.files.get_or_insert(files);
        self
    }

    /// With other nodes; without, what is sent to them is dropped.
    #[must_use]
    pub fn with_peers(mut self, peers: PeerNetwork) -> Self {
        self.effects.peers.get_or_init(|| peers.queue());
        self.peers.get_or_insert(peers);
        self
    }

    /// Where the enclave sends its effects: those sent before [`Machine::run`] wait.
    #[must_use]
    pub fn host(&self) -> Arc<dyn Host> {
        Arc::clone(&self.effects) as Arc<dyn Host>
    }

    /// Runs on the calling thread until the enclave stops, then writes out the ledger.
    ///
    /// # Errors
    /// If the system refuses threads or signals.
    pub fn run(self, options: MachineOptions, events: &EventSink, log: &Log) -> io::Result<StopReason> {
        let Self { effects, ledger, files, peers, quotes, stopped, wakes, starting } = self;
        let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
        let threads = ledger.run(Arc::clone(events), log.clone())?;
        let files = files.map(|files| files.run(Arc::clone(events), log.clone())).transpose()?;
        let peers = peers.map(|peers| peers.run(Arc::clone(events), log.clone())).transpose()?;
        let (events, log) = (Arc::clone(events), log.clone());
        runtime.spawn(async {
            sleep(STARTING).await;
            drop(starting);
        });
        let control = Control { options, effects, quotes, stopped, wakes, events, log };
        // A task, since what the runtime blocks on is woken through the kernel, on each tick.
        let reason = runtime.block_on(runtime.spawn(control.run())).expect("the machine does not panic");
        // A platform that does not answer keeps nobody waiting.
        runtime.shutdown_background();
        peers.into_iter().for_each(PeerThread::close);
        threads.close();
        files.into_iter().for_each(FilesThread::close);
        reason
    }
}

/// The main thread's state.
struct Control {
    options: MachineOptions,
    effects: Arc<Effects>,
    quotes: mpsc::Receiver<Digest>,
    stopped: watch::Receiver<Option<StopReason>>,
    wakes: watch::Receiver<Monotonic>,
    events: EventSink,
    log: Log,
}

impl Control {
    /// Has the platform answer on another thread.
    fn ask_platform(&self, report_data: Digest) -> JoinHandle<()> {
        let (quote, events) = (Arc::clone(&self.options.quote), Arc::clone(&self.events));
        spawn_blocking(move || {
            let evidence = quote(report_data);
            events(Event::Quote { report_data, evidence });
        })
    }

    async fn run(mut self) -> io::Result<StopReason> {
        let mut signals = StopSignals::new()?;
        let MachineOptions { clock, tick, message_timeout, .. } = self.options;
        let rest = tick.max(MAX_REST.min(message_timeout / 2 + Duration::from_millis(1)));
        let mut wake: Option<Instant> = None;
        let mut ticks = interval(tick);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut warn = self.options.ignore_first_sigterm;
        let mut deadline: Option<Instant> = None;
        let mut quoting: Option<JoinHandle<()>> = None;
        loop {
            tokio::select! {
                _ = ticks.tick() => {
                    (self.events)(clock.tick());
                    self.effects.ledger.nudge();
                    if self.effects.pace.rests() {
                        ticks.reset_after(rest);
                    }
                }
                () = self.effects.pace.roused.notified() => ticks.reset(),
                Ok(()) = self.wakes.changed() => {
                    let ahead_ms = self.wakes.borrow_and_update().since_ms(clock.now());
                    wake = Some(Instant::now() + Duration::from_millis(ahead_ms));
                }
                () = passed(wake) => {
                    wake = None;
                    (self.events)(clock.tick());
                }
                signal = signals.next() => {
                    let name = signal.name();
                    if std::mem::take(&mut warn) && signal == StopSignal::Terminate {
                        self.log.info(format_args!("{name}: Notifying enclave, but not shutting down."));
                        (self.events)(Event::StopNotice);
                    } else if deadline.is_none() {
                        self.log.info(format_args!("{name}: Shutting down enclave gracefully..."));
                        deadline = Some(Instant::now() + STOP_LIMIT);
                        (self.events)(Event::Stop);
                    } else {
                        self.log.info(format_args!("{name}: Shutting down at once"));
                        return Ok(StopReason::Asked);
                    }
                }
                Some(report_data) = self.quotes.recv(), if quoting.is_none() => {
                    quoting = Some(self.ask_platform(report_data));
                }
                () = answered(quoting.as_mut()) => quoting = None,
                reason = stop_reason(&mut self.stopped) => return Ok(reason),
                () = passed(deadline) => {
                    self.log.fatal(format_args!("The enclave did not stop in time"));
                    return Ok(StopReason::Fault);
                }
            }
        }
    }
}

/// Ends with the question to the platform.
async fn answered(quoting: Option<&mut JoinHandle<()>>) {
    match quoting {
        // Of a question that was not answered the enclave hears nothing, and gives it up.
        Some(question) => question.await.unwrap_or_default(),
        None => std::future::pending().await,
    }
}

async fn stop_reason(stopped: &mut watch::Receiver<Option<StopReason>>) -> StopReason {
    match stopped.wait_for(Option::is_some).await.map(|reason| *reason) {
        Ok(Some(reason)) => reason,
        // Nobody is left who could stop us.
        Ok(None) | Err(_) => StopReason::Asked,
    }
}

async fn passed(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
