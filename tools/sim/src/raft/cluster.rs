//! Nodes, the network between them, and what happens next.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
};

use coco_raft::{Configuration, Entry, Input, Message, NodeId, PreVote, Raft, Role, Start};
use coco_wire::{Seqno, TxId};

use super::{
    Broken, Outcome, Violation,
    checks::{Checked, Checks, broken},
    faults::{Fault, FaultTable},
    node::{Node, Stored, id_of, length, place_of},
    options::Options,
};
use crate::{faults::Phase, random::Random, steps::Steps};

/// After faults end, everybody commits something new within so many election timeouts.
const MAX_RECOVERY_TIMEOUTS: u64 = 20;
/// A new node may have to be sent the whole log first.
const MAX_CATCH_UP_MS: u64 = 5000;
/// Election timeouts after which a delayed message comes at the latest.
const MAX_DELAY_TIMEOUTS: u64 = 4;
/// For so many election timeouts after that, nothing happens to the leader.
const STABLE_TIMEOUTS: u64 = 4;
/// Entries that wait for commit before a leader takes no more.
const MAX_UNCOMMITTED: u64 = 100;
/// Events that a violation shows.
const MAX_RECORDED: usize = 120;

pub(super) enum Event {
    Tick(usize),
    Deliver { from: NodeId, to: usize, message: Message, entries: Vec<Stored> },
    Written { place: usize, txid: TxId },
    Propose,
    Sign,
    Operate,
    Mark { place: usize, nodes: BTreeSet<NodeId> },
    Stop(usize),
}

pub(super) struct Cluster {
    seed: u64,
    pub(super) options: Options,
    pub(super) random: Random,
    pub(super) now_ms: u64,
    queue: BTreeMap<(u64, u64), Event>,
    queued: u64,
    pub(super) nodes: Vec<Node>,
    /// Links, as (sender, receiver), that carry nothing.
    pub(super) cut: BTreeSet<(usize, usize)>,
    /// A node that stays half connected when all other faults have ended.
    pub(super) half_connected: Option<usize>,
    pub(super) checks: Checks,
    faults: FaultTable,
    events: u64,
    pub(super) hasher: DefaultHasher,
    pub(super) record: Option<VecDeque<String>>,
    pub(super) steps: Option<Steps>,
    contents: u64,
}

impl Cluster {
    pub(super) fn new(seed: u64, record: bool, steps: Option<Steps>) -> Self {
        let mut random = Random::new(seed);
        let options = Options::draw(&mut random);
        let mut cluster = Self {
            seed,
            options,
            random,
            now_ms: 0,
            queue: BTreeMap::new(),
            queued: 0,
            nodes: Vec::new(),
            cut: BTreeSet::new(),
            half_connected: None,
            checks: Checks::default(),
            faults: FaultTable::default(),
            events: 0,
            hasher: DefaultHasher::new(),
            record: record.then(VecDeque::new),
            steps,
            contents: 0,
        };
        cluster.add(&Start::Service, Vec::new());
        for event in [Event::Propose, Event::Sign, Event::Operate] {
            cluster.after(1, event);
        }
        cluster
    }

    pub(super) fn run(mut self) -> Result<Outcome, Box<Violation>> {
        match self.all_phases() {
            Ok(recovery_ms) => Ok(Outcome {
                events: self.events,
                committed: self.checks.committed(),
                elections: self.checks.elections,
                reconfigurations: self.checks.reconfigurations,
                recovery_ms,
                hash: self.hasher.finish(),
                faults: self.faults,
            }),
            Err(broken) => Err(Box::new(Violation {
                seed: self.seed,
                at_ms: self.now_ms,
                broken,
                events: self.record.unwrap_or_default().into(),
            })),
        }
    }

    /// Runs on, whatever is broken, and tells what nodes did.
    pub(super) fn recorded(mut self) -> Steps {
        let _ = self.all_phases();
        self.steps.unwrap_or_default()
    }

    fn all_phases(&mut self) -> Result<u64, Broken> {
        self.begin()?;
        let faulty_ms = self.options.faulty_ms;
        while self.now_ms < faulty_ms {
            self.step()?;
        }
        self.heal();
        let healed_ms = self.now_ms;
        let target =
            Seqno(self.nodes.iter().map(|node| node.raft.log().last().seqno.0).max().unwrap_or(0) + 1);
        let bound_ms = MAX_RECOVERY_TIMEOUTS * self.options.settings.election_timeout_ms + MAX_CATCH_UP_MS;
        while !self.everybody_committed(target) {
            self.step()?;
            if self.now_ms > healed_ms + bound_ms {
                broken("L1 progress after faults", self.describe())?;
            }
        }
        let recovery_ms = self.now_ms - healed_ms;
        self.stay_stable(healed_ms)?;
        Ok(recovery_ms)
    }

