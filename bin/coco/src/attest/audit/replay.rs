//! The tables of nodes over time, and what each change of them means.

mod appraisals;
mod step;

use std::sync::Arc;

use coco_crypto::x509::UnixTime;
use coco_kv::{Decode, Reader, Store};
use coco_tables::{
    Tables,
    nodes::{Appraisal, NodeStatus},
    service::ServiceStatus,
};
use coco_wire::{Digest, Key, TableName, TxId, Value, WriteSet, domain::Change, snapshot::SnapshotError};

use super::{
    event::{Act, By, Decision, Event, Standing, What},
    examine::{Examined, Examiner, Exhibit, Rules},
    fault::Fault,
    rows::{Node, Service, accepted, matters, of_snapshot},
};
use appraisals::recorded;
use step::Step;

/// The state after the last transaction, as far as it matters. Memory grows with the rows of the tables of nodes.
pub(super) struct Replay {
    store: Store,
    tables: Tables,
    examiner: Examiner,
    /// The latest time that was written down.
    latest: Option<UnixTime>,
}

impl Replay {
    pub(super) fn new(examiner: Examiner) -> Self {
        Self { store: Store::new(), tables: Tables::default(), examiner, latest: None }
    }

    /// Takes the tables of a snapshot that ends with this transaction: as they are, without knowing why.
    ///
    /// # Errors
    /// On anything but tables.
    pub(super) fn begin(&mut self, at: TxId, public_tables: &[u8]) -> Result<Vec<Event>, SnapshotError> {
        let writes = of_snapshot(&self.tables, public_tables)?;
        let rows = |table: &TableName| writes.table(table.as_str()).into_iter().flatten();
        let appraisals = rows(self.tables.nodes.appraisals.name());
        let times =
            appraisals.filter_map(|(_, row)| Appraisal::decode(row.as_ref()?)).map(|row| recorded(row.time));
        self.latest = times.max();
        let events = rows(self.tables.nodes.info.name()).filter_map(|(key, row)| {
            let row = Node::read(row.as_ref()?)?;
            let node = String::from_utf8_lossy(key).into_owned();
            let what = What::Inherited { node, status: row.status, platform: row.platform() };
            Some(Event { at, time: None, what, faults: Vec::new() })
        });
        let events = events.collect();
        self.apply(Arc::new(writes));
        Ok(events)
    }

    /// Seqnos of the store are its own: it may begin behind a snapshot.
    fn apply(&mut self, writes: Arc<WriteSet>) {
        let seqno = self.store.version().next();
        self.store.apply(seqno, writes);
        drop(self.store.compact(seqno, &mut |_, _| ()));
    }

    /// Takes the next transaction of the ledger with its public changes.
    pub(super) fn transaction(&mut self, at: TxId, changes: &[Change<'_>]) -> Vec<Event> {
        let mut writes = WriteSet::default();
        for change in changes.iter().filter(|change| matters(&self.tables, change.table)) {
            let row = writes.table_mut(&TableName::new(change.table));
            row.insert(Key::new(change.key), change.value.map(Value::new));
        }
        let writes = Arc::new(writes);
        let before = self.store.latest();
        self.apply(Arc::clone(&writes));
        if writes.is_empty() {
            return Vec::new();
        }
        let after = self.store.latest();
        let (was, is) = (Service::read(&self.tables, &before), Service::read(&self.tables, &after));
        let by = match changes.iter().find_map(accepted) {
            _ if is.map(|it| it.identity) != was.map(|it| it.identity) => By::Founding,
            Some(proposal) => By::Proposal(proposal),
            None => By::Unknown,
        };
        let step = Step { at, writes, before, after, was, is, by };
        let mut events = Vec::new();
        step.service(&mut events);
        step.policies(&self.tables, &mut events);
        self.nodes(&step, &mut events);
        self.appraisals(&step, &mut events);
        step.diversity(&self.tables, &mut events);
        events
    }

    fn nodes(&mut self, step: &Step, events: &mut Vec<Event>) {
        let info = self.tables.nodes.info.name().clone();
        for (key, value) in step.rows(&info) {
            let before = step.before.get(&info, key);
            let Some(id) = Digest::decode(key) else {
                events.push(step.node("nodes.info", key, Fault::Malformed));
                continue;
            };
            let Some(value) = value else {
                if before.is_some() {
                    events.push(step.standing(id, Standing::Gone));
                }
                continue;
            };
            let was = before.as_deref().map(Node::read);
            match (was, Node::read(value)) {
                (None, Some(node)) => events.push(self.joined(step, id, &node)),
                (Some(Some(was)), Some(node)) => {
                    if !was.same_evidence(&node) {
                        events.push(step.replaced(id, &node));
                    }
                    if was.status != node.status {
                        events.push(self.stands(step, id, &node));
                    }
                }
                (Some(None), _) | (None, None) | (Some(Some(_)), None) => {
                    events.push(step.node("nodes.info", key, Fault::Malformed));
                }
            }
        }
    }

    /// A node stands otherwise than before.
    fn stands(&mut self, step: &Step, id: Digest, node: &Node) -> Event {
        let event = step.standing(id, Standing::Now(node.status));
        if node.status != NodeStatus::Retired {
            return event;
        }
        match self.evicted(step, id, node) {
            None => event,
            Some((time, reason, faults)) => {
                let what =
                    What::Standing { node: id, now: Standing::Now(node.status), by: By::Primary(reason) };
                Event { time: Some(time), what, faults, ..event }
            }
        }
    }

    /// Judges the evidence with which a node joined or began a service.
    fn joined(&mut self, step: &Step, id: Digest, node: &Node) -> Event {
        let mut faults = Vec::new();
        let time = match step.appraisal_of(&self.tables, &id) {
            Some(Some(appraisal)) => Some(self.time(appraisal.time, &mut faults)),
            Some(None) => {
                faults.push(Fault::Malformed);
                None
            }
            None => {
                faults.extend(self.latest.map(|_| Fault::TimeMissing));
                None
            }
        };
        let founding = step.by == By::Founding;
        let decided = step.was.is_some_and(|it| {
            matches!(it.status, ServiceStatus::Open | ServiceStatus::WaitingForRecoveryShares)
        });
        if node.status == NodeStatus::Trusted && decided && !founding {
            faults.push(Fault::NotAsked);
        }
        let (act, rules, state) = match founding {
            true => (Act::Founded, Rules::Own, &step.after),
            false => (Act::Joined, Rules::Members, &step.before),
        };
        if founding && step.joining(&self.tables) > 1 {
            faults.push(Fault::SeveralFounders);
        }
        let Some(quote) = node.quote() else {
            faults.push(Fault::Malformed);
            return step.decided(time, step.unread(id, act, node), faults);
        };
        let exhibit = Exhibit { quote: &quote, time, report_data: id };
        let Examined { shown, code_digest, faults: found } =
            self.examiner.examine(&exhibit, rules, (&self.tables, state));
        faults.extend(found);
        if let (Some(recorded), Some(code)) = (&node.code_digest, &code_digest)
            && recorded != code
        {
            faults.push(Fault::Code(recorded.clone()));
        }
        step.decided(time, Decision { node: id, act, status: node.status, shown }, faults)
    }
}
