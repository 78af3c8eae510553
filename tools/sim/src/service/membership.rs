//! Which nodes are members: they join, leave and replace each other.

use coco_app::NodeRequests;
use coco_kv::Tx;
use coco_node::{Mount, Write, genesis::is_open};
use coco_tables::{
    Tables,
    nodes::{NodeInfo, NodeStatus, QuoteFormat, QuoteInfo},
    service::{ServiceInfo, ServiceStatus},
};
use coco_wire::{Digest, text::Base64};
use serde_json::Value;

use super::{
    checks::Checked,
    event::Event,
    faults::Fault,
    history::Deed,
    identities::MAX_NODES,
    machine::{Machine, network},
    world::World,
};
use crate::raft::Broken;

/// Most nodes in a configuration.
const MAX_MEMBERS: usize = 6;
/// Configurations in force before an operator waits.
const MAX_CONFIGURATIONS: usize = 3;
/// How often an operator looks whether a node may be stopped, in milliseconds.
const CLEAR_MS: u64 = 300;
/// How often an operator looks whether the service is open, in milliseconds.
const OPEN_MS: u64 = 20;
/// How often nodes join at first, in milliseconds.
const GROW_MS: u64 = 60;

impl World<'_> {
    /// The service is opened to clients, once more if that was undone.
    pub(super) fn open(&mut self) -> Checked {
        let Some(leader) = self.settled_leader() else {
            self.after(OPEN_MS, Event::Open);
            return Ok(());
        };
        let machine = &mut self.machines[leader];
        machine.core.refresh_committed();
        let state = machine.state();
        if is_open(&state.committed) {
            return Ok(());
        }
        self.after(OPEN_MS, Event::Open);
        if state.open {
            return Ok(());
        }
        let write = self.change(leader, |tables, tx| {
            if let Ok(Some(info)) = tables.service.info.get(tx) {
                tables.service.info.put(tx, &ServiceInfo { status: ServiceStatus::Open, ..info });
            }
        });
        let deed = Deed::Change { admitted: Vec::new(), removed: Vec::new() };
        self.sequence(leader, &write, deed, self.events)?.ok();
        Ok(())
    }

    /// So many nodes join, one after another.
    pub(super) fn grow(&mut self, left: u64) -> Checked {
        if left > 0 && self.now_ms < self.options.faulty_ms {
            let joined = self.join()?;
            self.after(GROW_MS, Event::Grow(left - u64::from(joined)));
        }
        Ok(())
    }

    /// A node is let in; whether somebody did so.
    pub(super) fn join(&mut self) -> Result<bool, Broken> {
        let Some(leader) = self.settled_leader() else { return Ok(false) };
        if self.machines.len() >= MAX_NODES || self.members().len() >= MAX_MEMBERS {
            return Ok(false);
        }
        self.reconfigure(leader, 1, Vec::new())
    }

    /// Nodes that are gone are removed first.
    pub(super) fn remove(&mut self) -> Checked {
        let Some(leader) = self.settled_leader() else { return Ok(()) };
        let mut members = self.members();
        self.shuffle(&mut members);
        let removed = members.remove(0);
        if !members.is_empty() && self.is_alive(&members, 0) && self.strike(Fault::Removal) {
            self.reconfigure(leader, 0, vec![removed])?;
        }
        Ok(())
    }

    /// Some nodes, or all, are replaced in one transaction.
    pub(super) fn replace(&mut self) -> Checked {
        let Some(leader) = self.settled_leader() else { return Ok(()) };
        let mut members = self.members();
        self.shuffle(&mut members);
        let count = usize::try_from(self.random.between(1, members.len() as u64)).expect("small");
        let rest = members.split_off(count);
        let fits = self.machines.len() + count <= MAX_NODES;
        if fits && self.is_alive(&rest, count) && self.strike(Fault::Replacement) {
            self.reconfigure(leader, count, members)?;
        }
        Ok(())
    }

    /// Any order, but those that are gone come first.
    fn shuffle(&mut self, members: &mut [usize]) {
        self.random.shuffle(members);
        members.sort_by_key(|place| self.machines[*place].alive);
    }

    /// Whether nodes and so many new ones are a quorum without those that are gone.
    fn is_alive(&self, nodes: &[usize], new: usize) -> bool {
        let alive = nodes.iter().filter(|place| self.stays(**place)).count();
        alive + new > (nodes.len() + new) / 2
    }

    /// So many nodes are let in, and others are to leave; whether the leader did so.
    fn reconfigure(&mut self, leader: usize, new: usize, removed: Vec<usize>) -> Result<bool, Broken> {
        let admitted: Vec<_> = (self.machines.len()..).take(new).collect();
        for place in &admitted {
            let (clock, log, seed) = (self.clock(), self.log(), self.random.draw());
            let settings = self.options.settings;
            let newcomer = Machine::joiner(self.identities, *place, settings, self.votes, clock, seed, log);
            let newcomer = newcomer.with_channels(*place, self.has_channels);
            self.machines.push(newcomer.making_snapshots(self.options.snapshots));
            self.after(1, Event::Tick(*place));
        }
        let joining = admitted.iter().map(|place| (*place, self.machines[*place].id()));
        let joining: Vec<_> =
            joining.map(|(place, id)| (place, id, self.identities.endorsed(place))).collect();
        let leaving: Vec<_> = removed.iter().map(|place| self.machines[*place].id()).collect();
        let status = if self.votes { NodeStatus::Pending } else { NodeStatus::Trusted };
        let (votes, consortium) = (self.votes, &self.identities.consortium);
        let write = self.change(leader, |tables, tx| {
            for (place, id, endorsed) in &joining {
                tables.nodes.endorsed_certificates.put(tx, id, endorsed);
                tables.nodes.info.put(tx, id, &info(*place, status));
            }
            if votes {
                return consortium.activate(tables, tx);
            }
            for id in &leaving {
                if let Ok(Some(row)) = tables.nodes.info.get(tx, id) {
                    tables.nodes.info.put(tx, id, &NodeInfo { status: NodeStatus::Retired, ..row });
                }
            }
        });
        let deed = match self.votes {
            true => Deed::Change { admitted: Vec::new(), removed: Vec::new() },
            false => Deed::Change { admitted: admitted.clone(), removed: removed.clone() },
        };
        let is_placed = self.sequence(leader, &write, deed, self.events)?.is_ok();
        match is_placed {
            true if self.votes => self.put_to_vote(admitted, removed),
            true => self.admit(admitted, removed),
            false => admitted.iter().for_each(|place| self.machines[*place].crash(self.now_ms)),
        }
        Ok(is_placed)
    }

    /// Keeps what a change makes of the configuration: others may take it over later than who placed it undoes it.
    pub(super) fn remember_change(&mut self, place: usize, admitted: &[usize], removed: &[usize]) {
        if admitted.is_empty() && removed.is_empty() {
            return;
        }
        let state = self.machines[place].state();
        let last = state.consensus.configurations.last().map(|(_, nodes)| nodes.iter());
        let before = last.into_iter().flatten().map(|id| self.place_of(id));
        let mut nodes: Vec<_> = before.chain(admitted.iter().copied()).collect();
        nodes.retain(|place| !removed.contains(place));
        self.changes.push((self.now_ms, nodes));
    }

    /// Nodes hear that they are let in, and an operator waits until others may go.
    pub(super) fn admit(&mut self, admitted: Vec<usize>, removed: Vec<usize>) {
        for place in admitted {
            let told_ms = self.random.between(1, 400);
            self.after(told_ms, Event::Joined(place));
        }
        for place in removed {
            self.after(CLEAR_MS, Event::Clear(place));
        }
    }

    /// A node whose retirement is committed may be stopped.
    pub(super) fn clear(&mut self, place: usize) -> Checked {
        if !self.machines[place].alive {
            return Ok(());
        }
        if self.leader().is_some_and(|leader| self.is_removable(place, leader)) {
            self.note(|| format!("node {place} is stopped"));
            self.machines[place].crash(self.now_ms);
        } else {
            self.after(CLEAR_MS, Event::Clear(place));
        }
        Ok(())
    }

    /// Whether a leader says that nobody needs a node any more.
    fn is_removable(&mut self, place: usize, leader: usize) -> bool {
        let id = self.machines[place].id();
        let machine = &mut self.machines[leader];
        machine.core.refresh_committed();
        let row = Tables::default().nodes.info.get(&machine.state().committed, &id);
        row.ok().flatten().is_some_and(|info| info.is_removable())
    }

    /// Whether nobody needs the nodes any more that were removed.
    pub(super) fn everybody_left(&mut self) -> bool {
        let Some(leader) = self.leader() else { return false };
        let removed = self.checks.removed();
        removed.into_iter().all(|place| self.is_removable(place, leader))
    }

    /// What `change` writes on the latest state of a node.
    fn change(&mut self, place: usize, change: impl FnOnce(&Tables, &mut Tx)) -> Write {
        let machine = &mut self.machines[place];
        machine.core.refresh();
        let mut tx = Tx::new(machine.state().latest.clone());
        change(&Tables::default(), &mut tx);
        Write {
            executed: tx.finish(),
            claims: Digest::ZERO,
            requests: NodeRequests::default(),
            mount: Mount::Gov,
        }
    }

    /// Any primary, unless it has too many configurations in force already.
    fn settled_leader(&mut self) -> Option<usize> {
        let leads = |place: &usize| {
            let machine = &self.machines[*place];
            let state = machine.state();
            machine.alive
                && machine.paused_until_ms <= self.now_ms
                && state.primary
                && !machine.is_changing()
                && state.consensus.configurations.len() < MAX_CONFIGURATIONS
        };
        if self.motions > 0 {
            return None;
        }
        let leaders: Vec<_> = (0..self.machines.len()).filter(leads).collect();
        self.random.pick(&leaders).copied()
    }
}

fn info(place: usize, status: NodeStatus) -> NodeInfo {
    NodeInfo {
        network: network(place),
        quote_info: QuoteInfo {
            format: QuoteFormat::InsecureVirtual,
            quote: Base64(Vec::new()),
            endorsements: Base64(Vec::new()),
            uvm_endorsements: None,
            endorsed_tcb: None,
        },
        encryption_pub_key: String::new(),
        status,
        ledger_secret_seqno: None,
        code_digest: None,
        certificate_signing_request: None,
        public_key: None,
        node_data: Value::Null,
        cert: None,
        retired_committed: false,
    }
}
