//! Subscribers get what they asked for, in order; slow ones are closed.

use coco_wire::Seqno;

use super::*;

fn event(topic: &str, seqno: u64) -> Event {
    Event { topic: topic.into(), seqno: Seqno(seqno), data: Vec::new() }
}

#[test]
fn each_topic_has_its_subscribers() {
    let streams = Streams::default();
    let (a, b) = (streams.subscribe("a").unwrap(), streams.subscribe("b").unwrap());
    streams.publish(vec![event("a", 1), event("b", 1), event("a", 2)]);
    assert_eq!(streams.take(a), Ok(vec![event("a", 1), event("a", 2)]));
    assert_eq!(streams.take(a), Ok(Vec::new()));
    assert_eq!(streams.take(b), Ok(vec![event("b", 1)]));
    streams.unsubscribe(b);
    assert_eq!(streams.take(b), Err(StreamError::Unknown));
}

#[test]
fn who_falls_behind_is_closed_and_told() {
    let streams = Streams::default();
    let slow = streams.subscribe("a").unwrap();
    for seqno in 0..=MAX_OUTBOX as u64 {
        streams.publish(vec![event("a", seqno)]);
    }
    assert_eq!(streams.take(slow), Err(StreamError::Overrun));
    assert_eq!(streams.take(slow), Err(StreamError::Unknown));
}