    /// With all precautions on, nobody deposes a leader that is well (L3, L4).
    fn stay_stable(&mut self, healed_ms: u64) -> Checked {
        let careful = self.options.settings.pre_vote == PreVote::Silence;
        // What was said during the faults, and is late, has come by then.
        let settled_ms = healed_ms + MAX_DELAY_TIMEOUTS * self.options.settings.election_timeout_ms + 100;
        while careful && self.now_ms < settled_ms {
            self.step()?;
        }
        let Some(leader) = self.leader().filter(|place| careful && self.nodes[*place].is_staying()) else {
            return Ok(());
        };
        let elections = self.checks.elections;
        let until_ms = self.now_ms + STABLE_TIMEOUTS * self.options.settings.election_timeout_ms;
        while self.now_ms < until_ms {
            self.step()?;
            if self.checks.elections > elections || !self.nodes[leader].leads() {
                broken("L4 a leader that is well stays", self.describe())?;
            }
        }
        Ok(())
    }

    /// The first node creates the service and adds some others.
    fn begin(&mut self) -> Checked {
        self.input(0, Input::Tick { now_ms: 0 }, &[])?;
        self.propose(0, |entry| entry.configuration = Some(Configuration::from_iter([id_of(0)])))?;
        self.propose(0, |entry| entry.signature = true)?;
        let others = self.random.below(5);
        let places: Vec<usize> = (0..others).map(|_| self.add(&Start::Empty, Vec::new())).collect();
        let all: Configuration = [0].iter().chain(&places).map(|place| id_of(*place)).collect();
        self.propose(0, |entry| entry.configuration = Some(all))?;
        self.propose(0, |entry| entry.signature = true)
    }

    fn step(&mut self) -> Checked {
        let Some(((at_ms, _), event)) = self.queue.pop_first() else {
            return broken("something always happens", String::new());
        };
        self.now_ms = at_ms;
        match event {
            Event::Tick(place) => self.tick(place),
            Event::Deliver { from, to, message, entries } => {
                if self.nodes[to].alive && !self.cut.contains(&(place_of(&from), to)) {
                    let plain = entries.iter().map(|stored| stored.entry.clone()).collect();
                    return self.input(to, Input::Message { from, message, entries: plain }, &entries);
                }
                Ok(())
            }
            Event::Written { place, txid } => self.written(place, txid),
            Event::Propose => {
                self.after(self.options.proposal_ms, Event::Propose);
                self.for_all_leaders(|cluster, place| {
                    let log = cluster.nodes[place].raft.log();
                    let is_full = log.last().seqno.0 - log.committed().seqno.0 >= MAX_UNCOMMITTED;
                    if is_full { Ok(()) } else { cluster.propose(place, |_| ()) }
                })
            }
            Event::Sign => {
                self.after(self.options.signature_ms, Event::Sign);
                self.for_all_leaders(|cluster, place| {
                    let log = cluster.nodes[place].raft.log();
                    let unsigned = log.last() != log.last_signature();
                    if unsigned { cluster.propose(place, |entry| entry.signature = true) } else { Ok(()) }
                })
            }
            Event::Operate => self.operate(),
            Event::Mark { place, nodes } => {
                let leaving = self.nodes[place].raft.log().leaving();
                if self.nodes[place].leads() && nodes.is_subset(leaving) {
                    return self.propose(place, |entry| entry.retired = nodes.into_iter().collect());
                }
                Ok(())
            }
            Event::Stop(place) => {
                self.nodes[place].alive = false;
                Ok(())
            }
        }
    }

    fn tick(&mut self, place: usize) -> Checked {
        if !self.nodes[place].alive {
            return Ok(());
        }
        self.after(self.options.settings.message_timeout_ms / 2, Event::Tick(place));
        match self.nodes[place].clock.read(self.now_ms) {
            Some(now_ms) => self.input(place, Input::Tick { now_ms }, &[]),
            None => Ok(()),
        }
    }

    fn written(&mut self, place: usize, txid: TxId) -> Checked {
        let unreported = self.random.chance(self.options.unreported);
        let node = &mut self.nodes[place];
        node.is_writing = false;
        if !node.alive {
            return Ok(());
        }
        if node.raft.log().at(txid.seqno) == Some(txid) {
            node.written = node.written.max(txid.seqno);
        }
        if unreported {
            self.strike(Fault::Unreported);
        } else {
            self.input(place, Input::Persisted(txid), &[])?;
        }
        self.write(place);
        Ok(())
    }

    /// Lets a node take an input, and follows its effects.
    pub(super) fn input(&mut self, place: usize, input: Input, received: &[Stored]) -> Checked {
        self.events += 1;
        if let Some(record) = &mut self.record {
            record.push_back(format!("{:>6} node {place}: {input:?}", self.now_ms));
            record.drain(..record.len().saturating_sub(MAX_RECORDED));
        }
        let outcome = self.follow(place, input, received);
        self.write(place);
        outcome
    }

    pub(super) fn propose(&mut self, place: usize, change: impl FnOnce(&mut Entry)) -> Checked {
        self.contents += 1;
        let node = &mut self.nodes[place];
        let mut entry = Entry { txid: node.next(), ..Entry::default() };
        change(&mut entry);
        let stored = Stored { entry: entry.clone(), contents: self.contents };
        node.append(stored);
        self.checks.appended(place, &self.nodes[place])?;
        self.input(place, Input::Propose(vec![entry]), &[])
    }

