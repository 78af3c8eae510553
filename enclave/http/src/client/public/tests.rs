use std::time::Duration;

use coco_app::Method;
use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivatePkcs8KeyDer},
    version::{TLS12, TLS13},
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::tls::provider;

const HOST: &str = "keys.issuer.example";

/// A certificate, its key, and those that vouch for it.
struct Identity {
    key: KeyPair,
    params: CertificateParams,
    chain: Vec<CertificateDer<'static>>,
}

fn params(name: &str, hosts: &[&str], edit: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let hosts: Vec<_> = hosts.iter().map(|host| (*host).to_owned()).collect();
    let mut params = CertificateParams::new(hosts).unwrap();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    edit(&mut params);
    params
}

fn authority(params: &mut CertificateParams) {
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
}

fn expired(params: &mut CertificateParams) {
    params.not_before = rcgen::date_time_ymd(2001, 1, 1);
    params.not_after = rcgen::date_time_ymd(2002, 1, 1);
}

impl Identity {
    fn by_itself(params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let chain = vec![params.self_signed(&key).unwrap().der().clone()];
        Self { key, params, chain }
    }

    fn by(issuer: &Self, params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let signer = Issuer::from_params(&issuer.params, &issuer.key);
        let own = params.signed_by(&key, &signer).unwrap().der().clone();
        let chain = std::iter::once(own).chain(issuer.chain.iter().cloned()).collect();
        Self { key, params, chain }
    }

    fn certificate(&self) -> Certificate {
        Certificate::from_der(&self.chain[0]).unwrap()
    }
}

/// Asks a server that shows `identity`, with as many certificates as `shown`, and answers with these bytes.
async fn ask(
    bundle: &[Certificate],
    identity: &Identity,
    shown: usize,
    answer: &[u8],
) -> Result<Reply, ClientError> {
    ask_by(&PublicClient::new(bundle).unwrap(), 443, Some((identity, shown)), answer).await.0
}

/// The same by this client, of a server on this port, which may do without TLS. With what the server read first.
async fn ask_by(
    client: &PublicClient,
    port: u16,
    shown: Option<(&Identity, usize)>,
    answer: &[u8],
) -> (Result<Reply, ClientError>, String) {
    let acceptor = shown.map(|(identity, shown)| {
        let key = PrivatePkcs8KeyDer::from(identity.key.serialize_der());
        let config = ServerConfig::builder_with_provider(Arc::new(provider()))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(identity.chain.iter().take(shown).cloned().collect(), key.into())
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    });
    let (ours, theirs) = duplex(64 * 1024);
    let answer = answer.to_vec();
    let serving = tokio::spawn(async move {
        match acceptor {
            Some(acceptor) => match acceptor.accept(theirs).await {
                Ok(session) => answer_with(session, &answer).await,
                Err(_) => String::new(),
            },
            None => answer_with(theirs, &answer).await,
        }
    });
    let question = Question {
        method: Method::Get,
        address: &format!("{HOST}:{port}"),
        target: "/keys",
        headers: &[("accept", "*/*")],
        body: &[],
        max_answer: 100,
        within: Duration::from_secs(5),
    };
    let reply = client.ask(ours, &question).await;
    (reply, serving.await.unwrap())
}

/// Whatever was asked, answers with these bytes; yields what was asked.
async fn answer_with(mut stream: impl ByteStream, answer: &[u8]) -> String {
    let mut read = [0; 1024];
    let length = stream.read(&mut read).await.unwrap_or(0);
    drop(stream.write_all(answer).await);
    drop(stream.shutdown().await);
    String::from_utf8_lossy(&read[..length]).into_owned()
}

