//! Channels over a stream that keeps its order.

use super::*;

#[test]
fn what_waits_is_sent_once_connected() {
    let nodes = Service::new(1).nodes(2);
    for (from, to) in [(0, 1), (1, 0)] {
        let (from, to) = (nodes[from].id(), nodes[to].id());
        let mut world = World::new(&nodes, Limits::default());
        assert_eq!(world.state(from, to), ChannelState::Idle);
        world.send(from, to, b"one");
        world.send(from, to, b"two");
        assert_eq!(world.state(from, to), ChannelState::Connecting);
        world.settle();
        world.send(from, to, b"");
        world.send(to, from, b"answer");
        world.settle();
        assert_eq!(world.received(to, from), [&b"one"[..], b"two", b""]);
        assert_eq!(world.received(from, to), [b"answer"]);
        assert_eq!(world.refusals, []);
        let counters = world.counters(from);
        assert_eq!((counters.sent, counters.received, counters.established, counters.dropped), (3, 1, 1, 0));
    }
}

#[test]
fn the_same_entropy_and_inputs_lead_to_the_same_shares() {
    let initiate = || {
        let nodes = Service::new(1).nodes(2);
        let mut world = World::new(&nodes, Limits::default());
        world.send(nodes[0].id(), nodes[1].id(), b"one");
        world.run_job(0);
        let Step::Initiate(initiate) = step(&world.wire[0].1) else { panic!("an initiation") };
        (initiate.attempt, initiate.share)
    };
    assert_eq!(initiate(), initiate());
}

#[test]
fn both_start_at_once_and_agree_on_one_session() {
    let nodes = Service::new(1).nodes(2);
    let (a, b) = (nodes[0].id(), nodes[1].id());
    let mut world = World::new(&nodes, Limits::default());
    world.send(a, b, b"from a");
    world.send(b, a, b"from b");
    world.settle();
    assert_eq!(world.refusals, [(a, Refusal::Crossed)], "the smaller name goes first");
    assert_eq!(world.received(b, a), [b"from a"]);
    assert_eq!(world.received(a, b), [b"from b"]);
    assert_eq!((world.counters(a).established, world.counters(b).established), (1, 1));
    for _ in 0..100 {
        world.tick(100);
        world.settle();
    }
    assert_eq!(
        (world.counters(a).established, world.counters(b).established),
        (1, 1),
        "nothing is left over"
    );
}

#[test]
fn keys_are_renewed_under_traffic_and_nothing_is_lost() {
    let limits = Limits { rekey_frames: 20, answer_ms: 0, ..Limits::default() };
    let (mut world, a, b) = connected(limits);
    let mut sent = Vec::new();
    for number in 0..400_u32 {
        let message = number.to_le_bytes().to_vec();
        world.send(a, b, &message);
        world.send(b, a, &message);
        sent.push(message);
        // Frames stay under way, and jobs are slow.
        while world.wire.len() > 5 {
            let (to, frame) = world.wire.remove(0);
            let _ = world.deliver(to, frame);
        }
        if number % 7 == 0 && !world.jobs.is_empty() {
            world.run_job(0);
        }
        world.tick(1);
    }
    world.settle();
    assert_eq!(world.received(a, b), sent);
    assert_eq!(world.received(b, a), sent);
    let sessions = world.counters(a).established;
    assert!((5..=25).contains(&sessions), "{sessions} sessions");
    assert_eq!(sessions, world.counters(b).established);

    // No frame ever recorded is of use again.
    let before = world.received.clone();
    for (to, frame) in world.record.clone() {
        assert!(world.deliver(to, frame.clone()).is_err() || matches!(step(&frame), Step::Initiate(_)));
    }
    assert_eq!(world.received, before);
}

