//! A session by HTTP/1.1 (RFC 9112): pipelined requests are dispatched together and answered in order.

mod answers;
mod chunks;
mod head;
mod intake;

use std::{
    future::poll_fn,
    io,
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};

use coco_app::{Method, Request, Response};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::{Instant, timeout},
};

pub(crate) use self::{answers::UPGRADE_REQUIRED, chunks::Chunks};
use self::{
    answers::{Answers, Manner},
    intake::{Incoming, Intake},
};
use crate::{
    deadline::Deadline,
    dispatch::{Answer, Batch, Session, Talk},
    gather::Gather,
    interface::Interface,
    refusal::Refusal,
    websocket::{self, Accept, Opened},
};

/// Answers owed at a time; further requests are read once there are fewer.
const MAX_PIPELINED: usize = 64;
/// Bytes of bodies dispatched together, but for the last one's.
const MAX_BATCH_BYTES: usize = 1 << 20;
/// How long to read on after a refusal, so that the client finds the answer before the connection is reset.
const LINGER: Duration = Duration::from_secs(1);
/// Bytes read meanwhile.
const MAX_LINGER_BYTES: usize = 32 << 20;
/// How long the closing of the stream itself may take.
const SHUTDOWN: Duration = Duration::from_secs(1);

/// Serves `stream` until either side ends it.
pub(crate) async fn run<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    interface: &Interface,
    gather: &Gather,
    session: Session,
) {
    let intake = Intake::new(interface.settings.limits);
    let answers = Answers::default();
    let reading = Reading::Open;
    let mut connection = Connection {
        stream,
        interface,
        gather,
        batch: Some(Batch::new(session)),
        intake,
        answers,
        reading,
        manners: Vec::new(),
        opening: None,
        arriving_since: None,
        deadline: Deadline::new(),
    };
    // An error means that the client is gone or too slow: there is nobody to tell.
    match connection.serve().await {
        Ok(End::Closed) => connection.close().await,
        Ok(End::Upgraded(talk, accept)) => {
            let Connection { stream, batch, .. } = connection;
            let session = batch.expect("no request is being answered").session;
            let opened = Opened { session, talk, accept };
            // It would make the state of every connection larger.
            Box::pin(websocket::run(stream, interface, gather, opened)).await;
        }
        Err(_) => {}
    }
}

/// How a connection ends to be one of HTTP.
enum End {
    /// The last answer was written.
    Closed,
    /// It becomes a WebSocket.
    Upgraded(Box<dyn Talk>, Accept),
}

/// A request for a WebSocket, and how that is answered if there is something to converse with.
struct Opening {
    request: Request,
    accept: Result<Accept, Response>,
}

struct Connection<'a, S> {
    stream: S,
    interface: &'a Interface,
    gather: &'a Gather,
    /// Away while its requests are being answered.
    batch: Option<Batch>,
    intake: Intake,
    answers: Answers,
    reading: Reading,
    /// How to answer the requests of the batch at hand.
    manners: Vec<Manner>,
    /// The request for which a connection is upgrading.
    opening: Option<Opening>,
    /// When the request that is still arriving began to.
    arriving_since: Option<Instant>,
    deadline: Deadline,
}

/// Whether further requests are taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    Open,
    /// The client ended its side, asked to close, or the node stops.
    Ended,
    /// A request was refused; bytes of it may be on their way.
    Refused,
    /// A WebSocket was asked for, which waits until what came before is answered.
    Upgrading,
}

/// What a connection waited for.
enum Event {
    Read,
    Answer,
    /// The client ended its side, or the node stops.
    End,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<'_, S> {
    /// Until the last answer is written.
    async fn serve(&mut self) -> io::Result<End> {
        let interface = self.interface;
        let mut stopped = pin!(interface.stopped());
        loop {
            let more = self.take_requests().await;
            self.write_answers().await?;
            if self.answers.is_empty()
                && let Some(opening) = self.opening.take_if(|_| self.reading == Reading::Upgrading)
            {
                match self.upgrade(opening) {
                    Some(end) => return Ok(end),
                    None => continue,
                }
            }
            if self.answers.ended() || (self.reading != Reading::Open && self.answers.is_empty()) {
                return Ok(End::Closed);
            }
            if more && self.answers.len() < MAX_PIPELINED {
                continue;
            }
            match self.wait(stopped.as_mut()).await? {
                Event::Read | Event::Answer => {}
                Event::End => self.reading = Reading::Ended,
            }
        }
    }

    /// Dispatches the requests that are there, up to the bounds of a batch; whether there may be more.
    async fn take_requests(&mut self) -> bool {
        let mut batch = self.batch.take().expect("requests are taken one batch after the other");
        let mut bytes = 0;
        let mut refusal = None;
        let mut more = false;
        while self.reading == Reading::Open {
            if self.answers.len() + batch.requests.len() >= MAX_PIPELINED || bytes >= MAX_BATCH_BYTES {
                more = true;
                break;
            }
            match self.intake.next() {
                Ok(Some(Incoming { request, close, upgradable })) => {
                    if upgradable && let Some(accept) = Accept::of(&request) {
                        self.opening = Some(Opening { request, accept });
                        self.reading = Reading::Upgrading;
                        break;
                    }
                    if close {
                        self.reading = Reading::Ended;
                    }
                    bytes += request.body.len();
                    self.manners.push(Manner { to_head: request.method == Method::Head, close });
                    batch.requests.push(request);
                }
                Ok(None) => break,
                Err(error) => {
                    self.reading = Reading::Refused;
                    refusal = Some(error);
                }
            }
        }
        if !batch.requests.is_empty() {
            self.arriving_since = None;
            batch = self.gather.ask(batch).await;
            self.owe(&mut batch.answers);
        }
        self.batch = Some(batch);
        if let Some(refusal) = refusal {
            self.refuse(&refusal);
        }
        more
    }

