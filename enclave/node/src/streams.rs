//! Event streams: what adapters tell of committed transactions, one bounded outbox for each subscriber.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use coco_app::Event;

/// Most events that a subscriber may be behind; one who is further behind is closed.
const MAX_OUTBOX: usize = 1024;
/// Most subscribers of a node.
const MAX_SUBSCRIBERS: usize = 10_000;

/// All subscriptions of a node.
#[derive(Default)]
pub struct Streams(Mutex<Subscribers>);

#[derive(Default)]
struct Subscribers {
    next: u64,
    outboxes: BTreeMap<StreamId, Outbox>,
}

/// Names a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StreamId(u64);

struct Outbox {
    topic: Arc<str>,
    events: VecDeque<Event>,
    overrun: bool,
}

/// Why there are no events to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// Too many subscribers.
    #[error("the node has as many subscribers as it serves")]
    Full,
    /// The subscriber did not keep up, and lost its subscription.
    #[error("the subscriber fell behind and was closed")]
    Overrun,
    /// There is no such subscription.
    #[error("no such subscription")]
    Unknown,
}

impl Streams {
    /// Begins a subscription to all later events of `topic`.
    ///
    /// # Errors
    /// If the node has too many.
    pub fn subscribe(&self, topic: &str) -> Result<StreamId, StreamError> {
        let mut subscribers = self.lock();
        if subscribers.outboxes.len() >= MAX_SUBSCRIBERS {
            return Err(StreamError::Full);
        }
        let id = StreamId(subscribers.next);
        subscribers.next += 1;
        let outbox = Outbox { topic: topic.into(), events: VecDeque::new(), overrun: false };
        subscribers.outboxes.insert(id, outbox);
        Ok(id)
    }

    /// Takes the events that wait for a subscriber, oldest first.
    ///
    /// # Errors
    /// If it fell behind, which also ends the subscription, or does not exist.
    pub fn take(&self, id: StreamId) -> Result<Vec<Event>, StreamError> {
        let mut subscribers = self.lock();
        let outbox = subscribers.outboxes.get_mut(&id).ok_or(StreamError::Unknown)?;
        if outbox.overrun {
            subscribers.outboxes.remove(&id);
            return Err(StreamError::Overrun);
        }
        Ok(outbox.events.drain(..).collect())
    }

    /// Ends a subscription.
    pub fn unsubscribe(&self, id: StreamId) {
        self.lock().outboxes.remove(&id);
    }

    /// Hands events to those who asked for them.
    pub fn publish(&self, events: Vec<Event>) {
        if events.is_empty() {
            return;
        }
        let mut subscribers = self.lock();
        for event in events {
            for outbox in subscribers.outboxes.values_mut().filter(|outbox| outbox.topic == event.topic) {
                if outbox.events.len() == MAX_OUTBOX {
                    outbox.overrun = true;
                    outbox.events.clear();
                }
                if !outbox.overrun {
                    outbox.events.push_back(event.clone());
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Subscribers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
