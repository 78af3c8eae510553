//! Connections to others: one for each address that frames are sent to.

use std::{
    collections::VecDeque,
    fmt,
    io::{self, IoSlice},
    sync::Arc,
    time::Duration,
};

use coco_boundary::Log;
use socket2::SockRef;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::{Notify, watch},
    task::JoinSet,
    time::{Instant, sleep, sleep_until, timeout},
};

use super::queue::{Queue, Taken, Work};
use crate::net::{ConnectError, connect};

/// An address to which nothing is sent for so long is forgotten.
const IDLE: Duration = Duration::from_secs(60);
/// How long an attempt to connect may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);
/// A connection on which the peer acknowledges nothing for so long is given up. TCP itself waits longer and longer before it
/// tries again, and would notice only after minutes that a partition is over.
const UNACKNOWLEDGED_LIMIT: Duration = Duration::from_secs(2);
/// Rest after the first failure; doubled after each that follows.
const MIN_BACKOFF: Duration = Duration::from_millis(10);
/// At most that long.
const MAX_BACKOFF: Duration = Duration::from_secs(1);
/// When a peer cannot be reached for so long, frames that wait for it are stale and dropped, and the log tells.
const STALE: Duration = Duration::from_secs(1);
/// How long what is queued at the end may take to leave.
const FLUSH_LIMIT: Duration = Duration::from_millis(200);
/// Frames written by one system call.
const MAX_SLICES: usize = 256;

/// Starts and wakes senders until the queue is closed, and then lets them finish.
pub(super) async fn dispatch(queue: &Arc<Queue>, log: &Log) {
    let (closing, closed) = watch::channel(false);
    let mut senders = JoinSet::new();
    let mut work = vec![];
    let mut open = true;
    while open {
        tokio::select! {
            still = queue.work(&mut work) => open = still,
            Some(_) = senders.join_next() => {}
        }
        for work in work.drain(..) {
            match work {
                Work::Start(to) => {
                    senders.spawn(Sender::new(to, queue, closed.clone(), log.clone()).run());
                }
                Work::Wake(sleeper) => sleeper.notify_one(),
            }
        }
    }
    closing.send_replace(true);
    // Senders that did not finish are dropped with the set.
    let _ = timeout(FLUSH_LIMIT, async { while senders.join_next().await.is_some() {} }).await;
}

/// Sends what waits for one address.
struct Sender {
    to: Arc<str>,
    queue: Arc<Queue>,
    closed: watch::Receiver<bool>,
    log: Log,
    sleeper: Arc<Notify>,
    batch: Batch,
    link: Link,
    backoff: Duration,
}

/// The connection.
enum Link {
    Up { stream: TcpStream, since: Instant },
    Down { next_attempt: Instant, outage: Option<Outage> },
}

/// Time during which the peer could not be reached.
#[derive(Clone, Copy)]
struct Outage {
    since: Instant,
    /// Frames dropped; the log knows of the outage if there are any.
    dropped: usize,
}

impl Sender {
    fn new(to: Arc<str>, queue: &Arc<Queue>, closed: watch::Receiver<bool>, log: Log) -> Self {
        Self {
            to,
            queue: Arc::clone(queue),
            closed,
            log,
            sleeper: Arc::new(Notify::new()),
            batch: Batch::default(),
            link: Link::Down { next_attempt: Instant::now(), outage: None },
            backoff: MIN_BACKOFF,
        }
    }

    async fn run(mut self) {
        loop {
            match self.queue.take(&self.to, &mut self.batch.frames, &self.sleeper) {
                Taken::Frames => self.send_batch().await,
                Taken::Nothing => {
                    if !self.rest().await {
                        return;
                    }
                }
                Taken::End => return,
            }
        }
    }

    /// Until it is written or given up.
    async fn send_batch(&mut self) {
        while !self.batch.frames.is_empty() {
            match &mut self.link {
                Link::Up { stream, .. } => {
                    if self.batch.write(stream).await.is_err() {
                        self.link_lost();
                    }
                }
                Link::Down { next_attempt, outage } => {
                    let (next_attempt, outage) = (*next_attempt, *outage);
                    self.reconnect(next_attempt, outage).await;
                }
            }
        }
    }

