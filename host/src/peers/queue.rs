//! Frames on their way to other nodes.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use coco_boundary::peers::{MAX_ADDRESS_BACKLOG, MAX_ADDRESSES, MAX_SEND_BACKLOG};
use tokio::sync::Notify;

/// What a frame counts beside its bytes, so that small ones are bounded too.
const FRAME_BYTES: usize = 64;

/// Bounded by [`coco_boundary::peers`]: what does not fit is dropped.
pub(super) struct Queue {
    state: Mutex<State>,
    /// Wakes the dispatcher.
    wake: Notify,
}

#[derive(Default)]
struct State {
    lanes: HashMap<Arc<str>, Lane>,
    /// Of all lanes.
    bytes: usize,
    /// For the dispatcher.
    work: Vec<Work>,
    /// The dispatcher sleeps: only then is a wake-up worth a system call.
    asleep: bool,
    closed: bool,
    /// Frames, since somebody last asked.
    dropped: u64,
}

/// What waits for one address.
#[derive(Default)]
struct Lane {
    frames: VecDeque<Vec<u8>>,
    /// Of `frames`, and of those that the sender has taken and not yet written.
    bytes: usize,
    /// Of the latter.
    taken: usize,
    /// Set while the sender sleeps.
    asleep: Option<Arc<Notify>>,
}

/// What the dispatcher does next.
pub(super) enum Work {
    /// Start a sender for this address.
    Start(Arc<str>),
    /// Wake a sender.
    Wake(Arc<Notify>),
}

/// What a sender does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// Send these.
    Frames,
    /// Sleep.
    Nothing,
    /// Nothing more comes.
    End,
}

impl Queue {
    pub(super) fn new() -> Self {
        Self { state: Mutex::default(), wake: Notify::new() }
    }

    pub(super) fn push(&self, to: Arc<str>, frame: Vec<u8>) {
        let mut state = self.lock();
        if !state.closed && !state.add(to, frame) {
            state.dropped += 1;
        }
        if !state.work.is_empty() {
            self.rouse(state);
        }
    }

    /// Takes no more; senders end once what waits is sent.
    pub(super) fn close(&self) {
        let mut guard = self.lock();
        let state = &mut *guard;
        state.closed = true;
        state.work.extend(state.lanes.values_mut().filter_map(|lane| lane.asleep.take()).map(Work::Wake));
        self.rouse(guard);
    }

    /// Waits for work of the dispatcher and swaps it into `work`, which is empty. Answers false once closed.
    /// Nothing is lost if the future is dropped.
    pub(super) async fn work(&self, work: &mut Vec<Work>) -> bool {
        loop {
            {
                let mut state = self.lock();
                if !state.work.is_empty() || state.closed {
                    std::mem::swap(&mut state.work, work);
                    return !state.closed;
                }
                state.asleep = true;
            }
            self.wake.notified().await;
        }
    }

    /// Swaps what waits for `to` into `frames`, which is empty: those taken before are done with. If nothing waits,
    /// `sleeper` is notified once something does.
    pub(super) fn take(&self, to: &str, frames: &mut VecDeque<Vec<u8>>, sleeper: &Arc<Notify>) -> Taken {
        let mut guard = self.lock();
        let state = &mut *guard;
        let lane = state.lanes.get_mut(to).expect("only its sender removes a lane");
        state.bytes -= lane.taken;
        lane.bytes -= lane.taken;
        lane.taken = lane.bytes;
        if !lane.frames.is_empty() {
            std::mem::swap(&mut lane.frames, frames);
            return Taken::Frames;
        }
        if state.closed {
            return Taken::End;
        }
        lane.asleep = Some(Arc::clone(sleeper));
        Taken::Nothing
    }

    /// Drops what waits for `to` and was not yet taken; answers how many frames.
    pub(super) fn discard(&self, to: &str) -> usize {
        let mut guard = self.lock();
        let state = &mut *guard;
        let lane = state.lanes.get_mut(to).expect("only its sender removes a lane");
        state.bytes -= lane.bytes - lane.taken;
        lane.bytes = lane.taken;
        let frames = std::mem::take(&mut lane.frames);
        // Freeing them may take long, and the enclave may wait for the lock.
        drop(guard);
        frames.len()
    }

    /// Removes the lane of a sleeping sender. False if a frame came meanwhile.
    pub(super) fn forget(&self, to: &str) -> bool {
        let mut state = self.lock();
        let sleeps = state.lanes.get(to).is_some_and(|lane| lane.asleep.is_some());
        if sleeps {
            state.lanes.remove(to);
        }
        sleeps
    }

    /// Frames for which there was no room since the last call.
    pub(super) fn take_dropped(&self) -> u64 {
        std::mem::take(&mut self.lock().dropped)
    }

    /// Wakes the dispatcher if it sleeps, once it can take the lock.
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
    /// False if there is no room.
    fn add(&mut self, to: Arc<str>, frame: Vec<u8>) -> bool {
        let bytes = frame.len() + FRAME_BYTES;
        if self.bytes + bytes > MAX_SEND_BACKLOG {
            return false;
        }
        let full = self.lanes.len() >= MAX_ADDRESSES;
        let lane = match self.lanes.entry(to) {
            Entry::Occupied(lane) => lane.into_mut(),
            Entry::Vacant(_) if full => return false,
            Entry::Vacant(place) => {
                self.work.push(Work::Start(Arc::clone(place.key())));
                place.insert(Lane::default())
            }
        };
        if lane.bytes + bytes > MAX_ADDRESS_BACKLOG {
            return false;
        }
        self.bytes += bytes;
        lane.bytes += bytes;
        lane.frames.push_back(frame);
        self.work.extend(lane.asleep.take().map(Work::Wake));
        true
    }
}

#[cfg(test)]
mod tests;
