//! What clients saw, against the ledger that nodes kept.
//!
//! Every answer names the state that it is about by a transaction, and transactions have one order, which the ledger shows.
//! So it need not be searched for an order that explains what clients saw: that one has to. A history is linearizable in what
//! was committed if writes are where their answers say, reads returned the last write before their state, and
//! nothing is ordered before what had ended when it began.

use std::collections::{BTreeMap, HashMap};

use coco_wire::{Seqno, TxId};

use crate::LedgerFiles;

/// The table of the records that clients write.
const TABLE: &str = "public:records";

/// What a client asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// To write a value that nobody else writes.
    Write(String),
    /// To read; what was there.
    Read(Option<String>),
}

/// What a client was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is committed.
    Committed(TxId),
    /// It has its place, or was read there, unless that is rolled back.
    Answered(TxId),
    /// Nothing, or that it failed: it may have happened.
    Unknown,
}

/// A request and its answer. Times are in nanoseconds since the history began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Of the record.
    pub key: u64,
    /// What was asked for.
    pub deed: Deed,
    /// When.
    pub begun: u64,
    /// When it was answered, or given up.
    pub ended: u64,
    /// What was answered.
    pub outcome: Outcome,
}

/// What all clients saw.
#[derive(Clone, Debug, Default)]
pub struct History(pub Vec<Operation>);

/// What a ledger says: every transaction up to the last signature, and the records that they wrote.
#[derive(Clone, Debug, Default)]
pub struct Truth {
    /// In order, without gaps, from the first one.
    pub ids: Vec<TxId>,
    /// Key and value, by the transaction that wrote them.
    pub writes: BTreeMap<Seqno, (u64, String)>,
}

/// How much was checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Writes acknowledged as committed.
    pub committed: usize,
    /// Other writes that the ledger has.
    pub other_writes: usize,
    /// Writes that it does not have.
    pub undone: usize,
    /// Reads of states that it has.
    pub reads: usize,
}

/// What must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// Acknowledged as committed, but not there.
    Lost(Operation),
    /// Not where its answer says, or there twice.
    Misplaced(Operation, Vec<Seqno>),
    /// Nobody asked for this.
    Invented(Seqno, String),
    /// The read should have returned something else.
    Wrong(Operation, Option<String>),
    /// Ordered before something that had ended when it began.
    TooEarly(Operation, Seqno),
}

impl Truth {
    /// What the files say, which must verify but for a tail.
    ///
    /// # Panics
    /// If they do not.
    #[must_use]
    pub fn read(files: &LedgerFiles) -> Self {
        let report = files.verify().unwrap_or_else(|damage| panic!("{damage}"));
        Self::upto(files, report.last_verified.seqno)
    }

    /// What the files say up to `last`.
    ///
    /// # Panics
    /// If a record is none.
    #[must_use]
    pub fn upto(files: &LedgerFiles, last: Seqno) -> Self {
        let ids = files.entries().into_iter().map(|entry| entry.iv().tx_id());
        let ids = ids.take_while(|id| id.seqno <= last).collect();
        let writes = files.public_writes(TABLE).into_iter().filter(|(seqno, _)| *seqno <= last);
        let record = |(seqno, writes): (Seqno, Vec<crate::ledger::PublicWrite>)| {
            let [write] = writes.as_slice() else { panic!("{seqno} writes more than one record") };
            let key = write.key.as_slice().try_into().map(u64::from_le_bytes).expect("keys are numbers");
            (seqno, (key, String::from_utf8(write.value.clone()).expect("records are text")))
        };
        Self { ids, writes: writes.map(record).collect() }
    }

    /// Whether it has this transaction.
    #[must_use]
    pub fn has(&self, id: TxId) -> bool {
        let at = usize::try_from(id.seqno.0).unwrap_or(usize::MAX);
        id.seqno == Seqno::ZERO || self.ids.get(at - 1) == Some(&id)
    }

    /// Whether it has what an operation wrote, where `id` says.
    #[must_use]
    pub fn has_write(&self, id: TxId, key: u64, value: &str) -> bool {
        let write = self.writes.get(&id.seqno);
        self.has(id) && write.is_some_and(|write| (write.0, write.1.as_str()) == (key, value))
    }
}

impl History {
    /// Writes that were acknowledged as committed: transaction, key, value.
    pub fn acknowledged(&self) -> impl Iterator<Item = (TxId, u64, &str)> {
        self.0.iter().filter_map(|operation| match (&operation.deed, operation.outcome) {
            (Deed::Write(value), Outcome::Committed(id)) => Some((id, operation.key, value.as_str())),
            _ => None,
        })
    }

    /// How many writes were acknowledged as committed after `since`.
    #[must_use]
    pub fn acknowledged_after(&self, since: u64) -> usize {
        let late = self.0.iter().filter(|operation| operation.ended > since);
        late.filter(|operation| matches!(operation.outcome, Outcome::Committed(_))).count()
    }

