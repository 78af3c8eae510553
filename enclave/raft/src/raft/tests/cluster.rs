//! Small clusters under loss, reordering, duplicates, slow disks and new configurations.

use std::collections::BTreeMap;

use coco_wire::{Seqno, TxId};
use proptest::{prelude::*, test_runner::TestRng};

use super::{member, node};
use crate::{Effect, Entry, Input, Message, NodeId, Raft, ReadId, Role};

struct Member {
    raft: Raft,
    log: Vec<Entry>,
    written: usize,
    committed: Vec<Entry>,
}

struct Cluster {
    members: BTreeMap<NodeId, Member>,
    wire: Vec<(NodeId, NodeId, Message, Vec<Entry>)>,
    leaders: BTreeMap<u64, NodeId>,
    /// Who reads, and how much was committed anywhere when it was asked to.
    reads: BTreeMap<ReadId, (NodeId, usize)>,
    done: usize,
    /// Neither hears nor is heard.
    cut_off: Option<NodeId>,
    now_ms: u64,
    rng: TestRng,
}

impl Cluster {
    fn new(size: u8, rng: TestRng) -> Self {
        let names: Vec<u8> = (1..=size).collect();
        let member = |name: &u8| {
            let raft = member(*name, &names);
            (node(*name), Member { raft, log: Vec::new(), written: 0, committed: Vec::new() })
        };
        let members = names.iter().map(member).collect();
        let (leaders, reads) = (BTreeMap::new(), BTreeMap::new());
        Self { members, wire: Vec::new(), leaders, reads, done: 0, cut_off: None, now_ms: 0, rng }
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.rng.next_u64() % bound as u64).unwrap()
    }

    fn handle(&mut self, at: NodeId, input: Input) {
        let received = if let Input::Message { entries, .. } = &input { entries.clone() } else { Vec::new() };
        if let Input::Propose(entries) = &input {
            self.members.get_mut(&at).unwrap().log.extend(entries.clone());
        }
        let member = self.members.get_mut(&at).unwrap();
        let mut effects = Vec::new();
        member.raft.handle(input, &mut effects);
        let mut leads = false;
        for effect in effects {
            let member = self.members.get_mut(&at).unwrap();
            match effect {
                Effect::Rollback { to } => {
                    let to = usize::try_from(to.0).unwrap();
                    assert!(to >= member.committed.len(), "S5: rolled back what is committed");
                    assert!(to == 0 || member.log[to - 1].signature, "S6: rolled back to no signature");
                    member.log.truncate(to);
                    member.written = member.written.min(to);
                }
                Effect::Append { first } => {
                    assert_eq!(first.0, member.log.len() as u64 + 1);
                    member.log.extend(received.iter().filter(|entry| entry.txid.seqno >= first).cloned());
                }
                Effect::Commit(seqno) => {
                    let to = usize::try_from(seqno.0).unwrap();
                    assert!(to > member.committed.len() && member.log[to - 1].signature, "S6");
                    member.committed = member.log[..to].to_vec();
                }
                Effect::Readable(read) => {
                    let (by, committed) = self.reads[&read];
                    assert_eq!(by, at);
                    assert!(
                        member.committed.len() >= committed,
                        "{read:?} misses what was committed before it"
                    );
                    self.done += 1;
                }
                Effect::BecameLeader { view } => {
                    assert!(self.leaders.insert(view.0, at).is_none(), "S1: two leaders in view {view}");
                    leads = true;
                }
                Effect::Send { to, message } => {
                    let entries = if let Message::AppendEntries(header) = &message {
                        let within = |entry: &&Entry| {
                            entry.txid.seqno > header.previous.seqno && entry.txid.seqno <= header.last.seqno
                        };
                        member.log.iter().filter(within).cloned().collect()
                    } else {
                        Vec::new()
                    };
                    self.wire.push((at, to, message, entries));
                }
                _ => {}
            }
        }
        if leads {
            self.propose(at, true);
        }
        self.check(at);
    }

    fn propose(&mut self, at: NodeId, signature: bool) {
        let raft = &self.members[&at].raft;
        let txid = TxId { view: raft.view(), seqno: raft.log().last().seqno.next() };
        self.handle(at, Input::Propose(vec![Entry { txid, signature, ..Entry::default() }]));
    }

    fn check(&self, at: NodeId) {
        let member = &self.members[&at];
        assert_eq!(member.raft.log().last().seqno, Seqno(member.log.len() as u64));
        assert_eq!(member.raft.log().last(), member.log.last().map_or(TxId::default(), |entry| entry.txid));
        for other in self.members.values() {
            let common = other.committed.len().min(member.committed.len());
            assert_eq!(other.committed[..common], member.committed[..common], "S4");
        }
    }

    fn names(&self) -> Vec<NodeId> {
        self.members.keys().copied().collect()
    }

    fn read(&mut self, at: NodeId) {
        let read = ReadId(self.reads.len() as u64);
        let committed = self.members.values().map(|member| member.committed.len()).max().unwrap();
        self.reads.insert(read, (at, committed));
        self.handle(at, Input::Read(read));
    }

    fn write(&mut self, at: NodeId) {
        let member = self.members.get_mut(&at).unwrap();
        member.written = member.log.len();
        if let Some(entry) = member.log.last() {
            let txid = entry.txid;
            self.handle(at, Input::Persisted(txid));
        }
    }

    fn step(&mut self, healthy: bool) {
        let names = self.names();
        let any = names[self.below(names.len())];
        if healthy || self.below(100) == 0 {
            self.cut_off = if healthy || self.below(3) == 0 { None } else { Some(any) };
        }
        match self.below(9) {
            0 => {
                self.now_ms += 20;
                let now_ms = self.now_ms + if healthy { 0 } else { self.below(600) as u64 };
                self.handle(any, Input::Tick { now_ms });
            }
            1 if matches!(self.members[&any].raft.role(), Role::Leader { .. }) => {
                let signature = self.below(3) == 0;
                self.propose(any, signature);
            }
            2 => self.write(any),
            3 => self.read(any),
            _ if !self.wire.is_empty() => {
                let at = if healthy { 0 } else { self.below(self.wire.len()) };
                let (from, to, message, entries) = self.wire.remove(at);
                if self.cut_off.is_some_and(|node| node == from || node == to) {
                    return;
                }
                match if healthy { 9 } else { self.below(10) } {
                    0 | 1 => return,
                    2 => self.wire.push((from, to, message, entries.clone())),
                    _ => {}
                }
                self.handle(to, Input::Message { from, message, entries });
            }
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn agrees_under_faults_and_goes_on_after_them(size in 1..=5u8, rng in any::<u64>().prop_perturb(|_, rng| rng)) {
        let mut cluster = Cluster::new(size, rng);
        (0..1500).for_each(|_| cluster.step(false));
        let before = cluster.members.values().map(|member| member.committed.len()).max().unwrap();
        let read_before = cluster.done;
        (0..6000).for_each(|_| cluster.step(true));
        prop_assert!(cluster.done > read_before, "nothing was read after the faults ended");
        let after = cluster.members.values().map(|member| member.committed.len()).min().unwrap();
        prop_assert!(after > before, "no progress: {before} committed before the faults ended, {after} after");
    }
}
