//! Who is not heard, and what is not believed.

use super::*;

/// A initiates, and `meddle` changes what B responds: how A takes it.
fn response(meddle: impl Fn(&World, Vec<u8>) -> Vec<u8>) -> Option<Refusal> {
    let nodes = Service::new(1).nodes(3);
    let (a, b) = (nodes[0].id(), nodes[1].id());
    let mut world = World::new(&nodes, Limits::default());
    world.send(a, b, b"message");
    world.run_job(0);
    let (to, initiate) = world.wire.remove(0);
    world.deliver(to, initiate).unwrap();
    world.run_job(0);
    let (_, respond) = world.wire.remove(0);
    let respond = meddle(&world, respond);
    let refusal = world.deliver(a, respond).err();
    while !world.jobs.is_empty() {
        world.run_job(0);
    }
    let refusal = refusal.or(world.refusals.pop().map(|(_, refusal)| refusal));
    assert_eq!(refusal.is_none(), world.wire.len() == 1, "A finishes unless it refuses");
    refusal
}

fn respond_of(frame: &[u8]) -> coco_wire::peer::Respond<'_> {
    match step(frame) {
        Step::Respond(respond) => respond,
        other => panic!("{other:?}"),
    }
}

#[test]
fn responses_with_a_wrong_proof_are_refused() {
    let service = Service::new(1);
    let node = |index: usize| service.nodes(3)[index].clone();
    let b = node(1);
    assert_eq!(response(|_, frame| frame), None);

    let keys: Vec<EcKey> =
        (0..3).map(|seed| EcKey::generate(Curve::P384, &Seeded::new(1000 + seed))).collect();
    let key = keys.iter().find(|key| key.public_key().id() == b.id()).unwrap();
    let with_certificate = |frame: &[u8], certificate: &Certificate| {
        coco_wire::peer::Respond { certificate: certificate.der(), ..respond_of(frame) }.encode(&b.id())
    };
    let expired = Validity::days(UnixTime(0), 1).unwrap();
    let expired = service.endorse(key, expired);
    assert_eq!(response(|_, frame| with_certificate(&frame, &expired)), None, "configurations decide");

    let self_signed = issue_self_signed(key, &name("Service"), &[], valid(), &Seeded::new(1));
    let other_service = Service::new(2).endorse(key, valid());
    for certificate in [&self_signed, &other_service] {
        let refusal = response(|_, frame| with_certificate(&frame, certificate));
        assert_eq!(refusal, Some(Refusal::Certificate));
    }
    let of_another =
        service.endorse(keys.iter().find(|key| key.public_key().id() != b.id()).unwrap(), valid());
    let refusal = response(|_, frame| with_certificate(&frame, &of_another));
    assert_eq!(refusal, Some(Refusal::WrongNode));
    let refusal = response(|_, frame| {
        coco_wire::peer::Respond { certificate: &[0x30], ..respond_of(&frame) }.encode(&b.id())
    });
    assert_eq!(refusal, Some(Refusal::Certificate));

    let refusal = response(|_, frame| {
        let share = [9; 32];
        coco_wire::peer::Respond { share, ..respond_of(&frame) }.encode(&b.id())
    });
    assert_eq!(refusal, Some(Refusal::NotAuthentic), "another share");
    let refusal = response(|_, frame| {
        let attempt = coco_wire::peer::AttemptId(9);
        coco_wire::peer::Respond { attempt, ..respond_of(&frame) }.encode(&b.id())
    });
    assert_eq!(refusal, Some(Refusal::Unexpected), "another attempt");
}

#[test]
fn a_third_node_cannot_answer_for_the_second() {
    let nodes = Service::new(1).nodes(3);
    let [a, b, c] = [nodes[0].id(), nodes[1].id(), nodes[2].id()];
    let mut world = World::new(&nodes, Limits::default());
    world.send(a, b, b"for b only");
    world.run_job(0);
    let (_, initiate) = world.wire.remove(0);
    world.deliver(c, initiate).unwrap();
    world.run_job(0);
    let (_, respond) = world.wire.remove(0);
    assert_eq!(world.deliver(a, respond.clone()), Err(Refusal::Unexpected), "A asked C for nothing");
    world.deliver(a, with_sender(&respond, b)).unwrap();
    world.run_job(0);
    assert_eq!(world.refusals.last(), Some(&(a, Refusal::WrongNode)));
    assert_eq!(world.state(a, b), ChannelState::Connecting);
}

