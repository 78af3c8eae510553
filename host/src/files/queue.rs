//! Effects on their way to the thread of files.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use coco_boundary::{FileEffect, FileEvent};

use super::refusal;

/// Bytes of snapshots that may wait: 16 MiB.
const MAX_BYTES: usize = 16 << 20;
/// Effects that may wait.
const MAX_EFFECTS: usize = 256;

/// Bounded; what does not fit is refused.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    work: VecDeque<Work>,
    /// Of effects among `work`.
    bytes: usize,
    closed: bool,
}

/// What the thread does next.
pub(super) enum Work {
    Effect(FileEffect),
    /// An answer to an effect for which there was no room.
    Refused(FileEvent),
    /// Nothing came until the time given.
    Idle,
}

impl Queue {
    pub(super) fn push(&self, effect: FileEffect) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        let bytes = weight(&effect);
        if state.bytes + bytes > MAX_BYTES || state.work.len() >= MAX_EFFECTS {
            // Refusals are small, and the enclave waits for each answer before it asks again.
            state.work.extend(refusal(&effect).map(Work::Refused));
        } else {
            state.bytes += bytes;
            state.work.push_back(Work::Effect(effect));
        }
        drop(state);
        self.wake.notify_one();
    }

    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.wake.notify_one();
    }

    /// Waits for work, until `deadline` if none comes. None at the end.
    pub(super) fn take(&self, deadline: Instant) -> Option<Work> {
        let mut state = self.lock();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() && !state.closed {
                return Some(Work::Idle);
            }
            if let Some(work) = state.work.pop_front() {
                if let Work::Effect(effect) = &work {
                    state.bytes -= weight(effect);
                }
                return Some(work);
            }
            if state.closed {
                return None;
            }
            (state, _) = self.wake.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn weight(effect: &FileEffect) -> usize {
    match effect {
        FileEffect::WriteSnapshot { bytes, .. } => bytes.len(),
        FileEffect::CommitSnapshot { receipt, .. } => receipt.len(),
        _ => 0,
    }
}
