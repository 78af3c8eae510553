//! A bounded pool of threads for long computations.

use std::{
    io,
    num::NonZeroUsize,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
};

use coco_boundary::{Full, Job, Jobs};

/// Threads that take jobs from one queue, in the order given. They end with the pool.
pub struct JobPool(SyncSender<Job>);

impl JobPool {
    /// `threads` threads, 0 meaning one for each core; `waiting` jobs may wait for one.
    ///
    /// # Errors
    /// If the system has no more threads.
    pub fn start(threads: usize, waiting: usize) -> io::Result<Self> {
        let (jobs, queue) = sync_channel(waiting);
        let queue = Arc::new(Mutex::new(queue));
        let count = match threads {
            0 => thread::available_parallelism().map_or(1, NonZeroUsize::get),
            count => count,
        };
        for index in 0..count {
            let queue = Arc::clone(&queue);
            thread::Builder::new().name(format!("job-{index}")).spawn(move || work(&queue))?;
        }
        Ok(Self(jobs))
    }
}

impl Jobs for JobPool {
    fn spawn(&self, job: Job) -> Result<(), Full> {
        self.0.try_send(job).map_err(|error| match error {
            TrySendError::Full(job) | TrySendError::Disconnected(job) => Full(job),
        })
    }
}

fn work(queue: &Mutex<Receiver<Job>>) {
    loop {
        // Whoever holds the lock waits for the next job; the others wait for the lock.
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Ok(job) => job(),
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests;