#[test]
fn nodes_of_another_service_do_not_connect() {
    let nodes = [Service::new(1).node(1000), Service::new(2).node(1001)];
    let (a, b) = (nodes[0].id(), nodes[1].id());
    let mut world = World::new(&nodes, Limits::default());
    world.send(a, b, b"message");
    world.send(b, a, b"message");
    for _ in 0..100 {
        world.settle();
        world.tick(100);
    }
    assert!(world.received.is_empty());
    assert!(world.refusals.iter().any(|(_, refusal)| *refusal == Refusal::NotAuthentic));
    assert_eq!(world.counters(a).established + world.counters(b).established, 0);
}

#[test]
fn identities_are_endorsed() {
    let service = Service::new(1);
    let key = || EcKey::generate(Curve::P384, &Seeded::new(5));
    let of_another = service.endorse(&EcKey::generate(Curve::P384, &Seeded::new(6)), valid());
    let self_signed = issue_self_signed(&key(), &name("Service"), &[], valid(), &Seeded::new(1));
    let endorsed = service.endorse(&key(), valid());
    let other = Service::new(2).certificate;
    let cases = [
        (&endorsed, &service.certificate, true),
        (&of_another, &service.certificate, false),
        (&self_signed, &service.certificate, false),
        (&endorsed, &other, false),
        (&endorsed, &endorsed, false),
    ];
    for (certificate, service, expected) in cases {
        let identity = Identity::new(ADDRESS.into(), Arc::new(key()), certificate.clone(), service.clone());
        assert_eq!(identity.is_ok(), expected, "{certificate:?}");
    }
}

#[test]
fn who_takes_no_part_is_not_heard() {
    let (mut world, a, b) = connected(Limits::default());
    world.send(a, b, b"message");
    let (_, frame) = world.wire.remove(0);
    world.known.remove(&a);
    assert_eq!(world.deliver(b, frame.clone()), Err(Refusal::Unheard));
    for (to, frame) in world.record.clone() {
        if to == b {
            assert_eq!(world.deliver(b, frame), Err(Refusal::Unheard));
        }
    }
    assert!(world.jobs.is_empty() && world.received.is_empty());
    assert_eq!(world.counters(b).refused["unheard"], world.refusals.len() as u64);
}

#[test]
fn no_change_of_a_sealed_frame_goes_unseen() {
    let (mut world, a, b) = connected(Limits::default());
    world.send(a, b, b"message");
    let (_, frame) = world.wire.remove(0);
    for cut in 0..frame.len() {
        assert!(world.deliver(b, frame[..cut].to_vec()).is_err(), "cut to {cut}");
    }
    for bit in 0..frame.len() * 8 {
        let mut changed = frame.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(world.deliver(b, changed).is_err(), "bit {bit}");
    }
    assert!(world.received.is_empty() && world.jobs.is_empty());
    world.deliver(b, frame.clone()).unwrap();
    assert_eq!(world.received(b, a), [b"message"], "the true one is still heard, once");
    assert_eq!(world.deliver(b, frame), Err(Refusal::Replayed));
}

