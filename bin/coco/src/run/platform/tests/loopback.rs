//! Servers on this machine that do what a test says, and note what they were asked.

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use coco_attest::sev_snp::servers::{Scheme, Server, Service};
use coco_crypto::{
    Curve, EcKey, SystemEntropy,
    x509::{UnixTime, Validity, issue_self_signed},
};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    crypto::aws_lc_rs::default_provider,
    pki_types::{CertificateDer, PrivatePkcs8KeyDer},
};

/// What is done with a connection, after the request was read.
#[derive(Clone)]
pub(super) enum Act {
    /// These bytes are written, and the connection is ended.
    Answer(Vec<u8>),
    /// Nothing happens until the other end has had enough.
    Nothing,
}

/// A server of as many connections as it has acts.
pub(super) struct Loopback {
    pub(super) server: Server,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Act {
    /// A status with header fields, and a body.
    pub(super) fn status(status: &str, fields: &str, body: &[u8]) -> Self {
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{fields}\r\n", body.len());
        Self::Answer([head.as_bytes(), body].concat())
    }

    pub(super) fn good(body: &[u8]) -> Self {
        Self::status("200 OK", "", body)
    }
}

impl Loopback {
    pub(super) fn begin(service: Service, max_retries: u32, acts: Vec<Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let scheme = if service == Service::Thim { Scheme::Http } else { Scheme::Https };
        let config = tls();
        let noted = Arc::clone(&requests);
        thread::spawn(move || {
            for act in acts {
                let (stream, _) = listener.accept().unwrap();
                stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
                match scheme {
                    Scheme::Http => serve(stream, &act, &noted),
                    Scheme::Https => {
                        let session = ServerConnection::new(Arc::clone(&config)).unwrap();
                        serve(StreamOwned::new(session, stream), &act, &noted);
                    }
                }
            }
        });
        Self { server: Server { service, address, max_retries, max_answer: 1 << 16 }, requests }
    }

    /// Method and target of each request.
    pub(super) fn asked(&self) -> Vec<String> {
        let first_line = |request: &String| request.split(" HTTP/1.1\r\n").next().unwrap().to_owned();
        self.requests.lock().unwrap().iter().map(first_line).collect()
    }

    /// The whole requests.
    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// With a certificate of nobody, long expired.
fn tls() -> Arc<ServerConfig> {
    let key = EcKey::generate(Curve::P384, &SystemEntropy);
    let validity = Validity::days(UnixTime(1_000_000_000), 1).unwrap();
    let certificate = issue_self_signed(&key, &"CN=Nobody".parse().unwrap(), &[], validity, &SystemEntropy);
    let chain = vec![CertificateDer::from(certificate.der().to_vec())];
    let key = PrivatePkcs8KeyDer::from(key.pkcs8_der().to_vec());
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key.into());
    Arc::new(config.unwrap())
}

fn serve(mut stream: impl Read + Write, act: &Act, noted: &Mutex<Vec<String>>) {
    let mut request = Vec::new();
    let mut read = [0; 1024];
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read(&mut read) {
            Ok(0) | Err(_) => return,
            Ok(length) => request.extend(&read[..length]),
        }
    }
    noted.lock().unwrap().push(String::from_utf8(request).unwrap());
    match act {
        Act::Answer(answer) => drop(stream.write_all(answer).and_then(|()| stream.flush())),
        Act::Nothing => drop(stream.read(&mut read)),
    }
}

/// Where nobody listens.
pub(super) fn nobody(service: Service) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    Server { service, address, max_retries: 0, max_answer: 1 << 16 }
}
