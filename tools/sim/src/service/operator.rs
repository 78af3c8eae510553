//! What an operator, or bad luck, does to whole nodes and links.

use coco_boundary::{Event as News, LedgerFault};
use coco_raft::NodeId;

use super::{
    checks::{Checked, check},
    event::Event,
    faults::Fault,
    machine::Machine,
    recovery::{Damage, recover},
    world::World,
};

/// How long messages of a node that is gone may still arrive, in election timeouts.
const HEARD_TIMEOUTS: u64 = 8;
/// How far a date is off at most, in milliseconds.
const MAX_SKEW_MS: u64 = 7_200_000;

impl World<'_> {
    pub(super) fn operate(&mut self) -> Checked {
        if self.now_ms >= self.options.faulty_ms {
            return Ok(());
        }
        let next_ms = self.random.between(50, self.options.operation_ms);
        self.after(next_ms, Event::Operate);
        match self.random.below(20) {
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
            11 => return self.remove(),
            12 => return self.replace(),
            13 | 14 => {
                self.on_any(Fault::SlowDisk, |machine, until_ms| machine.disk.slow_until_ms = until_ms);
            }
            15 | 16 => self.on_any(Fault::Pause, |machine, until_ms| machine.paused_until_ms = until_ms),
            _ => self.disturb_a_clock(),
        }
        Ok(())
    }

    fn disturb_a_clock(&mut self) {
        match self.random.below(3) {
            0 => self.on_any(Fault::FastClock, |machine, until_ms| machine.clock.fast_until_ms = until_ms),
            1 => self.on_any(Fault::StoppedClock, |machine, until_ms| {
                machine.clock.stopped_until_ms = until_ms;
            }),
            _ => {
                let skew_ms = self.random.below(MAX_SKEW_MS);
                self.on_any(Fault::JumpingDate, |machine, _| machine.clock.skew_ms = skew_ms);
            }
        }
    }

    /// All faults end.
    pub(super) fn heal(&mut self) {
        self.note(|| "all faults end".to_owned());
        self.options = self.options.healed();
        self.cut.clear();
        for machine in &mut self.machines {
            machine.disk.slow_until_ms = 0;
            machine.clock.fast_until_ms = 0;
            machine.clock.stopped_until_ms = 0;
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
        let victim = if fault == Fault::Crash { self.victim() } else { self.any() };
        let Some(place) = victim.filter(|place| self.is_spare(*place)) else { return Ok(()) };
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
                self.machines[place].disk.is_full = true;
                self.input(place, "has a full disk", |core, out| core.handle(News::Fault(fault), out))?;
                check(!self.machines[place].alive, "D4 a node that cannot write stops", || format!("{place}"))
            }
            _ => self.lose_power(place),
        }
    }

    /// A node crashes; whoever takes its disk finds what was synchronised, and takes nothing else for an entry: D3, D5.
    fn lose_power(&mut self, place: usize) -> Checked {
        let (fault, damage) = match self.random.below(3) {
            0 => (Fault::LostWrite, Damage::Lost),
            1 => (Fault::TornWrite, Damage::Torn(self.random.below(1000))),
            _ => (Fault::ReorderedWrite, Damage::Reordered),
        };
        let strikes = self.machines[place].disk.is_behind() && self.strike(fault);
        let damage = if strikes { damage } else { Damage::Lost };
        let image = self.machines[place].lose_power(self.now_ms, damage);
        let base = self.machines[place].disk.base();
        let recovered = recover(&image, base, self.identities.secrets(), self.options.settings.ledger);
        check(
            recovered.into_iter().eq(self.machines[place].disk.txids()),
            "D5 what was written is found",
            || format!("node {place} after {damage:?}"),
        )
    }

    /// One that is about to write, if there is any.
    fn victim(&mut self) -> Option<usize> {
        let writes = |place: &usize| self.stays(*place) && self.machines[*place].disk.is_behind();
        let writing: Vec<_> = (0..self.machines.len()).filter(writes).collect();
        self.random.pick(&writing).copied().or_else(|| self.any())
    }

    /// Whether every configuration that a node knows, or may hear of from one that has just gone, keeps a quorum without
    /// this one.
    fn is_spare(&self, place: usize) -> bool {
        let remains = |other: usize| other != place && self.stays(other);
        let stays = |id: &NodeId| remains(self.place_of(id));
        let heard_ms = HEARD_TIMEOUTS * self.options.settings.consensus.election_timeout_ms;
        let is_heard = |machine: &&Machine| machine.gone_at_ms.is_none_or(|at| at + heard_ms > self.now_ms);
        let knowing = self.machines.iter().filter(is_heard);
        if self.motions > 0 || knowing.clone().any(Machine::is_changing) {
            return false;
        }
        let mut changes = self.changes.iter().filter(|(at_ms, _)| at_ms + heard_ms > self.now_ms);
        let mut configurations = knowing.flat_map(|machine| machine.state().consensus.configurations.clone());
        changes.all(|(_, nodes)| nodes.iter().filter(|other| remains(**other)).count() > nodes.len() / 2)
            && configurations.all(|(_, nodes)| nodes.iter().filter(|id| stays(id)).count() > nodes.len() / 2)
    }

    /// Whether a node is there, and not about to go.
    pub(super) fn stays(&self, place: usize) -> bool {
        let machine = &self.machines[place];
        machine.alive && !machine.is_stopping
    }

    fn on_any(&mut self, fault: Fault, change: impl Fn(&mut Machine, u64)) {
        let ms = self.random.between(100, 3 * self.options.settings.consensus.election_timeout_ms);
        if let Some(place) = self.any()
            && self.strike(fault)
        {
            change(&mut self.machines[place], self.now_ms + ms);
        }
    }

    fn any(&mut self) -> Option<usize> {
        let alive: Vec<_> = (0..self.machines.len()).filter(|place| self.stays(*place)).collect();
        self.random.pick(&alive).copied()
    }
}
