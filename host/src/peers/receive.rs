//! Connections from others: whole frames become events.

use std::{
    convert::Infallible,
    future::poll_fn,
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    task::{Context, Poll, ready},
    time::Duration,
};

use coco_boundary::{Event, Log};
use tokio::{
    io::{AsyncRead, ReadBuf},
    net::{TcpListener, TcpStream},
    task::{JoinSet, yield_now},
    time::{Instant, sleep, timeout_at},
};

use super::{
    Tally,
    cutter::Cutter,
    places::{PlaceId, Places},
};
use crate::ledger::EventSink;

/// Bytes read at once: 64 KiB.
const READ_BYTES: usize = 64 << 10;
/// A connection without a whole frame for so long is closed: longer than a sender keeps one that it does not use.
const SILENCE: Duration = Duration::from_secs(90);
/// Rest after a failed accept: most often the process is out of file descriptors.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(50);

/// Accepts connections and reads them, until dropped.
pub(super) async fn receive_all(
    listener: TcpListener,
    events: EventSink,
    tally: &Arc<Tally>,
    log: &Log,
) -> Infallible {
    let hall = Arc::new(Hall {
        places: Mutex::default(),
        scratch: Mutex::new(vec![0; READ_BYTES].into_boxed_slice()),
        events,
        tally: Arc::clone(tally),
    });
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let id = hall.places(Places::next_id);
                    // The task does not begin before the next await, and so finds its place.
                    let task = open.spawn(Reader::new(stream, id, &hall).run());
                    if hall.places(|places| places.admit(id, peer.ip(), task, Instant::now())) {
                        tally.displaced.fetch_add(1, Ordering::Relaxed);
                    }
                }
                Err(error) => {
                    log.info(format_args!("The node-to-node interface failed to accept a connection: {error}"));
                    sleep(ACCEPT_BACKOFF).await;
                }
            },
            Some(_) = open.join_next() => {}
        }
    }
}

/// What all connections share. Only the thread of peers locks anything here.
struct Hall {
    places: Mutex<Places>,
    /// Read into before bytes are cut, so that a quiet connection costs no memory.
    scratch: Mutex<Box<[u8]>>,
    events: EventSink,
    tally: Arc<Tally>,
}

impl Hall {
    fn places<R>(&self, change: impl FnOnce(&mut Places) -> R) -> R {
        change(&mut self.places.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// One connection.
struct Reader {
    stream: TcpStream,
    cutter: Cutter,
    id: PlaceId,
    hall: Arc<Hall>,
}

/// What one read brought.
struct Brought {
    bytes: usize,
    frames: usize,
}

impl Reader {
    fn new(stream: TcpStream, id: PlaceId, hall: &Arc<Hall>) -> Self {
        Self { stream, cutter: Cutter::default(), id, hall: Arc::clone(hall) }
    }

    async fn run(mut self) {
        let mut deadline = Instant::now() + SILENCE;
        while let Ok(Ok(brought)) = timeout_at(deadline, poll_fn(|cx| self.poll_frames(cx))).await {
            if brought.bytes == 0 {
                return;
            }
            let now = Instant::now();
            if brought.frames > 0 {
                deadline = now + SILENCE;
            }
            let buffered = self.cutter.buffered();
            if self.hall.places(|places| places.received(self.id, brought.frames, buffered, now)) {
                self.hall.tally.displaced.fetch_add(1, Ordering::Relaxed);
            }
            if brought.bytes == READ_BYTES {
                // More waits: let the others have their turn.
                yield_now().await;
            }
        }
    }

    /// Reads once and hands on what is whole.
    fn poll_frames(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Brought>> {
        let Hall { scratch, events, tally, .. } = &*self.hall;
        let mut scratch = scratch.lock().unwrap_or_else(PoisonError::into_inner);
        let mut read = ReadBuf::new(&mut scratch);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut read))?;
        let bytes = read.filled();
        let brought = match self.cutter.feed(bytes, |frame| events(Event::Frame(frame))) {
            Ok(frames) => Ok(Brought { bytes: bytes.len(), frames }),
            Err(error) => {
                tally.malformed.fetch_add(1, Ordering::Relaxed);
                Err(io::Error::new(io::ErrorKind::InvalidData, error))
            }
        };
        Poll::Ready(brought)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.hall.places(|places| places.remove(self.id));
    }
}
