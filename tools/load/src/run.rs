//! One run: threads, connections, the measured window, and the report.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::task::{JoinSet, LocalSet};

use crate::arrivals::{Arrivals, Due, Schedule, pace};
use crate::cpu::{Processes, Sample};
use crate::error::Error;
use crate::plan::{MAX_BATCH, Mode, Plan, Preload, Protocol, Table};
use crate::preload::preload;
use crate::recorder::{Recorder, Shared};
use crate::report::Report;
use crate::target::Target;
use crate::workload::Requests;
use crate::{commit, handshake, http1, http2};

/// How long answers are waited for after the window.
const DRAIN: Duration = Duration::from_secs(5);
/// From the last thread's readiness to the first request.
const RUN_UP: Duration = Duration::from_millis(20);

/// Sends what the plan says to `target` and reports; `servers` are the processes whose CPU time is the server's.
pub fn run(target: &Target, plan: &Plan, servers: &Processes) -> Result<Report, Error> {
    check(plan)?;
    let reads = matches!(plan.mode, Mode::Read | Mode::Mixed);
    if plan.preload == Preload::Always || (plan.preload == Preload::Auto && reads) {
        preload(target, plan)?;
    }
    std::thread::scope(|scope| {
        let (ready, readiness) = mpsc::channel();
        let mut threads = Vec::new();
        for number in 0..plan.threads {
            let (go, begin) = oneshot::channel();
            let worker = Worker { target, plan, number };
            let ready = ready.clone();
            threads.push((go, scope.spawn(move || worker.run(&ready, begin))));
        }
        drop(ready);
        for _ in 0..plan.threads {
            readiness.recv().unwrap_or(Err(Error::Thread))?;
        }
        let window = Window::starting(Instant::now() + RUN_UP, plan);
        let mut handles = Vec::new();
        for (go, handle) in threads {
            go.send(window).map_err(|_| Error::Thread)?;
            handles.push(handle);
        }
        sleep_until(window.from);
        let (before, from) = (Sample::take(servers), Instant::now());
        sleep_until(window.until);
        let (usage, measured) = (Sample::take(servers).since(&before), from.elapsed());
        let mut total = Recorder::new(window.from, window.until);
        for handle in handles {
            total.merge(handle.join().unwrap_or(Err(Error::Thread))?);
        }
        Ok(Report::new(&target.authority, plan, measured, &total, usage))
    })
}

fn check(plan: &Plan) -> Result<(), Error> {
    let rule = [
        (plan.connections == 0, "there must be a connection"),
        (
            plan.threads == 0 || plan.threads > plan.connections,
            "there must be a thread, and a connection for each",
        ),
        (plan.protocol.in_flight() == 0, "there must be a request in flight"),
        (plan.keys == 0, "there must be a key"),
        (plan.duration.is_zero(), "there must be time to measure"),
        (plan.rate.is_some_and(|rate| !(0.001..=1e9).contains(&rate)), "the rate is out of range"),
        (!(1..=MAX_BATCH).contains(&plan.batch), "a write must have 1 to 1,000 messages"),
        (
            plan.batch > 1
                && !matches!((plan.mode, plan.table), (Mode::Write | Mode::Commit(_), Table::Private)),
            "a batch is written to the private table, in write or commit mode",
        ),
        (
            matches!(plan.mode, Mode::Commit(_)) && plan.protocol != Protocol::Http1 { depth: 1 },
            "a commit is followed over HTTP/1.1, one request at a time",
        ),
    ];
    match rule.into_iter().find(|(broken, _)| *broken) {
        Some((_, why)) => Err(Error::Plan(why)),
        None => Ok(()),
    }
}

fn sleep_until(time: Instant) {
    std::thread::sleep(time.saturating_duration_since(Instant::now()));
}

/// First request, measured window.
#[derive(Clone, Copy)]
struct Window {
    begin: Instant,
    from: Instant,
    until: Instant,
}

impl Window {
    fn starting(begin: Instant, plan: &Plan) -> Self {
        let from = begin + plan.warm_up;
        Self { begin, from, until: from + plan.duration }
    }
}

/// One thread's share of a run.
#[derive(Clone, Copy)]
struct Worker<'a> {
    target: &'a Target,
    plan: &'a Plan,
    number: usize,
}

