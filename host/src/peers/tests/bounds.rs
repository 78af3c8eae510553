//! What waits is bounded.

use std::{net::TcpListener, time::Instant};

use coco_wire::peer::frame::MAX_PART;

use super::*;

#[test]
fn the_newest_frames_are_dropped_for_want_of_room() {
    let receiver = Node::start();
    let network = PeerNetwork::bind("127.0.0.1:0").unwrap();
    for number in 0..100 {
        network.queue().push(receiver.to(), frame(number, MAX_PART));
    }
    let sender = Node::run(network);
    (0..63).for_each(|number| assert_eq!(receiver.next(), number));
    sender.queue.push(receiver.to(), frame(1000, 10));
    assert_eq!(receiver.next(), 1000, "there is room again");
    let start = Instant::now();
    while sender.lines().is_empty() && start.elapsed() < LIMIT {
        thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(sender.lines(), ["37 frames to other nodes were dropped: too much waits"]);
    sender.thread.close();
    receiver.thread.close();
}

#[test]
fn a_deaf_peer_costs_nothing_but_its_own_room() {
    let (sender, receiver) = (Node::start(), Node::start());
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let deaf_address: Arc<str> = deaf.local_addr().unwrap().to_string().into();
    let mut slowest = Duration::ZERO;
    for number in 0..2000 {
        let large = frame(number, MAX_PART / 8);
        let start = Instant::now();
        sender.queue.push(Arc::clone(&deaf_address), large);
        slowest = slowest.max(start.elapsed());
        if number % 20 == 0 {
            sender.queue.push(receiver.to(), frame(number, 300));
            assert_eq!(receiver.next(), number);
        }
    }
    assert!(slowest < Duration::from_millis(500), "{slowest:?}");
    sender.thread.close();
    receiver.thread.close();
}