    /// Sleeps until a frame comes; false if none came for long. Notices meanwhile that the peer closes.
    async fn rest(&mut self) -> bool {
        let idle = sleep(IDLE);
        tokio::pin!(idle);
        loop {
            tokio::select! {
                biased;
                () = ended(&mut self.link) => self.link_lost(),
                () = self.sleeper.notified() => return true,
                () = &mut idle => return !self.queue.forget(&self.to),
            }
        }
    }

    /// One attempt, once it is due.
    async fn reconnect(&mut self, next_attempt: Instant, outage: Option<Outage>) {
        if next_attempt > Instant::now() {
            tokio::select! {
                () = sleep_until(next_attempt) => {}
                // Nobody waits for a peer that is away.
                _ = self.closed.wait_for(|closed| *closed) => return self.batch.clear(),
            }
        }
        match connect(&self.to, CONNECT_LIMIT).await.and_then(patient) {
            Ok(stream) => {
                if let Some(Outage { since, dropped: dropped @ 1.. }) = outage {
                    let seconds = since.elapsed().as_secs();
                    let to = &self.to;
                    self.log.info(format_args!(
                        "Peer {to} is reached again after {seconds} s; {dropped} frames to it were dropped"
                    ));
                }
                self.link = Link::Up { stream, since: Instant::now() };
            }
            Err(error) => self.attempt_failed(outage, &error),
        }
    }

    /// The connection broke. The attempt after it comes soon, unless connections break soon after they are made.
    fn link_lost(&mut self) {
        if let Link::Up { since, .. } = self.link
            && since.elapsed() >= MAX_BACKOFF
        {
            self.backoff = MIN_BACKOFF;
        }
        self.batch.restart();
        self.link = Link::Down { next_attempt: self.next_attempt(), outage: None };
    }

    fn attempt_failed(&mut self, outage: Option<Outage>, error: &dyn fmt::Display) {
        let mut outage = outage.unwrap_or(Outage { since: Instant::now(), dropped: 0 });
        if outage.since.elapsed() >= STALE {
            if outage.dropped == 0 {
                self.log.info(format_args!("Peer {} cannot be reached: {error}", self.to));
            }
            outage.dropped += self.batch.frames.len() + self.queue.discard(&self.to);
            self.batch.clear();
        }
        self.link = Link::Down { next_attempt: self.next_attempt(), outage: Some(outage) };
    }

    fn next_attempt(&mut self) -> Instant {
        let rest = self.backoff;
        self.backoff = (2 * rest).min(MAX_BACKOFF);
        Instant::now() + rest
    }
}

/// Waits for the end of a connection on which the peer has nothing to say.
async fn ended(link: &mut Link) {
    match link {
        Link::Up { stream, .. } => {
            let _ = stream.read_u8().await;
        }
        Link::Down { .. } => std::future::pending().await,
    }
}

fn patient(stream: TcpStream) -> Result<TcpStream, ConnectError> {
    SockRef::from(&stream).set_tcp_user_timeout(Some(UNACKNOWLEDGED_LIMIT))?;
    Ok(stream)
}

/// Frames that were taken from the queue and not yet written.
#[derive(Default)]
struct Batch {
    frames: VecDeque<Vec<u8>>,
    /// Bytes of the first frame that are written.
    written: usize,
}

impl Batch {
    /// Writes as much as the connection takes, until all is written.
    async fn write(&mut self, stream: &mut TcpStream) -> io::Result<()> {
        while let Some(first) = self.frames.front() {
            let mut slices = [IoSlice::new(&[]); MAX_SLICES];
            for (slice, frame) in slices.iter_mut().zip(&self.frames) {
                *slice = IoSlice::new(frame);
            }
            slices[0] = IoSlice::new(&first[self.written..]);
            let count = self.frames.len().min(MAX_SLICES);
            match stream.write_vectored(&slices[..count]).await? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                bytes => self.advance(bytes),
            }
        }
        Ok(())
    }

    fn advance(&mut self, bytes: usize) {
        self.written += bytes;
        while let Some(frame) = self.frames.front()
            && frame.len() <= self.written
        {
            self.written -= frame.len();
            self.frames.pop_front();
        }
    }

    /// The rest goes into another connection, which begins with a whole frame.
    fn restart(&mut self) {
        self.written = 0;
    }

    fn clear(&mut self) {
        self.frames.clear();
        self.written = 0;
    }
}
