//! Long computations beside the enclave's own threads.

use std::{fmt, sync::Arc};

/// A computation with its answer's way back inside it.
pub type Job = Box<dyn FnOnce() + Send>;

/// A bounded pool of threads, or a simulator's schedule.
pub trait Jobs: Send + Sync {
    /// Has the job run soon, on another thread and in no promised order.
    ///
    /// # Errors
    /// If too many jobs wait; the job is handed back.
    fn spawn(&self, job: Job) -> Result<(), Full>;

    /// The same for one of many jobs of a kind, which tend to take equally long.
    ///
    /// # Errors
    /// If too many jobs wait; the job is handed back.
    fn spawn_of(&self, _kind: &Arc<str>, job: Job) -> Result<(), Full> {
        self.spawn(job)
    }
}

/// Too many jobs wait. Holds the one refused.
pub struct Full(pub Job);

impl fmt::Debug for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Full")
    }
}
