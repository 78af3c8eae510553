use coco_crypto::{
    Curve, SystemEntropy,
    x509::{Request as SigningRequest, UnixTime, Validity, issue_endorsed, issue_self_signed},
};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivatePkcs8KeyDer},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::{
    AppProtocol, CertificateSlot,
    tls::{client_certificate, server_config},
};

fn self_signed(key: &EcKey, name: &str, from: i64) -> Certificate {
    let validity = Validity::days(UnixTime(from), 1).unwrap();
    issue_self_signed(key, &name.parse().unwrap(), &[], validity, &SystemEntropy)
}

fn key() -> EcKey {
    EcKey::generate(Curve::P384, &SystemEntropy)
}

/// A service with a node of it, and another node that asks.
struct Fixture {
    service: (EcKey, Certificate),
    node: EcKey,
    own: (EcKey, Certificate),
}

impl Fixture {
    fn new() -> Self {
        let with_certificate = |name| {
            let key = key();
            let certificate = self_signed(&key, name, 1_780_000_000);
            (key, certificate)
        };
        Self { service: with_certificate("CN=Service"), node: key(), own: with_certificate("CN=Own") }
    }

    /// The node's certificate, long expired, for no host in particular.
    fn endorsed(&self, key: &EcKey) -> Certificate {
        let request = SigningRequest::create(key, &"CN=Node".parse().unwrap(), &[]);
        let validity = Validity::days(UnixTime(1_000_000_000), 1).unwrap();
        issue_endorsed(&self.service.0, &self.service.1, &request, validity, &SystemEntropy)
    }

    fn client(&self) -> Client {
        Client::new(&self.service.1, &self.own.1, &self.own.0).unwrap()
    }

    fn server(&self, protocol: AppProtocol, chain: &[&Certificate], key: &EcKey) -> Arc<ServerConfig> {
        let slot = CertificateSlot::default();
        slot.install(chain.iter().map(|certificate| certificate.der().to_vec()).collect(), key).unwrap();
        Arc::new(server_config(protocol, Arc::new(slot)))
    }

    /// Asks a node that answers with these bytes, and reads until it has all of the question.
    async fn asked(
        &self,
        answer: &'static [u8],
        question: Question<'_>,
    ) -> (Vec<u8>, Result<Reply, ClientError>) {
        let server = self.server(AppProtocol::Http1, &[&self.endorsed(&self.node)], &self.node);
        let (ours, theirs) = duplex(64 * 1024);
        let body = question.body.len();
        let serving = serve(server, theirs, answer, body);
        let reply = self.client().ask(ours, &question).await;
        (serving.await.unwrap(), reply)
    }
}

fn serve(
    config: Arc<ServerConfig>,
    stream: DuplexStream,
    answer: &'static [u8],
    body: usize,
) -> JoinHandle<Vec<u8>> {
    tokio::spawn(async move {
        let mut read = Vec::new();
        let Ok(mut stream) = TlsAcceptor::from(config).accept(stream).await else { return read };
        let whole = |read: &[u8]| {
            let head = read.windows(4).position(|end| end == b"\r\n\r\n");
            head.is_some_and(|at| read.len() >= at + 4 + body)
        };
        while !whole(&read) {
            if stream.read_buf(&mut read).await.unwrap_or(0) == 0 {
                return read;
            }
        }
        // The client may close before it has read all.
        drop(stream.write_all(answer).await);
        drop(stream.shutdown().await);
        read
    })
}

fn question(body: &[u8]) -> Question<'_> {
    Question {
        method: Method::Post,
        address: "node.example:8000",
        target: "/node/join?a=b",
        headers: &[("content-type", "application/json")],
        body,
        max_answer: 1000,
        within: Duration::from_secs(5),
    }
}

#[tokio::test]
async fn a_question_is_answered() {
    let answer =
        b"HTTP/1.1 308 Permanent Redirect\r\nContent-Length: 5\r\nlocation: https://b:1/x\r\n\r\nhello";
    let (asked, reply) = Fixture::new().asked(answer, question(b"{}")).await;
    let expected = "POST /node/join?a=b HTTP/1.1\r\nhost: node.example:8000\r\nconnection: close\r\n\
        content-length: 2\r\ncontent-type: application/json\r\n\r\n{}";
    assert_eq!(String::from_utf8(asked).unwrap(), expected);
    let reply = reply.unwrap();
    assert_eq!((reply.status, reply.body.as_slice()), (Status(308), &b"hello"[..]));
    assert_eq!(reply.headers.text("location"), Some("https://b:1/x"));
}

