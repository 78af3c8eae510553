//! Strangers do not keep peers from being heard.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Instant,
};

use super::*;

/// True if the other side closes a connection on which `bytes` are sent.
fn is_closed_after(address: SocketAddr, bytes: &[u8]) -> bool {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    let _ = stream.write_all(bytes);
    match stream.read(&mut [0]) {
        Ok(bytes) => bytes == 0,
        Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
    }
}

#[test]
fn what_is_no_frame_ends_its_connection_only() {
    let (peer, victim) = (Node::start(), Node::start());
    let changed = |at: usize, byte: u8| {
        let mut bytes = frame(9, 100)[..6].to_vec();
        bytes[at] = byte;
        bytes
    };
    let cases = [
        ("text", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        ("oversize", changed(3, 0xff)),
        ("just above the limit", changed(2, 0x11)),
        ("empty", changed(0, 0)),
        ("version", changed(4, 9)),
        ("kind", changed(5, 77)),
        ("zeros", vec![0; 1 << 20]),
        ("ones", vec![0xff; 1 << 20]),
    ];
    peer.queue.push(victim.to(), frame(0, 10));
    assert_eq!(victim.next(), 0);
    for (name, bytes) in &cases {
        assert!(is_closed_after(victim.address, bytes), "{name}");
        assert!(victim.soon().is_none(), "{name}");
    }
    // A whole frame before counts.
    assert!(is_closed_after(victim.address, &[frame(1, 10), b"garbage".to_vec()].concat()));
    assert_eq!(victim.next(), 1);
    peer.queue.push(victim.to(), frame(2, 10));
    assert_eq!(victim.next(), 2);

    thread::sleep(2 * REPORT_INTERVAL);
    let lines = victim.lines();
    assert!((1..=4).contains(&lines.len()) && lines[0].contains("for wrong frames"), "{lines:?}");
    assert_eq!(peer.lines(), Vec::<String>::new());
    peer.thread.close();
    victim.thread.close();
}

#[test]
fn a_trickle_delays_nobody() {
    let (peer, victim) = (Node::start(), Node::start());
    let mut slow = TcpStream::connect(victim.address).unwrap();
    slow.set_nodelay(true).unwrap();
    let bytes = frame(1 << 40, 100);
    for (number, byte) in (0..).zip(&bytes) {
        slow.write_all(&[*byte]).unwrap();
        if number + 1 < bytes.len() as u64 {
            let start = Instant::now();
            peer.queue.push(victim.to(), frame(number, 1000));
            assert_eq!(victim.next(), number);
            assert!(start.elapsed() < Duration::from_secs(2));
        }
    }
    assert_eq!(victim.next(), 1 << 40);
    peer.thread.close();
    victim.thread.close();
}

#[test]
fn thousands_of_connections_do_not_shut_a_peer_out() {
    let (peer, victim) = (Node::start(), Node::start());
    peer.queue.push(victim.to(), frame(0, 10));
    assert_eq!(victim.next(), 0);
    let unfinished = &frame(1 << 40, 50_000)[..40_000];
    let mut open = std::collections::VecDeque::new();
    for number in 1..3000 {
        let mut stream = TcpStream::connect(victim.address).unwrap();
        if number % 3 == 0 {
            let _ = stream.write_all(unfinished);
        }
        open.push_back(stream);
        if open.len() > 400 {
            open.pop_front();
        }
        if number % 10 == 0 {
            peer.queue.push(victim.to(), frame(number, 10));
        }
    }
    for number in (1..3000).filter(|number| number % 10 == 0) {
        assert_eq!(victim.next(), number, "the peer's connection stays, and nothing is lost");
    }
    // One that comes late is heard too.
    let late = Node::start();
    late.queue.push(victim.to(), frame(5000, 10));
    assert_eq!(victim.next(), 5000);
    thread::sleep(2 * REPORT_INTERVAL);
    assert!(victim.lines().iter().any(|line| line.contains("to make room")), "{:?}", victim.lines());
    for node in [peer, victim, late] {
        node.thread.close();
    }
}

#[test]
fn a_peer_that_closes_or_talks_is_not_hammered() {
    let sender = Node::start();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let to: Arc<str> = listener.local_addr().unwrap().to_string().into();
    let accepted = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&accepted);
    thread::spawn(move || {
        for stream in listener.incoming() {
            if count.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
                let _ = stream.unwrap().write_all(b"hello");
            }
        }
    });
    let start = Instant::now();
    for number in 0.. {
        sender.queue.push(Arc::clone(&to), frame(number, 10));
        thread::sleep(Duration::from_millis(1));
        if start.elapsed() > Duration::from_secs(2) {
            break;
        }
    }
    let connections = accepted.load(Ordering::Relaxed);
    assert!((3..20).contains(&connections), "{connections} connections in two seconds");
    sender.thread.close();
}
