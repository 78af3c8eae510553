//! The world of one seed: what happens, and when.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use coco_boundary::{Event as News, Log};
use coco_crypto::{Ecdsa, Scheme};
use coco_kv::Reader as _;
use coco_node::{Core, Output, peers::Peers, view::Part};
use coco_raft::NodeId;
use coco_wire::TableName;

use super::{
    Conditions, Outcome,
    app::ITEMS,
    checks::{Checked, Checks, broken, check},
    clients::{Asked, Client},
    event::Event,
    faults::{Fault, FaultTable},
    identities::Identities,
    machine::{Clock, Machine},
    options::Options,
    record::Recorder,
    signatures::Cheap,
};
use crate::{
    faults::Phase,
    raft::{Broken, Violation},
    random::Random,
};

/// How long a healed cluster may take to commit everywhere, in longest election timeouts, beside a second.
const RECOVERY_TIMEOUTS: u64 = 30;
/// Of so many seeds, one has real cryptography: channels, and signatures over the ledger.
const WITH_CRYPTOGRAPHY: u64 = 1000;
/// Of so many seeds, in one messages go through the channels.
const WITH_CHANNELS: u64 = 100;
/// Of so many seeds, in one members vote.
const WITH_VOTES: u64 = 100;
/// Nodes at first, at most.
const MAX_FIRST: u64 = 5;

pub(super) struct World<'a> {
    seed: u64,
    pub(super) identities: &'a Identities,
    pub(super) conditions: Conditions,
    /// Whether messages go through the channels between nodes.
    pub(super) has_channels: bool,
    /// Whether members vote on changes of the configuration.
    pub(super) votes: bool,
    /// Motions that are not decided yet.
    pub(super) motions: u64,
    /// How the ledger is signed.
    pub(super) scheme: &'static dyn Scheme,
    pub(super) options: Options,
    pub(super) random: Random,
    pub(super) now_ms: u64,
    /// Boxed, since events are large and move within the tree.
    queue: BTreeMap<(u64, u64), Box<Event>>,
    queued: u64,
    pub(super) machines: Vec<Machine>,
    pub(super) clients: Vec<Client>,
    /// All that clients asked for, by its number.
    pub(super) asked: Vec<Asked>,
    /// Transactions that conflicted and were executed again.
    pub(super) conflicts: u64,
    /// Answers to reads that missed nothing.
    pub(super) reads: u64,
    /// Answers to requests that were forwarded.
    pub(super) forwarded: u64,
    /// Snapshots that were committed, on all hosts together.
    pub(super) snapshots: u64,
    /// What changes made of the configuration, and when they were placed.
    pub(super) changes: Vec<(u64, Vec<usize>)>,
    /// From whom to whom nothing comes.
    pub(super) cut: BTreeSet<(usize, usize)>,
    pub(super) checks: Checks,
    faults: FaultTable,
    /// Steps so far: the time that histories go by.
    pub(super) events: u64,
    hasher: DefaultHasher,
    record: Option<Arc<Recorder>>,
}

impl<'a> World<'a> {
    pub(super) fn new(seed: u64, identities: &'a Identities, conditions: Conditions, record: bool) -> Self {
        let mut random = Random::new(seed);
        let options = Options::draw(&mut random);
        let is_real = conditions.real || seed % WITH_CRYPTOGRAPHY == WITH_CRYPTOGRAPHY - 1;
        let clients = (0..options.clients).map(|_| Client::default()).collect();
        Self {
            seed,
            identities,
            conditions,
            has_channels: conditions.channels || is_real || seed % WITH_CHANNELS == WITH_CHANNELS / 2,
            votes: conditions.votes || seed % WITH_VOTES == WITH_VOTES - 1,
            motions: 0,
            scheme: if is_real { &Ecdsa } else { &Cheap },
            options,
            random,
            now_ms: 0,
            queue: BTreeMap::new(),
            queued: 0,
            machines: Vec::new(),
            clients,
            asked: Vec::new(),
            conflicts: 0,
            reads: 0,
            forwarded: 0,
            snapshots: 0,
            changes: Vec::new(),
            cut: BTreeSet::new(),
            checks: Checks::new(),
            faults: FaultTable::default(),
            events: 0,
            hasher: DefaultHasher::new(),
            record: record.then(Arc::default),
        }
    }

