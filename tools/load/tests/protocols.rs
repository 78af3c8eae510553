//! HTTP/2 and commits, against servers of a few lines that answer as a service does.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use coco_load::identity::IdentityFiles;
use coco_load::plan::{Follow, Mode, Preload, Protocol};
use coco_load::target::Credentials;
use coco_load::{Plan, Processes, Report, Target, run};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Serves each connection by `answer` on a thread of its own; returns the address.
fn serve<F>(files: &IdentityFiles, protocol: &[u8], answer: fn(TlsStream<TcpStream>) -> F) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let chain = CertificateDer::pem_file_iter(&files.node.0).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(&files.node.1).unwrap();
    let mut config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
    config.alpn_protocols = vec![protocol.to_vec()];
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let acceptor = TlsAcceptor::from(Arc::new(config));
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let acceptor = acceptor.clone();
                tokio::spawn(async move { answer(acceptor.accept(stream).await.unwrap()).await });
            }
        });
    });
    address
}

async fn over_http2(stream: TlsStream<TcpStream>) {
    let mut connection = h2::server::handshake(stream).await.unwrap();
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        tokio::spawn(async move {
            let write = request.method() == "POST";
            let mut body = request.into_body();
            let mut length = 0;
            while let Some(chunk) = body.data().await {
                length += chunk.unwrap().len();
            }
            assert_eq!(length > 0, write);
            let mut upload = respond.send_response(http::Response::new(()), false).unwrap();
            upload.send_data("12345678901234567890".into(), true).unwrap();
        });
    }
}

/// How often a transaction is asked for before it is committed.
const QUESTIONS: u64 = 3;
static ASKED: AtomicU64 = AtomicU64::new(0);

/// Knows one transaction; answers Pending until it has been asked for a few times.
async fn slow_commit(mut stream: TlsStream<TcpStream>) {
    let mut input = vec![0; 4096];
    loop {
        let length = stream.read(&mut input).await.unwrap_or(0);
        if length == 0 {
            return;
        }
        let request = String::from_utf8_lossy(&input[..length]).into_owned();
        let body = if request.starts_with("GET /app/tx?transaction_id=2.17 ") {
            let asked = ASKED.fetch_add(1, Ordering::Relaxed) + 1;
            let status = if asked.is_multiple_of(QUESTIONS) { "Committed" } else { "Pending" };
            format!("{{\"status\":\"{status}\",\"transaction_id\":\"2.17\"}}")
        } else {
            assert!(request.starts_with("POST /app/log/private "), "{request}");
            "true".to_owned()
        };
        let head = format!("content-length: {}\r\nx-ms-ccf-transaction-id: 2.17", body.len());
        stream.write_all(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{body}").as_bytes()).await.unwrap();
    }
}

/// Refuses every other request.
async fn every_other(mut stream: TlsStream<TcpStream>) {
    let mut input = vec![0; 4096];
    let mut turn = 0;
    while stream.read(&mut input).await.unwrap_or(0) > 0 {
        turn += 1;
        let status = if turn % 2 == 0 { "503 Service Unavailable" } else { "200 OK" };
        stream.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").as_bytes()).await.unwrap();
    }
}

/// Answers nothing at all.
async fn silent(mut stream: TlsStream<TcpStream>) {
    while stream.read(&mut [0; 4096]).await.unwrap_or(0) > 0 {}
}

fn plan() -> Plan {
    Plan {
        connections: 3,
        warm_up: Duration::from_millis(50),
        duration: Duration::from_millis(400),
        preload: Preload::Never,
        max_foreign: 100.0,
        ..Plan::default()
    }
}

fn measure(address: SocketAddr, files: &IdentityFiles, plan: &Plan) -> Report {
    let credentials = Credentials { service: Some(&files.service), client: None };
    let target = Target::new(&format!("https://{address}"), credentials).unwrap();
    run(&target, plan, &Processes::default()).unwrap()
}

fn files() -> (tempfile::TempDir, IdentityFiles) {
    let folder = tempfile::tempdir().unwrap();
    let files = IdentityFiles::open(folder.path()).unwrap();
    (folder, files)
}

#[test]
fn http2_in_both_loops() {
    let (_folder, files) = files();
    let address = serve(&files, b"h2", over_http2);
    for rate in [None, Some(300.0)] {
        let plan = Plan { mode: Mode::Mixed, protocol: Protocol::Http2 { streams: 4 }, rate, ..plan() };
        let report = measure(address, &files, &plan);
        assert!(report.failures.none(), "{rate:?}: {}", report.failures);
        assert!(report.requests > 50, "{rate:?}: {}", report.requests);
        if rate.is_some() {
            assert!((60..=130).contains(&report.requests), "{}", report.requests);
        }
    }
}

#[test]
fn a_commit_is_followed_to_its_end() {
    let (_folder, files) = files();
    let address = serve(&files, b"http/1.1", slow_commit);
    let every = Duration::from_millis(5);
    let plan = Plan { mode: Mode::Commit(Follow::Poll { every }), connections: 1, ..plan() };
    let report = measure(address, &files, &plan);
    assert!(report.failures.none(), "{}", report.failures);
    // Two pauses lie between the three questions.
    assert!(report.latency_us.min >= 10_000.0, "{:?}", report.latency_us);
    assert!(report.requests >= 5, "{}", report.requests);
}

#[test]
fn refusals_are_counted_apart() {
    let (_folder, files) = files();
    let address = serve(&files, b"http/1.1", every_other);
    let report = measure(address, &files, &plan());
    let refused = report.failures.statuses[&503];
    assert!(report.requests > 10 && refused.abs_diff(report.requests) <= 10, "{report:?}");
}

/// A server that stalls is charged for every request that was due, answered or not.
#[test]
fn a_stalled_server_cannot_hide() {
    let (_folder, files) = files();
    let address = serve(&files, b"http/1.1", silent);
    let report = measure(address, &files, &Plan { rate: Some(100.0), ..plan() });
    assert_eq!((report.requests, report.failures.unanswered), (0, 40));
}