#[test]
fn reflections_are_refused() {
    let nodes = Service::new(1).nodes(2);
    let (a, b) = (nodes[0].id(), nodes[1].id());
    // With the sender as it is, frames are A's own.
    let mut world = World::new(&nodes, Limits::default());
    world.send(a, b, b"message");
    world.settle();
    for (to, frame) in world.record.clone() {
        let from = if to == a { b } else { a };
        assert_eq!(world.deliver(from, frame), Err(Refusal::Unheard));
    }
    // With the sender replaced, a handshake of A with itself goes as far as a proof of who the other is.
    for initiator in [a, b] {
        let peer = if initiator == a { b } else { a };
        let mut world = World::new(&nodes, Limits::default());
        world.send(initiator, peer, b"message");
        for _ in 0..50 {
            while !world.jobs.is_empty() {
                world.run_job(0);
            }
            for (_, frame) in std::mem::take(&mut world.wire) {
                let _ = world.deliver(initiator, with_sender(&frame, peer));
            }
            world.tick(100);
        }
        assert_eq!(world.state(initiator, peer), ChannelState::Connecting);
        let expected = if initiator < peer { Refusal::Crossed } else { Refusal::WrongNode };
        assert!(world.refusals.contains(&(initiator, expected)), "{:?}", world.refusals);
    }
    // Sealed frames have a key for each direction.
    let (mut world, a, b) = connected(Limits::default());
    world.send(a, b, b"below what was received");
    world.send(a, b, b"above");
    let refused = [Refusal::Replayed, Refusal::NotAuthentic];
    for ((_, frame), refusal) in std::mem::take(&mut world.wire).into_iter().zip(refused) {
        assert_eq!(world.deliver(a, with_sender(&frame, b)), Err(refusal));
    }
}

#[test]
fn old_and_invented_handshakes_cost_little_and_change_nothing() {
    let limits = Limits::default();
    let (mut world, a, b) = connected(limits);
    let (_, initiate) = world.record[0].clone();
    let mut answers = 0;
    for number in 0..1000_u64 {
        let mut invented = initiate.clone();
        invented[38..46].copy_from_slice(&number.to_le_bytes());
        for frame in [initiate.clone(), invented] {
            let _ = world.deliver(b, frame);
        }
        while !world.jobs.is_empty() {
            answers += 1;
            world.run_job(0);
        }
        world.wire.clear();
        world.send(a, b, b"still");
        world.send(b, a, b"there");
        for (to, frame) in std::mem::take(&mut world.wire) {
            world.deliver(to, frame).unwrap();
        }
        world.tick(1);
    }
    assert!(answers <= 1 + 1000 / limits.answer_ms, "{answers} answers");
    assert_eq!((world.received(b, a).len(), world.received(a, b).len()), (1000, 1000));
    assert_eq!(world.counters(b).established, 1);

    // Old responses and proofs find nobody who waits for them.
    for (to, frame) in world.record.clone() {
        if matches!(step(&frame), Step::Respond(_) | Step::Finish(_)) {
            let refusal = world.deliver(to, frame).unwrap_err();
            assert!(matches!(refusal, Refusal::Unexpected), "{refusal:?}");
        }
    }
}

#[test]
fn a_late_proof_does_not_replace_a_newer_session() {
    let nodes = Service::new(1).nodes(2);
    let (a, b) = (nodes[0].id(), nodes[1].id());
    let mut world = World::new(&nodes, Limits::default());
    world.send(a, b, b"message");
    let mut finishes = Vec::new();
    for _ in 0..40 {
        while !world.jobs.is_empty() {
            world.run_job(0);
        }
        for (to, frame) in std::mem::take(&mut world.wire) {
            match step(&frame) {
                Step::Finish(_) if finishes.is_empty() => finishes.push(frame),
                _ => world.deliver(to, frame).unwrap(),
            }
        }
        world.tick(50);
    }
    assert_eq!(world.received(b, a), [b"message"]);
    assert_eq!(world.deliver(b, finishes.remove(0)), Err(Refusal::Unexpected));
}

#[test]
fn old_frames_of_a_lost_session_cause_few_handshakes() {
    let (mut world, a, b) = connected(Limits { rekey_frames: 10, ..Limits::default() });
    for _ in 0..12 {
        world.send(a, b, b"message");
        world.settle();
    }
    let old = world
        .record
        .iter()
        .rfind(|(to, frame)| *to == b && matches!(step(frame), Step::Sealed(sealed) if sealed.counter == 5));
    let (_, old) = old.unwrap().clone();
    let sessions = world.counters(b).established;
    for _ in 0..600 {
        assert!(world.deliver(b, old.clone()).is_err());
        world.settle();
        world.tick(100);
    }
    let more = world.counters(b).established - sessions;
    assert!(more <= 60_000 / Limits::default().linger_ms, "{more} in a minute");
}

