//! Channels over a network that does its worst.

use proptest::{collection::vec, prelude::*};

use super::*;

/// What the network, the processor or the clock does next. Numbers choose among what is there.
#[derive(Clone, Copy, Debug)]
enum Turn {
    Send {
        from: usize,
        to: usize,
    },
    Deliver(usize),
    DeliverFirst,
    Lose(usize),
    Repeat(usize),
    /// Anything ever recorded.
    Replay(usize),
    Misroute(usize, usize),
    Rename(usize, usize),
    Flip(usize, usize),
    Cut(usize, usize),
    Reflect(usize),
    RunJob(usize),
    Tick(u64),
    Forget {
        node: usize,
    },
}

fn turns() -> impl Strategy<Value = Turn> {
    let pick = any::<u16>().prop_map(usize::from);
    prop_oneof![
        8 => (pick.clone(), pick.clone()).prop_map(|(from, to)| Turn::Send { from, to }),
        12 => Just(Turn::DeliverFirst),
        4 => pick.clone().prop_map(Turn::Deliver),
        2 => pick.clone().prop_map(Turn::Lose),
        2 => pick.clone().prop_map(Turn::Repeat),
        3 => pick.clone().prop_map(Turn::Replay),
        1 => (pick.clone(), pick.clone()).prop_map(|(at, to)| Turn::Misroute(at, to)),
        1 => (pick.clone(), pick.clone()).prop_map(|(at, to)| Turn::Rename(at, to)),
        1 => (pick.clone(), pick.clone()).prop_map(|(at, bit)| Turn::Flip(at, bit)),
        1 => (pick.clone(), pick.clone()).prop_map(|(at, len)| Turn::Cut(at, len)),
        1 => pick.clone().prop_map(Turn::Reflect),
        12 => pick.clone().prop_map(Turn::RunJob),
        6 => (1_u64..400).prop_map(Turn::Tick),
        1 => pick.prop_map(|node| Turn::Forget { node }),
    ]
}

/// A message that names its place among those from one node to another.
fn message(from: NodeId, to: NodeId, number: u64) -> Vec<u8> {
    [&from.0[..], &to.0, &number.to_le_bytes(), &vec![5; (number % 50) as usize]].concat()
}

struct Trial {
    world: World,
    sent: BTreeMap<(NodeId, NodeId), u64>,
}

impl Trial {
    fn new() -> Self {
        let nodes = Service::new(1).nodes(3);
        let limits = Limits { rekey_frames: 12, answer_ms: 50, linger_ms: 1500, ..Limits::default() };
        Self { world: World::new(&nodes, limits), sent: BTreeMap::new() }
    }

    fn id(&self, index: usize) -> NodeId {
        self.world.ids[index % self.world.ids.len()]
    }

    fn send(&mut self, from: NodeId, to: NodeId) {
        let number = self.sent.entry((from, to)).or_default();
        let message = message(from, to, *number);
        *number += 1;
        self.world.send(from, to, &message);
    }

    /// A frame under way, with whom it is for.
    fn pick(&self, at: usize) -> Option<(usize, NodeId, Vec<u8>)> {
        let at = at % self.world.wire.len().max(1);
        self.world.wire.get(at).map(|(to, frame)| (at, *to, frame.clone()))
    }

    fn take(&mut self, turn: Turn) {
        match turn {
            Turn::Send { from, to } => {
                let (from, to) = (self.id(from), self.id(to));
                if from != to {
                    self.send(from, to);
                }
            }
            Turn::DeliverFirst => self.deliver(0),
            Turn::Deliver(at) => self.deliver(at),
            Turn::RunJob(at) => {
                if !self.world.jobs.is_empty() {
                    self.world.run_job(at % self.world.jobs.len());
                }
            }
            Turn::Tick(ms) => self.world.tick(ms),
            Turn::Forget { node } => {
                let node = self.id(node);
                self.world.act(node, |channels, _, _| channels.retain(|_| Known::No));
            }
            turn => self.meddle(turn),
        }
    }

    fn deliver(&mut self, at: usize) {
        if let Some((at, to, frame)) = self.pick(at) {
            self.world.wire.remove(at);
            let _ = self.world.deliver(to, frame);
        }
    }

