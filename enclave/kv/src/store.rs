//! The mutable end of the key-value store.

mod dump;
mod restore;

use std::{collections::VecDeque, sync::Arc};

use coco_wire::{Seqno, WriteSet};

use crate::{
    Executed, Snapshot,
    state::{Stamps, State},
    tree::Row,
};

pub use dump::Dump;
pub use restore::{Restore, RestoreError};

/// Most committed states that can be kept.
const MAX_KEPT: usize = 128;
/// Most states remembered because they may be committed soon.
const MAX_MARKS: usize = 128;

/// Holds the latest state and what it takes to go back to any state not yet committed.
///
/// One owner changes it; there is no lock inside. Memory grows with what is not committed, which the
/// owner bounds.
#[derive(Default)]
pub struct Store {
    latest: State,
    /// Last committed transaction.
    committed: Seqno,
    /// The state at `committed`, if somebody asked for it or it was remembered.
    committed_state: Option<State>,
    /// What happened after `committed`, one item for each seqno.
    log: VecDeque<Logged>,
    stamps: Stamps,
    /// Number of rollbacks.
    epoch: u64,
    /// States likely to be committed, so that [`Store::compact`] finds them ready; by version.
    marks: VecDeque<State>,
    /// The last committed states, oldest first.
    kept: VecDeque<State>,
    keep: usize,
}

/// What a commit leaves over: to be dropped.
#[derive(Default)]
pub struct Surplus {
    _log: VecDeque<Logged>,
    _state: Option<State>,
}

/// A seqno that can still be rolled back.
enum Logged {
    /// Reserved for a signature.
    Hole,
    /// Written, with the rows that stood there before, in the order of the writes.
    Written { writes: Arc<WriteSet>, previous: Vec<Option<Row>> },
}

/// A transaction read what has changed since; execute it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the transaction read what another one has changed since")]
pub struct Conflict;

impl Store {
    /// An empty store at version zero.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Seqno of the last transaction, or of the hole reserved after that.
    #[must_use]
    pub fn version(&self) -> Seqno {
        self.latest.version
    }

    /// Seqno of the last committed transaction.
    #[must_use]
    pub fn committed_version(&self) -> Seqno {
        self.committed
    }

    /// The state after the last transaction. A hole's writes are missing until it is filled.
    #[must_use]
    pub fn latest(&self) -> Snapshot {
        self.snapshot(&self.latest)
    }

    /// The state at the last [`Store::compact`]. Unless such states are kept it is made on request, by undoing what came
    /// after: holding it would have every later write copy what it touches.
    #[must_use]
    pub fn committed(&mut self) -> Snapshot {
        let state = match self.committed_state.take() {
            Some(state) => state,
            None => self.state_at(self.committed),
        };
        let snapshot = self.snapshot(&state);
        self.committed_state = Some(state);
        snapshot
    }

    /// A committed state that is still kept. There is one for each call of [`Store::compact`].
    #[must_use]
    pub fn at(&self, seqno: Seqno) -> Option<Snapshot> {
        let at = self.kept.binary_search_by_key(&seqno, |state| state.version).ok()?;
        Some(self.snapshot(&self.kept[at]))
    }

    /// Keeps the last `count` committed states from now on, at most 128; none by default.
    pub fn keep_committed(&mut self, count: usize) {
        self.keep = count.min(MAX_KEPT);
        if self.keep == 0 {
            self.marks.clear();
        }
        self.drop_kept();
    }

    /// Applies a transaction at `seqno` if everything it read is still so.
    ///
    /// # Errors
    /// If something it read has changed, or may have been rolled back; the store is as before.
    ///
    /// # Panics
    /// If `seqno` is not the next one.
    pub fn commit(&mut self, seqno: Seqno, executed: &Executed) -> Result<(), Conflict> {
        if !executed.reads.hold(&self.latest, executed.epoch == self.epoch) {
            return Err(Conflict);
        }
        self.apply(seqno, Arc::clone(&executed.writes));
        Ok(())
    }

    /// Applies writes that were validated elsewhere: on the primary, or before they were logged.
    ///
    /// # Panics
    /// If `seqno` is not the next one.
    pub fn apply(&mut self, seqno: Seqno, writes: Arc<WriteSet>) {
        assert_eq!(seqno, self.version().next(), "transactions are applied in order");
        let previous = self.latest.write(seqno, &writes, &mut self.stamps);
        self.latest.version = seqno;
        self.log.push_back(Logged::Written { writes, previous });
    }

