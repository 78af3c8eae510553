//! One timer for a connection's life, moved without cost.

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::time::{Instant, Sleep, sleep_until};

/// The time at which a connection is given up.
///
/// Moving it to a later time touches no timer: the timer is set again only when it fires early, so that a busy
/// connection costs the runtime's timer wheel nothing.
pub(crate) struct Deadline {
    timer: Pin<Box<Sleep>>,
    at: Option<Instant>,
}

impl Deadline {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self { timer: Box::pin(sleep_until(Instant::now())), at: None }
    }

    /// Moves it; none: never.
    pub(crate) fn set(&mut self, at: Option<Instant>) {
        self.at = at;
    }

    /// Ready once it has passed.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(at) = self.at else { return Poll::Pending };
        if self.timer.deadline() > at {
            self.timer.as_mut().reset(at);
        }
        while self.timer.as_mut().poll(cx).is_ready() {
            if self.timer.deadline() >= at {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(at);
        }
        Poll::Pending
    }

    pub(crate) async fn passed(&mut self) {
        poll_fn(|cx| self.poll(cx)).await;
    }
}