/// A connection that is ready for requests.
enum Open {
    Http1(Box<http1::Connection>),
    Http2(http2::Connection),
    /// Handshakes open their own.
    Nothing,
}

impl Worker<'_> {
    fn run(
        self,
        ready: &mpsc::Sender<Result<(), Error>>,
        begin: oneshot::Receiver<Window>,
    ) -> Result<Recorder, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Error::io("runtime"))?;
        LocalSet::new().block_on(&runtime, async {
            let connections = match self.connect().await {
                Ok(connections) => connections,
                Err(error) => {
                    ready.send(Err(error)).map_err(|_| Error::Thread)?;
                    return Err(Error::Thread);
                }
            };
            ready.send(Ok(())).map_err(|_| Error::Thread)?;
            let window = begin.await.map_err(|_| Error::Thread)?;
            self.load(connections, window).await
        })
    }

    /// The connections of this thread are those whose number leaves its own when divided by the threads.
    async fn connect(&self) -> Result<Vec<(usize, Open)>, Error> {
        let mut opened = Vec::new();
        for number in (self.number..self.plan.connections).step_by(self.plan.threads) {
            let open = match (self.plan.mode, self.plan.protocol) {
                (Mode::Handshake, _) => Open::Nothing,
                (_, Protocol::Http1 { .. }) => {
                    Open::Http1(Box::new(http1::Connection::open(self.target).await?))
                }
                (_, Protocol::Http2 { .. }) => Open::Http2(http2::Connection::open(self.target).await?),
            };
            opened.push((number, open));
        }
        Ok(opened)
    }

    async fn load(&self, connections: Vec<(usize, Open)>, window: Window) -> Result<Recorder, Error> {
        let recorder: Shared = Rc::new(RefCell::new(Recorder::new(window.from, window.until)));
        tokio::time::sleep_until(window.begin.into()).await;
        let mut tasks = JoinSet::new();
        let mut queues = Vec::new();
        for (number, open) in connections {
            let arrivals = match self.plan.rate {
                None => Arrivals::Closed(window.until, Rc::clone(&recorder)),
                Some(_) => {
                    queues.push(Due::new());
                    Arrivals::Open(Rc::clone(&queues[queues.len() - 1]))
                }
            };
            self.spawn(&mut tasks, number, open, arrivals, &recorder);
        }
        if let Some(rate) = self.plan.rate {
            let step = Duration::from_secs_f64(1.0 / rate);
            let threads = u32::try_from(self.plan.threads).unwrap_or(u32::MAX);
            let first = window.begin + step * u32::try_from(self.number).unwrap_or(u32::MAX);
            let takers = match self.plan.protocol {
                Protocol::Http1 { .. } => 1,
                Protocol::Http2 { streams } => streams,
            };
            let schedule = Schedule { first, period: step * threads, end: window.until, takers };
            tasks.spawn_local(pace(schedule, queues, Rc::clone(&recorder)));
        }
        let all = async {
            while let Some(ended) = tasks.join_next().await {
                if let Err(error) = ended.unwrap_or(Err(Error::Thread)) {
                    recorder.borrow_mut().broke(&error);
                }
            }
        };
        // Whatever is still unanswered then is counted as such.
        let _late = tokio::time::timeout_at((window.until + DRAIN).into(), all).await;
        let found = recorder.borrow().clone();
        Ok(found)
    }

    fn spawn(
        &self,
        tasks: &mut JoinSet<Result<(), Error>>,
        number: usize,
        open: Open,
        arrivals: Arrivals,
        recorder: &Shared,
    ) {
        let recorder = Rc::clone(recorder);
        let requests = Requests::new(self.plan, &self.target.authority, number);
        let in_flight = self.plan.protocol.in_flight();
        match (open, self.plan.mode) {
            (Open::Http1(connection), Mode::Commit(follow)) => {
                tasks.spawn_local(commit::drive(*connection, requests, arrivals, recorder, follow));
            }
            (Open::Http1(connection), _) => {
                tasks.spawn_local(http1::drive(*connection, requests, arrivals, recorder, in_flight));
            }
            (Open::Http2(connection), _) => {
                tasks.spawn_local(http2::drive(connection, requests, arrivals, recorder, in_flight));
            }
            (Open::Nothing, _) => {
                tasks.spawn_local(handshake::drive(Rc::new(self.target.clone()), arrivals, recorder));
            }
        }
    }
}
