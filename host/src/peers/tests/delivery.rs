//! What is sent arrives.

use std::{
    net::{TcpListener, TcpStream},
    time::Instant,
};

use coco_wire::peer::frame::MAX_PART;

use super::*;

#[test]
fn frames_arrive_whole_and_in_order() {
    let network = PeerNetwork::bind("127.0.0.1:0").unwrap();
    let receiver = Node::start();
    let to = receiver.to();
    // Those pushed before the thread runs wait.
    for number in 0..3 {
        network.queue().push(Arc::clone(&to), frame(number, 300));
    }
    let sender = Node::run(network);
    let sizes = [0, 1, 300, 300, 5000, 65_536, MAX_PART, 7];
    for number in 3..2000 {
        let size = sizes[(number % 257 % 8) as usize];
        sender
            .queue
            .push(Arc::clone(&to), frame(number, size.min(if number % 100 == 0 { size } else { 9000 })));
    }
    for number in 0..2000 {
        assert_eq!(receiver.next(), number);
    }
    // In both directions at a time, by name, to several and to itself.
    receiver.queue.push(sender.to(), frame(1, 1));
    sender.queue.push(format!("localhost:{}", receiver.address.port()).into(), frame(2, 2));
    sender.queue.push(sender.to(), frame(3, 3));
    assert_eq!(receiver.next(), 2);
    let mut both = [sender.next(), sender.next()];
    both.sort_unstable();
    assert_eq!(both, [1, 3]);
    assert_eq!((sender.lines(), receiver.lines()), (vec![], vec![]));
    sender.thread.close();
    receiver.thread.close();
}

#[test]
fn a_peer_that_comes_late_or_restarts_is_reached() {
    let sender = Node::start();
    let network = PeerNetwork::bind("127.0.0.1:0").unwrap();
    let address = network.address().to_string();
    let to: Arc<str> = address.as_str().into();
    drop(network);
    sender.queue.push(Arc::clone(&to), frame(0, 10));
    thread::sleep(Duration::from_millis(100));
    let mut last = 0;
    for round in 0..4 {
        let peer = Node::run(PeerNetwork::bind(&address).unwrap());
        let start = Instant::now();
        let mut heard = 0;
        while heard < 10 {
            last += 1;
            sender.queue.push(Arc::clone(&to), frame(last, 5000));
            heard += usize::from(peer.soon().is_some());
            assert!(start.elapsed() < LIMIT, "round {round}");
        }
        assert!(start.elapsed() < Duration::from_secs(3), "round {round}");
        peer.thread.close();
    }
    sender.thread.close();
}

#[test]
fn a_short_outage_loses_nothing_that_waits_and_a_long_one_does() {
    let sender = Node::start();
    let network = PeerNetwork::bind("127.0.0.1:0").unwrap();
    let address = network.address().to_string();
    let to: Arc<str> = address.as_str().into();
    drop(network);
    for number in 0..100 {
        sender.queue.push(Arc::clone(&to), frame(number, 10));
    }
    thread::sleep(Duration::from_millis(200));
    let peer = Node::run(PeerNetwork::bind(&address).unwrap());
    (0..100).for_each(|number| assert_eq!(peer.next(), number));
    peer.thread.close();
    assert_eq!(sender.lines(), Vec::<String>::new());

    let start = Instant::now();
    let mut pushed = 0;
    while sender.lines().is_empty() {
        sender.queue.push(Arc::clone(&to), frame(pushed, 10));
        pushed += 1;
        thread::sleep(Duration::from_millis(10));
        assert!(start.elapsed() < LIMIT);
    }
    thread::sleep(Duration::from_millis(1500));
    let peer = Node::run(PeerNetwork::bind(&address).unwrap());
    sender.queue.push(Arc::clone(&to), frame(9999, 10));
    let first = peer.next();
    assert!(first > 50, "stale frame {first} of {pushed}");
    let lines = sender.lines();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with(&format!("Peer {to} cannot be reached: ")), "{lines:?}");
    assert!(lines[1].starts_with(&format!("Peer {to} is reached again after ")), "{lines:?}");
    peer.thread.close();
    sender.thread.close();
}

#[test]
fn what_is_queued_at_the_end_still_leaves() {
    let (sender, receiver) = (Node::start(), Node::start());
    for number in 0..500 {
        sender.queue.push(receiver.to(), frame(number, 1000));
    }
    sender.thread.close();
    (0..500).for_each(|number| assert_eq!(receiver.next(), number));
    sender.queue.push(receiver.to(), frame(500, 1000));
    assert_eq!(receiver.soon(), None);
    receiver.thread.close();
}

#[test]
fn the_end_comes_in_time() {
    let node = Node::start();
    // Nobody there, no such name, and one who accepts and does not read.
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    for to in [gone.to_string(), "no.such.host.invalid:1".to_owned(), deaf.local_addr().unwrap().to_string()]
    {
        (0..40).for_each(|number| node.queue.push(to.as_str().into(), frame(number, MAX_PART)));
    }
    // And one who does not finish its frame.
    let slow = TcpStream::connect(node.address).unwrap();
    io::Write::write_all(&mut &slow, &frame(0, 1000)[..500]).unwrap();
    thread::sleep(Duration::from_millis(100));
    let start = Instant::now();
    node.thread.close();
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert!(TcpStream::connect(node.address).is_err(), "nobody listens");
}
