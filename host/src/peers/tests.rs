mod bounds;
mod delivery;
mod hostile;
mod measure;

use std::sync::{
    Mutex,
    mpsc::{self, Receiver, RecvTimeoutError},
};

use coco_boundary::{Event, Level, LogSink, Record};
use coco_wire::{
    Digest,
    peer::{Frame, Sealed, SealedKind, SessionId, Step},
};

use super::*;

/// How long anything may take.
const LIMIT: Duration = Duration::from_secs(20);

/// A running network, the frames that it received, and what it logged.
struct Node {
    address: SocketAddr,
    queue: PeerQueue,
    frames: Receiver<Vec<u8>>,
    log: Arc<Lines>,
    thread: PeerThread,
}

#[derive(Default)]
struct Lines(Mutex<Vec<String>>);

impl LogSink for Lines {
    fn enabled(&self, _: Level) -> bool {
        true
    }

    fn record(&self, record: &Record<'_>) {
        self.0.lock().unwrap().push(record.message.to_string());
    }
}

impl Node {
    fn start() -> Self {
        Self::run(PeerNetwork::bind("127.0.0.1:0").unwrap())
    }

    fn run(network: PeerNetwork) -> Self {
        let (sender, frames) = mpsc::channel();
        let sender = Mutex::new(sender);
        let events: EventSink = Arc::new(move |event| match event {
            Event::Frame(frame) => {
                let _ = sender.lock().unwrap().send(frame);
            }
            event => panic!("{event:?}"),
        });
        let (address, queue, log) = (network.address(), network.queue(), Arc::new(Lines::default()));
        let thread = network.run(events, Log::new(Arc::clone(&log) as Arc<dyn LogSink>)).unwrap();
        Self { address, queue, frames, log, thread }
    }

    fn to(&self) -> Arc<str> {
        self.address.to_string().into()
    }

    /// The number in the next frame.
    fn next(&self) -> u64 {
        number(&self.frames.recv_timeout(LIMIT).unwrap())
    }

    /// The number in the next frame, if one comes soon.
    fn soon(&self) -> Option<u64> {
        match self.frames.recv_timeout(Duration::from_millis(20)) {
            Ok(frame) => Some(number(&frame)),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => panic!("the thread ended"),
        }
    }

    fn lines(&self) -> Vec<String> {
        self.log.0.lock().unwrap().clone()
    }
}

/// A frame that carries a number and `len` bytes made from it.
fn frame(number: u64, len: usize) -> Vec<u8> {
    let sealed = Sealed { kind: SealedKind::Message, session: SessionId(1), counter: number };
    let mut frame = sealed.encode_header(&Digest([7; 32]), len).to_vec();
    frame.resize(frame.len() + len + 16, number.to_le_bytes()[0]);
    frame
}

/// The number in a frame, which is as it was sent.
fn number(bytes: &[u8]) -> u64 {
    let Step::Sealed(sealed) = Frame::decode(bytes).unwrap().step else { panic!("another frame") };
    assert!(bytes == frame(sealed.counter, bytes.len() - frame(0, 0).len()), "frame {}", sealed.counter);
    sealed.counter
}

#[test]
fn an_address_in_use_or_unknown_is_refused() {
    let first = PeerNetwork::bind("127.0.0.1:0").unwrap();
    assert!(first.address().port() != 0);
    for address in [first.address().to_string(), "nowhere".to_owned()] {
        let error = PeerNetwork::bind(&address).err().unwrap().to_string();
        let expected = format!("interface node_to_node_interface cannot listen on {address}: ");
        assert!(error.starts_with(&expected), "{error}");
    }
}