    pub(super) fn run(mut self) -> Result<Outcome, Box<Violation>> {
        match self.play() {
            Ok(recovery_ms) => Ok(Outcome {
                events: self.events,
                committed: self.checks.history.writes,
                elections: self.checks.elections,
                reconfigurations: self.checks.reconfigurations,
                conflicts: self.conflicts,
                reads: self.reads,
                forwarded: self.forwarded,
                snapshots: self.snapshots,
                recovery_ms,
                hash: self.hasher.finish(),
                faults: self.faults,
            }),
            Err(broken) => {
                let events = self.record.map(|record| record.take()).unwrap_or_default();
                Err(Box::new(Violation { seed: self.seed, at_ms: self.now_ms, broken, events }))
            }
        }
    }

    fn play(&mut self) -> Result<u64, Broken> {
        self.found()?;
        while self.now_ms < self.options.faulty_ms {
            self.step()?;
        }
        self.heal();
        let healed_ms = self.now_ms;
        self.checks.history.watch(self.events);
        let timeout_ms = self.options.settings.consensus.election_timeout_ms * 3 / 2;
        let bound_ms = healed_ms + 1000 + RECOVERY_TIMEOUTS * timeout_ms;
        while !self.everybody_committed() {
            check(self.now_ms < bound_ms, "L2 progress when faults end", || self.describe())?;
            self.step()?;
        }
        let recovery_ms = self.now_ms - healed_ms;
        while !self.everybody_left() {
            check(self.now_ms < bound_ms, "S11 retirements are finished", || self.describe())?;
            self.step()?;
        }
        self.check_states()?;
        Ok(recovery_ms)
    }

    /// The first node creates the service, and others come.
    fn found(&mut self) -> Checked {
        let (clock, log, seed) = (self.clock(), self.log(), self.random.draw());
        let first = Machine::first(self.identities, self.options.settings, self.votes, clock, seed, log);
        let first = first.with_channels(0, self.has_channels).making_snapshots(self.options.snapshots);
        self.machines.push(first);
        self.after(1, Event::Tick(0));
        self.input(0, "begins", Core::begin)?;
        self.after(10, Event::Open);
        let others = self.random.below(MAX_FIRST);
        self.after(50, Event::Grow(others));
        for client in 0..self.clients.len() {
            let begins_ms = self.random.between(10, self.options.think_ms);
            self.after(begins_ms, Event::Call(client));
        }
        self.after(600, Event::Operate);
        Ok(())
    }

    fn step(&mut self) -> Checked {
        let Some(((at_ms, _), event)) = self.queue.pop_first() else {
            return broken("something always happens", String::new());
        };
        self.now_ms = at_ms;
        if let Some(place) = event.node() {
            let machine = &self.machines[place];
            if !machine.alive {
                // Members do not wait for ever, and clients look for themselves.
                if let Event::Decide(step) = *event {
                    self.undecided(*step);
                }
                return Ok(());
            }
            if machine.paused_until_ms > at_ms {
                let ms = machine.paused_until_ms - at_ms;
                self.after(ms, *event);
                return Ok(());
            }
        }
        self.happen(*event)
    }

    fn happen(&mut self, event: Event) -> Checked {
        match event {
            Event::Tick(place) => {
                self.after(self.options.settings.consensus.message_timeout_ms / 2, Event::Tick(place));
                self.tick(place)
            }
            Event::Wake(place) => {
                self.machines[place].wish = None;
                self.tick(place)
            }
            Event::Deliver { from, to, parcel } => {
                if self.cut.contains(&(from, to)) {
                    Ok(())
                } else {
                    self.deliver(from, to, parcel)
                }
            }
            Event::Handshake(place, job) => self.with_peers(place, |peers, out| peers.done(job.run(), out)),
            Event::Job(place, job) => {
                let done = job.run_with(self.scheme);
                self.input(place, "did a job", |core, out| core.done(done, out))
            }
            Event::Answer(place, news) => self.input(place, "is told", |core, out| core.handle(news, out)),
            Event::Written(place, txid) => self.written(place, txid),
            Event::Joined(place) => self.joined(place),
            Event::Call(client) => self.call(client),
            Event::Place(request) => self.place(*request),
            Event::Ask(inquiry) => self.ask(inquiry),
            Event::Look(number) => {
                self.look(number);
                Ok(())
            }
            Event::Open => self.open(),
            Event::Grow(left) => self.grow(left),
            Event::Operate => self.operate(),
            Event::Vote(motion) => self.vote(*motion),
            Event::Decide(step) => self.decide(*step),
            Event::Clear(place) => self.clear(place),
        }
    }

    fn tick(&mut self, place: usize) -> Checked {
        let (now, wall) = self.machines[place].clock.read(self.now_ms);
        self.with_peers(place, Peers::tick)?;
        self.input(place, "ticks", |core, out| core.handle(News::Tick { now, wall }, out))?;
        self.expire_forwards(place)?;
        self.tick_reads(place)
    }

