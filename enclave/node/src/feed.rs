//! What indexes are told: every committed transaction, in order, also those that the node itself never had.
//!
//! A node that began with a snapshot, or whose application begins a new index, reads older transactions from the ledger
//! files. Those that are committed meanwhile are not told before their turn: the latest are kept, so that the reading can
//! catch up with a service that never rests.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use coco_app::{Adapter, Committed};
use coco_boundary::Monotonic;
use coco_wire::{Domain, Seqno, WriteSet, domain};

use crate::index::Indexes;

/// Rough size of the latest transactions that are kept for each listener while it lacks older ones: 16 MiB.
const MAX_RECENT_BYTES: usize = 16 << 20;
/// Rough cost of a kept transaction beside its bytes in the ledger.
const OVERHEAD: usize = 128;
/// A read that was not answered for so long is asked for again.
const RETRY_MS: u64 = 5_000;
/// Older transactions told in one go, while commits wait.
const MAX_AT_ONCE: usize = 64;

/// Tells two listeners, of which neither waits for the other: the indexes of the node, and the application.
pub(crate) struct Feed([Mutex<Listener>; 2]);

/// Who is told, and how far that is.
struct Listener {
    who: Who,
    recent: Recent,
    /// When what it lacks was last asked for.
    asked: Option<Monotonic>,
}

enum Who {
    Tables(Arc<Indexes>),
    App(Arc<dyn Adapter>),
}

/// The latest transactions, without a gap, while a listener lacks some before them.
#[derive(Default)]
struct Recent {
    transactions: VecDeque<(Seqno, Arc<WriteSet>, usize)>,
    bytes: usize,
}

/// Transactions that are being committed.
pub(crate) struct Committing<'a>([(MutexGuard<'a, Listener>, Option<Seqno>); 2]);

impl Feed {
    /// Tells `indexes` and those of `app`.
    pub(crate) fn new(indexes: Arc<Indexes>, app: Arc<dyn Adapter>) -> Self {
        let listener = |who| Mutex::new(Listener { who, recent: Recent::default(), asked: None });
        Self([Who::Tables(indexes), Who::App(app)].map(listener))
    }

    /// Transactions are about to be committed.
    pub(crate) fn committing(&self) -> Committing<'_> {
        Committing(self.0.each_ref().map(|listener| {
            let listener = lock(listener);
            let next = listener.who.next();
            (listener, next)
        }))
    }

    /// The committed transactions to read next, first and last, for listeners that lack some for which nobody asked a
    /// short while ago.
    pub(crate) fn lacking(&self, committed: Seqno, now: Monotonic) -> Vec<(Seqno, Seqno)> {
        let lacking = self.0.iter().filter_map(|listener| lock(listener).lacking(committed, now));
        let mut reads: Vec<_> = lacking.map(|first| (first, committed)).collect();
        // Everyone is told of what is read for one.
        reads.dedup();
        reads
    }

    /// Takes in transactions that were lacking, in order and without a gap.
    pub(crate) fn fill(&self, transactions: &[(Seqno, WriteSet)]) {
        for listener in &self.0 {
            let before = lock(listener).who.next();
            for some in transactions.chunks(MAX_AT_ONCE) {
                lock(listener).who.tell_all(some.iter().map(|(seqno, writes)| (*seqno, writes)));
            }
            let mut listener = lock(listener);
            // What did not help is not asked for again at once.
            if listener.tell_recent() != before {
                listener.asked = None;
            }
        }
    }
}

impl Committing<'_> {
    /// Tells of the next one, or keeps it until it is its turn.
    pub(crate) fn committed(&mut self, seqno: Seqno, writes: &Arc<WriteSet>) {
        for (listener, next) in &mut self.0 {
            match *next {
                Some(wanted) if wanted == seqno => {
                    listener.who.tell(seqno, writes);
                    *next = Some(seqno.next());
                }
                Some(wanted) if wanted < seqno => listener.recent.keep(seqno, writes),
                // Not wanted, or not any more.
                Some(_) | None => {}
            }
        }
    }

    /// Everything up to here is committed.
    pub(crate) fn finish(self, seqno: Seqno) {
        for (listener, next) in &self.0 {
            if *next == Some(seqno.next()) {
                listener.who.reached(seqno);
            }
        }
    }
}

impl Listener {
    /// The first transaction that is to be read for it now.
    fn lacking(&mut self, committed: Seqno, now: Monotonic) -> Option<Seqno> {
        if self.asked.is_some_and(|asked| now.since_ms(asked) < RETRY_MS) {
            return None;
        }
        let next = self.tell_recent().filter(|next| *next <= committed)?;
        self.asked = Some(now);
        Some(next)
    }

    /// Tells of those kept, as far as it is their turn; what is lacking then.
    fn tell_recent(&mut self) -> Option<Seqno> {
        let kept = self.recent.transactions.iter();
        let next = self.who.tell_all(kept.map(|(seqno, writes, _)| (*seqno, &**writes)));
        self.recent.forget_before(next);
        next
    }
}

impl Who {
    /// The first transaction that it lacks, if it has any index.
    fn next(&self) -> Option<Seqno> {
        match self {
            Self::Tables(indexes) => indexes.next(),
            Self::App(app) => app.indexes().into_iter().map(|index| index.next.max(Seqno(1))).min(),
        }
    }

    fn tell(&self, seqno: Seqno, writes: &WriteSet) {
        match self {
            Self::Tables(indexes) => indexes.committed(seqno, writes),
            Self::App(app) => app.index(&Committed { seqno, writes }),
        }
    }

    /// Everything up to here was told.
    fn reached(&self, seqno: Seqno) {
        match self {
            Self::Tables(indexes) => indexes.reached(seqno),
            Self::App(_) => {}
        }
    }

    /// Tells those that are lacking, from the next one on; what is lacking then.
    fn tell_all<'a>(&self, transactions: impl Iterator<Item = (Seqno, &'a WriteSet)>) -> Option<Seqno> {
        let first = self.next()?;
        let mut next = first;
        for (seqno, writes) in transactions.skip_while(|(seqno, _)| *seqno < first) {
            // What was asked for twice may come twice, and what comes too late leaves a gap.
            if seqno != next {
                break;
            }
            self.tell(seqno, writes);
            next = seqno.next();
        }
        if next > first {
            self.reached(next.previous());
        }
        self.next()
    }
}

impl Recent {
    fn keep(&mut self, seqno: Seqno, writes: &Arc<WriteSet>) {
        if self.transactions.back().is_some_and(|(last, ..)| last.next() != seqno) {
            self.forget_before(None);
        }
        let encoded = [Domain::Public, Domain::Private].map(|domain| domain::encoded_len(writes, domain));
        let bytes = encoded.iter().sum::<usize>() + OVERHEAD;
        self.bytes += bytes;
        self.transactions.push_back((seqno, Arc::clone(writes), bytes));
        while self.bytes > MAX_RECENT_BYTES {
            self.forget_first();
        }
    }

    /// Forgets what was told; all if nothing is lacking.
    fn forget_before(&mut self, next: Option<Seqno>) {
        while self.transactions.front().is_some_and(|(seqno, ..)| next.is_none_or(|next| *seqno < next)) {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        self.bytes -= self.transactions.pop_front().map_or(0, |(_, _, bytes)| bytes);
    }
}

fn lock(listener: &Mutex<Listener>) -> MutexGuard<'_, Listener> {
    listener.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
