//! WebSockets: order, events, ends.

mod hostile;

use std::{
    collections::VecDeque,
    task::{Context, Poll, Waker},
};

use coco_app::{ErrorCode, Headers, Method, Reaction, Reject};
use coco_node::streams::StreamError;

use super::*;

const MASK: [u8; 4] = [1, 2, 3, 4];

/// What the tests' conversations are told, and how they went.
#[derive(Default)]
pub(super) struct Stage(Mutex<Told>);

#[derive(Default)]
struct Told {
    events: VecDeque<Result<Vec<String>, StreamError>>,
    waker: Option<Waker>,
    ended: bool,
}

impl Stage {
    fn tell(&self, event: Result<Vec<String>, StreamError>) {
        let mut told = self.0.lock().unwrap();
        told.events.push_back(event);
        told.waker.take().into_iter().for_each(Waker::wake);
    }

    fn ended(&self) -> bool {
        self.0.lock().unwrap().ended
    }

    /// What a request for a WebSocket comes to.
    pub(super) fn converse(self: &Arc<Self>, request: &Request) -> Option<Result<Box<dyn Talk>, Response>> {
        match request.path() {
            "/talk" => Some(Ok(Box::new(Actor(Arc::clone(self))))),
            "/forbidden" => {
                let reject = Reject::new(Status::FORBIDDEN, ErrorCode::AuthorizationFailed, "no");
                Some(Err(reject.into()))
            }
            _ => None,
        }
    }
}

/// Asks for what messages name as paths; says others itself.
struct Actor(Arc<Stage>);

