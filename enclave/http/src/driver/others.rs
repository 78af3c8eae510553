//! What other nodes are told and say.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use coco_boundary::Full;
use coco_node::{
    Outgoing, Shared,
    peers::{Heard, Peers, PeersOutput},
};

use super::Driver;

/// The other nodes: behind a lock of their own, since sealing and opening are slow for the sequencer's.
pub(super) struct Others {
    peers: Mutex<Peers>,
    /// What Core wants sent. Filled under the lock of Core and emptied under that of the peers, so that its order is kept.
    queued: Mutex<Vec<Outgoing>>,
}

impl Others {
    pub(super) fn new(shared: Arc<Shared>, address: Arc<str>) -> Self {
        Self { peers: Mutex::new(Peers::new(shared, address)), queued: Mutex::default() }
    }

    /// Keeps messages until [`Driver::send_queued`].
    pub(super) fn queue(&self, messages: &mut Vec<Outgoing>) {
        if !messages.is_empty() {
            lock(&self.queued).append(messages);
        }
    }
}

impl Driver {
    /// Sends what Core wants sent.
    pub(super) fn send_queued(&self) {
        if !lock(&self.0.others.queued).is_empty() {
            self.with_peers(|peers, out| peers.send(mem::take(&mut *lock(&self.0.others.queued)), out));
        }
    }

    /// Takes in a frame from another node.
    pub(super) fn frame(&self, frame: Vec<u8>) {
        self.with_peers(|peers, out| peers.frame(frame, out));
    }

    pub(super) fn tick_others(&self) {
        self.with_peers(Peers::tick);
        let shared = &self.0.view.shared;
        let state = shared.state.load();
        shared.history.fill_indexes(state.chain.committed.seqno, shared.clock.now());
        self.perform_reads();
        self.expire_forwards();
    }

    /// Runs `change` on the peers and carries out what follows from it.
    pub(super) fn with_peers(&self, change: impl FnOnce(&mut Peers, &mut PeersOutput)) {
        let mut out = PeersOutput::default();
        {
            let mut peers = lock(&self.0.others.peers);
            change(&mut peers, &mut out);
            self.0.resources.host.perform(&mut out.effects);
        }
        self.carry_out(out);
    }

    /// What does not need the lock.
    fn carry_out(&self, out: PeersOutput) {
        for job in out.jobs {
            let driver = self.clone();
            let work = Box::new(move || {
                let done = job.run();
                driver.with_peers(|peers, out| peers.done(done, out));
            });
            if let Err(Full(_)) = self.0.resources.consensus.spawn(work) {
                // A handshake that is not gone on with is tried again.
            }
        }
        for (from, heard) in out.heard {
            match heard {
                Heard::Consensus(message, entries) => {
                    self.with_core(|core, out| core.heard(from, message, entries, out));
                }
                Heard::Request(id, body) => self.forwarded(from, id, &body),
                Heard::Response(id, body) => self.answered(from, id, &body),
            }
        }
    }
}

pub(super) fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic under the lock aborts a release build; a poisoned lock is one of a test.
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
