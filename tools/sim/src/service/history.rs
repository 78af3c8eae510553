//! What clients saw, checked against the ledger that is committed.

use std::collections::{BTreeMap, HashMap, HashSet};

use coco_app::TxStatus;
use coco_wire::{Seqno, TxId};

use super::{
    app::{What, Wish},
    checks::{Checked, broken, check},
};
use crate::raft::Broken;

/// What a transaction is there for.
#[derive(Clone, Debug)]
pub(super) enum Deed {
    /// A client's.
    Wish { wish: Wish, answer: String },
    /// Nodes are let in, or are to leave.
    Change { admitted: Vec<usize>, removed: Vec<usize> },
}

/// A transaction that had its place once.
struct Placed {
    deed: Deed,
    /// Steps of the world at which it was asked for, and first answered.
    invoked: u64,
    answered: Option<u64>,
}

/// A value that was read on a state that is not committed yet.
struct Reading {
    version: TxId,
    name: String,
    value: String,
}

/// All clients' histories together.
#[derive(Default)]
pub(super) struct History {
    placed: HashMap<TxId, Placed>,
    /// Requests that had a place once.
    executed: HashSet<u64>,
    /// Values of every name, by the entry that wrote each.
    model: BTreeMap<String, Vec<(Seqno, String)>>,
    readings: BTreeMap<Seqno, Vec<Reading>>,
    /// What clients were told for good.
    fates: HashMap<TxId, TxStatus>,
    /// The latest step at which a transaction that is committed was asked for.
    last_invoked: u64,
    /// The step since which a transaction asked for is fresh, and the first such that was committed.
    fresh: (u64, Option<TxId>),
    /// Committed transactions of clients.
    pub(super) writes: u64,
}

impl History {
    pub(super) fn placed(&mut self, txid: TxId, deed: Deed, invoked: u64) -> Checked {
        if let Deed::Wish { wish, .. } = &deed {
            let first = self.executed.insert(wish.number);
            check(first, "H5 a request is executed once", || format!("{wish:?} again at {txid}"))?;
        }
        let earlier = self.placed.insert(txid, Placed { deed, invoked, answered: None });
        check(earlier.is_none(), "H4 one transaction has one ID", || txid.to_string())
    }

    /// A client was told that its request was executed there: H5.
    pub(super) fn heard(&self, txid: TxId, number: u64, told: &str) -> Checked {
        let is_its = self.placed.get(&txid).is_some_and(|placed| {
            matches!(&placed.deed, Deed::Wish { wish, answer } if wish.number == number && answer == told)
        });
        check(is_its, "H5 answers belong to their requests", || format!("{number} at {txid} is {told:?}"))
    }

    /// From this step on transactions are fresh.
    pub(super) fn watch(&mut self, step: u64) {
        self.fresh = (step, None);
    }

    /// The first fresh transaction that is committed.
    pub(super) fn fresh(&self) -> Option<TxId> {
        self.fresh.1
    }

    /// The client has its answer.
    pub(super) fn answered(&mut self, txid: TxId, step: u64) {
        if let Some(placed) = self.placed.get_mut(&txid) {
            placed.answered.get_or_insert(step);
        }
    }

    /// The next entry is committed: H1, H3, H6, H11.
    pub(super) fn commits(&mut self, txid: TxId) -> Result<Option<Deed>, Broken> {
        let seqno = txid.seqno;
        if self.fates.get(&txid) == Some(&TxStatus::Invalid) {
            broken("H3 invalid transactions are never committed", txid.to_string())?;
        }
        let deed = self.placed.get(&txid).map(|placed| placed.deed.clone());
        if let Some(placed) = self.placed.get(&txid) {
            check(
                placed.answered.is_none_or(|at| at > self.last_invoked),
                "H1 the order of real time",
                || format!("{txid} was answered before an earlier one was asked for"),
            )?;
            self.last_invoked = self.last_invoked.max(placed.invoked);
            if placed.invoked >= self.fresh.0 && matches!(placed.deed, Deed::Wish { .. }) {
                self.fresh.1.get_or_insert(txid);
            }
        }
        if let Some(Deed::Wish { wish, answer }) = &deed {
            self.apply(seqno, wish, answer)?;
        }
        let readings = self.readings.remove(&seqno).unwrap_or_default();
        for reading in readings.iter().filter(|reading| reading.version == txid) {
            self.check_reading(reading)?;
        }
        Ok(deed)
    }

    fn apply(&mut self, seqno: Seqno, wish: &Wish, answer: &str) -> Checked {
        self.writes += 1;
        let Wish { what, name, .. } = wish;
        if *what == What::Add {
            let before = self.value(name, seqno).parse().unwrap_or(0_u64);
            check(answer == (before + 1).to_string(), "H11 counters lose nothing", || {
                format!("{name} at {seqno} counts {before} up to {answer}")
            })?;
        }
        self.model.entry(name.clone()).or_default().push((seqno, answer.to_owned()));
        Ok(())
    }

    /// A client read `value`; `committed` is the ledger so far.
    pub(super) fn read(
        &mut self,
        version: TxId,
        name: &str,
        value: &str,
        committed: impl Fn(Seqno) -> Option<TxId>,
        reads_committed: bool,
    ) -> Checked {
        let reading = Reading { version, name: name.to_owned(), value: value.to_owned() };
        match committed(version.seqno) {
            Some(txid) if txid == version => self.check_reading(&reading),
            _ if reads_committed => broken("H10 committed state is committed", version.to_string()),
            Some(_) => Ok(()),
            None => {
                self.readings.entry(version.seqno).or_default().push(reading);
                Ok(())
            }
        }
    }

    fn check_reading(&self, Reading { version, name, value }: &Reading) -> Checked {
        let expected = self.value(name, version.seqno);
        check(expected == value, "H6 reads see the state of their version", || {
            format!("{name} was {value:?} at {version}, not {expected:?}")
        })
    }

    /// The value that a name has in a committed state.
    fn value(&self, name: &str, at: Seqno) -> &str {
        let values = self.model.get(name).map(Vec::as_slice).unwrap_or_default();
        let end = values.partition_point(|(seqno, _)| *seqno <= at);
        end.checked_sub(1).map_or("", |last| &values[last].1)
    }

    /// Every name with the value that it has in a committed state.
    pub(super) fn state(&self, at: Seqno) -> impl Iterator<Item = (&str, &str)> {
        self.model.keys().map(move |name| (name.as_str(), self.value(name, at)))
    }

    /// A node told somebody what became of a transaction: H3.
    pub(super) fn told(
        &mut self,
        txid: TxId,
        status: TxStatus,
        committed: impl Fn(Seqno) -> Option<TxId>,
    ) -> Checked {
        let is_committed = committed(txid.seqno) == Some(txid);
        match status {
            TxStatus::Committed => check(is_committed, "H3 told to be committed", || txid.to_string())?,
            TxStatus::Invalid => check(!is_committed, "H3 told to be invalid", || txid.to_string())?,
            TxStatus::Pending | TxStatus::Unknown => return Ok(()),
        }
        let earlier = *self.fates.entry(txid).or_insert(status);
        check(earlier == status, "H3 fates are final", || format!("{txid} was {earlier:?}, is {status:?}"))
    }
}
