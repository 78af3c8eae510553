//! What the connections of one I/O thread ask for in one turn of its event loop is answered together: the lock
//! is taken once for all, and each stage of the work finds its code in the cache.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use coco_app::{Request, Response};
use tokio::sync::oneshot;

use crate::dispatch::{Batch, Dispatch, Session, Talk};

/// Gathers batches for a [`Dispatch`]. One for each I/O thread; clones share it.
#[derive(Clone)]
pub struct Gather(Arc<Inner>);

struct Inner {
    dispatch: Box<dyn Dispatch>,
    /// Used by one thread, so never contended.
    waiting: Mutex<Waiting>,
}

/// What waits to be dispatched: of two of the same index, batch and who asked.
#[derive(Default)]
struct Waiting {
    batches: Vec<Batch>,
    askers: Vec<oneshot::Sender<Batch>>,
}

impl Gather {
    /// Gathers for `dispatch`.
    #[must_use]
    pub fn new(dispatch: impl Dispatch) -> Self {
        Self(Arc::new(Inner { dispatch: Box::new(dispatch), waiting: Mutex::default() }))
    }

    /// Has the requests of `batch` answered.
    pub(crate) fn ask(&self, batch: Batch) -> Asked {
        let (asker, answered) = oneshot::channel();
        let mut waiting = self.lock();
        let turn = if waiting.batches.is_empty() { Turn::Gathering } else { Turn::Other };
        waiting.batches.push(batch);
        waiting.askers.push(asker);
        drop(waiting);
        Asked { gather: self.clone(), turn, answered }
    }

    /// Begins a conversation, at once.
    pub(crate) fn converse(
        &self,
        request: &Request,
        session: &Session,
    ) -> Option<Result<Box<dyn Talk>, Response>> {
        self.0.dispatch.converse(request, session)
    }

    /// Answers everything that waits.
    fn run(&self) {
        let Waiting { mut batches, askers } = std::mem::take(&mut *self.lock());
        self.0.dispatch.dispatch(&mut batches);
        for (batch, asker) in batches.into_iter().zip(askers) {
            // A connection that ended is not told.
            drop(asker.send(batch));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A batch that waits for its answers.
pub(crate) struct Asked {
    gather: Gather,
    turn: Turn,
    answered: oneshot::Receiver<Batch>,
}

/// Who dispatches.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// This asker was the first: it gives way once to the tasks that are ready now.
    Gathering,
    /// It has given way.
    Gathered,
    /// Another one, or it is done.
    Other,
}

impl Future for Asked {
    type Output = Batch;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.turn {
            Turn::Gathering => {
                self.turn = Turn::Gathered;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Turn::Gathered => {
                self.turn = Turn::Other;
                self.gather.run();
            }
            Turn::Other => {}
        }
        Pin::new(&mut self.answered).poll(cx).map(|batch| batch.expect("every batch is dispatched"))
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        if self.turn != Turn::Other {
            self.gather.run();
        }
    }
}

#[cfg(test)]
mod tests;
