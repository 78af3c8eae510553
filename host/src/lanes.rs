//! Threads for calls of which some take a moment and others seconds: those that take long leave the way to the others.

mod board;
mod kinds;
mod manners;
mod timed;

use std::{
    io,
    num::NonZeroUsize,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

pub use self::manners::give_way;
use self::{
    board::{Board, Lane, Moved, Ticket, Waiting},
    manners::{Manners, Worker},
    timed::Timed,
};
use crate::rest;
use coco_boundary::{Full, Job, Jobs};

/// Threads for short jobs, as many as there are cores, and half as many for others. A job belongs to the short ones if those
/// of its kind took no more than `SHORT` lately. One that runs for longer than `MOMENT` moves aside: its thread goes on
/// at a lower priority on some of the cores, and another one takes its place. Jobs of the same kind wait in a queue of
/// their own from then on, for threads like that, until one of them took only a moment again. Jobs of no kind move aside too,
/// but keep their priority.
///
/// So whoever calls what never ends, however often, delays others of that kind, and for a few moments those of which nothing
/// is known. The threads end with the pool, once all jobs are done.
pub struct Lanes(Arc<Shared>);

struct Shared {
    board: Mutex<Board>,
    /// A short job waits for a thread.
    wake_fast: Condvar,
    /// Another one does.
    wake_other: Condvar,
    /// A job begins that nobody looks after.
    watch: Condvar,
    /// Jobs that may wait in each lane.
    limit: usize,
    manners: Manners,
}

/// What short jobs take.
const SHORT: Duration = Duration::from_micros(2_500);
/// Longest time on a core that a job may keep others from its thread.
const MOMENT: Duration = Duration::from_millis(10);
/// Threads for jobs of which it is known that they take long: as many as there are cores, at least so many.
const MIN_SERVING: usize = 2;
/// Time between two looks at who runs.
const LOOK: Duration = Duration::from_millis(5);
/// Looks that find nobody before there are no more until a job begins.
const IDLE_LOOKS: u32 = 100;

impl Lanes {
    /// `threads` threads for short jobs, 0 meaning one for each core; `waiting` jobs may wait in each lane.
    ///
    /// # Errors
    /// If the system has no more threads.
    pub fn start(threads: usize, waiting: usize) -> io::Result<Self> {
        let count = match threads {
            0 => thread::available_parallelism().map_or(1, NonZeroUsize::get),
            count => count,
        };
        let shared = Shared {
            board: Mutex::new(Board::new(count.max(MIN_SERVING))),
            wake_fast: Condvar::new(),
            wake_other: Condvar::new(),
            watch: Condvar::new(),
            limit: waiting,
            manners: Manners::new(),
        };
        let lanes = Self(Arc::new(shared));
        for _ in 0..count {
            lanes.0.add(Lane::Fast)?;
        }
        for _ in 0..count.div_ceil(2) {
            lanes.0.add(Lane::Other)?;
        }
        let shared = Arc::clone(&lanes.0);
        thread::Builder::new().name("lanes".into()).spawn(move || shared.look_after())?;
        Ok(lanes)
    }
}

impl Drop for Lanes {
    fn drop(&mut self) {
        self.0.lock().close();
        self.0.wake_fast.notify_all();
        self.0.wake_other.notify_all();
        self.0.watch.notify_all();
    }
}

impl Jobs for Lanes {
    fn spawn(&self, job: Job) -> Result<(), Full> {
        self.0.take_in(Waiting { kind: None, job })
    }

    fn spawn_of(&self, kind: &Arc<str>, job: Job) -> Result<(), Full> {
        self.0.take_in(Waiting { kind: Some(Arc::clone(kind)), job })
    }
}

impl Shared {
    fn take_in(self: &Arc<Self>, waiting: Waiting) -> Result<(), Full> {
        let mut board = self.lock();
        match board.admit(waiting, self.limit)? {
            Lane::Slow => drop(self.serve_slow(board)),
            lane => {
                let is_awaited = board.has_idle(lane);
                drop(board);
                if is_awaited {
                    self.waker(lane).notify_one();
                }
            }
        }
        Ok(())
    }

    /// Has as many threads serve the slow lane as may and have something to do.
    fn serve_slow<'a>(self: &'a Arc<Self>, mut board: MutexGuard<'a, Board>) -> MutexGuard<'a, Board> {
        while board.hire() {
            drop(board);
            let is_served = self.add(Lane::Slow).is_ok();
            board = self.lock();
            if !is_served {
                // A thread of the slow lane that is done takes what waits; without any the others do.
                board.arrive();
                board.leave();
                board.merge_if_forsaken();
                break;
            }
        }
        board
    }

    fn add(self: &Arc<Self>, lane: Lane) -> io::Result<()> {
        let shared = Arc::clone(self);
        let name = match lane {
            Lane::Fast => "short-job",
            Lane::Other => "job",
            Lane::Slow => "long-job",
        };
        thread::Builder::new().name(name.into()).spawn(move || match lane {
            Lane::Fast | Lane::Other => shared.work(lane),
            Lane::Slow => {
                let worker = Worker::this();
                shared.manners.teach(&worker);
                shared.lock().arrive();
                shared.work_slow(&worker);
            }
        })?;
        Ok(())
    }

    fn waker(&self, lane: Lane) -> &Condvar {
        if lane == Lane::Fast { &self.wake_fast } else { &self.wake_other }
    }

    /// A thread of a lane, which may find itself in the slow one after a job.
    fn work(self: Arc<Self>, mut lane: Lane) {
        let worker = Worker::this();
        let mut taken = self.next(lane, &worker);
        while let Some((ticket, job)) = taken {
            job();
            let now = Timed::now();
            let mut board = self.lock();
            if board.finish(ticket, now) == Lane::Slow {
                match board.go_back() {
                    Some(needs) => {
                        worker.rest();
                        lane = needs;
                    }
                    None if board.goes_on() => {
                        drop(board);
                        self.manners.teach(&worker);
                        return self.work_slow(&worker);
                    }
                    None => return,
                }
            }
            taken = self.begin(&mut board, lane, now, &worker);
            drop(board);
            if taken.is_none() {
                taken = self.next(lane, &worker);
            }
        }
    }

    /// A thread that serves the slow lane: it ends when there is nothing for it.
    fn work_slow(self: Arc<Self>, worker: &Worker) {
        loop {
            let mut board = self.lock();
            let Some((ticket, job)) = board.take_slow(Timed::now(), worker) else {
                board.leave();
                return;
            };
            drop(board);
            job();
            self.lock().finish(ticket, Timed::now());
        }
    }

    /// Takes a job that waits in a lane, if there is one.
    fn begin(&self, board: &mut Board, lane: Lane, now: Timed, worker: &Worker) -> Option<(Ticket, Job)> {
        let taken = board.take(lane, now, worker)?;
        if board.is_unwatched {
            self.watch.notify_one();
        }
        Some(taken)
    }

    /// Waits for a job of a lane; none at the end.
    fn next(&self, lane: Lane, worker: &Worker) -> Option<(Ticket, Job)> {
        let mut rests = false;
        let mut board = self.lock();
        loop {
            if let Some(taken) = self.begin(&mut board, lane, Timed::now(), worker) {
                return Some(taken);
            }
            if board.is_closed() {
                return None;
            }
            board.rest(lane);
            let limit = if rests { Duration::MAX } else { rest::AFTER };
            let waited = self.waker(lane).wait_timeout(board, limit).unwrap_or_else(PoisonError::into_inner);
            let is_late = waited.1.timed_out();
            board = waited.0;
            board.wake(lane);
            if is_late && board.is_empty(lane) {
                rests = true;
                drop(board);
                rest::begin();
                board = self.lock();
            }
        }
    }

    /// Moves aside what takes long, as long as there are jobs.
    fn look_after(self: Arc<Self>) {
        let mut idle_looks = 0;
        let mut board = self.lock();
        while !board.is_closed() {
            idle_looks = if board.is_calm() { idle_looks + 1 } else { 0 };
            if idle_looks > IDLE_LOOKS {
                board.is_unwatched = true;
                board = self.watch.wait(board).unwrap_or_else(PoisonError::into_inner);
                board.is_unwatched = false;
                idle_looks = 0;
            }
            let waited = self.watch.wait_timeout(board, LOOK);
            board = waited.unwrap_or_else(PoisonError::into_inner).0;
            let moved = board.move_aside();
            for Moved { worker, from: lane, has_kind } in moved {
                if has_kind {
                    self.manners.teach(&worker);
                } else {
                    worker.offer();
                }
                drop(board);
                let is_replaced = self.add(lane).is_ok();
                board = self.lock();
                if !is_replaced {
                    board.miss(lane);
                }
            }
            board = self.serve_slow(board);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
