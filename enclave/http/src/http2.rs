//! A session by HTTP/2 (RFC 9113): requests that are whole at the same time are dispatched together.

mod message;
mod stream;

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use coco_app::{Request, Response};
use h2::{
    Reason, RecvStream,
    server::{Builder, Connection, SendResponse},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    sync::oneshot,
    time::{Instant, timeout},
};

use self::{
    message::RequestHead,
    stream::{Preface, Watched, read_preface},
};
use crate::{
    deadline::Deadline,
    dispatch::{Answer, Batch, Session, abandoned},
    gather::{Asked, Gather},
    interface::{Interface, Limits},
    refusal::Refusal,
};

/// Bodies of the largest size that a connection may have in arrival; the newest streams beyond are refused, for
/// the client to try again.
const MAX_ARRIVING_BODIES: usize = 4;
/// Bytes that a client may send ahead on all streams together.
const CONNECTION_WINDOW: u32 = 1 << 20;
/// Streams reset by the client before they were accepted, and by us because of the client's errors, before the
/// connection is ended: resetting must not be cheaper than asking.
const MAX_RESET_STREAMS: usize = 20;
const MAX_ERROR_STREAMS: usize = 256;
/// How long the closing of the stream itself may take.
const SHUTDOWN: Duration = Duration::from_secs(1);

/// Serves `stream` until either side ends it.
pub(crate) async fn run<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    interface: &Interface,
    gather: &Gather,
    session: Session,
) {
    let timeouts = &interface.settings.timeouts;
    match timeout(timeouts.request, read_preface(&mut stream)).await {
        Ok(Ok(Preface::Http2)) => {}
        Ok(Ok(Preface::Other)) => {
            // Closed without an answer, as the client would not understand it.
            interface.metrics.count_parsing();
            let _ = timeout(SHUTDOWN, stream.shutdown()).await;
            return;
        }
        Ok(Err(_)) | Err(_) => return,
    }
    let (stream, activity) = Watched::after_preface(stream);
    let handshake = builder(&interface.settings.limits).handshake(stream);
    let Ok(Ok(connection)) = timeout(timeouts.request, handshake).await else { return };
    let mut multiplexed = Multiplexed {
        connection,
        interface,
        gather,
        batch: Some(Batch::new(session)),
        asked: None,
        arriving: Vec::new(),
        whole: Vec::new(),
        owed: Vec::new(),
        activity,
        active_at: Instant::now(),
        deadline: Deadline::new(),
        stopping: false,
    };
    let mut stopped = pin!(interface.stopped());
    poll_fn(|cx| multiplexed.poll(cx, stopped.as_mut())).await;
}

fn builder(limits: &Limits) -> Builder {
    let mut builder = Builder::new();
    builder
        .max_concurrent_streams(limits.max_concurrent_streams)
        .initial_window_size(limits.initial_window_size.min((1 << 31) - 1))
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(limits.max_frame_size.clamp(16 << 10, (16 << 20) - 1))
        .max_header_list_size(u32::try_from(limits.max_head_size()).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(MAX_RESET_STREAMS)
        .max_local_error_reset_streams(Some(MAX_ERROR_STREAMS));
    builder
}

struct Multiplexed<'a, S> {
    connection: Connection<Watched<S>, Bytes>,
    interface: &'a Interface,
    gather: &'a Gather,
    /// Away while its requests are being answered.
    batch: Option<Batch>,
    asked: Option<(Asked, Vec<Responder>)>,
    /// Requests whose body is not whole, oldest first.
    arriving: Vec<Arriving>,
    /// Requests to dispatch.
    whole: Vec<(Request, Responder)>,
    /// Answers that are awaited.
    owed: Vec<(oneshot::Receiver<Response>, Responder)>,
    activity: stream::Activity,
    active_at: Instant,
    deadline: Deadline,
    stopping: bool,
}

struct Arriving {
    head: RequestHead,
    stream: RecvStream,
    body: BytesMut,
    since: Instant,
    responder: Responder,
}

/// Where the answer to one request goes.
struct Responder {
    send: SendResponse<Bytes>,
    to_head: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Multiplexed<'_, S> {
    /// Ready once the connection has ended.
    fn poll(&mut self, cx: &mut Context<'_>, stopped: Pin<&mut impl Future<Output = ()>>) -> Poll<()> {
        if !self.stopping && stopped.poll(cx).is_ready() {
            self.stopping = true;
            self.connection.graceful_shutdown();
        }
        // What is answered is written by the connection when it is polled again.
        loop {
            if self.accept(cx).is_ready() {
                return Poll::Ready(());
            }
            self.receive(cx);
            if !(self.dispatch_whole(cx) | self.answer_owed(cx)) {
                break;
            }
        }
        self.poll_deadline(cx)
    }

