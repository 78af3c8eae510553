//! Peers that say nothing, for a while or for ever.

use super::*;

impl World {
    fn initiations(&self) -> usize {
        self.record.iter().filter(|(_, frame)| matches!(step(frame), Step::Initiate(_))).count()
    }

    /// As a primary and a backup do that have nothing to do, for so many times 100 ms.
    fn beat(&mut self, a: NodeId, b: NodeId, times: usize) {
        for _ in 0..times {
            self.send(a, b, b"beat");
            self.settle();
            self.send(b, a, b"answer");
            self.settle();
            self.tick(100);
        }
    }
}

#[test]
fn a_peer_that_answers_is_not_asked_again() {
    let (mut world, a, b) = connected(Limits::default());
    world.beat(a, b, 600);
    assert_eq!((world.initiations(), world.counters(a).established), (1, 1));
    assert_eq!(world.received(b, a).len(), 600);
}

/// Of a long silence comes what is done for a peer without a session, and what is sent meanwhile is sealed as before.
#[test]
fn a_dead_peer_costs_a_handshake_each_two_seconds() {
    let (mut world, a, b) = connected(Limits::default());
    let before = world.initiations();
    let mut initiated = Vec::new();
    for step in 0..200 {
        world.send(a, b, b"lost");
        while !world.jobs.is_empty() {
            world.run_job(0);
        }
        world.wire.clear();
        if world.initiations() - before > initiated.len() {
            initiated.push(step * 100);
        }
        world.tick(100);
    }
    let expected = [3000, 3500, 4500, 6500, 8500, 10_500, 12_500, 14_500, 16_500, 18_500];
    assert_eq!(initiated, expected);
    assert_eq!(world.counters(a).dropped, 0);
    // It was only cut off: the session is still good.
    world.beat(a, b, 1);
    assert_eq!(world.received(b, a), [b"beat"]);
    world.beat(a, b, 600);
    assert_eq!(world.initiations() - before, initiated.len(), "heard again");
}

/// A backup answers the primary, and never hears it again once another one leads.
#[test]
fn the_last_word_is_sent_once_and_has_one_new_session_follow() {
    let (mut world, a, b) = connected(Limits::default());
    world.beat(a, b, 10);
    for _ in 0..600 {
        world.tick(100);
        world.settle();
    }
    assert_eq!((world.initiations(), world.counters(a).established), (2, 2));
    world.beat(b, a, 10);
    assert_eq!(world.initiations(), 2);
}

/// A network that carries nothing for longer than [`Limits::silence_ms`] in one direction or both, and then everything.
#[test]
fn nothing_is_lost_by_renewal_on_a_slow_network() {
    for slow in [[true, true], [true, false], [false, true]] {
        let (mut world, a, b) = connected(Limits::default());
        let is_slow = |to: NodeId| slow[usize::from(to == a)];
        let (mut sent, mut held) = (Vec::new(), Vec::new());
        for number in 0..150_u32 {
            let message = number.to_le_bytes().to_vec();
            world.send(a, b, &message);
            world.send(b, a, &message);
            sent.push(message);
            while !world.wire.is_empty() || !world.jobs.is_empty() {
                while !world.jobs.is_empty() {
                    world.run_job(0);
                }
                let (stays, comes): (Vec<_>, Vec<_>) =
                    std::mem::take(&mut world.wire).into_iter().partition(|(to, _)| is_slow(*to));
                held.extend(stays);
                for (to, frame) in comes {
                    let _ = world.deliver(to, frame);
                }
            }
            if number % 50 == 49 {
                world.wire = std::mem::take(&mut held);
                world.settle();
            }
            world.tick(100);
        }
        assert!(world.initiations() > 1, "silent for 5 s");
        assert_eq!(world.received(b, a), sent, "{slow:?}");
        assert_eq!(world.received(a, b), sent, "{slow:?}");
    }
}

/// A node forgets a stranger while it follows a leader, and listens again once it follows nobody.
#[test]
fn a_session_that_the_peer_has_forgotten_is_replaced() {
    let (mut world, a, b) = connected(Limits::default());
    world.known.remove(&a);
    world.act(b, |channels, _, _| channels.retain(|_| Known::No));
    world.listens = true;
    world.send(a, b, b"lost");
    world.settle();
    assert!(world.received(b, a).is_empty());
    for _ in 0..50 {
        world.tick(100);
        world.settle();
    }
    world.send(a, b, b"heard");
    world.settle();
    assert_eq!(world.received(b, a), [b"heard".to_vec()]);
    // One that has nothing to say is not asked again.
    let frames = world.record.len();
    world.received.clear();
    world.send(b, a, b"answer");
    world.settle();
    for _ in 0..100 {
        world.tick(100);
        world.settle();
    }
    assert!(world.record.len() < frames + 8, "{} frames", world.record.len() - frames);
}
