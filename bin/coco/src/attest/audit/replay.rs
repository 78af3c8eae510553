//! The tables of nodes over time, and what each change of them means.

use std::sync::Arc;

use coco_crypto::x509::UnixTime;
use coco_kv::{Decode, Reader, Snapshot, Store};
use coco_node::evidence::LeaseProof;
use coco_tables::{
    Tables,
    nodes::{Appraisal, NodeStatus, QuoteInfo},
    service::ServiceStatus,
};
use coco_wire::{Digest, Key, TableName, TxId, Value, WriteSet, domain::Change, snapshot::SnapshotError};

use super::{
    event::{Act, By, Decision, Event, Row, Standing, What},
    examine::{Examined, Examiner, Exhibit, Rules, Shown},
    fault::Fault,
    rows::{Node, Service, accepted, matters, of_snapshot, policy},
};

/// How far a recorded time may lie before an earlier one, in seconds: primaries change, and so do their clocks.
const CLOCKS_DIFFER_S: i64 = 60;

/// The state after the last transaction, as far as it matters. Memory grows with the rows of the tables of nodes.
pub(super) struct Replay {
    store: Store,
    tables: Tables,
    examiner: Examiner,
    /// The latest time that was written down.
    latest: Option<UnixTime>,
}

/// A transaction that changed one of these tables.
struct Step {
    at: TxId,
    writes: Arc<WriteSet>,
    before: Snapshot,
    after: Snapshot,
    was: Option<Service>,
    is: Option<Service>,
    by: By,
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
            appraisals.filter_map(|(_, row)| Appraisal::decode(row.as_ref()?)).map(|row| recorded(&row));
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
                        events.push(step.standing(id, Standing::Now(node.status)));
                    }
                }
                (Some(None), _) | (None, None) | (Some(Some(_)), None) => {
                    events.push(step.node("nodes.info", key, Fault::Malformed));
                }
            }
        }
    }

    /// Judges the evidence with which a node joined or began a service.
    fn joined(&mut self, step: &Step, id: Digest, node: &Node) -> Event {
        let mut faults = Vec::new();
        let time = match step.appraisal_of(&self.tables, &id) {
            Some(Some(appraisal)) => Some(self.time(&appraisal, &mut faults)),
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

    fn appraisals(&mut self, step: &Step, events: &mut Vec<Event>) {
        let (info, appraisals) =
            (self.tables.nodes.info.name().clone(), self.tables.nodes.appraisals.name().clone());
        for (key, value) in step.rows(&appraisals) {
            let before = step.before.get(&appraisals, key);
            if before.as_ref() == value {
                continue;
            }
            let node = step.after.get(&info, key).and_then(|row| Node::read(&row));
            let (Some(value), Some(id)) = (value, Digest::decode(key)) else {
                let takes_part = node.is_some_and(|node| node.status != NodeStatus::Retired);
                let fault = if value.is_some() { Fault::Malformed } else { Fault::AppraisalRemoved };
                if value.is_some() || takes_part {
                    events.push(step.node("nodes.appraisals", key, fault));
                }
                continue;
            };
            let joins = !step.before.has(&info, key);
            match (Appraisal::decode(value), node) {
                // Said where it was judged.
                (None, Some(_)) if joins => {}
                (None, _) => events.push(step.node("nodes.appraisals", key, Fault::Malformed)),
                (Some(appraisal), None) => {
                    let mut faults = vec![Fault::UnknownNode];
                    let time = Some(self.time(&appraisal, &mut faults));
                    let what = What::Node { table: "nodes.appraisals", node: id.to_hex() };
                    events.push(Event { at: step.at, time, what, faults });
                }
                (Some(Appraisal { renewal: None, .. }), Some(_)) if joins => {}
                (Some(appraisal), Some(node)) => {
                    let before = before.and_then(|row| Appraisal::decode(&row));
                    events.push(self.renewed(step, id, &node, (before, &appraisal)));
                }
            }
        }
    }

    /// Judges the evidence by which a node renewed its lease.
    fn renewed(
        &mut self,
        step: &Step,
        id: Digest,
        node: &Node,
        (before, appraisal): (Option<Appraisal>, &Appraisal),
    ) -> Event {
        let mut faults = Vec::new();
        let time = Some(self.time(appraisal, &mut faults));
        if node.status != NodeStatus::Trusted {
            faults.push(Fault::NotTrusted(node.status));
        }
        let (Some(renewal), Some(service)) = (&appraisal.renewal, step.is) else {
            faults.push(if step.is.is_some() { Fault::NothingShown } else { Fault::NoService });
            return step.decided(time, step.unread(id, Act::Renewed, node), faults);
        };
        let last = before.and_then(|before| before.renewal).map(|renewal| renewal.challenge);
        if last == Some(renewal.challenge) {
            faults.push(Fault::OldChallenge);
        }
        let proof = LeaseProof { service: service.identity, node: id, challenge: renewal.challenge };
        let quote: &QuoteInfo = &renewal.quote_info;
        let exhibit = Exhibit { quote, time, report_data: proof.report_data() };
        let examined = self.examiner.examine(&exhibit, Rules::Members, (&self.tables, &step.before));
        faults.extend(examined.faults);
        let decision = Decision { node: id, act: Act::Renewed, status: node.status, shown: examined.shown };
        step.decided(time, decision, faults)
    }

    /// When something was judged, held against when others were.
    fn time(&mut self, appraisal: &Appraisal, faults: &mut Vec<Fault>) -> UnixTime {
        let time = recorded(appraisal);
        let back = self.latest.map_or(0, |latest| latest.0.saturating_sub(time.0));
        if back > CLOCKS_DIFFER_S {
            faults.push(Fault::TimeBack(back));
        }
        self.latest = self.latest.max(Some(time));
        time
    }
}

fn recorded(appraisal: &Appraisal) -> UnixTime {
    UnixTime(i64::try_from(appraisal.time).unwrap_or(i64::MAX))
}

impl Step {
    /// The rows of a table that are written.
    fn rows(&self, table: &TableName) -> impl Iterator<Item = (&Key, Option<&Value>)> {
        let rows = self.writes.table(table.as_str()).into_iter().flatten();
        rows.map(|(key, value)| (key, value.as_ref()))
    }

    /// The appraisal that is written of a node, if one is; none inside if it cannot be read.
    fn appraisal_of(&self, tables: &Tables, id: &Digest) -> Option<Option<Appraisal>> {
        let rows = self.writes.table(tables.nodes.appraisals.name().as_str())?;
        let value = rows.get(id.to_hex().as_bytes())?.as_ref()?;
        Some(Appraisal::decode(value))
    }

    /// How many nodes are there that were not before.
    fn joining(&self, tables: &Tables) -> usize {
        let info = tables.nodes.info.name();
        self.rows(info).filter(|(key, value)| value.is_some() && !self.before.has(info, key)).count()
    }

    fn service(&self, events: &mut Vec<Event>) {
        let Some(is) = self.is else { return };
        if self.by == By::Founding {
            events.push(self.event(What::Service(is.identity), Vec::new()));
        }
        let was = self.was.map(|it| it.status);
        if is.status == ServiceStatus::Open && was != Some(is.status) {
            let event = match was {
                Some(ServiceStatus::WaitingForRecoveryShares) if self.by == By::Unknown => {
                    self.event(What::Open(By::Shares), Vec::new())
                }
                _ => self.event(What::Open(self.by.clone()), self.unless_voted()),
            };
            events.push(event);
        }
    }

    fn policies(&self, tables: &Tables, events: &mut Vec<Event>) {
        for (table, rows) in self.writes.tables() {
            let Some(name) = policy(tables, table.as_str()) else { continue };
            for (key, value) in rows {
                let (before, after) = (self.before.get(table, key), value);
                if before == *after {
                    continue;
                }
                let bytes = |value: &Value| value.to_vec();
                let (before, after) = (before.as_ref().map(bytes), after.as_ref().map(bytes));
                let row = Row { key: key.to_vec(), before, after };
                let what = What::Policy { table: name.to_owned(), row, by: self.by.clone() };
                events.push(self.event(what, self.unless_voted()));
            }
        }
    }

    /// A node's standing; only members make a node trusted that had not been.
    fn standing(&self, node: Digest, now: Standing) -> Event {
        let trusted = now == Standing::Now(NodeStatus::Trusted);
        let faults = if trusted { self.unless_voted() } else { Vec::new() };
        self.event(What::Standing { node, now, by: self.by.clone() }, faults)
    }

    fn unless_voted(&self) -> Vec<Fault> {
        if self.by == By::Unknown { vec![Fault::NoProposal] } else { Vec::new() }
    }

    fn replaced(&self, id: Digest, node: &Node) -> Event {
        self.decided(None, self.unread(id, Act::Replaced, node), vec![Fault::Replaced])
    }

    /// A decision on evidence that is not looked into.
    fn unread(&self, node: Digest, act: Act, row: &Node) -> Decision {
        let shown = Shown { platform: row.platform(), ..Shown::default() };
        Decision { node, act, status: row.status, shown }
    }

    fn decided(&self, time: Option<UnixTime>, decision: Decision, faults: Vec<Fault>) -> Event {
        Event { at: self.at, time, what: What::Decision(decision), faults }
    }

    fn node(&self, table: &'static str, key: &[u8], fault: Fault) -> Event {
        let node = String::from_utf8_lossy(key).into_owned();
        self.event(What::Node { table, node }, vec![fault])
    }

    fn event(&self, what: What, faults: Vec<Fault>) -> Event {
        Event { at: self.at, time: None, what, faults }
    }
}