    fn meddle(&mut self, turn: Turn) {
        let (Turn::Lose(at)
        | Turn::Repeat(at)
        | Turn::Replay(at)
        | Turn::Misroute(at, _)
        | Turn::Rename(at, _)
        | Turn::Flip(at, _)
        | Turn::Cut(at, _)
        | Turn::Reflect(at)) = turn
        else {
            return;
        };
        if let Turn::Replay(_) = turn {
            let record = &self.world.record;
            if let Some((to, frame)) = record.get(at % record.len().max(1)).cloned() {
                let _ = self.world.deliver(to, frame);
            }
            return;
        }
        let Some((at, to, mut frame)) = self.pick(at) else { return };
        let sender = coco_wire::peer::Frame::decode(&frame).unwrap().sender;
        let to = match turn {
            Turn::Lose(_) => {
                self.world.wire.remove(at);
                return;
            }
            Turn::Misroute(_, to) => self.id(to),
            Turn::Rename(_, sender) => {
                frame = with_sender(&frame, self.id(sender));
                to
            }
            Turn::Flip(_, bit) => {
                let bit = bit % (frame.len() * 8);
                frame[bit / 8] ^= 1 << (bit % 8);
                to
            }
            Turn::Cut(_, len) => {
                frame.truncate(len % frame.len());
                to
            }
            Turn::Reflect(_) => {
                frame = with_sender(&frame, to);
                sender
            }
            _ => to,
        };
        let _ = self.world.deliver(to, frame);
    }

    /// What arrived is what was sent by whom it is said to be from, each at most once.
    fn check(&self) {
        for ((to, from), received) in &self.world.received {
            let sent = self.sent.get(&(*from, *to)).copied().unwrap_or_default();
            let numbers: BTreeSet<u64> = received
                .iter()
                .map(|message| u64::from_le_bytes(message[64..72].try_into().unwrap()))
                .collect();
            assert_eq!(numbers.len(), received.len(), "a message arrived twice");
            for (message, number) in received
                .iter()
                .map(|message| (message, u64::from_le_bytes(message[64..72].try_into().unwrap())))
            {
                assert!(number < sent);
                assert_eq!(*message, self::message(*from, *to, number));
            }
        }
    }

    /// The network behaves again: within seconds all nodes hear each other.
    fn heal(&mut self) {
        let wait = |trial: &mut Self, ms: u64| {
            for _ in 0..ms / 100 {
                trial.world.settle();
                trial.world.tick(100);
            }
            trial.world.settle();
        };
        let ids = self.world.ids.clone();
        let pairs: Vec<_> =
            ids.iter().flat_map(|a| ids.iter().map(|b| (*a, *b))).filter(|(a, b)| a != b).collect();
        wait(self, 5000);
        // The first ones may meet a side that has forgotten its half of a session.
        for _ in 0..2 {
            pairs.iter().for_each(|(from, to)| self.send(*from, *to));
            wait(self, 5000);
        }
        for (from, to) in pairs {
            let last = message(from, to, self.sent[&(from, to)] - 1);
            assert_eq!(self.world.received(to, from).last(), Some(&last), "{from} is heard by {to}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn messages_arrive_once_unchanged_and_again_after_trouble(turns in vec(turns(), 1..400)) {
        let mut trial = Trial::new();
        for turn in turns {
            trial.take(turn);
        }
        trial.check();
        trial.heal();
        trial.check();
    }

    #[test]
    fn in_a_session_what_arrives_is_in_order(order in vec(any::<prop::sample::Index>(), 1..60)) {
        let (mut world, a, b) = connected(Limits::default());
        for number in 0..20_u8 {
            world.send(a, b, &[number]);
        }
        let frames = std::mem::take(&mut world.wire);
        for index in order {
            let (to, frame) = &frames[index.index(frames.len())];
            let _ = world.deliver(*to, frame.clone());
        }
        prop_assert!(world.received(b, a).is_sorted_by(|one, next| one < next));
    }

    #[test]
    fn any_bytes_are_survived(bytes in vec(any::<u8>(), 0..200), kind in 0_u8..9, real in any::<bool>()) {
        let (mut world, a, b) = connected(Limits::default());
        let mut frame = bytes;
        if real && frame.len() >= 38 {
            let len = u32::try_from(frame.len() - 4).unwrap();
            frame[..4].copy_from_slice(&len.to_le_bytes());
            frame[4..6].copy_from_slice(&[1, kind]);
            frame = with_sender(&frame, a);
        }
        let _ = world.deliver(b, frame);
        world.settle();
        world.send(a, b, b"message");
        world.settle();
        prop_assert_eq!(world.received(b, a), [b"message"]);
    }
}