#[tokio::test]
async fn answers_without_body_have_none() {
    let fixture = Fixture::new();
    for answer in [
        &b"HTTP/1.1 204 No Content\r\n\r\n"[..],
        b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx:\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
    ] {
        let (_, reply) = fixture.asked(answer, question(b"")).await;
        assert!(reply.unwrap().body.is_empty());
    }
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 123456789\r\n\r\n";
    let head = Question { method: Method::Head, ..question(b"") };
    let (_, reply) = fixture.asked(answer, head).await;
    let reply = reply.unwrap();
    assert_eq!((reply.headers.text("content-length"), reply.body.len()), (Some("123456789"), 0));
}

#[tokio::test]
async fn hostile_answers_are_refused() {
    static FIELDS: [u8; 20_000] = [b'a'; 20_000];
    let fixture = Fixture::new();
    let malformed: [&[u8]; 10] = [
        b"SSH-2.0-x\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 99999 x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\ncontent-length: +1\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999999\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\ncontent-length: \r\n\r\nab",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
    ];
    for answer in malformed {
        let (_, reply) = fixture.asked(answer, question(b"")).await;
        assert!(matches!(reply, Err(ClientError::Malformed)), "{}: {reply:?}", answer.escape_ascii());
    }
    let large: [&[u8]; 1] = [b"HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n"];
    for answer in large.into_iter().chain([&FIELDS[..]]) {
        let (_, reply) = fixture.asked(answer, question(b"")).await;
        assert!(matches!(reply, Err(ClientError::TooLarge | ClientError::Malformed)), "{reply:?}");
    }
    for answer in [&b""[..], b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell"] {
        let (_, reply) = fixture.asked(answer, question(b"")).await;
        assert!(matches!(reply, Err(ClientError::Broken(_))), "{}: {reply:?}", answer.escape_ascii());
    }
}

#[tokio::test]
async fn only_nodes_of_the_service_are_believed() {
    let fixture = Fixture::new();
    let stranger = Fixture::new();
    let good = fixture.endorsed(&fixture.node);
    // A service with the same name and another key; a node that endorses another; one that endorses itself.
    let foreign = stranger.endorsed(&fixture.node);
    let own = self_signed(&fixture.node, "CN=Service", 1_780_000_000);
    let request = SigningRequest::create(&stranger.node, &"CN=Node".parse().unwrap(), &[]);
    let validity = good.validity();
    let below = issue_endorsed(&fixture.node, &good, &request, validity, &SystemEntropy);
    let cases: [(&[&Certificate], &EcKey, bool); 6] = [
        (&[&good], &fixture.node, true),
        (&[&good, &foreign], &fixture.node, true),
        (&[&foreign], &fixture.node, false),
        (&[&own], &fixture.node, false),
        (&[&own, &good], &fixture.node, false),
        (&[&below, &good], &stranger.node, false),
    ];
    for (case, (chain, key, believed)) in cases.into_iter().enumerate() {
        let (ours, theirs) = duplex(64 * 1024);
        let config = fixture.server(AppProtocol::Http1, chain, key);
        let serving = serve(config, theirs, b"HTTP/1.1 204 x\r\n\r\n", 2);
        let reply = fixture.client().ask(ours, &question(b"{}")).await;
        let sent = serving.await.unwrap();
        match reply {
            Ok(_) => assert!(believed, "{case}"),
            Err(error) => {
                assert!(!believed && matches!(error, ClientError::Untrusted(_)), "{case}: {error:?}");
                assert!(sent.is_empty(), "{case}: nothing is said to strangers");
            }
        }
    }
}

