//! Raw bytes over TLS: what no well-behaved client sends.

use std::{sync::Arc, time::Duration};

use coco_crypto::Certificate;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::Party;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// One TLS connection to a node.
pub struct Connection(TlsStream<TcpStream>);

/// What came back for one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// Status; 0 if there was none before the connection ended.
    pub status: u16,
    /// Head as text.
    pub head: String,
    /// Body.
    pub body: Vec<u8>,
}

impl Connection {
    /// Connects as `party`, or without certificate.
    ///
    /// # Panics
    /// If the node is not there, or refuses.
    pub async fn open(address: &str, service: &Certificate, party: Option<&Party>) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(service.der().to_vec())).expect("the service's certificate is sound");
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider knows TLS 1.3")
            .with_root_certificates(roots);
        let config = match party {
            None => builder.with_no_client_auth(),
            Some(party) => {
                let certificate = CertificateDer::from(party.identity.certificate().der().to_vec());
                let key = coco_crypto::EcKey::from_pem(&party.key).expect("a party has a key");
                let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.pkcs8_der().to_vec()));
                builder
                    .with_client_auth_cert(vec![certificate], key)
                    .expect("key and certificate belong together")
            }
        };
        let tcp = TcpStream::connect(address).await.expect("the node listens");
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host).to_owned();
        let name = ServerName::try_from(host).expect("an address");
        Self(TlsConnector::from(Arc::new(config)).connect(name, tcp).await.expect("the node speaks TLS"))
    }

    /// The certificate that the node shows.
    ///
    /// # Panics
    /// If it is none.
    #[must_use]
    pub fn certificate(&self) -> Certificate {
        let chain = self.0.get_ref().1.peer_certificates().expect("a node shows a certificate");
        Certificate::from_der(&chain[0]).expect("it is one")
    }

    /// Sends bytes; that the other end has closed already shows in what is read.
    pub async fn send(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes).await;
        let _ = self.0.flush().await;
    }

    /// The next answer with a Content-Length, or none at the end of the connection.
    ///
    /// # Panics
    /// If nothing comes, or no HTTP.
    pub async fn reply(&mut self) -> Reply {
        timeout(PATIENCE, self.read()).await.expect("an answer, or the end of the connection")
    }

    /// Whether the node closes the connection now, without another byte.
    ///
    /// # Panics
    /// If it leaves it open.
    pub async fn ends(&mut self) -> bool {
        let mut byte = [0];
        let read = timeout(PATIENCE, self.0.read(&mut byte)).await.expect("the node closes the connection");
        !matches!(read, Ok(1))
    }

    async fn read(&mut self) -> Reply {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match self.0.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => return Reply::default(),
            }
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status line");
        let length = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        if self.0.read_exact(&mut body).await.is_err() {
            body.clear();
        }
        Reply { status, head, body }
    }
}

impl Reply {
    /// Error code of the body, if it has one.
    #[must_use]
    pub fn code(&self) -> String {
        let body: serde_json::Value = serde_json::from_slice(&self.body).unwrap_or_default();
        body["error"]["code"].as_str().unwrap_or_default().to_owned()
    }
}
