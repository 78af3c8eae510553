//! What an operator, or bad luck, does to whole nodes and links.

use coco_raft::{Configuration, Input, NodeId, PreVote, Start};

use super::{
    checks::Checked,
    cluster::{Cluster, Event},
    faults::Fault,
    node::{Node, id_of, place_of},
};

/// Most nodes in a configuration.
const MAX_MEMBERS: usize = 7;
/// Most nodes in one run, gone ones included.
const MAX_NODES: usize = 16;
/// Configurations in force before an operator waits.
const MAX_CONFIGURATIONS: usize = 3;

impl Cluster {
    pub(super) fn operate(&mut self) -> Checked {
        if self.now_ms >= self.options.faulty_ms {
            return Ok(());
        }
        let next_ms = self.random.between(50, self.options.operation_ms);
        self.after(next_ms, Event::Operate);
        match self.random.below(16) {
            0 => self.partition(),
            1 => self.one_way(),
            2 => self.isolate(),
            3..6 => self.cut.clear(),
            6 | 7 => self.crash(),
            8 | 9 => return self.join(),
            10 => return self.remove(),
            11 => return self.replace(),
            12 => self.on_any(Fault::SlowDisk, |node, until_ms| node.slow_disk_until_ms = until_ms),
            13 => self.on_any(Fault::Stall, |node, until_ms| node.clock.stalled_until_ms = until_ms),
            14 => self.on_any(Fault::FastClock, |node, until_ms| node.clock.fast_until_ms = until_ms),
            _ => return self.hand_over(),
        }
        Ok(())
    }

    /// All faults end, but that sometimes one node, which nobody needs, hears nobody or is heard by nobody: with all
    /// precautions on, it does not stop the others (L3).
    pub(super) fn heal(&mut self) {
        self.options = self.options.healed();
        self.cut.clear();
        let careful = self.options.settings.pre_vote == PreVote::Silence;
        if let Some(place) = self.any().filter(|place| careful && self.is_spare(*place)) {
            let deaf = match self.random.below(4) {
                0 => Some(true),
                1 => Some(false),
                _ => None,
            };
            let others = (0..self.nodes.len()).filter(|other| *other != place);
            if let Some(deaf) = deaf {
                self.half_connected = Some(place);
                self.cut.extend(others.map(|other| if deaf { (other, place) } else { (place, other) }));
                self.strike(Fault::OneWay);
            }
        }
        for node in &mut self.nodes {
            node.slow_disk_until_ms = 0;
            node.clock.stalled_until_ms = 0;
            node.clock.fast_until_ms = 0;
        }
    }

    fn partition(&mut self) {
        self.strike(Fault::Partition);
        let sides: Vec<bool> = self.nodes.iter().map(|_| self.random.chance(500)).collect();
        for from in 0..sides.len() {
            self.cut.extend((0..sides.len()).filter(|to| sides[from] != sides[*to]).map(|to| (from, to)));
        }
    }

    fn one_way(&mut self) {
        if let (Some(from), Some(to)) = (self.any(), self.any()) {
            self.strike(Fault::OneWay);
            self.cut.insert((from, to));
        }
    }

    fn isolate(&mut self) {
        if let Some(alone) = self.any() {
            self.strike(Fault::Isolation);
            self.cut.extend((0..self.nodes.len()).flat_map(|other| [(alone, other), (other, alone)]));
        }
    }

    /// A node goes for good.
    fn crash(&mut self) {
        if let Some(place) = self.any().filter(|place| self.is_spare(*place)) {
            self.strike(Fault::Crash);
            self.nodes[place].alive = false;
        }
    }

    /// Whether every configuration that a member or a leader knows keeps a quorum without this node. A leader that has
    /// left may be the only one that knows what comes.
    fn is_spare(&self, place: usize) -> bool {
        let stays = |id: &NodeId| place_of(id) != place && self.nodes[place_of(id)].alive;
        let members = self.members();
        let counts = |place: usize, node: &Node| node.leads() || members.contains(&id_of(place));
        let knows = |(place, node): &(usize, &Node)| node.alive && counts(*place, node);
        let configurations = self
            .nodes
            .iter()
            .enumerate()
            .filter(knows)
            .flat_map(|(_, node)| node.raft.log().configurations());
        configurations.into_iter().all(|(_, nodes)| nodes.has_quorum(stays))
    }