#[tokio::test]
async fn a_certificate_without_its_key_is_worth_nothing() {
    let fixture = Fixture::new();
    let endorsed = fixture.endorsed(&fixture.node);
    // The server cannot be told to lie through our own slot, which checks; so it is told directly.
    let wrong = PrivatePkcs8KeyDer::from(key().pkcs8_der().to_vec());
    let chain = vec![CertificateDer::from(endorsed.der().to_vec())];
    let signer = rustls::crypto::aws_lc_rs::sign::any_supported_type(&wrong.into()).unwrap();
    let certified = rustls::sign::CertifiedKey::new(chain, signer);
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(certified)));
    let (ours, theirs) = duplex(64 * 1024);
    let serving = serve(Arc::new(config), theirs, b"HTTP/1.1 204 x\r\n\r\n", 0);
    let reply = fixture.client().ask(ours, &question(b"")).await;
    assert!(matches!(reply, Err(ClientError::Untrusted(_) | ClientError::Broken(_))), "{reply:?}");
    assert!(serving.await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn silence_ends_in_time() {
    let fixture = Fixture::new();
    let (ours, _theirs) = duplex(64);
    let reply = fixture.client().ask(ours, &question(b"")).await;
    assert!(matches!(reply, Err(ClientError::Timeout)), "{reply:?}");
}

#[tokio::test]
async fn questions_that_are_not_http_are_not_asked() {
    let fixture = Fixture::new();
    let wrong = [
        Question { target: "/a b", ..question(b"") },
        Question { target: "/\r\nx: y", ..question(b"") },
        Question { headers: &[("a", "b\r\nc: d")], ..question(b"") },
        Question { headers: &[("a b", "c")], ..question(b"") },
        Question { address: "node", ..question(b"") },
        Question { address: "no de:1", ..question(b"") },
    ];
    for question in wrong {
        let (asked, reply) = fixture.asked(b"", question).await;
        assert!(matches!(reply, Err(ClientError::Request)), "{question:?}: {reply:?}");
        assert!(asked.is_empty());
    }
}

#[tokio::test]
async fn interfaces_of_http2_are_asked_in_http2() {
    let fixture = Fixture::new();
    let server = fixture.server(AppProtocol::Http2, &[&fixture.endorsed(&fixture.node)], &fixture.node);
    for (length, allowed) in [(900, true), (1001, false)] {
        let (ours, theirs) = duplex(64 * 1024);
        let acceptor = TlsAcceptor::from(Arc::clone(&server));
        let serving = tokio::spawn(async move {
            let stream = acceptor.accept(theirs).await.unwrap();
            let mut connection = h2::server::handshake(stream).await.unwrap();
            let (request, mut respond) = connection.accept().await.unwrap().unwrap();
            let seen = (request.uri().path().to_owned(), request.headers().len());
            let head = http::Response::builder().status(200).header("x-a", "b").body(()).unwrap();
            let mut body = respond.send_response(head, false).unwrap();
            body.send_data(vec![b'x'; length].into(), true).unwrap();
            // Until the client is gone.
            while connection.accept().await.is_some_and(|next| next.is_ok()) {}
            seen
        });
        let reply = fixture.client().ask(ours, &question(b"{}")).await;
        assert_eq!(serving.await.unwrap(), ("/node/join".to_owned(), 1));
        match reply {
            Ok(reply) => {
                assert!(allowed);
                assert_eq!((reply.status, reply.body.len()), (Status::OK, length));
                assert_eq!(reply.headers.text("x-a"), Some("b"));
            }
            Err(error) => assert!(!allowed && matches!(error, ClientError::TooLarge), "{error:?}"),
        }
    }
}

#[tokio::test]
async fn both_ends_name_a_session_and_no_two_sessions_have_one_name() {
    let fixture = Fixture::new();
    let config = fixture.server(AppProtocol::Http1, &[&fixture.endorsed(&fixture.node)], &fixture.node);
    let mut seen = Vec::new();
    for _ in 0..3 {
        let (ours, theirs) = duplex(64 * 1024);
        let client = fixture.client();
        let accepting = TlsAcceptor::from(Arc::clone(&config)).accept(theirs);
        let (session, accepted) = tokio::join!(client.connect(ours, "node.example:1"), accepting);
        let (session, accepted) = (session.unwrap(), accepted.unwrap());
        let shown = client_certificate(accepted.get_ref().1).unwrap().unwrap();
        assert_eq!(shown.der[..], *fixture.own.1.der());
        assert_eq!(channel_binding(accepted.get_ref().1), Some(session.binding()));
        assert!(!seen.contains(&session.binding()));
        seen.push(session.binding());
    }
}

#[tokio::test]
async fn a_session_of_an_older_version_has_no_name() {
    let fixture = Fixture::new();
    let config = fixture.server(AppProtocol::Http1, &[&fixture.endorsed(&fixture.node)], &fixture.node);
    let ours = fixture.client().tls;
    let tls = ClientConfig::builder_with_provider(Arc::new(crate::tls::provider()))
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(trust::verifier(&fixture.service.1))
        .with_client_cert_resolver(Arc::clone(&ours.client_auth_cert_resolver));
    let (ours, theirs) = duplex(64 * 1024);
    let connector = TlsConnector::from(Arc::new(tls));
    let connecting = connector.connect(server_name("node.example:1").unwrap(), ours);
    let (session, accepted) = tokio::join!(connecting, TlsAcceptor::from(config).accept(theirs));
    let accepted = accepted.unwrap();
    session.unwrap();
    assert_eq!(channel_binding(accepted.get_ref().1), None);
}