/// Two nodes that do not know each other, of which the first has sent a message and its initiation is under way.
fn introduced(nodes: &[Arc<Identity>]) -> (World, NodeId, NodeId, Vec<u8>) {
    let (a, b) = (nodes[0].id(), nodes[1].id());
    let mut world = World::new(nodes, Limits::default());
    world.known.clear();
    world.listens = true;
    world.send(a, b, b"message");
    world.run_job(0);
    let (_, initiate) = world.wire.remove(0);
    (world, a, b, initiate)
}

#[test]
fn an_endorsed_stranger_is_heard_while_it_may_belong() {
    let (mut world, a, b, initiate) = introduced(&Service::new(1).nodes(2));
    world.deliver(b, initiate).unwrap();
    assert_eq!(world.nodes[&b].address(&a), None, "its proof is not checked yet");
    world.known.insert(b);
    world.settle();
    assert_eq!(world.received(b, a), [b"message"]);
    assert_eq!(world.nodes[&b].address(&a).map(|address| &**address), Some(ADDRESS));
    world.send(b, a, b"answer");
    world.settle();
    assert_eq!(world.received(a, b), [b"answer"]);

    let retain = |world: &mut World, known| world.act(b, |channels, _, _| channels.retain(|_| known));
    retain(&mut world, Known::Perhaps);
    assert_eq!(world.state(b, a), ChannelState::Established);
    retain(&mut world, Known::Yes);
    assert_eq!(world.state(b, a), ChannelState::Established, "no stranger any more");
    retain(&mut world, Known::No);
    assert_eq!(world.state(b, a), ChannelState::Idle);
}

#[test]
fn strangers_that_are_not_endorsed_are_not_answered() {
    let nodes = Service::new(1).nodes(2);
    let foreign = [Service::new(2).node(1000), Service::new(1).node(1001)];
    let elsewhere = |mut frame: Vec<u8>| {
        frame[80] ^= 1;
        frame
    };
    let nowhere = |frame: Vec<u8>| {
        let Step::Initiate(initiate) = step(&frame) else { panic!("an initiation") };
        coco_wire::peer::Initiate { address: "", ..initiate }.encode(&nodes[0].id())
    };
    type Meddle<'a> = &'a dyn Fn(Vec<u8>) -> Vec<u8>;
    let cases: [(&[Arc<Identity>], Meddle<'_>, Refusal); 3] = [
        (&foreign, &|frame| frame, Refusal::NotAuthentic),
        (&nodes, &elsewhere, Refusal::NotAuthentic),
        (&nodes, &nowhere, Refusal::Unheard),
    ];
    for (nodes, meddle, refusal) in cases {
        let (mut world, a, b, initiate) = introduced(nodes);
        let _ = world.deliver(b, meddle(initiate));
        world.settle();
        assert_eq!(world.refusals, [(b, refusal)]);
        assert_eq!(world.nodes[&b].address(&a), None);
        assert_eq!(world.record.len(), 1, "nothing is sent to it");
    }
}

#[test]
fn made_up_strangers_cost_little() {
    let limits = Limits::default();
    let (mut world, a, b, initiate) = introduced(&Service::new(1).nodes(2));
    let mut looked_at = 0;
    for number in 0..1000_u64 {
        let mut sender = a;
        sender.0[..8].copy_from_slice(&number.to_le_bytes());
        let _ = world.deliver(b, with_sender(&initiate, sender));
        while !world.jobs.is_empty() {
            looked_at += 1;
            world.run_job(0);
        }
        world.now.0 += 1;
        world.act(b, |channels, _, _| channels.retain(|_| Known::Perhaps));
    }
    assert!(looked_at <= 1 + 1000 / limits.answer_ms, "{looked_at} introductions");
    assert!(world.wire.is_empty() && world.received.is_empty());
    world.now.0 += limits.answer_ms;
    world.deliver(b, initiate).unwrap();
    world.known.insert(b);
    world.settle();
    assert_eq!(world.received(b, a), [b"message"], "a true one is still heard");
}
