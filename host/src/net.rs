//! Connections: one thread accepts them, each I/O thread serves its share from begin to end.

mod stream;

use std::{
    io,
    net::{SocketAddr, TcpListener as StdListener, TcpStream as StdStream, ToSocketAddrs},
    num::NonZeroUsize,
    sync::Arc,
    thread,
    time::Duration,
};

use coco_boundary::{InterfaceName, Log, Sessions};
use socket2::{Domain, Socket, Type};
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::{Builder, Runtime},
    sync::{mpsc, watch},
    task::JoinSet,
    time::{sleep, timeout},
};

use self::stream::Connection;
use crate::rest;

/// Connections that the system completes before we accept them.
const LISTEN_BACKLOG: i32 = 4096;
/// Accepted connections that may wait for an I/O thread.
const HANDOVER: usize = 256;
/// Rest after a failed accept: most often the process is out of file descriptors.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(50);

/// A bound RPC interface that accepts nobody yet.
pub struct Interface {
    name: InterfaceName,
    listener: StdListener,
    address: SocketAddr,
}

/// An interface that cannot be bound.
#[derive(Debug, thiserror::Error)]
#[error("interface {interface} cannot listen on {address}: {error}")]
pub struct BindError {
    /// Which interface.
    pub interface: InterfaceName,
    /// Its configured address.
    pub address: String,
    /// What the system says.
    pub error: io::Error,
}

impl Interface {
    /// Listens on `address`, which is `host:port`; port 0 takes a free one.
    ///
    /// # Errors
    /// If the address cannot be resolved or is taken.
    pub fn bind(name: InterfaceName, address: &str) -> Result<Self, BindError> {
        let listen = || {
            let none = || io::Error::from(io::ErrorKind::AddrNotAvailable);
            let resolved = address.to_socket_addrs()?.next().ok_or_else(none)?;
            let socket = Socket::new(Domain::for_address(resolved), Type::STREAM, None)?;
            socket.set_reuse_address(true)?;
            socket.set_nonblocking(true)?;
            socket.bind(&resolved.into())?;
            socket.listen(LISTEN_BACKLOG)?;
            let listener = StdListener::from(socket);
            let address = listener.local_addr()?;
            Ok((listener, address))
        };
        match listen() {
            Ok((listener, address)) => Ok(Self { name, listener, address }),
            Err(error) => Err(BindError { interface: name, address: address.to_owned(), error }),
        }
    }

    /// Its name in the configuration.
    #[must_use]
    pub fn name(&self) -> &InterfaceName {
        &self.name
    }

    /// Where it listens, with the port that was found.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The socket, which does not block.
    pub(crate) fn into_listener(self) -> StdListener {
        self.listener
    }
}

/// Accepts and serves connections until it is stopped.
pub struct Server {
    stop: watch::Sender<Stopping>,
    threads: Vec<thread::JoinHandle<()>>,
}

#[derive(Clone, Copy)]
enum Stopping {
    No,
    /// Sessions may go on for this long.
    After(Duration),
}

struct Accepted {
    interface: InterfaceName,
    peer: SocketAddr,
    stream: StdStream,
}

impl Server {
    /// Accepts on `interfaces` and serves on `io_threads` threads; 0 means one for each core but one.
    ///
    /// # Errors
    /// If the system refuses a thread or its event queue.
    pub fn start<S: Sessions>(
        interfaces: Vec<Interface>,
        io_threads: usize,
        sessions: &Arc<S>,
        log: &Log,
    ) -> io::Result<Self> {
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let count = if io_threads == 0 { suitable_threads(cores) } else { io_threads };
        let (stop, stopping) = watch::channel(Stopping::No);
        let mut server = Self { stop, threads: vec![] };
        let mut workers = vec![];
        for index in 0..count {
            let (worker, connections) = mpsc::channel(HANDOVER);
            workers.push(worker);
            let work = serve(connections, Arc::clone(sessions), stopping.clone());
            server.spawn(format!("io-{index}"), work)?;
        }
        server.spawn("accept".to_owned(), accept_all(interfaces, workers, stopping, log.clone()))?;
        Ok(server)
    }

