//! Connections to a node: the other end is asked for fresh evidence if the client demands that, before anything else.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use coco_attest::{
    Evidence, Platform,
    binding::{ClientProof, Nonce},
};
use coco_crypto::{Certificate, SystemEntropy, entropy::Entropy as _, x509::InvalidCertificate};
use coco_wire::{ChannelBinding, Digest, text::Base64};
use http::{Method, Request, StatusCode, header};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::{ClientConnection, ProtocolVersion};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;
use tokio::{net::TcpStream, time};
use tokio_rustls::TlsConnector;

use super::{Answer, Client, ClientError, Sender, TIMEOUT};
use crate::attest::{Fresh, NotVerified};

/// Path that gives fresh evidence.
const ATTESTATION: &str = "/node/attestation";
/// How often a node is asked again that has others to answer first.
const MAX_ATTEMPTS: usize = 5;
/// Time between two attempts; the node says the same.
const AGAIN: Duration = Duration::from_secs(1);
/// Bytes of a nonce.
const NONCE_LEN: usize = 32;

/// Who is at the other end of a connection.
struct End {
    /// Shown in the handshake, with its key.
    certificate: Result<Certificate, InvalidCertificate>,
    /// The session.
    session: Option<ChannelBinding>,
}

/// An answer of [`ATTESTATION`].
#[derive(Deserialize)]
struct Attestation {
    format: String,
    raw: Base64,
    endorsements: Base64,
    uvm_endorsements: Option<Base64>,
    node_id: Digest,
    nonce: String,
}

impl Client {
    /// Fresh evidence of the node, on a connection of its own. Nothing is kept of it.
    pub(crate) async fn attestation(&self) -> Result<Fresh, ClientError> {
        let asked = async {
            let (mut sender, end) = self.open().await?;
            self.prove(&mut sender, &end).await
        };
        let timeout = ClientError::Timeout(self.address.clone());
        time::timeout(TIMEOUT, asked).await.unwrap_or(Err(timeout))
    }

    /// A connection to a node that is as demanded.
    pub(super) async fn connect(&self) -> Result<Sender, ClientError> {
        let (mut sender, end) = self.open().await?;
        if let Some(policy) = &self.demand {
            let fresh = self.prove(&mut sender, &end).await?;
            policy.appraise(&fresh).map_err(|reason| self.not_verified(reason))?;
            sender.ready().await.map_err(|error| self.broken(error))?;
        }
        Ok(sender)
    }

    async fn open(&self) -> Result<(Sender, End), ClientError> {
        let failed = |error| ClientError::Connect { address: self.address.clone(), error };
        let tcp = TcpStream::connect(&self.address).await.map_err(failed)?;
        tcp.set_nodelay(true).map_err(failed)?;
        let connector = TlsConnector::from(Arc::clone(&self.tls));
        let tls = connector.connect(self.server.clone(), tcp).await.map_err(failed)?;
        let end = End::of(tls.get_ref().1);
        let handshake = http1::handshake(TokioIo::new(tls)).await;
        let (sender, connection) = handshake.map_err(|error| self.broken(error))?;
        // Its error is also that of the request that waits for it.
        tokio::spawn(async move { connection.await.unwrap_or_default() });
        Ok((sender, end))
    }