#[tokio::test]
async fn servers_are_believed_by_the_bundle() {
    let root = Identity::by_itself(params("root", &[], authority));
    let other = Identity::by_itself(params("other", &[], authority));
    // The same name, another key.
    let twin = Identity::by_itself(params("root", &[], authority));
    let between = Identity::by(&root, params("between", &[], authority));
    let no_authority = Identity::by(&root, params("no authority", &[HOST], |_| {}));
    let good = |issuer: &Identity| Identity::by(issuer, params("server", &[HOST], |_| {}));
    let named = Identity::by_itself(params("self", &[], |_| {}));
    let named_expired = Identity::by_itself(params("self", &[HOST], expired));
    let elsewhere = Identity::by(&root, params("server", &["evil.example", "sub.issuer.example"], |_| {}));
    let nameless = Identity::by(&root, params(HOST, &[], |_| {}));
    let wild = Identity::by(&root, params("server", &["*.issuer.example"], |_| {}));
    let cases: [(&str, &Identity, &Identity, usize, bool); 16] = [
        ("issued by the root", &root, &good(&root), 1, true),
        ("issued by the root, which is shown too", &root, &good(&root), 2, true),
        ("issued by one that the root issued", &root, &good(&between), 2, true),
        ("a wildcard", &root, &wild, 1, true),
        ("issued by one that is not shown", &root, &good(&between), 1, false),
        ("issued by one whose bundle it is", &between, &good(&between), 1, true),
        ("issued by another", &root, &good(&other), 2, false),
        ("issued by a twin", &root, &good(&twin), 2, false),
        ("issued by no authority", &root, &good(&no_authority), 2, false),
        ("for another host", &root, &elsewhere, 1, false),
        ("for no host, by its common name", &root, &nameless, 1, false),
        ("expired", &root, &Identity::by(&root, params("server", &[HOST], expired)), 1, false),
        ("itself in the bundle, for no host", &named, &named, 1, true),
        ("itself in the bundle, expired", &named_expired, &named_expired, 1, false),
        ("itself, while another is in the bundle", &root, &named, 1, false),
        ("issued by one in the bundle that is no authority", &named, &good(&named), 1, false),
    ];
    for (name, bundle, server, shown, believed) in cases {
        let reply =
            ask(&[bundle.certificate()], server, shown, b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                .await;
        match reply {
            Ok(_) => assert!(believed, "{name}"),
            Err(ClientError::Untrusted(_)) => assert!(!believed, "{name}"),
            Err(error) => panic!("{name}: {error}"),
        }
    }
    let both = [other.certificate(), root.certificate()];
    assert!(ask(&both, &good(&root), 1, b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.is_ok());
    assert!(PublicClient::new(&[]).is_err());
}

#[tokio::test]
async fn answers_end_by_any_means_of_http() {
    let server = Identity::by_itself(params("self", &[], |_| {}));
    let bundle = [server.certificate()];
    let answered: [(&str, &str); 7] = [
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", "{}"),
        ("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}trailing", "{}"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", "{}"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n", ""),
        ("HTTP/1.0 200 OK\r\n\r\n{}", "{}"),
        ("HTTP/1.0 200 OK\r\n\r\n", ""),
        ("HTTP/1.1 204 No Content\r\n\r\n{}", ""),
    ];
    for (answer, body) in answered {
        let reply = ask(&bundle, &server, 1, answer.as_bytes()).await;
        let reply = reply.unwrap_or_else(|error| panic!("{answer}: {error}"));
        assert_eq!(String::from_utf8(reply.body).unwrap(), body, "{answer}");
    }
    let long = "x".repeat(101);
    let header =
        format!("HTTP/1.1 200 OK\r\nx-openid: {}\r\ncontent-length: 2\r\n\r\n{{}}", "x".repeat(32 * 1024));
    let refused: Vec<(String, &str)> = vec![
        (format!("HTTP/1.1 200 OK\r\ncontent-length: 101\r\n\r\n{long}"), "the answer is too large"),
        (format!("HTTP/1.0 200 OK\r\n\r\n{long}"), "the answer is too large"),
        (
            format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n65\r\n{long}\r\n0\r\n\r\n"),
            "the answer is too large",
        ),
        (header, "the answer is too large"),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 1\r\n\r\n0\r\n\r\n".into(),
            "the answer is not valid HTTP",
        ),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n".into(), "the answer is not valid HTTP"),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-1\r\n".into(),
            "the answer is not valid HTTP",
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"
                .into(),
            "the answer is not valid HTTP",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{".into(),
            "the connection failed: unexpected end of file",
        ),
        ("SSH-2.0-x\r\n\r\n".into(), "the answer is not valid HTTP"),
    ];
    for (answer, reason) in refused {
        let error = ask(&bundle, &server, 1, answer.as_bytes()).await.map(|reply| reply.status).unwrap_err();
        assert_eq!(error.to_string(), reason, "{}", &answer[..answer.len().min(80)]);
    }
}

#[tokio::test]
async fn anyone_is_asked_what_is_believed_for_other_reasons() {
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
    let stranger = Identity::by_itself(params("stranger", &["evil.example"], expired));
    let anyone = PublicClient::of_anyone();
    let (reply, asked) = ask_by(&anyone, 443, Some((&stranger, 1)), answer).await;
    assert_eq!(reply.unwrap().body, b"{}");
    let request = |host: &str| {
        let fields = format!("host: {host}\r\nconnection: close\r\ncontent-length: 0\r\naccept: */*");
        format!("GET /keys HTTP/1.1\r\n{fields}\r\n\r\n")
    };
    assert_eq!(asked, request(HOST));
    let (reply, asked) = ask_by(&anyone, 80, Some((&stranger, 1)), answer).await;
    assert_eq!((reply.unwrap().status.0, asked), (200, request(&format!("{HOST}:80"))));
    // TLS is not given up.
    let (reply, _) = ask_by(&anyone, 443, None, answer).await;
    assert!(matches!(reply, Err(ClientError::Broken(_))), "{reply:?}");
}

#[tokio::test]
async fn servers_without_tls_are_asked_without() {
    let answer = b"HTTP/1.1 429 Wait\r\nretry-after: 7\r\n\r\nnot now";
    let plain = PublicClient::without_tls();
    for (port, host) in [(80, HOST.to_owned()), (443, format!("{HOST}:443")), (8080, format!("{HOST}:8080"))]
    {
        let (reply, asked) = ask_by(&plain, port, None, answer).await;
        let reply = reply.unwrap();
        assert_eq!((reply.status.0, reply.headers.text("retry-after")), (429, Some("7")));
        assert_eq!(reply.body, b"not now");
        assert!(asked.contains(&format!("\r\nhost: {host}\r\n")), "{asked}");
    }
    let long = [&b"HTTP/1.0 200 OK\r\n\r\n"[..], &[b'x'; 101]].concat();
    let (reply, _) = ask_by(&plain, 80, None, &long).await;
    assert!(matches!(reply, Err(ClientError::TooLarge)));
}
