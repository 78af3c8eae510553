//! Filters that clients come back to. Each node has its own; what one asks for is found when it is asked.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{methods::Filter, rpc::RpcError};

/// Most filters of a node.
const MAX_FILTERS: usize = 10_000;
/// How long a filter is kept that nobody asks for, in milliseconds, as in geth.
const MAX_IDLE_MS: u64 = 300_000;

/// The filters of a node.
#[derive(Default)]
pub(crate) struct Filters(Mutex<BTreeMap<u128, Kept>>);

/// A filter and how far it was told.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) what: What,
    /// The first block that it was not told of yet.
    pub(crate) next: u64,
    used_at_ms: u64,
}

/// What a filter is of.
#[derive(Clone, Debug)]
pub(crate) enum What {
    /// Logs.
    Logs(Box<Filter>),
    /// Hashes of blocks.
    Blocks,
    /// Hashes of transactions.
    Transactions,
}

impl Filters {
    /// Keeps a filter under a name that nobody can guess.
    ///
    /// # Errors
    /// If the node has too many.
    pub(crate) fn add(&self, id: u128, what: What, next: u64, now_ms: u64) -> Result<(), RpcError> {
        let mut kept = self.lock();
        kept.retain(|_, it| now_ms.saturating_sub(it.used_at_ms) < MAX_IDLE_MS);
        if kept.len() >= MAX_FILTERS {
            return Err(RpcError::refused("this node has too many filters"));
        }
        kept.insert(id, Kept { what, next, used_at_ms: now_ms });
        Ok(())
    }

    /// A filter; it counts as told up to `head` then.
    pub(crate) fn tell(&self, id: u128, head: u64, now_ms: u64) -> Option<Kept> {
        let mut kept = self.lock();
        let it = kept.get_mut(&id)?;
        let told = it.clone();
        it.next = it.next.max(head + 1);
        it.used_at_ms = now_ms;
        Some(told)
    }

    /// A filter as it is.
    pub(crate) fn get(&self, id: u128) -> Option<Kept> {
        self.lock().get(&id).cloned()
    }

    /// Forgets a filter; whether it was there.
    pub(crate) fn remove(&self, id: u128) -> bool {
        self.lock().remove(&id).is_some()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u128, Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