    /// Accepts no more, lets sessions go on for `grace`, then drops them.
    pub fn stop(self, grace: Duration) {
        self.stop.send_replace(Stopping::After(grace));
        for thread in self.threads {
            thread.join().expect("an I/O thread does not panic");
        }
    }

    fn spawn(&mut self, name: String, work: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        let runtime: Runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
        let thread = thread::Builder::new().name(name).spawn(move || runtime.block_on(work))?;
        self.threads.push(thread);
        Ok(())
    }
}

/// I/O threads of a machine: one core is left to the ledger, signatures and the system. Each more thread that shares the
/// store and the tree makes a write dearer, since what one has written is then in the caches of another.
const fn suitable_threads(cores: usize) -> usize {
    if cores > 1 { cores - 1 } else { 1 }
}

/// One I/O thread: each connection is a task of its own.
async fn serve<S: Sessions>(
    mut connections: mpsc::Receiver<Accepted>,
    sessions: Arc<S>,
    mut stopping: watch::Receiver<Stopping>,
) {
    let thread = sessions.thread();
    let mut open = JoinSet::new();
    let mut rests = false;
    loop {
        tokio::select! {
            connection = connections.recv() => {
                rests = false;
                let Some(Accepted { interface, peer, stream }) = connection else { break };
                // A peer that is gone already is no loss.
                if let Ok(stream) = TcpStream::from_std(stream) {
                    open.spawn(sessions.serve(&thread, &interface, peer, Connection(stream)));
                }
            }
            Some(_) = open.join_next() => {}
            () = sleep(rest::AFTER), if open.is_empty() && !rests => {
                rests = true;
                rest::begin();
            }
            _ = stopping.changed() => break,
        }
    }
    let grace = match *stopping.borrow() {
        Stopping::No => Duration::ZERO,
        Stopping::After(grace) => grace,
    };
    // Sessions still open are dropped with the set.
    let _ = timeout(grace, async { while open.join_next().await.is_some() {} }).await;
}

/// The accepting thread: hands connections to the I/O threads in turn.
async fn accept_all(
    interfaces: Vec<Interface>,
    workers: Vec<mpsc::Sender<Accepted>>,
    mut stopping: watch::Receiver<Stopping>,
    log: Log,
) {
    let mut listening = JoinSet::new();
    for interface in interfaces {
        listening.spawn(accept(interface, workers.clone(), log.clone()));
    }
    // A dropped sender stops the server too. The listeners are dropped with the set.
    let _ = stopping.changed().await;
}

async fn accept(interface: Interface, workers: Vec<mpsc::Sender<Accepted>>, log: Log) {
    let Interface { name, listener, .. } = interface;
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return log.fatal(format_args!("Interface {name} cannot accept connections: {error}")),
    };
    for worker in workers.iter().cycle() {
        let accepted = loop {
            match listener.accept().await.and_then(|(stream, peer)| hand_over(stream, peer, &name)) {
                Ok(accepted) => break accepted,
                Err(error) => {
                    log.info(format_args!("Interface {name} failed to accept a connection: {error}"));
                    sleep(ACCEPT_BACKOFF).await;
                }
            }
        };
        if worker.send(accepted).await.is_err() {
            return;
        }
    }
}

fn hand_over(stream: TcpStream, peer: SocketAddr, interface: &InterfaceName) -> io::Result<Accepted> {
    stream.set_nodelay(true)?;
    Ok(Accepted { interface: interface.clone(), peer, stream: stream.into_std()? })
}

/// A connection that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nobody answered in time.
    #[error("no answer in time")]
    Timeout,
    /// Refused, unreachable, or no such name.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Connects to `address`, which is `host:port`, within `limit`. To be called inside a runtime of
/// an I/O thread.
///
/// # Errors
/// If nobody accepts in time.
pub async fn connect(address: &str, limit: Duration) -> Result<TcpStream, ConnectError> {
    let stream = timeout(limit, TcpStream::connect(address)).await.map_err(|_| ConnectError::Timeout)??;
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[cfg(test)]
mod tests;
