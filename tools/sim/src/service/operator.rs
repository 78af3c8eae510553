//! What an operator, or bad luck, does to whole nodes and links.

use coco_app::NodeRequests;
use coco_boundary::{Event as News, LedgerFault};
use coco_kv::Tx;
use coco_node::{Mount, Write};
use coco_raft::NodeId;
use coco_tables::{
    Tables,
    nodes::{NodeInfo, NodeStatus, QuoteFormat, QuoteInfo},
};
use coco_wire::{Digest, text::Base64};
use serde_json::Value;

use super::{
    checks::Checked,
    faults::Fault,
    history::Deed,
    identities::MAX_NODES,
    machine::{Machine, network},
    world::{Event, World},
};

/// Most nodes in a configuration.
const MAX_MEMBERS: usize = 6;
/// Configurations in force before an operator waits.
const MAX_CONFIGURATIONS: usize = 3;
/// How long messages of a node that is gone may still arrive, in election timeouts.
const HEARD_TIMEOUTS: u64 = 8;
/// How often an operator looks whether a node may be stopped, in milliseconds.
const CLEAR_MS: u64 = 300;
/// How often nodes join at first, in milliseconds.
const GROW_MS: u64 = 60;

impl World<'_> {
    /// So many nodes join, one after another.
    pub(super) fn grow(&mut self, left: u64) -> Checked {
        if left > 0 && self.now_ms < self.options.faulty_ms {
            let joined = self.join()?;
            self.after(GROW_MS, Event::Grow(left - u64::from(joined)));
        }
        Ok(())
    }

    pub(super) fn operate(&mut self) -> Checked {
        if self.now_ms >= self.options.faulty_ms {
            return Ok(());
        }
        let next_ms = self.random.between(50, self.options.operation_ms);
        self.after(next_ms, Event::Operate);
        match self.random.below(18) {
            0 => self.partition(),
            1 => self.one_way(),
            2 => self.isolate(),
            3..6 => self.cut.clear(),
            6 | 7 => return self.lose_a_node(),
            8..11 => {
                if !self.conditions.without.contain(Fault::Join) && self.join()? {
                    self.strike(Fault::Join);
                }
            }
            11 | 12 => return self.remove(),
            13 => self.on_any(Fault::SlowDisk, |machine, until_ms| machine.disk.slow_until_ms = until_ms),
            14 | 15 => self.on_any(Fault::Pause, |machine, until_ms| machine.paused_until_ms = until_ms),
            _ => self.on_any(Fault::FastClock, |machine, until_ms| machine.clock.fast_until_ms = until_ms),
        }
        Ok(())
    }

    /// All faults end.
    pub(super) fn heal(&mut self) {
        self.note(|| "all faults end".to_owned());
        self.options = self.options.healed();
        self.cut.clear();
        for machine in &mut self.machines {
            machine.disk.slow_until_ms = 0;
            machine.clock.fast_until_ms = 0;
        }
    }

    fn partition(&mut self) {
        let sides: Vec<bool> = self.machines.iter().map(|_| self.random.chance(500)).collect();
        if self.strike(Fault::Partition) {
            for from in 0..sides.len() {
                self.cut.extend((0..sides.len()).filter(|to| sides[from] != sides[*to]).map(|to| (from, to)));
            }
        }
    }

    fn one_way(&mut self) {
        if let (Some(from), Some(to)) = (self.any(), self.any())
            && self.strike(Fault::OneWay)
        {
            self.cut.insert((from, to));
        }
    }

    fn isolate(&mut self) {
        if let Some(alone) = self.any()
            && self.strike(Fault::Isolation)
        {
            let others = 0..self.machines.len();
            self.cut.extend(others.flat_map(|other| [(alone, other), (other, alone)]));
        }
    }

    /// A node goes for good, in one way or another.
    fn lose_a_node(&mut self) -> Checked {
        let fault = match self.random.below(3) {
            0 => Fault::Shutdown,
            1 => Fault::FullDisk,
            _ => Fault::Crash,
        };
        let Some(place) = self.any().filter(|place| self.is_spare(*place)) else { return Ok(()) };
        if !self.strike(fault) {
            return Ok(());
        }
        self.machines[place].is_stopping = fault != Fault::Crash;
        match fault {
            Fault::Shutdown => {
                self.input(place, "is asked to stop", |core, out| core.handle(News::Stop, out))
            }
            Fault::FullDisk => {
                let fault = LedgerFault::Backlog;
                self.input(place, "has a full disk", |core, out| core.handle(News::Fault(fault), out))
            }
            _ => {
                self.machines[place].crash(self.now_ms);
                Ok(())
            }
        }
    }

    /// Whether every configuration that a node knows, or may hear of from one that has just gone, keeps a quorum without
    /// this one.
    fn is_spare(&self, place: usize) -> bool {
        let stays = |id: &NodeId| self.place_of(id) != place && self.stays(self.place_of(id));
        let heard_ms = HEARD_TIMEOUTS * self.options.settings.consensus.election_timeout_ms;
        let is_heard = |machine: &&Machine| machine.gone_at_ms.is_none_or(|at| at + heard_ms > self.now_ms);
        let knowing = self.machines.iter().filter(is_heard);
        if knowing.clone().any(Machine::is_changing) {
            return false;
        }
        let mut configurations = knowing.flat_map(|machine| machine.state().consensus.configurations.clone());
        configurations.all(|(_, nodes)| nodes.iter().filter(|id| stays(id)).count() > nodes.len() / 2)
    }

    /// Whether a node is there, and not about to go.
    fn stays(&self, place: usize) -> bool {
        let machine = &self.machines[place];
        machine.alive && !machine.is_stopping
    }

    /// A node is let in; whether somebody did so.
    fn join(&mut self) -> Result<bool, crate::raft::Broken> {
        let place = self.machines.len();
        let Some(leader) = self.settled_leader().filter(|_| place < MAX_NODES) else { return Ok(false) };
        if self.members().len() >= MAX_MEMBERS {
            return Ok(false);
        }
        let (clock, log, seed) = (self.clock(), self.log(), self.random.draw());
        let newcomer = Machine::joiner(self.identities, place, self.options.settings, clock, seed, log);
        let (id, endorsed) = (newcomer.id(), self.identities.endorsed(place));
        let write = self.change(leader, |tables, tx| {
            tables.nodes.endorsed_certificates.put(tx, &id, &endorsed);
            tables.nodes.info.put(tx, &id, &info(place));
        });
        self.machines.push(newcomer.with_channels(self.has_channels));
        self.after(1, Event::Tick(place));
        let placed = self.sequence(leader, &write, Deed::Admit(place), self.events)?;
        let told_ms = self.random.between(1, 400);
        if placed.is_ok() {
            self.after(told_ms, Event::Joined(place));
        } else {
            self.machines[place].crash(self.now_ms);
        }
        Ok(placed.is_ok())
    }

    /// Nodes that are gone are removed first.
    fn remove(&mut self) -> Checked {
        let Some(leader) = self.settled_leader() else { return Ok(()) };
        let members = self.members();
        let gone = members.iter().find(|place| !self.machines[**place].alive).copied();
        let Some(removed) = gone.or_else(|| self.random.pick(&members).copied()) else { return Ok(()) };
        let rest: Vec<_> = members.iter().filter(|place| **place != removed).collect();
        let alive = rest.iter().filter(|place| self.stays(***place)).count();
        if members.len() < 2 || alive <= rest.len() / 2 || !self.strike(Fault::Removal) {
            return Ok(());
        }
        let id = self.machines[removed].id();
        let write = self.change(leader, |tables, tx| {
            if let Ok(Some(row)) = tables.nodes.info.get(tx, &id) {
                tables.nodes.info.put(tx, &id, &NodeInfo { status: NodeStatus::Retired, ..row });
            }
        });
        let placed = self.sequence(leader, &write, Deed::Remove(removed), self.events)?;
        if placed.is_ok() {
            self.after(CLEAR_MS, Event::Clear(removed));
        }
        Ok(())
    }

    /// A node whose retirement is committed may be stopped.
    pub(super) fn clear(&mut self, place: usize) -> Checked {
        if !self.machines[place].alive {
            return Ok(());
        }
        let id = self.machines[place].id();
        let removable = self.leader().is_some_and(|leader| {
            let machine = &mut self.machines[leader];
            machine.core.refresh_committed();
            let row = Tables::default().nodes.info.get(&machine.state().committed, &id);
            row.ok().flatten().is_some_and(|info| info.is_removable())
        });
        if removable {
            self.note(|| format!("node {place} is stopped"));
            self.machines[place].crash(self.now_ms);
        } else {
            self.after(CLEAR_MS, Event::Clear(place));
        }
        Ok(())
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

    fn on_any(&mut self, fault: Fault, change: impl Fn(&mut Machine, u64)) {
        let ms = self.random.between(100, 3 * self.options.settings.consensus.election_timeout_ms);
        if let Some(place) = self.any()
            && self.strike(fault)
        {
            change(&mut self.machines[place], self.now_ms + ms);
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
        let leaders: Vec<_> = (0..self.machines.len()).filter(leads).collect();
        self.random.pick(&leaders).copied()
    }

    fn any(&mut self) -> Option<usize> {
        let alive: Vec<_> = (0..self.machines.len()).filter(|place| self.stays(*place)).collect();
        self.random.pick(&alive).copied()
    }
}

fn info(place: usize) -> NodeInfo {
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
        status: NodeStatus::Trusted,
        ledger_secret_seqno: None,
        code_digest: None,
        certificate_signing_request: None,
        public_key: None,
        node_data: Value::Null,
        cert: None,
        retired_committed: false,
    }
}