    /// Takes new streams, and moves bytes in both directions.
    fn accept(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let accepted = match pin!(self.connection.accept()).poll(cx) {
                Poll::Ready(Some(accepted)) => accepted,
                Poll::Ready(None) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            };
            match accepted {
                Ok((request, send)) => self.begin(request, send),
                Err(error) => {
                    if error.is_library() {
                        self.interface.metrics.count_parsing();
                    }
                    return Poll::Ready(());
                }
            }
        }
    }

    fn begin(&mut self, request: http::Request<RecvStream>, send: SendResponse<Bytes>) {
        let (parts, stream) = request.into_parts();
        let responder = Responder { send, to_head: parts.method == http::Method::HEAD };
        match RequestHead::read(&parts, &self.interface.settings.limits) {
            Ok(head) if stream.is_end_stream() => {
                self.whole.push((head.with_body(Bytes::new()), responder));
            }
            Ok(head) => {
                let (body, since) = (BytesMut::new(), Instant::now());
                self.arriving.push(Arriving { head, stream, body, since, responder });
            }
            Err(refusal) => self.refuse(&refusal, responder),
        }
    }

    /// Takes what has arrived of bodies.
    fn receive(&mut self, cx: &mut Context<'_>) {
        let max_body = self.interface.settings.limits.max_body_size;
        for mut arriving in std::mem::take(&mut self.arriving) {
            match arriving.receive(max_body, cx) {
                Poll::Pending => self.arriving.push(arriving),
                Poll::Ready(Ok(())) => {
                    let request = arriving.head.with_body(arriving.body.freeze());
                    self.whole.push((request, arriving.responder));
                }
                Poll::Ready(Err(Unfinished::Refused(refusal))) => self.refuse(&refusal, arriving.responder),
                Poll::Ready(Err(Unfinished::Reset)) => {}
            }
        }
        let bytes = |arriving: &[Arriving]| arriving.iter().map(|one| one.body.len()).sum::<usize>();
        while self.arriving.len() > 1 && bytes(&self.arriving) / MAX_ARRIVING_BODIES > max_body {
            if let Some(mut newest) = self.arriving.pop() {
                newest.responder.send.send_reset(Reason::REFUSED_STREAM);
            }
        }
    }

    /// Dispatches the requests that are whole, and sends their answers; whether any were sent.
    fn dispatch_whole(&mut self, cx: &mut Context<'_>) -> bool {
        let mut any = false;
        loop {
            if let Some((asked, _)) = &mut self.asked
                && let Poll::Ready(batch) = Pin::new(asked).poll(cx)
            {
                any = true;
                self.batch = Some(batch);
                self.answer();
            }
            let Some(mut batch) = self.batch.take_if(|_| !self.whole.is_empty()) else { return any };
            let (requests, responders) = self.whole.drain(..).unzip();
            batch.requests = requests;
            self.asked = Some((self.gather.ask(batch), responders));
        }
    }

    /// Sends the answers of the batch that came back.
    fn answer(&mut self) {
        let (Some(batch), Some((_, responders))) = (&mut self.batch, self.asked.take()) else { return };
        assert_eq!(batch.answers.len(), responders.len(), "a dispatcher answers each request once");
        for (answer, responder) in batch.answers.drain(..).zip(responders) {
            match answer {
                Answer::Ready(response) => responder.send(response),
                Answer::Later(response) => self.owed.push((response, responder)),
                Answer::Close(response) => {
                    responder.send(response);
                    self.connection.graceful_shutdown();
                }
            }
        }
    }

    /// Sends the awaited answers that are there; whether there were any.
    fn answer_owed(&mut self, cx: &mut Context<'_>) -> bool {
        let mut any = false;
        for (mut later, responder) in std::mem::take(&mut self.owed) {
            match Pin::new(&mut later).poll(cx) {
                Poll::Pending => self.owed.push((later, responder)),
                Poll::Ready(response) => {
                    any = true;
                    responder.send(response.unwrap_or_else(|_| abandoned()));
                }
            }
        }
        any
    }

    fn refuse(&self, refusal: &Refusal, responder: Responder) {
        refusal.count(&self.interface.metrics);
        responder.send(refusal.response(&self.interface.settings.limits, &[]));
    }

    /// Ready if the connection was idle for too long; resets streams that take too long to arrive.
    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let timeouts = &self.interface.settings.timeouts;
        if self.activity.take() {
            self.active_at = Instant::now();
        }
        loop {
            let idle = timeouts.idle.filter(|_| self.owed.is_empty()).map(|idle| self.active_at + idle);
            let late = self.arriving.first().map(|oldest| oldest.since + timeouts.request);
            self.deadline.set(idle.into_iter().chain(late).min());
            if self.deadline.poll(cx).is_pending() {
                return Poll::Pending;
            }
            let now = Instant::now();
            if idle.is_some_and(|idle| idle <= now) {
                return Poll::Ready(());
            }
            self.arriving.retain_mut(|arriving| {
                let in_time = arriving.since + timeouts.request > now;
                if !in_time {
                    arriving.responder.send.send_reset(Reason::CANCEL);
                }
                in_time
            });
            // The reset is written when the connection is polled again.
            cx.waker().wake_by_ref();
        }
    }
}

/// Why a body never becomes whole.
enum Unfinished {
    Refused(Refusal),
    /// By the client, or for an error of it.
    Reset,
}

impl Arriving {
    /// Ready once the body is whole.
    fn receive(&mut self, max_body: usize, cx: &mut Context<'_>) -> Poll<Result<(), Unfinished>> {
        loop {
            let data = match pin!(self.stream.data()).poll(cx) {
                Poll::Ready(Some(Ok(data))) => data,
                Poll::Ready(Some(Err(_))) => return Poll::Ready(Err(Unfinished::Reset)),
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Pending => return Poll::Pending,
            };
            if data.len() > max_body - self.body.len() {
                return Poll::Ready(Err(Unfinished::Refused(Refusal::BodyTooLarge)));
            }
            self.body.extend_from_slice(&data);
            // It fails only if the stream has ended meanwhile, which the next turn sees.
            let _ = self.stream.flow_control().release_capacity(data.len());
        }
    }
}

impl Responder {
    /// Hands `response` to the connection. A stream that was reset meanwhile needs none.
    fn send(mut self, response: Response) {
        let (head, body) = message::response(response, self.to_head);
        if let Ok(mut stream) = self.send.send_response(head, body.is_empty())
            && !body.is_empty()
        {
            let _ = stream.send_data(body, true);
        }
    }
}
