mod hostile;
mod limits;
mod multiplexed;
mod sessions;
mod time;
mod tls;
mod websocket;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use coco_app::{InterfaceName, Request, Response, Status};
use coco_crypto::{Curve, EcKey, SystemEntropy};
use coco_wire::{Seqno, TxId, View};
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P384_SHA384, SignatureAlgorithm};
use rustls::{
    ClientConfig, DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    sync::{oneshot, watch},
    task::JoinHandle,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::*;
use crate::{
    Answer, Batch, CertificateSlot, Dispatch, InterfaceSettings, Limits, SessionCaps, SessionCount, Talk,
    Timeouts,
};

type Client = TlsStream<DuplexStream>;

/// Answers by what the path says, and remembers what it was asked.
#[derive(Default)]
struct Echo {
    batches: Mutex<Vec<usize>>,
    waiting: Mutex<Vec<oneshot::Sender<Response>>>,
    certificates: Mutex<Vec<Option<usize>>>,
    stage: Arc<websocket::Stage>,
}

impl Dispatch for Arc<Echo> {
    fn dispatch(&self, batches: &mut [Batch]) {
        for Batch { session, requests, answers } in batches {
            self.batches.lock().unwrap().push(requests.len());
            let certificate = session.peer.certificate.as_ref().map(|certificate| certificate.der.len());
            self.certificates.lock().unwrap().push(certificate);
            answers.extend(requests.drain(..).map(|request| self.answer(&request)));
        }
    }

    fn converse(&self, request: &Request, _: &Session) -> Option<Result<Box<dyn Talk>, Response>> {
        self.stage.converse(request)
    }
}

impl Echo {
    fn answer(&self, request: &Request) -> Answer {
        let body = format!("{} {} {}", request.method, request.target(), request.body.len());
        let response = Response {
            txid: Some(TxId { view: View(2), seqno: Seqno(7) }),
            ..Response::with_body(Status::OK, "text/plain", body.into_bytes())
        };
        match request.path() {
            "/later" => {
                let (send, receive) = oneshot::channel();
                self.waiting.lock().unwrap().push(send);
                Answer::Later(receive)
            }
            "/abandoned" => Answer::Later(oneshot::channel().1),
            "/close" => Answer::Close(response),
            "/empty" => Answer::Ready(Response::empty(Status::NO_CONTENT)),
            "/split" => Answer::Ready(response.header("x-a", "b\r\n\r\nHTTP/1.1 200 OK")),
            "/large" => Answer::Ready(Response { body: vec![b'x'; 3 << 20], ..response }),
            _ => Answer::Ready(response),
        }
    }

    /// Requests dispatched so far.
    fn requests(&self) -> usize {
        self.batches.lock().unwrap().iter().sum()
    }

    /// Answers the oldest request that waits.
    fn release(&self, text: &str) {
        let send = self.waiting.lock().unwrap().remove(0);
        let _ = send.send(Response::with_body(Status::OK, "text/plain", text.into()));
    }

    fn waits(&self) -> usize {
        self.waiting.lock().unwrap().len()
    }
}

struct Fixture {
    interface: Arc<Interface>,
    certificate: Arc<CertificateSlot>,
    echo: Arc<Echo>,
    stop: watch::Sender<bool>,
}

impl Fixture {
    fn new(edit: impl FnOnce(&mut InterfaceSettings)) -> Self {
        let mut settings = InterfaceSettings {
            name: InterfaceName::new("primary"),
            transport: Transport::Tls,
            protocol: AppProtocol::Http1,
            limits: Limits::default(),
            caps: SessionCaps::default(),
            timeouts: Timeouts::default(),
        };
        edit(&mut settings);
        let certificate = Arc::new(CertificateSlot::default());
        install(&certificate, "first");
        let (stop, stopped) = watch::channel(false);
        let interface =
            Interface::new(settings, Arc::clone(&certificate), Arc::new(SessionCount::default()), stopped);
        Self { interface: Arc::new(interface), certificate, echo: Arc::default(), stop }
    }

    /// The client's end of a connection before TLS, and the task that serves it.
    fn open(&self) -> (DuplexStream, JoinHandle<()>) {
        let (near, far) = duplex(64 << 10);
        let (interface, echo) = (Arc::clone(&self.interface), Arc::clone(&self.echo));
        (near, tokio::spawn(async move { serve(far, &interface, &Gather::new(echo)).await }))
    }

    async fn connect(&self) -> Client {
        self.connect_as(client_config(None, &[])).await.unwrap()
    }

    async fn connect_as(&self, config: ClientConfig) -> std::io::Result<Client> {
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, self.open().0).await
    }

    /// All that comes back for `bytes` until the server closes.
    async fn exchange(&self, bytes: &[u8]) -> Vec<u8> {
        let mut client = self.connect().await;
        // The server may close before it has read everything.
        let _ = client.write_all(bytes).await;
        let _ = client.flush().await;
        let mut all = Vec::new();
        timeout(Duration::from_secs(30), client.read_to_end(&mut all)).await.expect("the server closes").ok();
        all
    }
}