    fn join(&mut self) -> Checked {
        let Some((leader, members)) = self.settled_leader() else { return Ok(()) };
        if members.nodes().len() >= MAX_MEMBERS || self.nodes.len() >= MAX_NODES {
            return Ok(());
        }
        self.strike(Fault::Join);
        let (start, ledger) = match self.any() {
            Some(source) if self.random.chance(500) => {
                let (base, ledger) = self.nodes[source].snapshot();
                (Start::Snapshot(base), ledger)
            }
            _ => (Start::Empty, Vec::new()),
        };
        // A node with nothing committed has no snapshot.
        let start = if ledger.is_empty() { Start::Empty } else { start };
        let place = self.add(&start, ledger);
        let more: Configuration = members.nodes().copied().chain([id_of(place)]).collect();
        self.propose(leader, |entry| entry.configuration = Some(more))
    }

    fn remove(&mut self) -> Checked {
        let Some((leader, members)) = self.settled_leader() else { return Ok(()) };
        let all: Vec<NodeId> = members.nodes().copied().collect();
        // Nodes that crashed are removed first.
        let gone = all.iter().find(|id| !self.nodes[place_of(id)].alive).copied();
        let Some(removed) = gone.or_else(|| self.random.pick(&all).copied()) else { return Ok(()) };
        let rest: Configuration = all.iter().filter(|id| **id != removed).copied().collect();
        let alive = |id: &NodeId| self.nodes[place_of(id)].alive;
        if all.len() < 2 || !rest.has_quorum(alive) {
            return Ok(());
        }
        self.strike(Fault::Removal);
        self.propose(leader, |entry| entry.configuration = Some(rest))
    }

    /// Some nodes, or all, are replaced at once.
    fn replace(&mut self) -> Checked {
        let Some((leader, members)) = self.settled_leader() else { return Ok(()) };
        let mut all: Vec<NodeId> = members.nodes().copied().collect();
        self.random.shuffle(&mut all);
        let count = usize::try_from(self.random.between(1, all.len() as u64)).expect("small");
        let rest = all.split_off(count);
        let alive = rest.iter().filter(|id| self.nodes[place_of(id)].alive).count() + count;
        if self.nodes.len() + count > MAX_NODES || alive <= members.nodes().len() / 2 {
            return Ok(());
        }
        self.strike(Fault::Replacement);
        let new: Vec<_> = (0..count).map(|_| self.add(&Start::Empty, Vec::new())).collect();
        let nodes = rest.into_iter().chain(new.into_iter().map(id_of)).collect();
        self.propose(leader, |entry| entry.configuration = Some(nodes))
    }

    fn hand_over(&mut self) -> Checked {
        let Some(leader) = self.leader() else { return Ok(()) };
        self.strike(Fault::HandOver);
        self.input(leader, Input::HandOver, &[])
    }

    fn on_any(&mut self, fault: Fault, change: impl Fn(&mut Node, u64)) {
        if let Some(place) = self.any() {
            self.strike(fault);
            let until_ms =
                self.now_ms + self.random.between(100, 3 * self.options.settings.election_timeout_ms);
            change(&mut self.nodes[place], until_ms);
        }
    }

    /// Any leader, with its last configuration, unless too many are in force already.
    fn settled_leader(&mut self) -> Option<(usize, Configuration)> {
        let leaders: Vec<_> = (0..self.nodes.len()).filter(|place| self.nodes[*place].leads()).collect();
        let leader = *self.random.pick(&leaders)?;
        let log = self.nodes[leader].raft.log();
        let (_, nodes) = log.configurations().next_back()?;
        (log.configurations().len() < MAX_CONFIGURATIONS).then(|| (leader, nodes.clone()))
    }

    /// All nodes of the configurations that the latest leader, or else anybody, has in force.
    fn members(&self) -> Vec<NodeId> {
        let knows: Vec<usize> = match self.leader() {
            Some(leader) => vec![leader],
            None => (0..self.nodes.len()).filter(|place| self.nodes[*place].alive).collect(),
        };
        let configurations = knows.iter().flat_map(|place| self.nodes[*place].raft.log().configurations());
        configurations.flat_map(|(_, nodes)| nodes.nodes().copied()).collect()
    }

    fn any(&mut self) -> Option<usize> {
        let alive: Vec<_> = (0..self.nodes.len()).filter(|place| self.nodes[*place].alive).collect();
        self.random.pick(&alive).copied()
    }
}
