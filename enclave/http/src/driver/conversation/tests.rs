//! A conversation over a connection to a node: its messages become calls, what is published becomes messages.

use coco_app::{
    Adapter, Call, CallBody, Caller, Event, Forwarding, Freshness, InterfaceName, Manifest, Method, Mode,
    Origin, Plan, ReplyAt, Weight, media,
};
use coco_boundary::{Effect, Full, Host, Job, Jobs, Log, Monotonic, Unix};
use coco_crypto::{Curve, SystemEntropy, x509::UnixTime};
use coco_ledger::{LedgerConfig, SignatureMode, SigningPolicy, Timing};
use coco_node::{
    Core, Keys, Mounts, Shared, View,
    core::Settings,
    keys::{NodeNaming, SecretSlot},
};
use coco_wire::Seqno;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
    sync::watch,
};

use super::*;
use crate::{
    AppProtocol, CertificateSlots, Gather, Interface, InterfaceSettings, Limits, Resources, SessionCaps,
    Timeouts, Transport, serve,
};

/// Answers by the body's length, and converses at `/node/talk`.
#[derive(Default)]
struct Parrot(Manifest);

impl Adapter for Parrot {
    fn manifest(&self) -> &Manifest {
        &self.0
    }

    fn decode(&self, message: Request, _: &Origin<'_>) -> Result<Plan, Response> {
        if message.body.is_empty() {
            return Err(Reject::invalid_input("nothing").into());
        }
        let call = Call {
            caller: Caller::Anyone,
            route: "parrot".into(),
            body: CallBody::Http(message, Vec::new()),
        };
        Ok(Plan {
            calls: vec![call],
            mode: Mode::Query,
            weight: Weight::Light,
            reply_at: ReplyAt::Execution,
            freshness: Freshness::Local,
            forwarding: Forwarding::Never,
            then: None,
        })
    }

    fn query(&self, call: &Call, _: &mut coco_app::Context<'_>) -> Result<Response, Reject> {
        let body = call.request().body.to_ascii_uppercase();
        Ok(Response::with_body(Status::OK, media::TEXT, body))
    }

    fn execute(&self, call: &Call, cx: &mut coco_app::Context<'_>) -> Result<Response, Reject> {
        self.query(call, cx)
    }

    fn converse(
        &self,
        request: &Request,
        origin: &Origin<'_>,
    ) -> Option<Result<Box<dyn Conversation>, Response>> {
        assert_eq!(origin.peer.interface, InterfaceName::new("main"));
        match request.path() {
            "/node/talk" => Some(Ok(Box::new(Chat { opening: request.clone(), topics: BTreeSet::new() }))),
            "/node/forbidden" => Some(Err(Response::empty(Status::FORBIDDEN))),
            _ => None,
        }
    }
}

/// Follows and leaves topics; other messages are requests with the fields of the first.
struct Chat {
    opening: Request,
    topics: BTreeSet<Arc<str>>,
}

impl Conversation for Chat {
    fn message(&mut self, text: String, _: &Origin<'_>) -> Reaction {
        match text.split_once(' ') {
            Some(("follow", topic)) => {
                self.topics.insert(topic.into());
                Reaction::Say("ok".to_owned())
            }
            Some(("leave", topic)) => {
                self.topics.remove(topic);
                Reaction::Say("ok".to_owned())
            }
            _ => {
                let headers = self.opening.headers.clone();
                Reaction::ask(Request::new(Method::Post, "/node/parrot".into(), headers, text.into()))
            }
        }
    }

    fn event(&mut self, event: &Event, _: &Origin<'_>) -> Vec<String> {
        vec![format!("{}: {}", event.topic, String::from_utf8_lossy(&event.data))]
    }

    fn topics(&self) -> BTreeSet<Arc<str>> {
        self.topics.clone()
    }
}

/// Does nothing.
struct Still;

impl Host for Still {
    fn perform(&self, effects: &mut Vec<Effect>) {
        effects.clear();
    }

    fn wake_at(&self, _: Monotonic) {}

    fn backlog(&self) -> usize {
        0
    }
}

impl Jobs for Still {
    fn spawn(&self, job: Job) -> Result<(), Full> {
        Err(Full(job))
    }
}

/// A node that belongs to no service, and so serves what is below `/node`.
fn driver() -> Driver {
    let naming = NodeNaming {
        curve: Curve::P384,
        subject: "CN=Node".parse().unwrap(),
        alt_names: Vec::new(),
        validity_days: 1,
    };
    let keys = Keys::generate(&naming, UnixTime(1_780_000_000), &SystemEntropy).unwrap();
    let adapter = || Arc::new(Parrot::default()) as Arc<dyn Adapter>;
    let (secrets, entropy) = (SecretSlot::default(), Arc::new(SystemEntropy));
    let shared = Shared::new(keys, secrets, 1 << 20, adapter(), entropy, Log::discard());
    let (offered, redirections) = Default::default();
    let mounts = Mounts { app: adapter(), gov: adapter(), node: adapter(), offered, redirections };
    let view = View { shared: Arc::new(shared), mounts: Arc::new(mounts) };
    let settings = Settings {
        signing: SigningPolicy { timing: Timing::ADAPTIVE, tx_count: 5000, delay_ms: 1000 },
        ledger: LedgerConfig { chunk_size: 5_000_000, signatures: SignatureMode::Dual },
        consensus: coco_raft::Settings::default(),
        max_uncommitted: 10_000,
        keep_committed: 8,
    };
    let core = Core::join(view.clone(), settings);
    let resources = Resources {
        host: Arc::new(Still),
        consensus: Arc::new(Still),
        heavy: Arc::new(Still),
        snapshots: Arc::new(Still),
        node_address: "127.0.0.1:1".into(),
        forwarding_timeouts: Default::default(),
        slots: CertificateSlots::default(),
        clock: Arc::new(|| (Monotonic(1000), Unix(1_780_000_000_000))),
    };
    Driver::new(view, core, resources)
}

