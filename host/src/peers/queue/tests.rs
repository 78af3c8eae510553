use super::*;

const LARGE: usize = 1 << 20;

fn fill(queue: &Queue, to: &str) -> usize {
    let to: Arc<str> = to.into();
    queue.take_dropped();
    let mut pushed = 0;
    while queue.take_dropped() == 0 {
        queue.push(Arc::clone(&to), vec![0; LARGE]);
        pushed += 1;
    }
    pushed - 1
}

#[test]
fn bytes_are_bounded_for_each_address_and_for_all() {
    let queue = Queue::new();
    let mut total = 0;
    for address in ["a:1", "b:1", "c:1", "d:1"] {
        let fit = fill(&queue, address);
        assert_eq!(fit, MAX_ADDRESS_BACKLOG / (LARGE + FRAME_BYTES));
        total += fit * (LARGE + FRAME_BYTES);
    }
    fill(&queue, "e:1");
    assert!(queue.lock().bytes <= MAX_SEND_BACKLOG && total <= MAX_SEND_BACKLOG);

    // What a sender has taken counts until it takes more.
    let (mut frames, sleeper) = (VecDeque::new(), Arc::new(Notify::new()));
    assert_eq!(queue.take("a:1", &mut frames, &sleeper), Taken::Frames);
    assert_eq!((frames.len(), fill(&queue, "a:1")), (63, 0));
    frames.clear();
    assert_eq!(queue.take("a:1", &mut frames, &sleeper), Taken::Nothing);
    assert_eq!(fill(&queue, "a:1"), 63);
    assert_eq!(queue.discard("a:1"), 63);
    assert_eq!(queue.discard("a:1"), 0);
}

#[test]
fn addresses_are_bounded_until_they_are_forgotten() {
    let queue = Queue::new();
    for address in 0..MAX_ADDRESSES + 5 {
        queue.push(format!("a:{address}").into(), vec![1]);
    }
    assert_eq!(queue.take_dropped(), 5);
    let (mut frames, sleeper) = (VecDeque::new(), Arc::new(Notify::new()));
    assert!(!queue.forget("a:0"), "frames wait");
    assert_eq!(queue.take("a:0", &mut frames, &sleeper), Taken::Frames);
    assert!(!queue.forget("a:0"), "its sender is at work");
    frames.clear();
    assert_eq!(queue.take("a:0", &mut frames, &sleeper), Taken::Nothing);
    assert!(queue.forget("a:0"));
    queue.push("new:1".into(), vec![1]);
    queue.push("new:2".into(), vec![1]);
    assert_eq!(queue.take_dropped(), 1);
    assert_eq!(queue.lock().bytes, MAX_ADDRESSES * (1 + FRAME_BYTES));
}

#[test]
fn senders_are_started_once_and_woken_only_when_they_sleep() {
    let queue = Queue::new();
    let count = || queue.lock().work.len();
    let push = || queue.push("a:1".into(), vec![1]);
    (0..3).for_each(|_| push());
    assert_eq!(count(), 1);
    let (mut frames, sleeper) = (VecDeque::new(), Arc::new(Notify::new()));
    queue.take("a:1", &mut frames, &sleeper);
    push();
    assert_eq!((frames.len(), count()), (3, 1));
    frames.clear();
    queue.take("a:1", &mut frames, &sleeper);
    frames.clear();
    assert_eq!(queue.take("a:1", &mut frames, &sleeper), Taken::Nothing);
    push();
    push();
    assert_eq!(count(), 2);
    queue.close();
    push();
    assert_eq!((queue.take("a:1", &mut frames, &sleeper), frames.len()), (Taken::Frames, 2));
    frames.clear();
    assert_eq!(queue.take("a:1", &mut frames, &sleeper), Taken::End);
    assert_eq!(queue.lock().bytes, 0);
}
