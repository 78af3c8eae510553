//! Interpreters that wait for the next call of their key.

use std::sync::{Arc, Mutex, PoisonError};

use coco_tables::Context;

use super::{bundle::Bundle, machine::Machine};
use crate::ffi::Parked;

/// Which calls may follow each other in an interpreter.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Key {
    /// What they find in it.
    pub(super) kind: Kind,
    /// Rights of the script.
    pub(super) rights: Context,
}

/// What a call finds of those before it.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// All, of the calls whose endpoints name the same key.
    Shared(String),
    /// Nothing: each is undone. They are of endpoints of one module.
    Undone(String),
}

/// Interpreters, the one that was used last at the end. A call takes one out, so that none is used twice at a time.
#[derive(Default)]
pub(super) struct Pool(Mutex<Vec<Idle>>);

struct Idle {
    key: Key,
    /// What its modules are from.
    bundle: Arc<Bundle>,
    machine: Parked,
}

impl Pool {
    /// The interpreter of this key that was used last. Those of other bundles are dropped.
    pub(super) fn take(&self, key: &Key, bundle: &Arc<Bundle>) -> Option<Machine> {
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_current = |idle: &Idle| Arc::ptr_eq(&idle.bundle, bundle);
        let mut outdated = Vec::new();
        if !idle.iter().all(is_current) {
            let (current, others) = idle.drain(..).partition(is_current);
            (*idle, outdated) = (current, others);
        }
        let found = idle.iter().rposition(|idle| idle.key == *key).map(|at| idle.remove(at));
        // Dropping an interpreter takes long; others need not wait.
        drop(idle);
        drop(outdated);
        found.map(|idle| idle.machine.into_inner())
    }

    /// Keeps an interpreter, at the cost of the one not used for longest if there are more than `most`.
    pub(super) fn put(&self, key: Key, bundle: Arc<Bundle>, machine: Machine, most: u64) {
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(Self::MOST);
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push(Idle { key, bundle, machine: Parked::new(machine) });
        let surplus = idle.len().saturating_sub(most);
        let dropped: Vec<_> = idle.drain(..surplus).collect();
        drop(idle);
        drop(dropped);
    }

    /// However many the members allow: each may hold as much as the limit of the heap.
    const MOST: usize = 256;
}