    fn refuse(&mut self, refusal: &Refusal) {
        self.reading = Reading::Refused;
        refusal.count(&self.interface.metrics);
        let response = refusal.response(&self.interface.settings.limits, self.intake.fragment());
        self.answers.push(Answer::Close(response), Manner { to_head: false, close: true });
    }

    /// Answers a request for a WebSocket. Where there is nothing to converse with, it is a request like any other.
    fn upgrade(&mut self, opening: Opening) -> Option<End> {
        let Opening { request, accept } = opening;
        let batch = self.batch.as_mut().expect("no request is being answered");
        let manner = Manner { to_head: false, close: false };
        self.reading = Reading::Open;
        match (self.gather.converse(&request, &batch.session), accept) {
            (None, _) => {
                self.manners.push(manner);
                batch.requests.push(request);
            }
            (Some(Err(response)), _) | (Some(Ok(_)), Err(response)) => {
                self.answers.push(Answer::Ready(response), manner);
            }
            (Some(Ok(talk)), Ok(accept)) if self.intake.is_idle() => {
                return Some(End::Upgraded(talk, accept));
            }
            (Some(Ok(_)), Ok(_)) => self.refuse(&Refusal::Malformed("more behind a request for a WebSocket")),
        }
        None
    }

    fn owe(&mut self, answers: &mut Vec<Answer>) {
        assert_eq!(answers.len(), self.manners.len(), "a dispatcher answers each request once");
        for (answer, manner) in answers.drain(..).zip(self.manners.drain(..)) {
            if matches!(answer, Answer::Close(_)) {
                self.reading = Reading::Ended;
            }
            self.answers.push(answer, manner);
        }
    }

    async fn write_answers(&mut self) -> io::Result<()> {
        let patience = self.interface.settings.timeouts.write;
        if self.answers.is_empty() && self.reading == Reading::Open && self.intake.take_expectation() {
            self.answers.put_continue();
        }
        loop {
            let bytes = self.answers.encode();
            if bytes.is_empty() {
                return Ok(());
            }
            self.deadline.write(&mut self.stream, bytes, patience).await?;
            self.answers.written();
        }
    }

    async fn wait(&mut self, mut stopped: Pin<&mut impl Future<Output = ()>>) -> io::Result<Event> {
        let deadline = self.next_deadline(Instant::now());
        self.deadline.set(deadline);
        let open = self.reading == Reading::Open;
        let reads = open && self.answers.len() < MAX_PIPELINED;
        tokio::select! {
            biased;
            () = self.answers.ready() => Ok(Event::Answer),
            ended = read(&mut self.stream, &mut self.intake), if reads => {
                Ok(if ended? { Event::End } else { Event::Read })
            }
            () = self.deadline.passed() => Err(io::ErrorKind::TimedOut.into()),
            () = stopped.as_mut(), if open => Ok(Event::End),
        }
    }

    /// When to give up if nothing happens; never while an answer is owed.
    fn next_deadline(&mut self, now: Instant) -> Option<Instant> {
        let timeouts = &self.interface.settings.timeouts;
        if !self.answers.is_empty() {
            return None;
        }
        let idle = timeouts.idle.map(|idle| now + idle);
        if self.intake.is_idle() {
            self.arriving_since = None;
            return idle;
        }
        let whole = *self.arriving_since.get_or_insert(now) + timeouts.request;
        Some(idle.map_or(whole, |idle| idle.min(whole)))
    }

    /// Ends the stream so that the client finds the last answer.
    async fn close(mut self) {
        if !matches!(timeout(SHUTDOWN, self.stream.shutdown()).await, Ok(Ok(()))) {
            return;
        }
        if self.reading == Reading::Refused {
            // However it ends, the connection is closed.
            let _ = timeout(LINGER, discard(&mut self.stream)).await;
        }
    }
}

/// Reads what is there, waiting for the first byte; whether the stream ended instead.
async fn read<S: AsyncRead + Unpin>(stream: &mut S, intake: &mut Intake) -> io::Result<bool> {
    let mut any = false;
    poll_fn(|cx| {
        loop {
            match pin!(stream.read_buf(intake.room())).poll(cx) {
                Poll::Ready(Ok(some)) if some > 0 => any = true,
                // An end or an error after some bytes is met again by the next read.
                _ if any => return Poll::Ready(Ok(false)),
                Poll::Ready(Ok(_)) => return Poll::Ready(Ok(true)),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
            if intake.is_full() {
                return Poll::Ready(Ok(false));
            }
        }
    })
    .await
}

async fn discard<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<()> {
    let mut scratch = vec![0; 16 << 10];
    let mut left = MAX_LINGER_BYTES;
    while left > 0 {
        match stream.read(&mut scratch).await? {
            0 => break,
            some => left = left.saturating_sub(some),
        }
    }
    Ok(())
}
