//! A bounded pool of threads for long computations.

use std::{
    collections::VecDeque,
    io,
    num::NonZeroUsize,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use coco_boundary::{Full, Job, Jobs};

use crate::rest;

/// Threads that take jobs from one queue, in the order given. They end with the pool, once all jobs are done.
pub struct JobPool(Arc<Queue>);

struct Queue {
    state: Mutex<State>,
    wake: Condvar,
    limit: usize,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    /// Threads that wait for one.
    idle: usize,
    closed: bool,
}

impl JobPool {
    /// `threads` threads, 0 meaning one for each core; `waiting` jobs may wait for one.
    ///
    /// # Errors
    /// If the system has no more threads.
    pub fn start(threads: usize, waiting: usize) -> io::Result<Self> {
        let pool = Self(Arc::new(Queue { state: Mutex::default(), wake: Condvar::new(), limit: waiting }));
        let count = match threads {
            0 => thread::available_parallelism().map_or(1, NonZeroUsize::get),
            count => count,
        };
        for index in 0..count {
            let queue = Arc::clone(&pool.0);
            thread::Builder::new().name(format!("job-{index}")).spawn(move || queue.work())?;
        }
        Ok(pool)
    }
}

impl Drop for JobPool {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.wake.notify_all();
    }
}

impl Jobs for JobPool {
    fn spawn(&self, job: Job) -> Result<(), Full> {
        let mut state = self.0.lock();
        if state.jobs.len() >= self.0.limit + state.idle {
            return Err(Full(job));
        }
        state.jobs.push_back(job);
        let is_awaited = state.idle > 0;
        drop(state);
        if is_awaited {
            self.0.wake.notify_one();
        }
        Ok(())
    }
}

impl Queue {
    fn work(&self) {
        while let Some(job) = self.next() {
            job();
        }
    }

    /// Waits for a job; none at the end.
    fn next(&self) -> Option<Job> {
        let mut rests = false;
        let mut state = self.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            if state.closed {
                return None;
            }
            state.idle += 1;
            let limit = if rests { Duration::MAX } else { rest::AFTER };
            let waited = self.wake.wait_timeout(state, limit).unwrap_or_else(PoisonError::into_inner);
            let is_late = waited.1.timed_out();
            state = waited.0;
            state.idle -= 1;
            if is_late && state.jobs.is_empty() {
                rests = true;
                drop(state);
                rest::begin();
                state = self.lock();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