    /// Puts a message on its way, with the entries that it says.
    pub(super) fn send(&mut self, from: usize, to: &NodeId, message: Message) {
        let to = place_of(to);
        let entries = match &message {
            Message::AppendEntries(header) => {
                self.nodes[from].ledger[length(header.previous.seqno)..length(header.last.seqno)].to_vec()
            }
            _ => Vec::new(),
        };
        if self.cut.contains(&(from, to)) {
            return;
        }
        if self.random.chance(self.options.lost) {
            return self.strike(Fault::Loss);
        }
        let copies = if self.random.chance(self.options.duplicated) {
            self.strike(Fault::Duplicate);
            2
        } else {
            1
        };
        for _ in 0..copies {
            let mut latency_ms = self.random.between(1, self.options.latency_ms);
            let is_vote = matches!(message, Message::RequestVoteResponse(_));
            let delayed = if is_vote { self.options.late_votes } else { self.options.delayed };
            if self.random.chance(delayed) {
                self.strike(Fault::Delay);
                latency_ms +=
                    self.random.below(MAX_DELAY_TIMEOUTS * self.options.settings.election_timeout_ms);
            }
            let event = Event::Deliver { from: id_of(from), to, message, entries: entries.clone() };
            self.after(latency_ms, event);
        }
    }

    pub(super) fn add(&mut self, start: &Start, ledger: Vec<Stored>) -> usize {
        let place = self.nodes.len();
        let raft = Raft::new(id_of(place), self.options.settings, start.clone(), self.random.draw());
        if let Some(steps) = &mut self.steps {
            steps.started(&raft, start);
        }
        let mut node = Node::new(raft, self.now_ms);
        let base = std::mem::take(&mut node.configurations);
        ledger.into_iter().for_each(|stored| node.append(stored));
        if node.configurations.is_empty() {
            node.configurations = base;
        }
        node.written = node.raft.log().last().seqno;
        self.nodes.push(node);
        self.after(1, Event::Tick(place));
        place
    }

    pub(super) fn after(&mut self, ms: u64, event: Event) {
        self.queued += 1;
        self.queue.insert((self.now_ms + ms.max(1), self.queued), event);
    }

    pub(super) fn strike(&mut self, fault: Fault) {
        let phase = self.phase();
        self.faults.count(fault, phase);
    }

    /// Who leads in the latest view.
    pub(super) fn leader(&self) -> Option<usize> {
        let leaders = (0..self.nodes.len()).filter(|place| self.nodes[*place].leads());
        leaders.max_by_key(|place| self.nodes[*place].raft.view())
    }

    fn phase(&self) -> Phase {
        let Some(log) = self.leader().map(|place| self.nodes[place].raft.log()) else {
            return Phase::Electing;
        };
        let stands = |id: &NodeId| {
            let node = &self.nodes[place_of(id)];
            node.alive && matches!(node.raft.role(), Role::PreCandidate { .. } | Role::Candidate { .. })
        };
        if log.configurations().any(|(_, nodes)| nodes.nodes().any(stands)) {
            Phase::Electing
        } else if log.configurations().len() > 1 || !log.leaving().is_empty() {
            Phase::Reconfiguring
        } else {
            Phase::Steady
        }
    }

    /// Starts to write what is not on disk, one write at a time.
    fn write(&mut self, place: usize) {
        let slow = self.nodes[place].slow_disk_until_ms > self.now_ms;
        let ms = self.random.between(1, self.options.write_ms) + if slow { 700 } else { 0 };
        let node = &mut self.nodes[place];
        let log = node.raft.log();
        if !node.is_writing && log.persisted() < log.last().seqno {
            node.is_writing = true;
            let txid = log.last();
            self.after(ms, Event::Written { place, txid });
        }
    }

    fn for_all_leaders(&mut self, act: impl Fn(&mut Self, usize) -> Checked) -> Checked {
        let leaders: Vec<_> = (0..self.nodes.len()).filter(|place| self.nodes[*place].leads()).collect();
        leaders.into_iter().try_for_each(|place| act(self, place))
    }

    fn everybody_committed(&self, target: Seqno) -> bool {
        let Some(leader) = self.leader() else { return false };
        let log = self.nodes[leader].raft.log();
        let Some((_, nodes)) = log.configurations().next_back() else { return false };
        let behind = |place: usize| {
            let node = &self.nodes[place];
            node.alive && self.half_connected != Some(place) && node.raft.log().committed().seqno < target
        };
        log.committed().seqno >= target && !nodes.nodes().map(place_of).any(behind)
    }

    fn describe(&self) -> String {
        let nodes = self.nodes.iter().enumerate();
        nodes.map(|(place, node)| format!("\n  node {place} {}", node.describe())).collect()
    }

    pub(super) fn hash(&mut self, of: impl Hash) {
        (self.now_ms, of).hash(&mut self.hasher);
    }
}
