//! Frames from and to other nodes: one thread.
//!
//! Connections have one direction: a node sends on those it makes and receives on those it accepts. Nobody is
//! authenticated here, and a frame may be lost with its connection or for want of room; the enclave copes with both.
//! What strangers can take is bounded: connections, bytes of unfinished frames, lines of the log.

mod cutter;
mod places;
mod queue;
mod receive;
mod send;

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use coco_boundary::{InterfaceName, Log};
use tokio::{
    net::TcpListener,
    runtime::Builder,
    time::{MissedTickBehavior, interval},
};

use crate::{
    ledger::EventSink,
    net::{BindError, Interface},
};
use queue::Queue;

/// What the configuration calls the interface (CCF 7 `network.node_to_node_interface`).
const INTERFACE: &str = "node_to_node_interface";
/// Time between two records of what was dropped.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// The bound node-to-node interface, with nobody yet who works on it.
pub struct PeerNetwork {
    interface: Interface,
    queue: Arc<Queue>,
}

impl PeerNetwork {
    /// Listens on `address`, which is `host:port`; port 0 takes a free one.
    ///
    /// # Errors
    /// If the address cannot be resolved or is taken.
    pub fn bind(address: &str) -> Result<Self, BindError> {
        let interface = Interface::bind(InterfaceName::new(INTERFACE), address)?;
        Ok(Self { interface, queue: Arc::new(Queue::new()) })
    }

    /// Where it listens, with the port that was found.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.interface.address()
    }

    /// Where frames to others go, before the thread runs and while it does.
    #[must_use]
    pub fn queue(&self) -> PeerQueue {
        PeerQueue(Arc::clone(&self.queue))
    }

    /// Starts the thread.
    ///
    /// # Errors
    /// If the system refuses a thread or its event queue.
    pub fn run(self, events: EventSink, log: Log) -> io::Result<PeerThread> {
        let Self { interface, queue } = self;
        // Blocking threads resolve names.
        let runtime =
            Builder::new_current_thread().enable_io().enable_time().max_blocking_threads(4).build()?;
        let listener = {
            let _inside = runtime.enter();
            TcpListener::from_std(interface.into_listener())?
        };
        let work = Arc::clone(&queue);
        let thread = thread::Builder::new().name("peers".to_owned()).spawn(move || {
            runtime.block_on(carry(listener, work, events, log));
            // A name server that does not answer keeps nobody waiting.
            runtime.shutdown_background();
        })?;
        Ok(PeerThread { queue, thread })
    }
}

/// Takes frames for other nodes; never waits.
#[derive(Clone)]
pub struct PeerQueue(Arc<Queue>);

impl PeerQueue {
    /// Queues a whole frame for the node at `to`, which is `host:port`, or drops it if there is no room.
    pub fn push(&self, to: Arc<str>, frame: Vec<u8>) {
        self.0.push(to, frame);
    }
}

/// The running thread.
pub struct PeerThread {
    queue: Arc<Queue>,
    thread: thread::JoinHandle<()>,
}

impl PeerThread {
    /// Receives and takes no more, gives what is queued a fifth of a second to leave, and ends.
    pub fn close(self) {
        self.queue.close();
        self.thread.join().expect("the thread of peers does not panic");
    }
}

async fn carry(listener: TcpListener, queue: Arc<Queue>, events: EventSink, log: Log) {
    let tally = Arc::new(Tally::default());
    tokio::select! {
        () = send::dispatch(&queue, &log) => {}
        never = receive::receive_all(listener, events, &tally, &log) => match never {},
        never = report(&queue, &tally, &log) => match never {},
    }
}

/// What happened to connections from others since the last record of it.
#[derive(Default)]
struct Tally {
    /// Closed because what came was no frame.
    malformed: AtomicU64,
    /// Closed to make room.
    displaced: AtomicU64,
}

async fn report(queue: &Queue, tally: &Tally, log: &Log) -> Infallible {
    let mut due = interval(REPORT_INTERVAL);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        due.tick().await;
        let dropped = queue.take_dropped();
        if dropped > 0 {
            log.info(format_args!("{dropped} frames to other nodes were dropped: too much waits"));
        }
        let malformed = tally.malformed.swap(0, Ordering::Relaxed);
        let displaced = tally.displaced.swap(0, Ordering::Relaxed);
        if malformed + displaced > 0 {
            log.info(format_args!(
                "Connections to the node-to-node interface closed: {malformed} for wrong frames, {displaced} to make room"
            ));
        }
    }
}

#[cfg(test)]
mod tests;