#[test]
fn age_and_bytes_renew_keys_too() {
    let (mut world, a, b) = connected(Limits { rekey_after_ms: 60_000, ..Limits::default() });
    for _ in 0..1000 {
        world.tick(100);
        world.settle();
    }
    assert_eq!(world.counters(a).established, 2);

    let (mut world, c, d) = connected(Limits { rekey_bytes: 10_000, ..Limits::default() });
    assert_eq!((a, b), (c, d));
    for _ in 0..20 {
        world.send(a, b, &[0; 1000]);
        world.settle();
        world.tick(100);
    }
    assert_eq!(world.counters(b).established, 3);
    assert_eq!(world.received(b, a).len(), 20);
}

#[test]
fn a_session_that_cannot_be_renewed_is_given_up() {
    let (mut world, a, b) = connected(Limits { rekey_frames: 10, ..Limits::default() });
    let mut sealed = 0;
    for _ in 0..100 {
        world.send(a, b, b"message");
        for (to, frame) in std::mem::take(&mut world.wire) {
            if matches!(step(&frame), Step::Sealed(_)) {
                sealed += 1;
                world.deliver(to, frame).unwrap();
            }
        }
        world.tick(100);
        while !world.jobs.is_empty() {
            world.run_job(0);
        }
    }
    assert_eq!(sealed, 40, "four times the limit");
    assert_eq!(world.received(b, a).len(), 40);
    assert_eq!(world.state(a, b), ChannelState::Connecting);
    world.tick(2000);
    world.settle();
    assert_eq!(world.received(b, a).len(), 100, "what waited follows");
}

#[test]
fn the_oldest_messages_give_way_while_there_is_no_session() {
    let nodes = Service::new(1).nodes(2);
    let (a, b) = (nodes[0].id(), nodes[1].id());
    for (limits, kept) in [
        (Limits { queue_messages: 3, ..Limits::default() }, 3),
        (Limits { queue_bytes: 25, ..Limits::default() }, 2),
        (Limits { queue_bytes: 5, ..Limits::default() }, 1),
    ] {
        let mut world = World::new(&nodes, limits);
        let messages: Vec<Vec<u8>> = (0..10).map(|number| vec![number; 10]).collect();
        for message in &messages {
            world.send(a, b, message);
        }
        world.settle();
        assert_eq!(world.received(b, a), &messages[10 - kept..]);
        assert_eq!(world.counters(a).dropped, 10 - kept as u64);
    }
}

#[test]
fn handshakes_are_repeated_with_patience() {
    let nodes = Service::new(1).nodes(2);
    let (a, b) = (nodes[0].id(), nodes[1].id());
    let mut world = World::new(&nodes, Limits::default());
    world.send(a, b, b"message");
    let mut initiated = Vec::new();
    for _ in 0..100 {
        while !world.jobs.is_empty() {
            world.run_job(0);
        }
        if !std::mem::take(&mut world.wire).is_empty() {
            initiated.push(world.now.0 - 10_000);
        }
        world.tick(100);
    }
    assert_eq!(initiated, [0, 500, 1500, 3500, 5500, 7500, 9500]);
    world.tick(2000);
    world.settle();
    assert_eq!(world.received(b, a), [b"message"]);
}

#[test]
fn long_messages_cross_in_parts_or_not_at_all() {
    let (mut world, a, b) = connected(Limits::default());
    let lens = [MAX_PART - 1, MAX_PART, MAX_PART + 1, 2 * MAX_PART, 3 * MAX_PART + 5];
    let long = |len: usize| -> Vec<u8> { (0..=250).cycle().take(len).collect() };
    for len in lens {
        world.send(a, b, &long(len));
    }
    assert_eq!(world.wire.len(), 1 + 1 + 2 + 2 + 4);
    world.settle();
    assert!(world.received(b, a).iter().map(Vec::len).eq(lens));
    assert!(world.received(b, a).iter().all(|message| *message == long(message.len())));

    let message = long(3 * MAX_PART);
    for lost in 0..3 {
        world.received.clear();
        world.send(a, b, &message);
        world.send(a, b, b"next");
        world.wire.remove(lost);
        world.settle();
        assert_eq!(world.received(b, a), [b"next"], "without part {lost}");
    }
    world.received.clear();
    world.send(a, b, &message);
    world.send(a, b, b"next");
    let last = world.wire.remove(2);
    world.wire.push(last);
    world.settle();
    assert_eq!(world.received(b, a), [b"next"], "the last part is late");
}

