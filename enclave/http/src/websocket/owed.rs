//! What a connection is to say about the messages of its client, in their order.

use std::{collections::VecDeque, future::pending};

use coco_app::{Finish, Response};
use tokio::sync::oneshot::{self, error::TryRecvError};

use crate::dispatch::{Answer, abandoned};

/// What becomes of one message that is not dispatched yet.
pub(super) enum Turn {
    /// The conversation's own answer.
    Say(String),
    /// The next of the batch's requests is answered.
    Ask(Finish, Events),
}

/// What events do until something is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Events {
    Flow,
    Wait,
}

/// Answers owed, oldest first.
#[derive(Default)]
pub(super) struct Owed(VecDeque<One>);

struct One {
    state: State,
    events: Events,
    /// Whether the connection ends with it.
    last: bool,
}

enum State {
    Ready(Option<String>),
    Later(oneshot::Receiver<Response>, Finish),
}

/// What is to be said now.
pub(super) struct Said {
    pub(super) text: Option<String>,
    pub(super) last: bool,
}

impl Owed {
    /// Owes a text.
    pub(super) fn say(&mut self, text: String) {
        self.0.push_back(One { state: State::Ready(Some(text)), events: Events::Wait, last: false });
    }

    /// Owes what `finish` makes of an answer.
    pub(super) fn answer(&mut self, answer: Answer, finish: Finish, events: Events) {
        let last = matches!(answer, Answer::Close(_));
        let state = match answer {
            Answer::Ready(response) | Answer::Close(response) => State::Ready(finish(response)),
            Answer::Later(response) => State::Later(response, finish),
        };
        self.0.push_back(One { state, events, last });
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether events wait for something that is owed.
    pub(super) fn holds_events(&self) -> bool {
        self.0.iter().any(|one| one.events == Events::Wait)
    }

    /// The oldest, if it is ready. After the last one there is nothing more.
    pub(super) fn next(&mut self) -> Option<Said> {
        if let State::Later(answer, _) = &mut self.0.front_mut()?.state {
            let response = match answer.try_recv() {
                Ok(response) => response,
                Err(TryRecvError::Empty) => return None,
                Err(TryRecvError::Closed) => abandoned(),
            };
            self.settle(response);
        }
        let One { state: State::Ready(text), last, .. } = self.0.pop_front()? else {
            unreachable!("settled above")
        };
        if last {
            self.0.clear();
        }
        Some(Said { text, last })
    }

    /// Waits until the oldest is ready; for ever if nothing is owed.
    pub(super) async fn ready(&mut self) {
        let Some(oldest) = self.0.front_mut() else { return pending().await };
        if let State::Later(answer, _) = &mut oldest.state {
            let response = answer.await.unwrap_or_else(|_| abandoned());
            self.settle(response);
        }
    }

    /// Takes in the answer that the oldest waits for.
    fn settle(&mut self, response: Response) {
        let Some(oldest) = self.0.front_mut() else { return };
        let state = std::mem::replace(&mut oldest.state, State::Ready(None));
        oldest.state = match state {
            State::Later(_, finish) => State::Ready(finish(response)),
            ready @ State::Ready(_) => ready,
        };
    }
}