    /// Longest time in nanoseconds after `since` without an acknowledgement, up to the last one.
    #[must_use]
    pub fn outage(&self, since: u64) -> Option<u64> {
        let times = self.committed_between(since, u64::MAX);
        let starts = [since].into_iter().chain(times.iter().copied());
        starts.zip(&times).map(|(start, end)| end - start).max()
    }

    /// Longest time in nanoseconds between `since` and `until` without an acknowledgement.
    #[must_use]
    pub fn outage_between(&self, since: u64, until: u64) -> u64 {
        let times = self.committed_between(since, until);
        let (starts, ends) = ([since].into_iter().chain(times.clone()), times.into_iter().chain([until]));
        starts.zip(ends).map(|(start, end)| end - start).max().unwrap_or(0)
    }

    /// When writes were acknowledged as committed, in order.
    fn committed_between(&self, since: u64, until: u64) -> Vec<u64> {
        let committed = self.0.iter().filter(|operation| matches!(operation.outcome, Outcome::Committed(_)));
        let ended = committed.map(|operation| operation.ended);
        let mut times: Vec<u64> = ended.filter(|at| (since + 1..=until).contains(at)).collect();
        times.sort_unstable();
        times
    }

    /// Checks it against a ledger that has everything that was acknowledged.
    ///
    /// # Errors
    /// The first violation.
    pub fn check(&self, truth: &Truth) -> Result<Checked, Violation> {
        let mut checked = Checked::default();
        let mut values: HashMap<&str, Vec<Seqno>> = HashMap::new();
        for (seqno, (_, value)) in &truth.writes {
            values.entry(value).or_default().push(*seqno);
        }
        let mut placed = Vec::new();
        for operation in &self.0 {
            let place = match &operation.deed {
                Deed::Write(value) => {
                    let found = values.remove(value.as_str()).unwrap_or_default();
                    check_write(operation, value, &found, truth, &mut checked)?
                }
                Deed::Read(value) => check_read(operation, value.as_ref(), truth, &mut checked)?,
            };
            placed.extend(place.map(|seqno| (operation, seqno)));
        }
        if let Some((value, seqnos)) = values.into_iter().next() {
            return Err(Violation::Invented(seqnos[0], value.to_owned()));
        }
        check_order(&placed)?;
        Ok(checked)
    }
}

/// Where a write is.
fn check_write(
    operation: &Operation,
    value: &str,
    found: &[Seqno],
    truth: &Truth,
    checked: &mut Checked,
) -> Result<Option<Seqno>, Violation> {
    let misplaced = || Violation::Misplaced(operation.clone(), found.to_vec());
    let is_at = |id: TxId| truth.has_write(id, operation.key, value);
    match (operation.outcome, found) {
        (Outcome::Committed(_), []) => return Err(Violation::Lost(operation.clone())),
        (Outcome::Committed(id), [_]) if is_at(id) => checked.committed += 1,
        (Outcome::Answered(id), [_]) if is_at(id) => checked.other_writes += 1,
        (Outcome::Answered(id), []) if !truth.has(id) => checked.undone += 1,
        (Outcome::Unknown, []) => checked.undone += 1,
        (Outcome::Unknown, [seqno]) if truth.writes[seqno].0 == operation.key => checked.other_writes += 1,
        _ => return Err(misplaced()),
    }
    Ok(found.first().copied())
}

/// Where a read was made, if that state still is one.
fn check_read(
    operation: &Operation,
    value: Option<&String>,
    truth: &Truth,
    checked: &mut Checked,
) -> Result<Option<Seqno>, Violation> {
    let id = match operation.outcome {
        Outcome::Committed(id) if !truth.has(id) => return Err(Violation::Lost(operation.clone())),
        Outcome::Committed(id) | Outcome::Answered(id) if truth.has(id) => id,
        _ => return Ok(None),
    };
    let before = truth.writes.range(..=id.seqno).rev();
    let last = before.map(|(_, write)| write).find(|(key, _)| *key == operation.key);
    let last = last.map(|(_, value)| value);
    if last != value {
        return Err(Violation::Wrong(operation.clone(), last.cloned()));
    }
    checked.reads += 1;
    Ok(Some(id.seqno))
}

/// No write comes before what had ended when it began; a read may be of an older state.
fn check_order(placed: &[(&Operation, Seqno)]) -> Result<(), Violation> {
    let mut ends: Vec<_> = placed.iter().map(|(operation, seqno)| (operation.ended, *seqno)).collect();
    let mut begins: Vec<_> = placed.iter().collect();
    ends.sort_unstable();
    begins.sort_unstable_by_key(|(operation, _)| operation.begun);
    let (mut ended, mut newest) = (ends.into_iter().peekable(), Seqno::ZERO);
    for (operation, seqno) in begins {
        while let Some((_, seqno)) = ended.next_if(|(at, _)| *at < operation.begun) {
            newest = newest.max(seqno);
        }
        if matches!(operation.deed, Deed::Write(_)) && *seqno <= newest {
            return Err(Violation::TooEarly((*operation).clone(), newest));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