#[test]
fn forgotten_channels_are_built_again() {
    let (mut world, a, b) = connected(Limits::default());
    let everyone = std::mem::take(&mut world.known);
    world.act(b, |channels, _, _| channels.retain(|_| Known::No));
    assert_eq!(world.state(b, a), ChannelState::Idle);
    world.send(a, b, b"to one that does not know me");
    world.settle();
    assert_eq!(world.refusals, [(b, Refusal::Unheard)]);

    // Known again: the old session is gone on one side, which asks for a new one.
    world.known = everyone;
    world.send(a, b, b"to one that forgot me");
    world.settle();
    world.send(a, b, b"to one that knows me again");
    world.settle();
    assert_eq!(world.received(b, a), [b"to one that knows me again"]);
    assert_eq!(world.counters(b).established, 2);
}

#[test]
fn a_side_that_is_alone_with_its_session_recovers() {
    // A forgets its half: what B sends means nothing to it.
    let (mut world, a, b) = connected(Limits::default());
    world.act(a, |channels, _, _| channels.retain(|_| Known::No));
    world.tick(100);
    world.send(b, a, b"lost");
    world.settle();
    world.send(b, a, b"heard");
    world.settle();
    assert_eq!(world.received(a, b), [b"heard"]);
}

#[test]
fn sides_with_different_sessions_get_a_common_one() {
    let nodes = Service::new(1).nodes(2);
    let (a, b) = (nodes[0].id(), nodes[1].id());
    let mut world = World::new(&nodes, Limits::default());
    let mut held = Vec::new();
    // B initiates, then A; B's proof and its confirmation of A's session are late, in this order.
    for initiator in [b, a] {
        let peer = if initiator == a { b } else { a };
        world.act(initiator, |channels, now, out| channels.connect(peer, now, out));
        while !world.wire.is_empty() || !world.jobs.is_empty() {
            while !world.jobs.is_empty() {
                world.run_job(0);
            }
            for (to, frame) in std::mem::take(&mut world.wire) {
                match step(&frame) {
                    Step::Finish(_) if initiator == b => held.push((to, frame)),
                    Step::Sealed(_) => held.push((to, frame)),
                    _ => world.deliver(to, frame).unwrap(),
                }
            }
        }
    }
    assert_eq!(held.len(), 2);
    for (to, frame) in held {
        let _ = world.deliver(to, frame);
        world.settle();
    }
    assert_eq!(world.refusals, [(b, Refusal::UnknownSession), (a, Refusal::UnknownSession)]);
    let [mut heard_a, mut heard_b] = [None, None];
    for step in 0..100 {
        world.send(a, b, b"from a");
        world.send(b, a, b"from b");
        world.settle();
        heard_a = heard_a.or((!world.received(b, a).is_empty()).then_some(step));
        heard_b = heard_b.or((!world.received(a, b).is_empty()).then_some(step));
        world.tick(100);
    }
    assert_eq!((heard_a, heard_b), (Some(31), Some(31)), "after `silence_ms`");
}

#[test]
fn a_renewed_certificate_keeps_sessions_and_another_identity_does_not() {
    let service = Service::new(1);
    let (mut world, a, b) = connected(Limits::default());
    let same = service.nodes(2)[0].clone();
    world.act(a, |channels, _, _| channels.renew(same));
    assert_eq!(world.state(a, b), ChannelState::Established);
    let other = service.node(99);
    world.act(a, |channels, _, _| channels.renew(other));
    assert_eq!(world.state(a, b), ChannelState::Idle);
    assert_eq!(world.counters(a).established, 1, "what happened is not forgotten");
}

#[test]
fn nothing_is_sent_to_oneself() {
    let (mut world, a, _) = connected(Limits::default());
    world.send(a, a, b"message");
    world.act(a, |channels, now, out| channels.connect(a, now, out));
    assert!(world.wire.is_empty() && world.jobs.is_empty());
}
