//! When requests start: as soon as there is room, or at a fixed rate whatever the server does.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};
use tokio::net::unix::pipe::Receiver;
use tokio::sync::Semaphore;

use crate::error::Error;
use crate::recorder::Shared;

/// Where a connection learns when its next request starts.
#[derive(Clone)]
pub(crate) enum Arrivals {
    /// Closed loop: at once, until the given time.
    Closed(Instant, Shared),
    /// Open loop: at the times that a [`pace`] puts into the queue.
    Open(Rc<Due>),
}

/// What is known about the next request without waiting.
pub(crate) enum Next {
    /// It starts, or should have started, at this time.
    At(Instant),
    /// It is not due yet.
    Later,
    /// There is none.
    Done,
}

/// Intended start times of one connection; none marks the end, once for each taker.
pub(crate) struct Due {
    times: RefCell<VecDeque<Option<Instant>>>,
    waiting: Semaphore,
}

impl Arrivals {
    pub(crate) fn next(&self) -> Next {
        match self {
            Self::Closed(end, recorder) => {
                let now = Instant::now();
                if now >= *end {
                    return Next::Done;
                }
                recorder.borrow_mut().issued(now);
                Next::At(now)
            }
            Self::Open(due) => match due.waiting.try_acquire() {
                Ok(permit) => {
                    permit.forget();
                    due.pop().map_or(Next::Done, Next::At)
                }
                Err(_) => Next::Later,
            },
        }
    }

    /// Waits for the next start; none at the end. May be dropped at any point without loss.
    pub(crate) async fn wait(&self) -> Option<Instant> {
        if let Self::Open(due) = self {
            due.waiting.acquire().await.expect("the queue is never closed").forget();
            return due.pop();
        }
        match self.next() {
            Next::At(time) => Some(time),
            Next::Later | Next::Done => None,
        }
    }
}

impl Due {
    pub(crate) fn new() -> Rc<Self> {
        Rc::new(Self { times: RefCell::default(), waiting: Semaphore::new(0) })
    }

    fn push(&self, time: Option<Instant>) {
        self.times.borrow_mut().push_back(time);
        self.waiting.add_permits(1);
    }

    fn pop(&self) -> Option<Instant> {
        self.times.borrow_mut().pop_front().expect("one permit for each entry")
    }
}

/// The starts of one thread: every `period` from `first` until `end`, dealt out round robin.
pub(crate) struct Schedule {
    pub(crate) first: Instant,
    pub(crate) period: Duration,
    pub(crate) end: Instant,
    /// Takers at each queue, to be told the end.
    pub(crate) takers: usize,
}

/// Puts every start into a queue when it is due.
pub(crate) async fn pace(schedule: Schedule, queues: Vec<Rc<Due>>, recorder: Shared) -> Result<(), Error> {
    let timer = Timer::new()?;
    let mut due = schedule.first;
    let mut turn = 0;
    while due < schedule.end {
        timer.until(due).await?;
        let now = Instant::now();
        while due <= now && due < schedule.end {
            recorder.borrow_mut().issued(due);
            queues[turn % queues.len()].push(Some(due));
            turn += 1;
            due += schedule.period;
        }
        tokio::task::yield_now().await;
    }
    for queue in &queues {
        for _ in 0..schedule.takers {
            queue.push(None);
        }
    }
    Ok(())
}

/// A timer of the kernel's resolution; the runtime's own counts in milliseconds.
///
/// A timer descriptor is read as a pipe is: 8 bytes once it has run out, nothing before.
pub(crate) struct Timer(Receiver);

impl Timer {
    pub(crate) fn new() -> Result<Self, Error> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = rustix::time::timerfd_create(TimerfdClockId::Monotonic, flags)
            .map_err(|error| Error::io("timer")(error.into()))?;
        Ok(Self(Receiver::from_owned_fd_unchecked(timer).map_err(Error::io("timer"))?))
    }

    /// Returns at `time`, or at once if it has passed.
    pub(crate) async fn until(&self, time: Instant) -> Result<(), Error> {
        let rest = time.saturating_duration_since(Instant::now());
        if rest.is_zero() {
            return Ok(());
        }
        let once = Itimerspec {
            it_interval: Timespec { tv_sec: 0, tv_nsec: 0 },
            it_value: Timespec {
                tv_sec: i64::try_from(rest.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: i64::from(rest.subsec_nanos()),
            },
        };
        rustix::time::timerfd_settime(&self.0, TimerfdTimerFlags::empty(), &once)
            .map_err(|error| Error::io("timer")(error.into()))?;
        loop {
            self.0.readable().await.map_err(Error::io("timer"))?;
            match self.0.try_read(&mut [0; 8]) {
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                read => return read.map(drop).map_err(Error::io("timer")),
            }
        }
    }
}