    /// Lets a core take an input, and follows what it asks for.
    pub(super) fn input(
        &mut self,
        place: usize,
        what: &'static str,
        run: impl FnOnce(&mut Core, &mut Output),
    ) -> Checked {
        self.events += 1;
        self.note(|| format!("node {place} {what}"));
        self.hash((place, what));
        let mut out = Output::default();
        run(&mut self.machines[place].core, &mut out);
        self.follow(place, out)
    }

    pub(super) fn after(&mut self, ms: u64, event: Event) {
        self.queued += 1;
        self.queue.insert((self.now_ms + ms.max(1), self.queued), Box::new(event));
    }

    /// Counts a fault; whether it may strike.
    pub(super) fn strike(&mut self, fault: Fault) -> bool {
        if self.conditions.without.contain(fault) {
            return false;
        }
        let phase = self.phase();
        self.faults.count(fault, phase);
        self.note(|| format!("{fault:?} strikes"));
        true
    }

    /// Who leads in the latest view.
    pub(super) fn leader(&self) -> Option<usize> {
        let leaders = (0..self.machines.len()).filter(|place| self.machines[*place].leads());
        leaders.max_by_key(|place| self.machines[*place].state().chain.latest.view)
    }

    fn phase(&self) -> Phase {
        let Some(leader) = self.leader() else { return Phase::Electing };
        let consensus = &self.machines[leader].state().consensus;
        let stands = |id: &NodeId| {
            let machine = &self.machines[self.place_of(id)];
            let part = machine.state().consensus.role;
            machine.alive && matches!(part, Part::PreVoteCandidate | Part::Candidate)
        };
        if consensus.configurations.iter().any(|(_, nodes)| nodes.iter().any(stands)) {
            Phase::Electing
        } else if consensus.configurations.len() > 1 {
            Phase::Reconfiguring
        } else {
            Phase::Steady
        }
    }

    pub(super) fn place_of(&self, id: &NodeId) -> usize {
        let place = self.machines.iter().position(|machine| machine.id() == *id);
        place.expect("nodes are named by those that were started")
    }

    /// Nodes of the last configuration that the latest leader has in force.
    pub(super) fn members(&self) -> Vec<usize> {
        let Some(leader) = self.leader() else { return Vec::new() };
        let consensus = &self.machines[leader].state().consensus;
        let last = consensus.configurations.last().map(|(_, nodes)| nodes.iter());
        last.into_iter().flatten().map(|id| self.place_of(id)).collect()
    }

    fn everybody_committed(&self) -> bool {
        let Some(fresh) = self.checks.history.fresh() else { return false };
        let behind = |place: &usize| {
            let machine = &self.machines[*place];
            machine.alive && machine.state().chain.committed.seqno < fresh.seqno
        };
        let members = self.members();
        !members.is_empty() && !members.iter().any(behind)
    }

    /// D6: what a node has in its store is what the committed transactions made.
    fn check_states(&mut self) -> Checked {
        let items = TableName::new(ITEMS);
        for place in self.members() {
            let machine = &mut self.machines[place];
            if !machine.alive {
                continue;
            }
            machine.core.refresh_committed();
            let committed = machine.state().committed.clone();
            for (name, expected) in self.checks.history.state(committed.version()) {
                let found = committed.get(&items, name.as_bytes());
                let found = found.as_deref().unwrap_or_default();
                check(found == expected.as_bytes(), "D6 state is what was committed", || {
                    format!("{name} of node {place} is {found:?}, not {expected}")
                })?;
            }
        }
        Ok(())
    }

    fn describe(&self) -> String {
        let nodes = self.machines.iter().enumerate();
        let lines = nodes
            .map(|(place, machine)| format!("\n  node {place} {}", machine.describe(|id| self.place_of(id))));
        lines.collect()
    }

    pub(super) fn clock(&mut self) -> Clock {
        let (shown_ms, skew_ms) = (self.random.between(1000, 100_000), self.random.below(3_600_000));
        Clock::new(self.now_ms, shown_ms, skew_ms)
    }

    /// The log of the next node.
    pub(super) fn log(&self) -> Log {
        match &self.record {
            Some(record) => Recorder::log(record, self.machines.len()),
            None => Log::discard(),
        }
    }

    pub(super) fn note(&self, line: impl FnOnce() -> String) {
        if let Some(record) = &self.record {
            record.keep(format!("{:>6} {}", self.now_ms, line()));
        }
    }

    /// What depends on signatures, which are random, is no part of it.
    pub(super) fn hash(&mut self, of: impl Hash) {
        (self.now_ms, of).hash(&mut self.hasher);
    }
}
