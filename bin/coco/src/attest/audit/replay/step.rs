//! One transaction, and what its rows say by themselves.

use std::sync::Arc;

use coco_crypto::x509::UnixTime;
use coco_kv::{Decode, Reader, Snapshot};
use coco_tables::{
    Tables,
    nodes::{Appraisal, NodeStatus},
    service::ServiceStatus,
};
use coco_wire::{Digest, Key, TableName, TxId, Value, WriteSet};

use crate::attest::audit::{
    event::{Act, By, Decision, Event, Row, Standing, What},
    examine::Shown,
    fault::Fault,
    rows::{Node, Service, policy},
};

/// A transaction that changed one of these tables.
pub(super) struct Step {
    pub(super) at: TxId,
    pub(super) writes: Arc<WriteSet>,
    pub(super) before: Snapshot,
    pub(super) after: Snapshot,
    pub(super) was: Option<Service>,
    pub(super) is: Option<Service>,
    pub(super) by: By,
}

impl Step {
    /// The rows of a table that are written.
    pub(super) fn rows(&self, table: &TableName) -> impl Iterator<Item = (&Key, Option<&Value>)> {
        let rows = self.writes.table(table.as_str()).into_iter().flatten();
        rows.map(|(key, value)| (key, value.as_ref()))
    }

    /// The appraisal that is written of a node, if one is; none inside if it cannot be read.
    pub(super) fn appraisal_of(&self, tables: &Tables, id: &Digest) -> Option<Option<Appraisal>> {
        let rows = self.writes.table(tables.nodes.appraisals.name().as_str())?;
        let value = rows.get(id.to_hex().as_bytes())?.as_ref()?;
        Some(Appraisal::decode(value))
    }

    /// How many nodes are there that were not before.
    pub(super) fn joining(&self, tables: &Tables) -> usize {
        let info = tables.nodes.info.name();
        self.rows(info).filter(|(key, value)| value.is_some() && !self.before.has(info, key)).count()
    }

    pub(super) fn service(&self, events: &mut Vec<Event>) {
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

    pub(super) fn policies(&self, tables: &Tables, events: &mut Vec<Event>) {
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
    pub(super) fn standing(&self, node: Digest, now: Standing) -> Event {
        let trusted = now == Standing::Now(NodeStatus::Trusted);
        let faults = if trusted { self.unless_voted() } else { Vec::new() };
        self.event(What::Standing { node, now, by: self.by.clone() }, faults)
    }

    /// Whether the nodes are less diverse than the members demand, and were not before.
    pub(super) fn diversity(&self, tables: &Tables, events: &mut Vec<Event>) {
        let check = |state| tables.nodes.check_diversity(state).err();
        match check(&self.after) {
            Some(not) if self.by != By::Founding && check(&self.before).as_ref() != Some(&not) => {
                events.push(self.event(What::Nodes, vec![Fault::NotDiverse(not)]));
            }
            _ => {}
        }
    }

    fn unless_voted(&self) -> Vec<Fault> {
        if self.by == By::Unknown { vec![Fault::NoProposal] } else { Vec::new() }
    }

    pub(super) fn replaced(&self, id: Digest, node: &Node) -> Event {
        self.decided(None, self.unread(id, Act::Replaced, node), vec![Fault::Replaced])
    }

    /// A decision on evidence that is not looked into.
    pub(super) fn unread(&self, node: Digest, act: Act, row: &Node) -> Decision {
        let shown = Shown { platform: row.platform(), ..Shown::default() };
        Decision { node, act, status: row.status, shown }
    }

    pub(super) fn decided(&self, time: Option<UnixTime>, decision: Decision, faults: Vec<Fault>) -> Event {
        Event { at: self.at, time, what: What::Decision(decision), faults }
    }

    pub(super) fn node(&self, table: &'static str, key: &[u8], fault: Fault) -> Event {
        let node = String::from_utf8_lossy(key).into_owned();
        self.event(What::Node { table, node }, vec![fault])
    }

    pub(super) fn event(&self, what: What, faults: Vec<Fault>) -> Event {
        Event { at: self.at, time: None, what, faults }
    }
}
