//! Subscribers get what they asked for, in order; slow ones are closed.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    task::Wake,
};

use coco_wire::Seqno;

use super::*;

fn event(topic: &str, seqno: u64) -> Event {
    Event { topic: topic.into(), seqno: Seqno(seqno), data: Vec::new() }
}

fn topics(names: &[&str]) -> BTreeSet<Arc<str>> {
    names.iter().map(|name| Arc::from(*name)).collect()
}

fn follow(streams: &Streams, names: &[&str]) -> StreamId {
    let id = streams.subscribe().unwrap();
    streams.follow(id, topics(names)).unwrap();
    id
}

/// Topic and seqno of all that waits.
fn all(streams: &Streams, id: StreamId) -> Vec<(String, u64)> {
    let events = std::iter::from_fn(|| streams.take(id).unwrap());
    events.map(|event| (event.topic.to_string(), event.seqno.0)).collect()
}

fn expected(events: &[(&str, u64)]) -> Vec<(String, u64)> {
    events.iter().map(|(topic, seqno)| ((*topic).to_owned(), *seqno)).collect()
}

#[test]
fn each_topic_has_its_subscribers() {
    let streams = Streams::default();
    let [a, b, both] = [&["a"][..], &["b"], &["a", "b"]].map(|names| follow(&streams, names));
    streams.publish(vec![event("a", 1), event("b", 1), event("c", 1), event("a", 2)]);
    assert_eq!(all(&streams, a), expected(&[("a", 1), ("a", 2)]));
    assert_eq!(all(&streams, a), []);
    assert_eq!(all(&streams, b), expected(&[("b", 1)]));
    assert_eq!(all(&streams, both), expected(&[("a", 1), ("b", 1), ("a", 2)]));
    streams.unsubscribe(b);
    assert_eq!(streams.take(b), Err(StreamError::Unknown));
    assert_eq!(streams.follow(b, topics(&["a"])), Err(StreamError::Unknown));
}

#[test]
fn topics_change_and_what_waits_stays() {
    let streams = Streams::default();
    let id = follow(&streams, &["a", "b"]);
    streams.publish(vec![event("a", 1), event("b", 1)]);
    streams.follow(id, topics(&["b", "c"])).unwrap();
    streams.publish(vec![event("a", 2), event("b", 2), event("c", 2)]);
    assert_eq!(all(&streams, id), expected(&[("a", 1), ("b", 1), ("b", 2), ("c", 2)]));
    let many: Vec<_> = (0..=MAX_TOPICS).map(|n| n.to_string()).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    assert_eq!(streams.follow(id, topics(&many)), Err(StreamError::Topics));
    streams.follow(id, topics(&many[1..])).unwrap();
    streams.publish(vec![event("b", 3), event("0", 3), event("1", 3)]);
    assert_eq!(all(&streams, id), expected(&[("1", 3)]));
    streams.follow(id, BTreeSet::new()).unwrap();
    assert!(streams.lock().followers.is_empty(), "topics that nobody follows are forgotten");
}

#[test]
fn who_falls_behind_is_closed_and_told() {
    for (most, size) in [(MAX_OUTBOX as u64, 0), (5, MAX_OUTBOX_BYTES / 4)] {
        let event = |seqno| vec![Event { data: vec![0; size], ..event("a", seqno) }];
        let streams = Streams::default();
        let (slow, quick) = (follow(&streams, &["a"]), follow(&streams, &["a"]));
        for seqno in 1..=most {
            streams.publish(event(seqno));
            assert_eq!(all(&streams, quick), expected(&[("a", seqno)]));
        }
        assert!(!streams.lock().outboxes[&slow].overrun, "so much may wait");
        streams.publish(event(0));
        assert_eq!(streams.take(slow), Err(StreamError::Overrun));
        assert_eq!(streams.take(slow), Err(StreamError::Unknown));
        streams.publish(event(1));
        assert_eq!(all(&streams, quick).len(), 2);
    }
}

struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn who_waits_is_woken_once() {
    let streams = Streams::default();
    let count = Arc::new(Count(AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&count));
    let woken = || count.0.load(Ordering::Relaxed);
    let id = follow(&streams, &["a"]);
    assert_eq!(streams.poll(id, &waker), Poll::Pending);
    streams.publish(vec![event("b", 1)]);
    assert_eq!(woken(), 0);
    streams.publish(vec![event("a", 1), event("a", 2)]);
    streams.publish(vec![event("a", 3)]);
    assert_eq!(woken(), 1);
    assert_eq!(streams.poll(id, &waker), Poll::Ready(()));
    assert_eq!(all(&streams, id).len(), 3);
    assert_eq!(streams.poll(id, &waker), Poll::Pending);
    streams.unsubscribe(id);
    assert_eq!(streams.poll(id, &waker), Poll::Ready(()), "there is an error to take");
}