/// Puts a self-signed certificate for `name` in place.
fn install(slot: &CertificateSlot, name: &str) {
    let key = EcKey::generate(Curve::P384, &SystemEntropy);
    let pair = KeyPair::from_pkcs8_der_and_sign_algo(
        &PrivatePkcs8KeyDer::from(key.pkcs8_der().to_vec()),
        &PKCS_ECDSA_P384_SHA384,
    );
    let certificate = CertificateParams::new([name.to_owned()]).unwrap().self_signed(&pair.unwrap()).unwrap();
    slot.install(vec![certificate.der().to_vec()], &key).unwrap();
}

/// A certificate and its key.
struct Identity {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    fn new(algorithm: &'static SignatureAlgorithm, edit: impl FnOnce(&mut CertificateParams)) -> Self {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let mut params = CertificateParams::new(["user".to_owned()]).unwrap();
        edit(&mut params);
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Self { certificate, key: PrivatePkcs8KeyDer::from(key.serialize_der()).into() }
    }
}

/// A client that takes any server.
fn client_config(identity: Option<&Identity>, protocols: &[&[u8]]) -> ClientConfig {
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyServer));
    let mut config = match identity {
        Some(Identity { certificate, key }) => {
            builder.with_client_auth_cert(vec![certificate.clone()], key.clone_key()).unwrap()
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    config
}

#[derive(Debug)]
struct AnyServer;

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// One response by HTTP/1.1.
#[derive(Clone, Debug, PartialEq)]
struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Takes one reply from the front of `bytes`; the body is left out if `to_head`.
fn take_reply(bytes: &mut Vec<u8>, to_head: bool) -> Option<Reply> {
    let mut slots = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut slots);
    let httparse::Status::Complete(head) = response.parse(bytes).expect("a valid response") else {
        return None;
    };
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let headers = response.headers.iter().map(|field| (field.name.to_owned(), text(field.value))).collect();
    let mut reply = Reply { status: response.code.unwrap(), headers, body: Vec::new() };
    let announced = reply.header("content-length").map_or(0, |length| length.parse().unwrap());
    let end = head + if to_head { 0 } else { announced };
    if bytes.len() < end {
        return None;
    }
    reply.body = bytes[head..end].to_vec();
    bytes.drain(..end);
    Some(reply)
}

/// Reads `count` replies.
async fn read_replies(client: &mut Client, count: usize) -> Vec<Reply> {
    let mut bytes = Vec::new();
    let mut replies = Vec::new();
    while replies.len() < count {
        match take_reply(&mut bytes, false) {
            Some(reply) => replies.push(reply),
            None => assert_ne!(client.read_buf(&mut bytes).await.unwrap(), 0, "the server closed early"),
        }
    }
    assert!(bytes.is_empty(), "nothing after the last reply");
    replies
}

/// All replies in `bytes`.
fn replies(mut bytes: Vec<u8>) -> Vec<Reply> {
    let replies =
        std::iter::from_fn(|| if bytes.is_empty() { None } else { take_reply(&mut bytes, false) }).collect();
    assert!(bytes.is_empty(), "only whole replies");
    replies
}