    /// Remembers that the current state is likely to be committed, which makes keeping it cheap. To be
    /// called after applying a signature; [`Store::reserve`] does it by itself.
    pub fn mark(&mut self) {
        if self.keep == 0 || self.marks.back().is_some_and(|mark| mark.version == self.version()) {
            return;
        }
        if self.marks.len() == MAX_MARKS {
            self.marks.pop_front();
        }
        self.marks.push_back(self.latest.clone());
    }

    /// Takes the next seqno for a transaction that is written later, by [`Store::fill`].
    pub fn reserve(&mut self) -> Seqno {
        self.latest.version = self.version().next();
        self.log.push_back(Logged::Hole);
        self.mark();
        self.latest.version
    }

    /// Writes the transaction at a reserved seqno. Holes are filled in order.
    ///
    /// # Panics
    /// If `seqno` is not the first hole, or another transaction wrote the same keys after it.
    pub fn fill(&mut self, seqno: Seqno, writes: Arc<WriteSet>) {
        let at = self.log.iter().position(|logged| matches!(logged, Logged::Hole));
        let at = at.filter(|&at| at + 1 == self.logged_to(seqno)).expect("holes are filled in order");
        let previous = self.latest.write(seqno, &writes, &mut self.stamps);
        let later = previous.iter().flatten().any(|row| row.version > seqno);
        assert!(!later, "tables of reserved transactions are written by nothing else");
        for mark in self.marks.iter_mut().filter(|mark| mark.version >= seqno) {
            mark.write(seqno, &writes, &mut self.stamps);
        }
        self.log[at] = Logged::Written { writes, previous };
    }

    /// Undoes all transactions and holes after `to`.
    ///
    /// Transactions that began before and read anything conflict from now on, unless the tables they
    /// read are unchanged.
    ///
    /// # Panics
    /// If `to` lies before the committed state or after the latest.
    pub fn rollback(&mut self, to: Seqno) {
        assert!(self.committed <= to && to <= self.version(), "only the uncommitted is undone");
        if to == self.version() {
            return;
        }
        let from = self.logged_to(to);
        for logged in self.log.drain(from..).rev() {
            logged.undo(&mut self.latest, &mut self.stamps);
        }
        self.latest.version = to;
        self.marks.retain(|mark| mark.version <= to);
        self.epoch += 1;
    }

    /// Commits all transactions up to `to`: they cannot be rolled back any more. `committed` is
    /// called with each of them in order. What is no longer needed is handed out, so that its owner can free it
    /// when nobody waits.
    ///
    /// # Panics
    /// If `to` lies before the committed state or after the latest, or a hole is left up to it.
    pub fn compact(&mut self, to: Seqno, committed: &mut dyn FnMut(Seqno, &Arc<WriteSet>)) -> Surplus {
        assert!(self.committed <= to && to <= self.version(), "only what exists is committed");
        if to == self.committed {
            return Surplus::default();
        }
        let state = (self.keep > 0).then(|| self.state_at(to));
        let mut seqno = self.committed;
        let count = self.logged_to(to);
        let later = self.log.split_off(count);
        let log = std::mem::replace(&mut self.log, later);
        for logged in &log {
            seqno = seqno.next();
            let Logged::Written { writes, .. } = logged else {
                panic!("a hole is filled before it is committed");
            };
            committed(seqno, writes);
        }
        self.marks.retain(|mark| mark.version > to);
        self.committed = to;
        self.kept.extend(state.clone());
        let state = std::mem::replace(&mut self.committed_state, state);
        self.drop_kept();
        Surplus { _log: log, _state: state }
    }
}

impl Store {
    fn snapshot(&self, state: &State) -> Snapshot {
        Snapshot { epoch: self.epoch, state: state.clone() }
    }

    /// Number of items of the log up to `seqno`, which is at least the committed one.
    fn logged_to(&self, seqno: Seqno) -> usize {
        usize::try_from(seqno.0 - self.committed.0).expect("the log is in memory")
    }

    /// An uncommitted state: remembered, or the latest with all after it undone.
    fn state_at(&mut self, to: Seqno) -> State {
        if let Ok(at) = self.marks.binary_search_by_key(&to, |mark| mark.version) {
            return self.marks[at].clone();
        }
        let mut state = self.latest.clone();
        for logged in self.log.range(self.logged_to(to)..).rev() {
            logged.undo(&mut state, &mut self.stamps);
        }
        state.version = to;
        state
    }

    fn drop_kept(&mut self) {
        let surplus = self.kept.len().saturating_sub(self.keep);
        self.kept.drain(..surplus);
    }
}

impl Logged {
    fn undo(&self, state: &mut State, stamps: &mut Stamps) {
        if let Self::Written { writes, previous } = self {
            state.restore(writes, previous, stamps);
        }
    }
}

#[cfg(test)]
mod tests;