/// A connection to it.
fn connect(driver: &Driver) -> DuplexStream {
    let settings = InterfaceSettings {
        name: InterfaceName::new("main"),
        transport: Transport::Plain,
        protocol: AppProtocol::Http1,
        limits: Limits::default(),
        caps: SessionCaps::default(),
        timeouts: Timeouts::default(),
    };
    let (near, far) = duplex(64 << 10);
    let gather = Gather::new(driver.clone());
    tokio::spawn(async move {
        let (_stop, stopped) = watch::channel(false);
        let interface = Interface::new(settings, Arc::default(), Arc::default(), stopped);
        serve(far, &interface, &gather).await;
    });
    near
}

/// Asks for a WebSocket; the status.
async fn open(client: &mut DuplexStream, path: &str) -> String {
    let request = format!(
        "GET {path} HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    client.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.unwrap());
    }
    String::from_utf8(head[9..12].to_vec()).unwrap()
}

/// Sends a short text, masked by zeros.
async fn say(client: &mut DuplexStream, text: &str) {
    let length = 0x80 | u8::try_from(text.len()).unwrap();
    client.write_all(&[&[0x81, length, 0, 0, 0, 0], text.as_bytes()].concat()).await.unwrap();
}

/// Reads a short text.
async fn hear(client: &mut DuplexStream) -> String {
    assert_eq!(client.read_u8().await.unwrap(), 0x81);
    let mut text = vec![0; usize::from(client.read_u8().await.unwrap())];
    client.read_exact(&mut text).await.unwrap();
    String::from_utf8(text).unwrap()
}

fn publish(driver: &Driver, topics: &[&str]) {
    let event = |topic: &&str| Event { topic: (*topic).into(), seqno: Seqno(1), data: b"news".to_vec() };
    driver.0.view.shared.streams.publish(topics.iter().map(event).collect());
}

#[tokio::test]
async fn messages_become_calls_and_events_become_messages() {
    let driver = driver();
    let mut client = connect(&driver);
    assert_eq!(open(&mut client, "/node/talk").await, "101");
    say(&mut client, "hello").await;
    assert_eq!(hear(&mut client).await, "HELLO");
    say(&mut client, "").await;
    assert!(hear(&mut client).await.contains("InvalidInput"), "what decode refuses is told");
    publish(&driver, &["blocks"]);
    for topic in ["blocks", "logs"] {
        say(&mut client, &format!("follow {topic}")).await;
        assert_eq!(hear(&mut client).await, "ok");
    }
    publish(&driver, &["blocks", "other", "logs"]);
    assert_eq!(hear(&mut client).await, "blocks: news");
    assert_eq!(hear(&mut client).await, "logs: news");
    say(&mut client, "leave blocks").await;
    assert_eq!(hear(&mut client).await, "ok");
    publish(&driver, &["blocks", "logs"]);
    assert_eq!(hear(&mut client).await, "logs: news");
}

#[tokio::test]
async fn who_follows_too_much_or_reads_too_slowly_is_closed() {
    let driver = driver();
    let mut client = connect(&driver);
    assert_eq!(open(&mut client, "/node/talk").await, "101");
    for topic in 0..coco_app::MAX_TOPICS {
        say(&mut client, &format!("follow {topic}")).await;
        assert_eq!(hear(&mut client).await, "ok");
    }
    say(&mut client, "follow another").await;
    assert_eq!(client.read_u16().await.unwrap() >> 8, 0x88);
    assert_eq!(client.read_u16().await.unwrap(), 1008);

    let mut client = connect(&driver);
    assert_eq!(open(&mut client, "/node/talk").await, "101");
    say(&mut client, "follow logs").await;
    assert_eq!(hear(&mut client).await, "ok");
    publish(&driver, &["logs"; 1025]);
    assert_eq!(client.read_u16().await.unwrap() >> 8, 0x88);
    assert_eq!(client.read_u16().await.unwrap(), 1008);
}

#[tokio::test]
async fn adapters_decide_who_converses() {
    let driver = driver();
    for (path, status) in [("/node/forbidden", "403"), ("/node/other", "400"), ("/app/talk", "404")] {
        let mut client = connect(&driver);
        assert_eq!(open(&mut client, path).await, status, "{path}");
    }
}
