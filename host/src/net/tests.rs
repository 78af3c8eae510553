use std::{
    collections::BTreeSet,
    io::{IoSlice, Read, Write},
    sync::Mutex,
    thread::ThreadId,
    time::Instant,
};

use coco_boundary::ByteStream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

/// Answers each byte with the name of the interface, and remembers its threads.
#[derive(Default)]
struct Echo {
    threads: Arc<Mutex<BTreeSet<String>>>,
    ids: Arc<Mutex<Vec<ThreadId>>>,
}

impl Sessions for Echo {
    type Thread = ();

    fn thread(&self) {}

    fn serve(
        &self,
        (): &(),
        interface: &InterfaceName,
        peer: SocketAddr,
        mut stream: impl ByteStream,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (threads, ids, interface) = (Arc::clone(&self.threads), Arc::clone(&self.ids), interface.clone());
        async move {
            assert!(peer.ip().is_loopback());
            let mut byte = [0];
            while stream.read_exact(&mut byte).await.is_ok() {
                threads.lock().unwrap().insert(thread::current().name().unwrap().to_owned());
                ids.lock().unwrap().push(thread::current().id());
                // One buffer, then two.
                let (first, second) = interface.as_str().as_bytes().split_at(1);
                let lists = [&[IoSlice::new(first)][..], &[IoSlice::new(second), IoSlice::new(b"\n")]];
                for list in lists {
                    let length: usize = list.iter().map(|buffer| buffer.len()).sum();
                    assert_eq!(stream.write_vectored(list).await.unwrap(), length);
                }
            }
        }
    }
}

fn bind(name: &str) -> Interface {
    Interface::bind(InterfaceName::new(name), "127.0.0.1:0").unwrap()
}

fn ask(stream: &mut StdStream) -> String {
    stream.write_all(b"?").unwrap();
    let mut answer = [0; 3];
    stream.read_exact(&mut answer).unwrap();
    let answer = String::from_utf8(answer.to_vec()).unwrap();
    answer.strip_suffix('\n').unwrap().to_owned()
}

#[test]
fn connections_are_shared_out_and_know_their_interface() {
    let (a, b) = (bind("aa"), bind("bb"));
    let addresses = [a.address(), b.address()];
    assert!(addresses.iter().all(|address| address.port() != 0));
    let sessions = Arc::new(Echo::default());
    let server = Server::start(vec![a, b], 3, &sessions, &Log::discard()).unwrap();
    let mut open = vec![];
    for _ in 0..6 {
        for (address, name) in addresses.iter().zip(["aa", "bb"]) {
            let mut stream = StdStream::connect(address).unwrap();
            assert_eq!(ask(&mut stream), name);
            assert_eq!(ask(&mut stream), name);
            open.push(stream);
        }
    }
    let threads: Vec<String> = sessions.threads.lock().unwrap().iter().cloned().collect();
    assert_eq!(threads, ["io-0", "io-1", "io-2"]);
    assert!(
        sessions.ids.lock().unwrap().chunks(2).all(|pair| pair[0] == pair[1]),
        "a session changes threads"
    );

    let start = Instant::now();
    server.stop(Duration::from_millis(50));
    assert!(start.elapsed() < Duration::from_secs(5));
    let mut rest = vec![];
    assert_eq!(open[0].read_to_end(&mut rest).unwrap_or(0), 0, "sessions end");
    assert!(StdStream::connect(addresses[0]).is_err(), "nobody listens");
}

#[test]
fn a_core_is_left_to_the_rest_where_there_are_two() {
    let threads = [1, 2, 3, 8].map(suitable_threads);
    assert_eq!(threads, [1, 1, 2, 7]);
}

#[test]
fn sessions_that_end_are_not_waited_for() {
    let interface = bind("aa");
    let address = interface.address();
    let server = Server::start(vec![interface], 1, &Arc::new(Echo::default()), &Log::discard()).unwrap();
    assert_eq!(ask(&mut StdStream::connect(address).unwrap()), "aa");
    let start = Instant::now();
    server.stop(Duration::from_secs(60));
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn an_address_in_use_or_unknown_is_refused() {
    let taken = bind("aa").address;
    let first = Interface::bind(InterfaceName::new("first"), &taken.to_string()).unwrap();
    for address in [first.address.to_string(), "nowhere".to_owned(), "127.0.0.1:x".to_owned()] {
        let error = Interface::bind(InterfaceName::new("bb"), &address).err().unwrap();
        assert!(
            error.to_string().starts_with(&format!("interface bb cannot listen on {address}: ")),
            "{error}"
        );
    }
}

#[test]
fn connecting_ends_in_time() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let interface = bind("aa");
    let limit = Duration::from_secs(5);
    runtime.block_on(async {
        let stream = connect(&interface.address().to_string(), limit).await.unwrap();
        assert!(stream.nodelay().unwrap());
        let gone = { bind("bb").address() };
        assert!(matches!(connect(&gone.to_string(), limit).await, Err(ConnectError::Io(_))));
        let never = connect(&interface.address().to_string(), Duration::ZERO).await;
        assert!(matches!(never, Err(ConnectError::Timeout) | Ok(_)));
    });
}
