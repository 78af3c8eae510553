//! A server of an issuer, which answers what it is told to, right or wrong.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use coco_crypto::{Curve, EcKey, Signer as _, SystemEntropy};
use coco_e2e::{Party, consortium::now};
use coco_wire::text::encode_base64url;
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivatePkcs8KeyDer},
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

/// What the server does.
#[derive(Clone)]
pub(crate) enum Conduct {
    /// Publishes the key.
    Honest,
    /// Answers the first question rightly, and the second with these bytes.
    Keys(Vec<u8>),
    /// Answers all with these bytes.
    Bytes(Vec<u8>),
    /// Takes the connection and says nothing.
    Silent,
}

#[derive(Clone)]
pub(crate) struct Issuer {
    /// Its name: a URL.
    pub(crate) url: String,
    /// The certificate that it shows, PEM.
    pub(crate) certificate: String,
    key: Arc<Mutex<EcKey>>,
    conduct: Arc<Mutex<Conduct>>,
    asked: Arc<AtomicUsize>,
}

impl Issuer {
    pub(crate) async fn start() -> Self {
        let party = Party::new("issuer");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let own = party.identity.certificate();
        let key = EcKey::from_pem(&party.key).unwrap().pkcs8_der().to_vec();
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::from(own.der().to_vec())],
                PrivatePkcs8KeyDer::from(key).into(),
            )
            .unwrap();
        let issuer = Self {
            url,
            certificate: own.to_pem(),
            key: Arc::new(Mutex::new(EcKey::generate(Curve::P256, &SystemEntropy))),
            conduct: Arc::new(Mutex::new(Conduct::Honest)),
            asked: Arc::default(),
        };
        tokio::spawn(issuer.clone().serve(listener, TlsAcceptor::from(Arc::new(config))));
        issuer
    }

    /// Signs with another key from now on, of the same name.
    pub(crate) fn renew(&self) {
        *self.key.lock().unwrap() = EcKey::generate(Curve::P256, &SystemEntropy);
    }

    pub(crate) fn conduct(&self, conduct: Conduct) {
        *self.conduct.lock().unwrap() = conduct;
    }

    /// Connections so far.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    /// The header with a token that is valid for a minute.
    pub(crate) fn token(&self) -> String {
        let part = |value: serde_json::Value| encode_base64url(value.to_string().as_bytes());
        let header = part(json!({ "alg": "ES256", "kid": "key" }));
        let claims = part(json!({ "iss": self.url, "sub": "alice", "exp": now().0 + 60 }));
        let signed = format!("{header}.{claims}");
        let signature = self.key.lock().unwrap().sign(signed.as_bytes()).into_fixed();
        format!("Bearer {signed}.{}", encode_base64url(&signature))
    }

    async fn serve(self, listener: TcpListener, tls: TlsAcceptor) {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            self.asked.fetch_add(1, Ordering::Relaxed);
            let (issuer, tls) = (self.clone(), tls.clone());
            tokio::spawn(async move {
                let Ok(mut stream) = tls.accept(stream).await else { return };
                let mut question = [0; 4096];
                let read = stream.read(&mut question).await.unwrap_or(0);
                let first =
                    question[..read].starts_with(b"GET /.well-known/openid-configuration HTTP/1.1\r\n");
                match issuer.answer(first) {
                    // The node gives up, or this test ends.
                    None => drop(stream.read(&mut question).await),
                    Some(answer) => {
                        // It need not want all of it.
                        drop(stream.write_all(&answer).await);
                        drop(stream.shutdown().await);
                    }
                }
            });
        }
    }

    fn answer(&self, first: bool) -> Option<Vec<u8>> {
        let conduct = self.conduct.lock().unwrap().clone();
        match conduct {
            Conduct::Silent => None,
            Conduct::Bytes(bytes) => Some(bytes),
            Conduct::Keys(bytes) if !first => Some(bytes),
            Conduct::Honest | Conduct::Keys(_) if first => {
                Some(ok(&json!({ "issuer": self.url, "jwks_uri": format!("{}/keys", self.url) }).to_string()))
            }
            Conduct::Honest | Conduct::Keys(_) => {
                let key = self.key.lock().unwrap();
                let (x, y) = key.public_key().point()[1..].split_at(32);
                let (x, y) = (encode_base64url(x), encode_base64url(y));
                let jwk = json!({ "kty": "EC", "kid": "key", "crv": "P-256", "x": x, "y": y });
                Some(ok(&json!({ "keys": [jwk] }).to_string()))
            }
        }
    }
}

/// A response with this body.
pub(crate) fn ok(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}
