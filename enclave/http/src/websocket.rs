//! A session by WebSocket (RFC 6455): messages are answered in order, events are told in between.
//!
//! No extension and no subprotocol is agreed on. Messages that arrive together are dispatched together, as requests are.

mod close;
mod frame;
mod handshake;
mod intake;
mod owed;

use std::{
    future::poll_fn,
    io,
    pin::{Pin, pin},
    time::Duration,
};

use coco_app::Reaction;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    task::yield_now,
    time::{Instant, timeout},
};

pub(crate) use self::handshake::Accept;
use self::{
    close::{Close, Violation},
    frame::{Kind, put, put_close},
    intake::{Incoming, Intake},
    owed::{Events, Owed, Said, Turn},
};
use crate::{
    deadline::Deadline,
    dispatch::{Answer, Batch, Session, Talk},
    gather::Gather,
    interface::Interface,
};

/// Answers owed at a time; further messages are read once there are fewer.
const MAX_OWED: usize = 64;
/// Bytes of messages dispatched together, but for the last one's.
const MAX_BATCH_BYTES: usize = 1 << 20;
/// Bytes that are written at once, but for the last message's; events beyond wait in their outbox.
const WRITE: usize = 256 << 10;
/// Bytes of room that a connection keeps between messages.
const KEPT: usize = 16 << 10;
/// Events told before other connections have their turn.
const MAX_EVENTS: usize = 64;
/// How long to wait for the client's close frame after ours.
const LINGER: Duration = Duration::from_secs(1);
/// Bytes read meanwhile.
const MAX_LINGER_BYTES: usize = 32 << 20;
/// How long the closing of the stream itself may take.
const SHUTDOWN: Duration = Duration::from_secs(1);

/// A connection whose next bytes are frames.
pub(crate) struct Opened {
    pub(crate) session: Session,
    pub(crate) talk: Box<dyn Talk>,
    pub(crate) accept: Accept,
}

/// Answers the handshake and serves `stream` until either side ends it.
pub(crate) async fn run<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    interface: &Interface,
    gather: &Gather,
    opened: Opened,
) {
    let Opened { session, talk, accept } = opened;
    let mut connection = Connection {
        stream,
        interface,
        gather,
        batch: Some(Batch::new(session)),
        talk,
        intake: Intake::new(interface.settings.limits.max_body_size),
        owed: Owed::default(),
        pong: None,
        out: accept.encode(),
        phase: Phase::Open,
        heard: Instant::now(),
        pinged: None,
        arriving_since: None,
        deadline: Deadline::new(),
    };
    // An error means that the client is gone or too slow: there is nobody to tell.
    if connection.serve().await.is_ok() {
        connection.close().await;
    }
}

struct Connection<'a, S> {
    stream: S,
    interface: &'a Interface,
    gather: &'a Gather,
    /// Away while its requests are being answered.
    batch: Option<Batch>,
    talk: Box<dyn Talk>,
    intake: Intake,
    owed: Owed,
    /// The answer to the client's latest ping.
    pong: Option<Vec<u8>>,
    /// Bytes ready to be written.
    out: Vec<u8>,
    phase: Phase,
    /// When the client last sent anything.
    heard: Instant,
    /// When it was asked whether it is still there; none if it has sent something since.
    pinged: Option<Instant>,
    /// When the message that is still arriving began to.
    arriving_since: Option<Instant>,
    deadline: Deadline,
}