impl Talk for Actor {
    fn message(&mut self, text: String) -> Result<Reaction, StreamError> {
        let request = |path: &str| Request::new(Method::Post, path.into(), Headers::default(), "x".into());
        Ok(match &*text {
            "silence" => Reaction::Silence,
            "greedy" => return Err(StreamError::Topics),
            mixed if mixed.starts_with("mix ") => Reaction::AskAndSay(
                request(&mixed[4..]),
                Box::new(|response| Some(format!("[{}, own]", String::from_utf8(response.body).unwrap()))),
            ),
            path if path.starts_with('/') => Reaction::ask(request(path)),
            _ => Reaction::Say(format!("you said {text}")),
        })
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut told = self.0.0.lock().unwrap();
        if told.events.is_empty() {
            told.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(())
    }

    fn event(&mut self) -> Result<Option<Vec<String>>, StreamError> {
        self.0.0.lock().unwrap().events.pop_front().transpose()
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        self.0.0.lock().unwrap().ended = true;
    }
}

fn opening(path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
}

/// The answer to the example of RFC 6455, section 1.3.
const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
                        sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..=125 => bytes.push(0x80 | u8::try_from(length).unwrap()),
        length => {
            bytes.push(0x80 | 127);
            assert!(length > 0xffff, "no test needs the form between");
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend(MASK);
    bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

fn text(text: &str) -> Vec<u8> {
    frame(0x81, text.as_bytes())
}

async fn talk(fixture: &Fixture) -> Client {
    let mut client = fixture.connect().await;
    client.write_all(opening("/talk").as_bytes()).await.unwrap();
    let mut head = vec![0; SWITCHED.len()];
    client.read_exact(&mut head).await.unwrap();
    assert_eq!(String::from_utf8(head).unwrap(), SWITCHED);
    client
}

/// One frame: its first byte and its payload; none at the end.
async fn read_frame(client: &mut Client) -> Option<(u8, Vec<u8>)> {
    let first = client.read_u8().await.ok()?;
    let length = match client.read_u8().await.ok()? {
        126 => u64::from(client.read_u16().await.ok()?),
        127 => client.read_u64().await.ok()?,
        short => u64::from(short),
    };
    let mut payload = vec![0; usize::try_from(length).unwrap()];
    client.read_exact(&mut payload).await.ok()?;
    Some((first, payload))
}

async fn read_text(client: &mut Client) -> String {
    let (first, payload) = read_frame(client).await.expect("a frame");
    assert_eq!(first, 0x81, "{payload:?}");
    String::from_utf8(payload).unwrap()
}

/// The code with which the server ends, and that it closes.
async fn read_close(client: &mut Client) -> u16 {
    let (first, payload) = read_frame(client).await.expect("a frame");
    assert_eq!(first, 0x88, "{payload:?}");
    client.write_all(&frame(0x88, &payload[..2])).await.unwrap();
    assert_eq!(read_frame(client).await, None);
    u16::from_be_bytes([payload[0], payload[1]])
}

#[tokio::test]
async fn messages_are_answered_in_order() {
    let fixture = Fixture::new(|_| {});
    let mut client = talk(&fixture).await;
    let messages = ["/later", "hello", "silence", "/a", "mix /b"].map(text).concat();
    client.write_all(&messages).await.unwrap();
    while fixture.echo.waits() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(*fixture.echo.batches.lock().unwrap(), [3], "messages that come together are one batch");
    fixture.echo.release("at last");
    let mut said = Vec::new();
    for _ in 0..4 {
        said.push(read_text(&mut client).await);
    }
    assert_eq!(said, ["at last", "you said hello", "POST /a 1", "[POST /b 1, own]"]);
    client.write_all(&text("/abandoned")).await.unwrap();
    assert!(read_text(&mut client).await.contains("InternalError"));
    // In pieces, with a ping between.
    let pieces = [frame(0x01, b"hel"), frame(0x89, b"there?"), frame(0x80, b"lo")];
    client.write_all(&pieces.concat()).await.unwrap();
    assert_eq!(read_frame(&mut client).await, Some((0x8a, b"there?".to_vec())));
    assert_eq!(read_text(&mut client).await, "you said hello");
    client.write_all(&text("/large")).await.unwrap();
    assert_eq!(read_text(&mut client).await.len(), 3 << 20);
    assert_eq!(fixture.interface.metrics.sessions.active(), 1, "it is a session");
    client.write_all(&frame(0x88, b"\x0f\xa0bye")).await.unwrap();
    assert_eq!(read_frame(&mut client).await, Some((0x88, b"\x0f\xa0".to_vec())));
    assert_eq!(read_frame(&mut client).await, None);
    assert!(fixture.echo.stage.ended());
}

#[tokio::test]
async fn owed_answers_are_bounded() {
    let fixture = Fixture::new(|_| {});
    let mut client = talk(&fixture).await;
    client.write_all(&text("/later").repeat(100)).await.unwrap();
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(fixture.echo.waits(), 64);
    for _ in 0..100 {
        while fixture.echo.waits() == 0 {
            tokio::task::yield_now().await;
        }
        fixture.echo.release("x");
    }
    for _ in 0..100 {
        assert_eq!(read_text(&mut client).await, "x");
    }
}

#[tokio::test]
async fn events_are_told_but_not_before_what_the_conversation_says() {
    let fixture = Fixture::new(|_| {});
    let stage = &fixture.echo.stage;
    let mut client = talk(&fixture).await;
    stage.tell(Ok(vec!["one".into(), "two".into()]));
    stage.tell(Ok(Vec::new()));
    for expected in ["one", "two"] {
        assert_eq!(read_text(&mut client).await, expected);
    }
    client.write_all(&text("/later")).await.unwrap();
    while fixture.echo.waits() == 0 {
        tokio::task::yield_now().await;
    }
    stage.tell(Ok(vec!["three".into()]));
    assert_eq!(read_text(&mut client).await, "three", "an answer of others holds up nothing");
    client.write_all(&text("subscribe")).await.unwrap();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    stage.tell(Ok(vec!["four".into()]));
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    fixture.echo.release("late");
    for expected in ["late", "you said subscribe", "four"] {
        assert_eq!(read_text(&mut client).await, expected);
    }
}

#[tokio::test]
async fn requests_before_the_handshake_are_answered_first() {
    let fixture = Fixture::new(|_| {});
    let mut client = fixture.connect().await;
    let requests = format!("GET /1 HTTP/1.1\r\n\r\nGET /later HTTP/1.1\r\n\r\n{}", opening("/talk"));
    client.write_all(requests.as_bytes()).await.unwrap();
    while fixture.echo.waits() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(read_replies(&mut client, 1).await[0].text(), "GET /1 0");
    fixture.echo.release("later");
    let mut reply = b"".to_vec();
    while !reply.ends_with(SWITCHED.as_bytes()) {
        assert_ne!(client.read_buf(&mut reply).await.unwrap(), 0);
    }
    client.write_all(&text("hello")).await.unwrap();
    assert_eq!(read_text(&mut client).await, "you said hello");
    // After an answer that closes there is none.
    let requests = format!("GET /close HTTP/1.1\r\n\r\n{}", opening("/talk"));
    let replies = replies(fixture.exchange(requests.as_bytes()).await);
    assert_eq!(replies.len(), 1);
}

#[tokio::test]
async fn it_ends_with_a_reason() {
    let fixture = Fixture::new(|_| {});
    let mut client = talk(&fixture).await;
    client.write_all(&["/later", "/close", "lost"].map(text).concat()).await.unwrap();
    while fixture.echo.waits() == 0 {
        tokio::task::yield_now().await;
    }
    fixture.echo.release("x");
    assert_eq!(read_text(&mut client).await, "x");
    assert_eq!(read_text(&mut client).await, "POST /close 1");
    assert_eq!(read_close(&mut client).await, 1012);

    let mut client = talk(&fixture).await;
    client.write_all(&text("greedy")).await.unwrap();
    assert_eq!(read_close(&mut client).await, 1008);

    let mut client = talk(&fixture).await;
    fixture.echo.stage.tell(Err(StreamError::Overrun));
    assert_eq!(read_close(&mut client).await, 1008);

    let mut client = talk(&fixture).await;
    client.write_all(&text("/later")).await.unwrap();
    while fixture.echo.waits() == 0 {
        tokio::task::yield_now().await;
    }
    fixture.stop.send(true).unwrap();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    fixture.echo.release("the last");
    assert_eq!(read_text(&mut client).await, "the last");
    assert_eq!(read_close(&mut client).await, 1001);
}

#[tokio::test]
async fn over_the_soft_cap_there_is_none() {
    let fixture = Fixture::new(|settings| settings.caps = SessionCaps { soft: 1, hard: 2 });
    let _first = talk(&fixture).await;
    let replies = replies(fixture.exchange(opening("/talk").as_bytes()).await);
    assert_eq!((replies.len(), replies[0].status), (1, 503));
}
