//! A node that answers about its evidence, or somebody who pretends to be one.

use std::sync::{Arc, Mutex};

use coco_attest::binding::{ClientProof, Nonce};
use coco_crypto::{
    Certificate, Curve, EcKey, Signer as _, SystemEntropy,
    x509::{Name, Request, issue_endorsed, issue_self_signed},
};
use coco_wire::{ChannelBinding, Digest, text::Base64};
use rustls::{
    ServerConfig, ServerConnection, SupportedProtocolVersion,
    pki_types::{CertificateDer, PrivatePkcs8KeyDer},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::validity;

/// A service, by its key.
pub(super) struct Service {
    pub(super) certificate: Certificate,
    key: EcKey,
}

/// What the other end of a session has.
#[derive(Clone)]
pub(super) struct Ends {
    pub(super) service: Digest,
    pub(super) node: Digest,
    pub(super) session: ChannelBinding,
}

/// A question as it came.
pub(super) struct Question<'a> {
    /// How many came before.
    pub(super) number: usize,
    pub(super) ends: Ends,
    pub(super) nonce: &'a str,
}

impl Question<'_> {
    /// What honest evidence is bound to.
    pub(super) fn report_data(&self) -> Digest {
        self.report_data_in(&self.ends.session)
    }

    pub(super) fn report_data_in(&self, session: &ChannelBinding) -> Digest {
        let nonce: Nonce = self.nonce.parse().unwrap();
        let Ends { service, node, .. } = self.ends;
        ClientProof { service, node, nonce }.report_data(session).0
    }

    /// Evidence of the virtual platform that is bound to this, as an answer.
    pub(super) fn answer(&self, report_data: &Digest) -> (u16, Value) {
        let quote = json!({
            "host_data": Digest([7; 32]),
            "measurement": "Insecure hard-coded virtual measurement v1",
            "report_data": Base64(report_data.0.to_vec()),
        });
        let answer = json!({
            "format": "Insecure_Virtual",
            "raw": Base64(quote.to_string().into_bytes()),
            "endorsements": "",
            "node_id": self.ends.node,
            "nonce": self.nonce,
        });
        (200, answer)
    }
}

/// What it answers to a question for evidence.
pub(super) type Act = Box<dyn Fn(&Question<'_>) -> (u16, Value) + Send + Sync>;

/// It serves until the runtime ends.
pub(super) struct Node {
    pub(super) address: String,
    /// Its connections, by the paths that were asked for on each.
    pub(super) seen: Arc<Mutex<Vec<Vec<String>>>>,
}

impl Node {
    /// How often it was asked for anything but evidence.
    pub(super) fn others(&self) -> usize {
        let seen = self.seen.lock().unwrap();
        seen.iter().flatten().filter(|path| !path.contains("/node/")).count()
    }
}

impl Service {
    pub(super) fn new() -> Self {
        let key = EcKey::generate(Curve::P384, &SystemEntropy);
        let name = Name::common("service").unwrap();
        Self { certificate: issue_self_signed(&key, &name, &[], validity(), &SystemEntropy), key }
    }

    /// A node with a certificate of this service.
    pub(super) async fn node(&self, act: Act) -> Node {
        self.node_by(&[&rustls::version::TLS13], act).await
    }

    pub(super) async fn node_by(&self, versions: &[&'static SupportedProtocolVersion], act: Act) -> Node {
        let key = EcKey::generate(Curve::P384, &SystemEntropy);
        let name = Name::common("n").unwrap();
        let request = Request::create(&key, &name, &["iPAddress:127.0.0.1".parse().unwrap()]);
        let certificate = issue_endorsed(&self.key, &self.certificate, &request, validity(), &SystemEntropy);
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::from(certificate.der().to_vec())],
                PrivatePkcs8KeyDer::from(key.pkcs8_der().to_vec()).into(),
            )
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let seen: Arc<Mutex<Vec<Vec<String>>>> = Arc::default();
        let serving = Serving {
            service: self.certificate.clone(),
            node: key.public_key().id(),
            act,
            seen: Arc::clone(&seen),
        };
        tokio::spawn(async move {
            let mut asked = 0;
            loop {
                let (tcp, _) = listener.accept().await.unwrap();
                let Ok(tls) = acceptor.accept(tcp).await else { continue };
                serving.seen.lock().unwrap().push(Vec::new());
                serving.serve(tls, &mut asked).await;
            }
        });
        Node { address, seen }
    }
}

struct Serving {
    service: Certificate,
    node: Digest,
    act: Act,
    seen: Arc<Mutex<Vec<Vec<String>>>>,
}

impl Serving {
    async fn serve(&self, mut tls: TlsStream<TcpStream>, asked: &mut usize) {
        let session = exporter(tls.get_ref().1);
        let service = self.service.public_key().as_ec().unwrap().id();
        while let Some((path, body)) = read_request(&mut tls).await {
            self.seen.lock().unwrap().last_mut().unwrap().push(path.clone());
            let (status, answer) = match path.as_str() {
                "/node/attestation" => {
                    let question: Value = serde_json::from_str(&body).unwrap();
                    let ends = Ends { service, node: self.node, session };
                    let nonce = question["nonce"].as_str().unwrap();
                    let answer = (self.act)(&Question { number: *asked, ends, nonce });
                    *asked += 1;
                    answer
                }
                "/node/network" => (200, json!({ "service_certificate": self.service.to_pem() })),
                _ => (200, json!({ "msg": "hello" })),
            };
            let (retry, body) = (if status == 503 { "retry-after: 1\r\n" } else { "" }, answer.to_string());
            let close = if path == "/last" { "connection: close\r\n" } else { "" };
            let text =
                format!("HTTP/1.1 {status} x\r\n{retry}{close}content-length: {}\r\n\r\n{body}", body.len());
            tls.write_all(text.as_bytes()).await.unwrap();
            tls.flush().await.unwrap();
            if path == "/last" {
                let _ = tls.shutdown().await;
                return;
            }
        }
    }
}

fn exporter(connection: &ServerConnection) -> ChannelBinding {
    let name = [0; ChannelBinding::LEN];
    ChannelBinding(connection.export_keying_material(name, ChannelBinding::LABEL, None).unwrap())
}

/// Path and body, or none when the client is gone.
async fn read_request(stream: &mut TlsStream<TcpStream>) -> Option<(String, String)> {
    let mut request = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.split("content-length: ").nth(1).map_or("0", |rest| rest.lines().next().unwrap());
            if body.len() >= length.parse().unwrap() {
                return Some((head.split(' ').nth(1).unwrap().to_owned(), body.to_owned()));
            }
        }
        match stream.read_buf(&mut request).await {
            Ok(1..) => {}
            Ok(0) | Err(_) => return None,
        }
    }
}
