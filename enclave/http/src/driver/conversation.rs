//! Conversations: what adapters are handed of upgraded connections, and what they are told of commits.

use std::{
    collections::BTreeSet,
    sync::Arc,
    task::{Context, Poll},
};

use coco_app::{Conversation, ErrorCode, Peer, Reaction, Reject, Request, Response, Status};
use coco_node::streams::{StreamError, StreamId, Streams};

use super::Driver;
use crate::dispatch::Talk;

/// A conversation and its subscription.
struct Subscriber {
    driver: Driver,
    peer: Peer,
    conversation: Box<dyn Conversation>,
    stream: StreamId,
    /// What it follows.
    topics: BTreeSet<Arc<str>>,
}

impl Driver {
    pub(super) fn begin_conversation(
        &self,
        request: &Request,
        peer: &Peer,
    ) -> Option<Result<Box<dyn Talk>, Response>> {
        let conversation = match self.0.view.converse(request, peer)? {
            Ok(conversation) => conversation,
            Err(response) => return Some(Err(response)),
        };
        let Ok(stream) = self.0.view.shared.streams.subscribe() else {
            let text = "The node has as many subscribers as it serves.";
            let reject = Reject::new(Status::SERVICE_UNAVAILABLE, ErrorCode::SessionCapExhausted, text);
            return Some(Err(reject.into()));
        };
        let (driver, peer, topics) = (self.clone(), peer.clone(), BTreeSet::new());
        let mut subscriber = Subscriber { driver, peer, conversation, stream, topics };
        Some(match subscriber.follow() {
            Ok(()) => Ok(Box::new(subscriber)),
            Err(_) => Err(Reject::internal("The conversation follows too many topics.").into()),
        })
    }
}

impl Subscriber {
    fn streams(&self) -> &Streams {
        &self.driver.0.view.shared.streams
    }

    /// Subscribes to what the conversation wants to be told of by now.
    fn follow(&mut self) -> Result<(), StreamError> {
        let topics = self.conversation.topics();
        if topics != self.topics {
            self.streams().follow(self.stream, topics.clone())?;
            self.topics = topics;
        }
        Ok(())
    }
}

impl Talk for Subscriber {
    fn message(&mut self, text: String) -> Result<Reaction, StreamError> {
        let Self { driver, peer, conversation, .. } = self;
        let reaction = driver.0.view.with_committed(peer, |origin| conversation.message(text, origin));
        self.follow()?;
        Ok(reaction)
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.streams().poll(self.stream, cx.waker())
    }

    fn event(&mut self) -> Result<Option<Vec<String>>, StreamError> {
        let Some(event) = self.streams().take(self.stream)? else { return Ok(None) };
        let Self { driver, peer, conversation, .. } = self;
        let view = &driver.0.view;
        if view.shared.state.load().committed.version() < event.seqno {
            // It is told of before the state is published, under the same lock.
            driver.lock().refresh_committed();
        }
        Ok(Some(view.with_committed(peer, |origin| conversation.event(&event, origin))))
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.streams().unsubscribe(self.stream);
    }
}

#[cfg(test)]
mod tests;