/// How far the end is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// No more is read; once what is owed is said, the client is told why.
    Ending(Close),
    /// The client ended its side, with this code if it said one.
    Left(Option<u16>),
    /// Our close frame is among the bytes to write, or was written. The client's has come before, or is waited for.
    Closed(Client),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Client {
    Left,
    Waited,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<'_, S> {
    /// Until our close frame is written.
    async fn serve(&mut self) -> io::Result<()> {
        let interface = self.interface;
        let mut stopped = pin!(interface.stopped());
        loop {
            let more = self.take_messages().await;
            let full = self.fill();
            let patience = self.interface.settings.timeouts.write;
            if !self.out.is_empty() {
                self.deadline.write(&mut self.stream, &self.out, patience).await?;
                self.out.clear();
                self.out.shrink_to(KEPT);
            }
            if matches!(self.phase, Phase::Closed(_)) {
                return Ok(());
            }
            if full {
                yield_now().await;
            }
            if !more || self.owed.len() >= MAX_OWED {
                self.wait(stopped.as_mut()).await?;
            }
        }
    }

    /// Dispatches the messages that are there, up to the bounds of a batch; whether there may be more.
    async fn take_messages(&mut self) -> bool {
        let mut batch = self.batch.take().expect("messages are taken one batch after the other");
        let mut turns = Vec::new();
        let mut bytes = 0;
        let mut more = false;
        while self.phase == Phase::Open {
            if self.owed.len() + turns.len() >= MAX_OWED || bytes >= MAX_BATCH_BYTES {
                more = true;
                break;
            }
            match self.intake.next() {
                Ok(Some(Incoming::Message(text))) => {
                    self.arriving_since = None;
                    bytes += text.len();
                    turns.extend(self.take_message(text, &mut batch));
                }
                Ok(Some(Incoming::Ping(payload))) => self.pong = Some(payload),
                Ok(Some(Incoming::Pong)) => {}
                Ok(Some(Incoming::Close(code))) => self.phase = Phase::Left(code),
                Ok(None) => break,
                Err(violation) => self.refuse(violation),
            }
        }
        if !batch.requests.is_empty() {
            batch = self.gather.ask(batch).await;
        }
        self.owe(turns, &mut batch.answers);
        self.batch = Some(batch);
        more
    }

    fn take_message(&mut self, text: String, batch: &mut Batch) -> Option<Turn> {
        let (request, finish, events) = match self.talk.message(text) {
            Ok(Reaction::Silence) => return None,
            Ok(Reaction::Say(text)) => return Some(Turn::Say(text)),
            Ok(Reaction::Ask(request, finish)) => (request, finish, Events::Flow),
            Ok(Reaction::AskAndSay(request, finish)) => (request, finish, Events::Wait),
            Err(_) => {
                self.phase = Phase::Ending(Close::BEHIND);
                return None;
            }
        };
        batch.requests.push(request);
        Some(Turn::Ask(finish, events))
    }

    fn owe(&mut self, turns: Vec<Turn>, answers: &mut Vec<Answer>) {
        let mut answers = answers.drain(..);
        for turn in turns {
            match turn {
                Turn::Say(text) => self.owed.say(text),
                Turn::Ask(finish, events) => {
                    let answer = answers.next().expect("a dispatcher answers each request once");
                    if matches!(answer, Answer::Close(_)) {
                        self.phase = Phase::Ending(Close::INCONSISTENT);
                    }
                    self.owed.answer(answer, finish, events);
                }
            }
        }
    }

    fn refuse(&mut self, violation: Violation) {
        let metrics = &self.interface.metrics;
        match violation {
            Violation::TooLarge => metrics.count_payload_too_large(),
            _ => metrics.count_parsing(),
        }
        self.phase = Phase::Ending(violation.close());
    }

    /// Puts what is to be said among the bytes to write, up to a bound; whether there may be more.
    fn fill(&mut self) -> bool {
        if let Some(payload) = self.pong.take() {
            put(&mut self.out, Kind::Pong, &payload);
        }
        while self.out.len() < WRITE
            && let Some(Said { text, last }) = self.owed.next()
        {
            if let Some(text) = text {
                put(&mut self.out, Kind::Text, text.as_bytes());
            }
            if last {
                break;
            }
        }
        let full = self.phase == Phase::Open && !self.owed.holds_events() && self.fill_events();
        match self.phase {
            Phase::Ending(close) if self.owed.is_empty() => {
                put_close(&mut self.out, Some(close));
                self.phase = Phase::Closed(Client::Waited);
            }
            Phase::Left(code) => {
                put_close(&mut self.out, code.map(Close::echo));
                self.phase = Phase::Closed(Client::Left);
            }
            Phase::Open | Phase::Ending(_) | Phase::Closed(_) => {}
        }
        full
    }

    fn fill_events(&mut self) -> bool {
        for _ in 0..MAX_EVENTS {
            if self.out.len() >= WRITE {
                return true;
            }
            match self.talk.event() {
                Ok(Some(texts)) => {
                    for text in texts {
                        put(&mut self.out, Kind::Text, text.as_bytes());
                    }
                }
                Ok(None) => return false,
                Err(_) => {
                    self.phase = Phase::Ending(Close::BEHIND);
                    return false;
                }
            }
        }
        true
    }

    async fn wait(&mut self, mut stopped: Pin<&mut impl Future<Output = ()>>) -> io::Result<()> {
        let open = self.phase == Phase::Open;
        let reads = open && self.owed.len() < MAX_OWED;
        let events = open && !self.owed.holds_events();
        let deadline = if reads { self.next_deadline(Instant::now()) } else { None };
        self.deadline.set(deadline);
        tokio::select! {
            biased;
            read = self.stream.read_buf(self.intake.room()), if reads => {
                if read? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                self.heard = Instant::now();
                self.pinged = None;
            }
            () = self.owed.ready() => {}
            () = poll_fn(|cx| self.talk.poll_event(cx)), if events => {}
            () = self.deadline.passed() => self.late(Instant::now())?,
            () = stopped.as_mut(), if open => self.phase = Phase::Ending(Close::GOING_AWAY),
        }
        Ok(())
    }

    /// When to ask whether the client is there, or to give it up.
    fn next_deadline(&mut self, now: Instant) -> Option<Instant> {
        let timeouts = &self.interface.settings.timeouts;
        let idle = timeouts.idle.map(|idle| self.pinged.unwrap_or(self.heard) + idle / 2);
        if self.intake.is_idle() {
            self.arriving_since = None;
            return idle;
        }
        let whole = *self.arriving_since.get_or_insert(now) + timeouts.request;
        Some(idle.map_or(whole, |idle| idle.min(whole)))
    }

    /// Asks whether the client is there; gives it up if it was asked before, or does not come to an end of its message.
    fn late(&mut self, now: Instant) -> io::Result<()> {
        let idle = self.interface.settings.timeouts.idle;
        if self.pinged.is_some() || idle.is_none_or(|idle| now < self.heard + idle / 2) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        put(&mut self.out, Kind::Ping, b"");
        self.pinged = Some(now);
        Ok(())
    }

    /// Ends the stream so that the client finds our close frame.
    async fn close(mut self) {
        if self.phase != Phase::Closed(Client::Left) {
            // However it ends, the connection is closed.
            let _ = timeout(LINGER, self.hear_close()).await;
        }
        let _ = timeout(SHUTDOWN, self.stream.shutdown()).await;
    }

    /// Reads until the client's close frame.
    async fn hear_close(&mut self) -> io::Result<()> {
        let mut left = MAX_LINGER_BYTES;
        loop {
            match self.intake.next() {
                Ok(Some(Incoming::Close(_))) => return Ok(()),
                Ok(Some(Incoming::Message(_) | Incoming::Ping(_) | Incoming::Pong)) => continue,
                Ok(None) => {}
                Err(_) => self.intake.room().clear(),
            }
            let read = self.stream.read_buf(self.intake.room()).await?;
            left = left.saturating_sub(read);
            if read == 0 || left == 0 {
                return Ok(());
            }
        }
    }
}
