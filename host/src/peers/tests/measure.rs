//! Figures, by hand: `cargo test --release -p coco-host peers::tests::measure -- --ignored --nocapture`.

use std::{sync::OnceLock, time::Instant};

use super::*;

#[test]
#[ignore = "measures"]
fn throughput_of_small_frames() {
    const FRAMES: u64 = 2_000_000;
    let receiver = Node::start();
    let sender = Node::start();
    let to = receiver.to();
    let small = frame(1, 300 - frame(0, 0).len());
    let start = Instant::now();
    let queue = sender.queue.clone();
    let pushing = thread::spawn(move || {
        let mut longest = Duration::ZERO;
        for number in 0..FRAMES {
            let copy = small.clone();
            let before = Instant::now();
            queue.push(Arc::clone(&to), copy);
            longest = longest.max(before.elapsed());
            if number % 50_000 == 49_999 {
                thread::sleep(Duration::from_millis(1));
            }
        }
        (start.elapsed(), longest)
    });
    let mut received = 0;
    while receiver.frames.recv_timeout(Duration::from_millis(1000)).is_ok() {
        received += 1;
        if received == FRAMES {
            break;
        }
    }
    let took = start.elapsed().as_secs_f64();
    let (pushed, longest) = pushing.join().unwrap();
    let rate = received as f64 / took;
    println!(
        "{received} of {FRAMES} frames of 300 bytes in {took:.2} s: {rate:.0}/s, {:.0} MB/s",
        rate * 3e-4
    );
    println!("pushed in {pushed:?}, the longest push took {longest:?}; {:?}", sender.lines());
    sender.thread.close();
    receiver.thread.close();
}

/// Answers each frame at once, on the thread of peers, as the enclave does.
fn echo(to: &Arc<OnceLock<(PeerQueue, Arc<str>)>>) -> EventSink {
    let to = Arc::clone(to);
    Arc::new(move |event| {
        if let (Event::Frame(frame), Some((queue, address))) = (event, to.get()) {
            queue.push(Arc::clone(address), frame);
        }
    })
}

#[test]
#[ignore = "measures"]
fn latency_of_a_ping() {
    const ROUNDS: usize = 20_000;
    let back = Arc::new(OnceLock::new());
    let network = PeerNetwork::bind("127.0.0.1:0").unwrap();
    let (there, queue) = (Arc::<str>::from(network.address().to_string()), network.queue());
    let echoing = network.run(echo(&back), Log::discard()).unwrap();
    let node = Node::start();
    back.get_or_init(|| (queue, node.to()));
    let mut rounds: Vec<Duration> = (0..ROUNDS as u64)
        .map(|number| {
            let ping = frame(number, 300);
            let start = Instant::now();
            node.queue.push(Arc::clone(&there), ping);
            assert_eq!(node.next(), number);
            start.elapsed()
        })
        .collect();
    rounds.sort_unstable();
    println!(
        "round trip of 300 bytes with three threads woken: p50 {:?}, p99 {:?}, longest {:?}",
        rounds[ROUNDS / 2],
        rounds[ROUNDS * 99 / 100],
        rounds[ROUNDS - 1]
    );
    echoing.close();
    node.thread.close();
}
