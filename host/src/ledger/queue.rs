//! Effects on their way to the ledger thread.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use coco_boundary::{Effect, EntryKind, MAX_BACKLOG};

/// Bytes of entries that wake the thread although no signature is among them: 64 KiB.
const WAKE_BYTES: usize = 64 << 10;
/// What an effect counts beside its entry, so that small ones are bounded too.
const EFFECT_BYTES: usize = 64;

/// Bounded by [`MAX_BACKLOG`]; see [`coco_boundary::Host::backlog`].
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    effects: Vec<Effect>,
    /// Of `effects`.
    queued: usize,
    /// Taken by the thread and not yet written.
    writing: usize,
    urgent: bool,
    /// The thread sleeps: only then is a wake-up worth a system call.
    asleep: bool,
    phase: Phase,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Running,
    /// Nothing more comes; what waits is still written.
    Closing,
    /// Everything given is dropped.
    Failed,
    /// As failed, because too much waited.
    Overflowed,
}

impl Queue {
    pub(super) fn push(&self, effects: impl IntoIterator<Item = Effect>) {
        let mut state = self.lock();
        for effect in effects {
            state.add(effect);
        }
        if state.urgent {
            self.rouse(state);
        }
    }

    pub(super) fn nudge(&self) {
        let mut state = self.lock();
        if !state.effects.is_empty() {
            state.urgent = true;
            self.rouse(state);
        }
    }

    pub(super) fn close(&self) {
        let mut state = self.lock();
        if state.phase == Phase::Running {
            state.phase = Phase::Closing;
        }
        self.rouse(state);
    }

    pub(super) fn fail(&self) {
        let mut state = self.lock();
        *state = State { phase: Phase::Failed, ..State::default() };
    }

    pub(super) fn backlog(&self) -> usize {
        let state = self.lock();
        state.queued + state.writing
    }

    pub(super) fn overflowed(&self) -> bool {
        self.lock().phase == Phase::Overflowed
    }

    /// Waits for work and swaps it into `effects`, which is empty. Answers what it counts, or none
    /// at the end.
    pub(super) fn take(&self, effects: &mut Vec<Effect>) -> Option<usize> {
        let mut state = self.lock();
        loop {
            match state.phase {
                Phase::Running if !state.urgent => {}
                Phase::Closing if state.effects.is_empty() => return None,
                Phase::Failed | Phase::Overflowed => return None,
                Phase::Running | Phase::Closing => break,
            }
            state.asleep = true;
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.urgent = false;
        std::mem::swap(&mut state.effects, effects);
        state.writing = std::mem::take(&mut state.queued);
        Some(state.writing)
    }

    /// `bytes` that were taken have been written.
    pub(super) fn done(&self, bytes: usize) {
        self.lock().writing -= bytes;
    }

    /// Wakes the thread if it sleeps, once it can take the lock.
    fn rouse(&self, mut state: MutexGuard<'_, State>) {
        let asleep = std::mem::take(&mut state.asleep);
        drop(state);
        if asleep {
            self.wake.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn add(&mut self, effect: Effect) {
        if self.phase != Phase::Running {
            return;
        }
        let (bytes, urgent) = match &effect {
            Effect::Append { kind, entry, .. } => (entry.len(), *kind == EntryKind::Signature),
            Effect::Truncate { .. } | Effect::ReadEntries { .. } => (0, true),
            _ => (0, false),
        };
        self.queued += bytes + EFFECT_BYTES;
        self.effects.push(effect);
        self.urgent |= urgent || self.queued > WAKE_BYTES;
        if self.queued + self.writing > 2 * MAX_BACKLOG {
            self.phase = Phase::Overflowed;
            self.effects = Vec::new();
            self.queued = 0;
        }
    }
}
