//! Event streams: what adapters tell of committed transactions, one bounded outbox for each subscriber.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
};

use coco_app::{Event, MAX_TOPICS};

/// Most events that a subscriber may be behind; one who is further behind is closed.
const MAX_OUTBOX: usize = 1024;
/// Most bytes of events that a subscriber may be behind, but for the last one's.
const MAX_OUTBOX_BYTES: usize = 16 << 20;
/// Most subscribers of a node.
const MAX_SUBSCRIBERS: usize = 10_000;

/// All subscriptions of a node.
#[derive(Default)]
pub struct Streams(Mutex<Subscribers>);

#[derive(Default)]
struct Subscribers {
    next: u64,
    outboxes: BTreeMap<StreamId, Outbox>,
    /// Who follows a topic; none is empty.
    followers: BTreeMap<Arc<str>, BTreeSet<StreamId>>,
}

/// Names a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StreamId(u64);

#[derive(Default)]
struct Outbox {
    topics: BTreeSet<Arc<str>>,
    events: VecDeque<Arc<Event>>,
    bytes: usize,
    overrun: bool,
    /// Woken once, when there is something to take.
    waker: Option<Waker>,
}

/// Why there are no events to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// Too many subscribers.
    #[error("the node has as many subscribers as it serves")]
    Full,
    /// Too many topics.
    #[error("the subscriber follows more topics than it may")]
    Topics,
    /// The subscriber did not keep up, and lost its subscription.
    #[error("the subscriber fell behind and was closed")]
    Overrun,
    /// There is no such subscription.
    #[error("no such subscription")]
    Unknown,
}

impl Streams {
    /// Begins a subscription, which follows nothing yet.
    ///
    /// # Errors
    /// If the node has too many.
    pub fn subscribe(&self) -> Result<StreamId, StreamError> {
        let mut subscribers = self.lock();
        if subscribers.outboxes.len() >= MAX_SUBSCRIBERS {
            return Err(StreamError::Full);
        }
        let id = StreamId(subscribers.next);
        subscribers.next += 1;
        subscribers.outboxes.insert(id, Outbox::default());
        Ok(id)
    }

    /// Has a subscriber told of all later events of these topics, and of no others. What waits for it stays.
    ///
    /// # Errors
    /// If there are more topics than [`MAX_TOPICS`], or no such subscription; nothing changes.
    pub fn follow(&self, id: StreamId, topics: BTreeSet<Arc<str>>) -> Result<(), StreamError> {
        if topics.len() > MAX_TOPICS {
            return Err(StreamError::Topics);
        }
        let Subscribers { outboxes, followers, .. } = &mut *self.lock();
        let outbox = outboxes.get_mut(&id).ok_or(StreamError::Unknown)?;
        for topic in outbox.topics.difference(&topics) {
            leave(followers, topic, id);
        }
        for topic in &topics {
            followers.entry(Arc::clone(topic)).or_default().insert(id);
        }
        outbox.topics = topics;
        Ok(())
    }

    /// Ready when there is something to take, be it an error; wakes `waker` once that is so.
    pub fn poll(&self, id: StreamId, waker: &Waker) -> Poll<()> {
        let mut subscribers = self.lock();
        match subscribers.outboxes.get_mut(&id) {
            Some(outbox) if outbox.events.is_empty() && !outbox.overrun => {
                outbox.waker = Some(waker.clone());
                Poll::Pending
            }
            Some(_) | None => Poll::Ready(()),
        }
    }

    /// Takes the oldest event that waits for a subscriber, if there is one.
    ///
    /// # Errors
    /// If it fell behind, which also ends the subscription, or does not exist.
    pub fn take(&self, id: StreamId) -> Result<Option<Arc<Event>>, StreamError> {
        let mut subscribers = self.lock();
        let outbox = subscribers.outboxes.get_mut(&id).ok_or(StreamError::Unknown)?;
        if outbox.overrun {
            subscribers.remove(id);
            return Err(StreamError::Overrun);
        }
        let event = outbox.events.pop_front();
        outbox.bytes -= event.as_ref().map_or(0, |event| event.data.len());
        Ok(event)
    }

    /// Ends a subscription.
    pub fn unsubscribe(&self, id: StreamId) {
        self.lock().remove(id);
    }

    /// Hands events to those who asked for them.
    pub fn publish(&self, events: Vec<Event>) {
        if events.is_empty() {
            return;
        }
        let woken = self.lock().publish(events);
        for waker in woken {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Subscribers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscribers {
    /// Returns who waited for them.
    fn publish(&mut self, events: Vec<Event>) -> Vec<Waker> {
        let mut woken = Vec::new();
        for event in events {
            let Some(ids) = self.followers.get(&event.topic) else { continue };
            let event = Arc::new(event);
            for id in ids {
                let outbox = self.outboxes.get_mut(id).expect("whoever follows a topic has an outbox");
                outbox.push(&event);
                woken.extend(outbox.waker.take());
            }
        }
        woken
    }

    fn remove(&mut self, id: StreamId) {
        let outbox = self.outboxes.remove(&id).unwrap_or_default();
        for topic in &outbox.topics {
            leave(&mut self.followers, topic, id);
        }
    }
}

impl Outbox {
    fn push(&mut self, event: &Arc<Event>) {
        if self.events.len() == MAX_OUTBOX || self.bytes > MAX_OUTBOX_BYTES {
            self.overrun = true;
            self.events = VecDeque::new();
            self.bytes = 0;
        }
        if !self.overrun {
            self.bytes += event.data.len();
            self.events.push_back(Arc::clone(event));
        }
    }
}

/// Takes a subscriber off a topic.
fn leave(followers: &mut BTreeMap<Arc<str>, BTreeSet<StreamId>>, topic: &Arc<str>, id: StreamId) {
    if let Some(ids) = followers.get_mut(topic) {
        ids.remove(&id);
        if ids.is_empty() {
            followers.remove(topic);
        }
    }
}

#[cfg(test)]
mod tests;
