//! One timer for a connection's life, moved without cost.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncWrite, AsyncWriteExt as _},
    time::{Instant, Sleep, sleep_until},
};

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

    /// Writes all of `bytes` to a stream that takes some more within `patience` each time.
    pub(crate) async fn write<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        mut bytes: &[u8],
        patience: Duration,
    ) -> io::Result<()> {
        while !bytes.is_empty() {
            self.set(Some(Instant::now() + patience));
            let written = self.in_time(stream.write(bytes)).await?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            bytes = &bytes[written..];
        }
        self.in_time(stream.flush()).await
    }

    /// What `io` yields, if it does in time.
    async fn in_time<T>(&mut self, io: impl Future<Output = io::Result<T>>) -> io::Result<T> {
        tokio::select! {
            biased;
            done = io => done,
            () = self.passed() => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}