    /// Has the other end make evidence for this session.
    async fn prove(&self, sender: &mut Sender, end: &End) -> Result<Fresh, ClientError> {
        let refuse = |reason| self.not_verified(reason);
        let session = end.session.ok_or_else(|| refuse(NotVerified::OldTls))?;
        let certificate = end.certificate.as_ref().map_err(|_| refuse(NotVerified::Key))?;
        let node = certificate.public_key().as_ec().ok_or_else(|| refuse(NotVerified::Key))?.id();
        let service = match &self.service {
            Some(service) => service.clone(),
            None => self.find_service(sender).await?,
        };
        let service_id = service.public_key().as_ec().ok_or_else(|| refuse(NotVerified::Service))?.id();
        let nonce = random_nonce();
        let answer = self.attest(sender, &nonce).await?;
        if answer.node_id != node {
            return Err(refuse(NotVerified::OtherNode { answers: answer.node_id, key: node }));
        }
        if answer.nonce != nonce.to_string() {
            return Err(refuse(NotVerified::OtherNonce));
        }
        let platform = Platform::from_quote_format(&answer.format);
        let evidence = Evidence {
            platform: platform.ok_or_else(|| refuse(NotVerified::UnknownPlatform(answer.format)))?,
            quote: answer.raw.0,
            endorsements: answer.endorsements.0,
            uvm_endorsements: answer.uvm_endorsements.map(|message| message.0),
        };
        let expected = ClientProof { service: service_id, node, nonce }.report_data(&session);
        Ok(Fresh { service, node, certificate: certificate.clone(), evidence, expected })
    }

    /// Asks for evidence, again if the node has no time.
    async fn attest(&self, sender: &mut Sender, nonce: &Nonce) -> Result<Attestation, ClientError> {
        let body = Bytes::from(json!({ "nonce": nonce.to_string() }).to_string());
        let headers = [("content-type", "application/json")];
        let mut attempt = 1;
        loop {
            let question = self.request(Method::POST, ATTESTATION, &headers, body.clone())?;
            let answer = self.first_round_trip(sender, question).await?;
            match answer.status {
                StatusCode::OK => return self.read(&answer),
                StatusCode::SERVICE_UNAVAILABLE
                    if attempt < MAX_ATTEMPTS && answer.headers.contains_key(header::RETRY_AFTER) =>
                {
                    attempt += 1;
                    time::sleep(AGAIN).await;
                }
                _ => return Err(self.not_verified(NotVerified::NoEvidence(answer.summary()))),
            }
        }
    }

    /// The service that the node says it is of.
    async fn find_service(&self, sender: &mut Sender) -> Result<Certificate, ClientError> {
        #[derive(Deserialize)]
        struct Network {
            service_certificate: String,
        }
        let question = self.request(Method::GET, "/node/network", &[], Bytes::new())?;
        let answer =
            self.first_round_trip(sender, question).await?.expect(StatusCode::OK, "/node/network")?;
        let Network { service_certificate } = self.read(&answer)?;
        Certificate::from_pem(&service_certificate).map_err(|_| self.not_verified(NotVerified::Service))
    }

    /// Asks on a connection that is not handed out yet.
    async fn first_round_trip(
        &self,
        sender: &mut Sender,
        question: Request<Full<Bytes>>,
    ) -> Result<Answer, ClientError> {
        sender.ready().await.map_err(|error| self.broken(error))?;
        self.round_trip(sender, question).await
    }

    fn read<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, ClientError> {
        answer.json().map_err(|_| self.not_verified(NotVerified::Malformed))
    }

    fn not_verified(&self, reason: NotVerified) -> ClientError {
        ClientError::NotVerified { address: self.address.clone(), reason: Box::new(reason) }
    }
}

impl End {
    fn of(connection: &ClientConnection) -> Self {
        let shown = connection.peer_certificates().and_then(<[_]>::first);
        let is_new = connection.protocol_version() == Some(ProtocolVersion::TLSv1_3);
        let name = [0; ChannelBinding::LEN];
        let name = connection.export_keying_material(name, ChannelBinding::LABEL, None);
        Self {
            certificate: Certificate::from_der(shown.map(AsRef::as_ref).unwrap_or_default()),
            session: name.ok().map(ChannelBinding).filter(|_| is_new),
        }
    }
}

fn random_nonce() -> Nonce {
    let mut bytes = vec![0; NONCE_LEN];
    SystemEntropy.fill(&mut bytes);
    Nonce::new(bytes).expect("it is long enough")
}
