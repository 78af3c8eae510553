//! Bytes that are no TLS, sessions over the caps, and senders that take their time.

use std::time::Duration;

use coco_e2e::{scale, tls::Connection};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use crate::{Who, World, json_request, request};

/// How long a connection may stay open beyond its time.
const PATIENCE: Duration = Duration::from_secs(100);

/// What comes instead of TLS, first bytes of the connection.
const NO_TLS: [(&str, &[u8]); 6] = [
    ("HTTP without TLS", b"GET /node/state HTTP/1.1\r\nhost: node\r\n\r\n"),
    ("zeros", &[0; 600]),
    ("TLS record of another kind", b"\x17\x03\x03\x00\x05hello"),
    ("TLS record that is too long", b"\x16\x03\x01\xff\xff\x01\x00\x00\x00"),
    ("empty ClientHello", b"\x16\x03\x01\x00\x04\x01\x00\x00\x00"),
    (
        "TLS 1.0",
        b"\x16\x03\x01\x00\x2d\x01\x00\x00\x29\x03\x01\
          0123456789abcdef0123456789abcdef\x00\x00\x02\x00\x2f\x01\x00",
    ),
];

/// Connections that must not be served; their number.
pub(crate) async fn refusals(world: &World, wrong: &mut Vec<String>) -> usize {
    for (name, bytes) in NO_TLS {
        let mut stream = TcpStream::connect(&world.node.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        // Closed, by a reset too; an alert may come first.
        let closed = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.is_ok();
        if !closed || !(answer.is_empty() || answer[0] == 0x15) {
            wrong.push(format!("{name}: closed: {closed}, {:?}", String::from_utf8_lossy(&answer)));
        }
    }
    caps(world, wrong).await;
    narrow(world, wrong).await;
    NO_TLS.len() + 4
}

/// A session over the soft cap is told so, one over the hard cap is dropped, and there is room again afterwards.
async fn caps(world: &World, wrong: &mut Vec<String>) {
    let address = world.node.interface("capped");
    let state = request("GET /node/state", &[], b"");
    let ask = async |connection: &mut Connection| {
        connection.send(&state).await;
        let reply = connection.reply().await;
        (reply.status, reply.code())
    };
    let mut first = Connection::open(&address, &world.node.service, None).await;
    let mut second = Connection::open(&address, &world.node.service, None).await;
    let mut third = TcpStream::connect(&address).await.unwrap();
    let mut byte = [0];
    let dropped = !matches!(timeout(PATIENCE, third.read(&mut byte)).await, Ok(Ok(1)) | Err(_));
    let answers = (ask(&mut first).await, ask(&mut second).await);
    let expected = ((200, String::new()), (503, "SessionCapExhausted".to_owned()));
    if answers != expected || !dropped || !second.ends().await {
        wrong.push(format!("session caps: {answers:?}, dropped: {dropped}"));
    }
    drop((first, second, third));
    sleep(Duration::from_millis(200)).await;
    let mut later = Connection::open(&address, &world.node.service, None).await;
    if ask(&mut later).await.0 != 200 {
        wrong.push("session caps: no room afterwards".to_owned());
    }
}

/// An interface that offers one path answers no other.
async fn narrow(world: &World, wrong: &mut Vec<String>) {
    let address = world.node.interface("narrow");
    let write = json_request("POST /app/log/private", r#"{"id":7,"msg":"x"}"#);
    let cases = [
        (request("GET /node/state", &[], b""), 200),
        (write, 503),
        (request("GET /node/network", &[], b""), 503),
    ];
    for (bytes, expected) in cases {
        let mut connection = Connection::open(&address, &world.node.service, world.party(Who::User)).await;
        connection.send(&bytes).await;
        let status = connection.reply().await.status;
        if status != expected {
            wrong.push(format!("interface with accepted endpoints: {status}, not {expected}"));
        }
    }
}

/// Senders that stop in the middle: the node closes their connections, without an answer, when their time is over.
/// They wait while the other requests are sent. Their number.
pub(crate) fn slow(world: &World) -> impl Future<Output = usize> + use<> {
    let write = json_request("POST /app/log/private", r#"{"id":7,"msg":"x"}"#);
    let whole = write.len();
    // Bytes sent, and seconds after which the connection is closed.
    let mut cases = vec![
        ("nothing", 0, 3),
        ("half a method", 2, 3),
        ("half a head", 40, 3),
        ("half a body", whole - 5, 3),
    ];
    let (address, service) = (world.node.address.clone(), world.node.service.clone());
    let mut set = JoinSet::new();
    for (name, sent, seconds) in cases.drain(..) {
        let (address, service, part) = (address.clone(), service.clone(), write[..sent].to_vec());
        set.spawn(async move {
            let mut connection = Connection::open(&address, &service, None).await;
            connection.send(&part).await;
            let began = Instant::now();
            assert!(connection.ends().await, "{name}: answered");
            let took = began.elapsed();
            assert!(took > Duration::from_secs(seconds - 1), "{name}: closed after {took:?}");
        });
    }
    let silent = address.clone();
    set.spawn(async move {
        let mut stream = TcpStream::connect(&silent).await.unwrap();
        let ended = timeout(PATIENCE, stream.read(&mut [0; 1])).await.expect("a silent client is closed");
        assert!(!matches!(ended, Ok(1)), "TLS begins with the client");
    });
    if scale::is_full() {
        set.spawn(drip(address, service, write));
    }
    async move {
        let count = set.len();
        while let Some(ended) = set.join_next().await {
            ended.unwrap();
        }
        count
    }
}

/// A byte each second keeps a connection from being idle, but not its request from being late.
async fn drip(address: String, service: coco_crypto::Certificate, write: Vec<u8>) {
    let mut connection = Connection::open(&address, &service, None).await;
    let began = Instant::now();
    for byte in &write {
        connection.send(&[*byte]).await;
        sleep(Duration::from_secs(1)).await;
        if began.elapsed() > Duration::from_secs(70) {
            break;
        }
    }
    assert!(connection.ends().await, "a late request is answered");
}
